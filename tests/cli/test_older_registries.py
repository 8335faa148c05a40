"""What an older tool wrote goes on as it is: metrics with fractions, +00:00, and stages that count."""

from __future__ import annotations

import json
from typing import Any

import pytest

from promotebot.cli.main import main
from tests.cli.test_promote import DATA, FLAGS, V2, sha
from tests.demo.story import REGISTRY
from tests.fake_github.people import Person

NAME = "regime_classifier"
ACTIVE = [*FLAGS, "--stage", "active", *DATA, "--reason", "14 days in shadow"]


def older(person: Person, *, promoted: str | None = "2026-01-02T03:04:05.678901+00:00") -> dict[str, Any]:
    """The clone's registry as an older tool keeps it, on main: a shadow, with one event and metrics as fractions."""
    path = person.clone / REGISTRY
    pointer = {
        "artifact_dir": V2,
        "artifact_id": "regime_v2_candidate",
        "promoted_at_utc": promoted,
        "metrics": {"accuracy": 0.9312, "loss": 1e-07},
    }
    event = {"ts_utc": promoted, "to_stage": "shadow", "from_stage": None, "pointer": pointer, "actor": "bob"}
    entry = {"shadow": pointer, "staging": None, "active": None, "history": [event] if promoted else []}
    document = {"schema_version": "v1", "generated_at_utc": promoted, "models": {NAME: entry}}
    path.write_text(json.dumps(document, indent=2) + "\n")
    person.git("config", "user.name", person.login)
    person.git("config", "user.email", f"{person.login}@example.com")
    person.commit("chore: As an older tool left it")
    return document


@pytest.mark.parametrize("promoted", ["2026-01-02T03:04:05.678901+00:00", None])
def test_an_older_tools_shadow_counts_as_the_stage_before_and_its_time_for_the_soak(
    alice: Person, capsys: pytest.CaptureFixture[str], promoted: str | None
) -> None:
    document = older(alice, promoted=promoted)
    base = alice.git("rev-parse", "HEAD").strip()
    assert main([*ACTIVE, *sha(alice), "-v"]) == 0
    told = capsys.readouterr().err
    assert "active.prior_stage: SHADOW holds the same bytes, which an older tool put there" in told
    assert ("soak.shadow: in shadow for " if promoted else "the older tool did not record since when") in told
    after = json.loads((alice.clone / REGISTRY).read_bytes())["models"][NAME]
    assert after["shadow"] == document["models"][NAME]["shadow"]
    assert [{k: v for k, v in event.items() if k != "previous"} for event in after["history"][1:]] == document[
        "models"
    ][NAME]["history"]
    alice.commit("feat(ml): Promote regime_v2_prod to ACTIVE")
    assert main(["gate", "--base", base]) == 0
    assert main(["verify"]) == 0


def test_other_bytes_than_an_older_tool_put_there_are_no_stage_before(
    alice: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    older(alice)
    (alice.clone / V2 / "notes.md").write_text("other bytes\n")
    assert main(["manifest", V2, "--replace-promoted"]) == 0
    alice.commit("feat: Other bytes in the same directory")
    assert main([*ACTIVE, *sha(alice)]) == 1
    assert "has never been in SHADOW or STAGING on the base" in capsys.readouterr().err
