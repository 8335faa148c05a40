"""An import on GitHub: a pull request whose merge is the approval, with the permission of everybody behind it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from promotebot.registry import Stage
from promotebot.registry.chain import sealed
from tests.cli.shapes import NAME, V1, V2
from tests.demo.story import EMPTY_REGISTRY, REGISTRY
from tests.fake_github.people import Person
from tests.office import Office

SHAPE = {NAME: {"production": {"path": V1, "deployed_at": "2026-01-05T10:00:00Z"}, "shadow": {"path": V2}}}


def imported(office: Office, login: str, *, forge: str = "") -> int:
    """A pull request in which somebody imports, into a registry that has no model."""
    office.push("bob", "main", {REGISTRY: EMPTY_REGISTRY, "r.json": json.dumps(SHAPE)}, "chore: An empty registry")
    person = office.person(login)
    person.start_branch("import")
    done = person.promotebot("import", "r.json")
    assert done.returncode == 0, done.stderr
    if forge:
        change(person, forge)
    person.commit("feat(ml): Import the registry")
    person.push()
    return office.repository.open_pull(author=login, head="import", title="Import our registry").number


def change(person: Person, forge: str) -> None:
    path = person.clone / REGISTRY
    document = json.loads(path.read_bytes())
    model: dict[str, Any] = document["models"][NAME]
    for event in model["history"]:
        event["source"] = forge
    model["history"], model["history_digest"] = sealed(model["history"])
    path.write_text(json.dumps(document, indent=2) + "\n")


def test_an_import_is_green_merged_announced_and_promoted_on(office: Office) -> None:
    number = imported(office, "alice")
    job = office.gate(number, "opened")
    assert job.exit_code == 0, job.log
    card = "\n".join(office.comments(number))
    assert "ACTIVE is recorded as `regime_v1`, which another tool put there." in card
    assert "it went through no stage here" in card
    assert "r.json" in card
    assert "dataset_id" in card or "not known" in card
    assert "/imported" not in card
    merged = office.merge(number)
    assert merged.exit_code == 0, merged.log
    active = office.registry("main").get_stage_pointer(NAME, Stage.ACTIVE)
    assert active is not None
    assert active.artifact_dir == V1
    second = office.pull("evaluation")
    assert office.ask(second, f"/promote staging --artifact-dir {V2}").succeeded
    assert office.pointer("evaluation", "staging") == V2.rpartition("/")[2]


def test_an_import_into_active_needs_the_permission_for_active(office: Office) -> None:
    number = imported(office, "carol")
    job = office.gate(number, "opened")
    assert job.exit_code == 1
    told = "\n".join(office.comments(number))
    assert "importing into ACTIVE needs" in told


def test_an_import_that_claims_to_come_from_github_is_not_attested(office: Office) -> None:
    number = imported(office, "alice", forge="github")
    assert office.gate(number, "opened").exit_code == 1
    assert "it claims to come from GitHub, but names no request" in "\n".join(office.comments(number))


@pytest.mark.parametrize("approved", [False, True])
def test_separation_asks_for_approvals_of_an_import_as_of_a_promotion(office: Office, approved: bool) -> None:
    office.policy("separation: {approvals: 1}\n")
    number = imported(office, "alice")
    office.gate(number, "opened")
    told = "\n".join(office.comments(number))
    assert "waits for 1 more approval" in told
    if approved:
        office.repository.review(number, by="bob")
        office.gate(number)
        assert "is approved by bob" in "\n".join(office.comments(number))
