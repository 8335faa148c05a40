"""What an older tool wrote goes on as it is: metrics with fractions, +00:00, and stages that count."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from promotebot.cli.main import main
from promotebot.registry.chain import sealed
from tests.cli.shapes import V1
from tests.cli.test_promote import DATA, FLAGS, V2, sha
from tests.demo.story import REGISTRY
from tests.fake_github.people import Person

pytestmark = pytest.mark.thorough

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


def bare(person: Person, **stages: Any) -> str:
    """A registry as an older tool left it, on main; return that commit."""
    entry = {"shadow": None, "staging": None, "active": None, "history": [], **stages}
    document = {"schema_version": "v1", "generated_at_utc": None, "models": {NAME: entry}}
    (person.clone / REGISTRY).write_text(json.dumps(document, indent=2) + "\n")
    person.git("config", "user.name", person.login)
    person.git("config", "user.email", f"{person.login}@example.com")
    person.commit("chore: As an older tool left it")
    return person.git("rev-parse", "HEAD").strip()


OLD = {"artifact_dir": V2, "artifact_id": "v2", "metrics": {"accuracy": 0.5}}


def test_what_is_active_without_its_origin_does_not_verify_and_is_adopted(
    alice: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    base = bare(alice, active=OLD, shadow=OLD)
    assert main(["verify"]) == 1
    told = capsys.readouterr().out
    for name in ("active.git_sha", "active.dataset_id", "active.promoted_at"):
        assert f"{name}: ACTIVE v2 names no " in told
    assert f"promotebot registry adopt --model {NAME}" in told
    assert main(["registry", "adopt"]) == 1
    told = capsys.readouterr().err
    assert "active.promoted_at: ACTIVE of regime_classifier does not say since when it is there" in told
    assert main(["registry", "adopt", "--promoted-at", "2026-01-05"]) == 1
    assert "--promoted-at: '2026-01-05' is not a UTC time" in capsys.readouterr().err
    values = ["--dataset-id", "market_data_2026_q1_multi", "--promoted-at", "2026-01-01T00:00:00Z"]
    assert main(["registry", "adopt", *values, "--dry-run"]) == 0
    assert alice.git("status", "--porcelain") == ""
    assert main(["registry", "adopt", *values]) == 0
    entry = json.loads((alice.clone / REGISTRY).read_bytes())["models"][NAME]
    assert entry["active"]["metrics"] == {"accuracy": 0.5}
    assert entry["active"]["git_sha"] == sha(alice)[1]
    assert [event["action"] for event in entry["history"]] == ["imported", "imported"]
    alice.commit("feat(ml): Complete the pointers of an older tool")
    capsys.readouterr()
    assert main(["gate", "--base", base]) == 0, capsys.readouterr().out
    assert main(["verify"]) == 0
    assert main(["registry", "adopt"]) == 0
    assert "unchanged: no pointer lacks anything" in capsys.readouterr().err


def test_bytes_that_changed_since_an_older_tool_put_them_there_are_not_adopted(
    alice: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    bare(alice, shadow=OLD)
    (alice.clone / V2 / "notes.md").write_text("other bytes\n")
    assert main(["manifest", V2, "--replace-promoted"]) == 0
    alice.commit("feat: Other bytes in the same directory")
    assert main(["registry", "adopt", "--reason", "they are good"]) == 1
    assert "import.bytes: SHADOW of regime_classifier was put there as" in capsys.readouterr().err
    assert alice.git("status", "--porcelain") == ""


@pytest.mark.parametrize("changed", [True, False])
def test_what_had_no_manifest_is_adopted_by_somebodys_word_but_never_with_other_files(
    alice: Person, capsys: pytest.CaptureFixture[str], changed: bool
) -> None:
    place, model = alice.clone / "ml/artifacts/older", alice.clone / V2 / "model.onnx"
    place.mkdir()
    (place / "model.onnx").write_bytes(model.read_bytes())
    base = bare(alice, active={**OLD, "artifact_dir": "ml/artifacts/older"})
    if changed:
        (place / "model.onnx").write_bytes((alice.clone / V1 / "model.onnx").read_bytes())
    assert main(["manifest", "ml/artifacts/older", "--replace-promoted"]) == 0
    alice.commit("feat: A manifest")
    known = ["--dataset-id", "market_data_2026_q1_multi", "--promoted-at", "2026-01-01T00:00:00Z"]
    assert main(["registry", "adopt", *known, *sha(alice), "--reason", "compared with production"]) == 0
    alice.commit("feat(ml): Complete the pointers of an older tool")
    capsys.readouterr()
    assert main(["gate", "--base", base]) == (1 if changed else 0)
    told = capsys.readouterr().out
    says = "import.bytes: Git does not say which bytes ACTIVE of regime_classifier stood for when it was put there, and"
    assert (says in told) is changed


@pytest.mark.parametrize("field", ["artifact_id", "dataset_id", "artifact_dir"])
def test_the_gate_refuses_an_adoption_that_changes_what_a_pointer_says(
    alice: Person, capsys: pytest.CaptureFixture[str], field: str
) -> None:
    base = bare(alice, shadow={**OLD, "dataset_id": "market_data_2026_q1_multi", "notes": "by hand"})
    assert main(["registry", "adopt"]) == 0
    path = alice.clone / REGISTRY
    document = json.loads(path.read_bytes())
    model = document["models"][NAME]
    model["history"][0]["pointer"][field] = {"artifact_dir": "ml/artifacts/regime_v1"}.get(field, "other")
    model["shadow"] = model["history"][0]["pointer"]
    model["history"], model["history_digest"] = sealed(model["history"])
    path.write_text(json.dumps(document, indent=2) + "\n")
    alice.commit("feat(ml): Complete")
    capsys.readouterr()
    assert main(["gate", "--base", base]) == 1
    assert f"would change {field}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda d: d["models"][NAME].update(production=OLD), f"$.models.{NAME}.production looks like a stage"),
        (lambda d: d["models"][NAME].update(aliases={"champion": 3}), f"$.models.{NAME}.aliases looks like a stage"),
        (lambda d: d.update(staging=OLD), "$.staging looks like a stage"),
    ],
)
def test_a_key_that_looks_like_a_stage_does_not_verify(
    alice: Person, capsys: pytest.CaptureFixture[str], change: Callable[[dict[str, Any]], object], says: str
) -> None:
    document = json.loads((alice.clone / REGISTRY).read_bytes())
    change(document)
    (alice.clone / REGISTRY).write_text(json.dumps(document))
    assert main(["verify"]) == 1
    told = capsys.readouterr().out
    assert says in told
    assert "Next: take over what it says: promotebot import ml/registry/models.json" in told


@pytest.mark.parametrize("document", [{"fraud": {"production": OLD}}, [{"name": "fraud"}], {"schema_version": "1.0"}])
def test_a_registry_of_another_tool_is_told_how_it_is_taken_over(
    alice: Person, capsys: pytest.CaptureFixture[str], document: Any
) -> None:
    (alice.clone / REGISTRY).write_text(json.dumps(document))
    assert main(["verify"]) == 1
    assert "take over what it says: promotebot import ml/registry/models.json" in capsys.readouterr().out
