"""An import on GitHub: a pull request whose merge is the approval, with the permission of everybody behind it."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from promotebot.registry import Stage
from promotebot.registry.chain import sealed
from tests.cli.shapes import NAME, V1, V2
from tests.demo.story import EMPTY_REGISTRY, REGISTRY
from tests.fake_github.people import Person
from tests.office import Office

pytestmark = pytest.mark.thorough

SHAPE = {NAME: {"production": {"path": V1, "deployed_at": "2026-01-05T10:00:00Z"}, "shadow": {"path": V2}}}


def imported(office: Office, login: str, *, forge: str = "", shape: Any = SHAPE) -> int:
    """A pull request in which somebody imports, into a registry that has no model."""
    office.push("bob", "main", {REGISTRY: EMPTY_REGISTRY, "r.json": json.dumps(shape)}, "chore: An empty registry")
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
    assert "as `r.json` has it (not known: actor)" in card
    assert "/imported" not in card
    merged = office.merge(number)
    assert (merged.exit_code, merged.outputs["reason_code"]) == (0, "landed"), merged.log
    told = {(sent.event_type, (sent.client_payload or {})["stage"]) for sent in office.repository.dispatches}
    assert told == {("promotebot.imported", "active"), ("promotebot.imported", "shadow")}
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
    number = imported(office, "alice", shape={NAME: {"shadow": {"path": V2}}})
    office.gate(number, "opened")
    told = "\n".join(office.comments(number))
    assert "waits for 1 more approval" in told
    if approved:
        office.repository.review(number, by="bob")
        assert office.gate(number).exit_code == 0
        assert "is approved by bob" in "\n".join(office.comments(number))


@pytest.mark.parametrize("policy", ["separation: {approvals: 1}\n", "require_sha: true\n"])
def test_where_active_needs_a_pinned_or_approved_request_no_import_goes_round_it(office: Office, policy: str) -> None:
    number = imported(office, "alice")
    office.policy(policy)
    office.repository.review(number, by="bob")
    assert office.gate(number, "opened").exit_code == 1
    told = "\n".join(office.comments(number))
    assert "The policy does not allow events made at a terminal for ACTIVE." in told
    [line] = {found for found in re.findall(r"/promote shadow [^`\n]*", told) if "--artifact-dir" in found}
    assert line == f"/promote shadow {NAME} --artifact-dir {V1} --new-model"
    assert office.ask(office.pull("evaluation"), line).succeeded


def test_at_a_terminal_the_rest_is_imported_where_active_takes_none(office: Office) -> None:
    office.policy("require_sha: true\n")
    office.push("bob", "main", {REGISTRY: EMPTY_REGISTRY, "r.json": json.dumps(SHAPE)}, "chore: An empty registry")
    person = office.person("alice")
    person.start_branch("import")
    done = person.promotebot("import", "r.json")
    assert done.returncode == 1
    assert "The policy does not allow events made at a terminal for ACTIVE." in done.stderr
    assert "Nothing was written." in done.stderr
    person.promotebot("import", "r.json", "--partial")
    document = json.loads((person.clone / REGISTRY).read_bytes())
    assert {event["to_stage"] for event in document["models"][NAME]["history"]} == {"shadow"}


def test_what_an_older_tool_left_incomplete_is_promoted_with_comments_where_active_takes_no_import(
    office: Office,
) -> None:
    pointer = {"artifact_dir": V2, "artifact_id": "v2"}
    entry: dict[str, Any] = {"shadow": None, "staging": None, "active": pointer, "history": []}
    document = {"schema_version": "v1", "generated_at_utc": None, "models": {NAME: entry}}
    office.push("bob", "main", {REGISTRY: json.dumps(document)}, "chore: As an older tool left it")
    office.policy("require_sha: true\n")
    person = office.person("alice")
    adopt = ("registry", "adopt", "--dataset-id", "market_data_2026_q1_multi", "--promoted-at", "2026-01-01T00:00:00Z")
    done = person.promotebot(*adopt)
    assert done.returncode == 1
    [line] = set(re.findall(r"/promote shadow .*", done.stderr))
    assert line == f"/promote shadow {NAME} --artifact-dir {V2}"
    first = office.pull("evaluation")
    assert office.ask(first, line).succeeded
    office.merge(first)
    second = office.pull("live")
    active = f"/promote active {NAME} --artifact-dir {V2} --sha {office.head(second)}"
    job = office.ask(second, f"{active} --dataset-id market_data_2026_q1_multi")
    assert job.succeeded, job.log
    office.merge(second)
    person.git("pull", "origin", "main")
    assert person.promotebot("verify").returncode == 0


def test_while_another_tools_file_is_on_the_base_no_pull_request_is_green_and_the_order_is_told(office: Office) -> None:
    """Also not the import of that file in place: it is merged before the gate is required. Then everything is legal."""
    office.push("bob", "main", {REGISTRY: json.dumps(SHAPE)}, "chore: As it was")
    person = office.person("alice")
    person.start_branch("import")
    done = person.promotebot("import", REGISTRY)
    assert done.returncode == 0, done.stderr
    person.commit("feat(ml): Import the registry in place")
    person.push()
    number = office.repository.open_pull(author="alice", head="import", title="Import our registry").number
    assert office.gate(number, "opened").exit_code == 1
    assert office.checks(office.head(number)) == ["failure"]
    (told,) = office.comments(number)
    assert "merge its import while the gate is not required yet, and require the gate then" in told
    assert f"promotebot import {REGISTRY}" in told.replace("\\", "")
    office.repository.merge(number, by="bob")
    later = office.pull("later")
    assert office.gate(later, "opened").exit_code == 0
    job = office.ask(later, f"/demote {NAME} shadow --reason late")
    assert job.outputs["decision"] == "promoted", office.comments(later)
    assert office.checks(office.head(later))[-1] == "success"
