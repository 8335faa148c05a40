"""Revocation: what was green once and is right no longer cannot be pushed back and merged before a job looks again."""

from __future__ import annotations

import pytest

from promotebot.gate.attestation import attestation_context
from promotebot.registry.names import Digest, ModelName
from tests.fake_github.refusals import HttpError
from tests.gate.attacks import force_push, state
from tests.office import BOT, Office

pytestmark = pytest.mark.thorough

MODEL = ModelName("regime_classifier")
V1, V2 = "ml/artifacts/regime_v1", "ml/artifacts/regime_v2"


def event_digest(office: Office, sha: str) -> Digest:
    digest = office.registry(sha).entries[MODEL].history_digest
    assert digest
    return digest


@pytest.fixture
def promoted(office: Office) -> tuple[int, str]:
    """A pull request by alice that makes regime_v2 ACTIVE, green; and its head."""
    number = office.pull()
    assert office.ask(number, "/promote active").outputs["decision"] == "promoted"
    assert state(office, office.head(number)) == "success"
    return number, office.head(number)


def test_a_withdrawn_promotion_that_is_pushed_back_is_red_before_any_job_looks(
    office: Office, promoted: tuple[int, str]
) -> None:
    number, green = promoted
    assert office.ask(number, "/withdraw").outputs["decision"] == "withdrawn"
    force_push(office, number, green)
    assert state(office, green) == "failure"
    office.repository.protect("main", required_checks=["promotebot/gate"])
    with pytest.raises(HttpError, match="promotebot/gate"):
        office.repository.merge(number, by="bob")
    assert office.gate(number).outputs["decision"] == "refused"
    assert "withdrawn or replaced" in "\n".join(office.comments(number))


def test_a_withdrawal_that_is_reverted_is_red(office: Office, promoted: tuple[int, str]) -> None:
    number, _ = promoted
    office.ask(number, "/withdraw")
    carol = office.person("carol")
    carol.start_branch("evaluation", base="evaluation")
    carol.git("revert", "--no-edit", "HEAD")
    carol.push()
    assert office.gate(number).outputs["decision"] == "refused"
    assert "promotebot withdrew it" in "\n".join(office.comments(number))


def test_a_label_taken_off_revokes_what_it_promoted(office: Office) -> None:
    number = office.pull()
    office.label(number, "promote:active")
    green = office.head(number)
    office.unlabel(number, "promote:active")
    assert state(office, green) == "failure"
    force_push(office, number, green)
    assert office.gate(number).outputs["decision"] == "refused"


def test_a_newer_request_for_the_same_stage_replaces_the_older_one(office: Office) -> None:
    number = office.pull()
    office.ask(number, f"/promote staging --artifact-dir {V2}")
    older = office.head(number)
    assert (
        office.ask(number, f"/promote staging --artifact-dir {V1} --artifact-id again").outputs["decision"]
        == "promoted"
    )
    assert office.gate(number).outputs["decision"] == "passed"
    events = office.registry(office.head(number)).entries[MODEL].history
    assert [event.pointer.artifact_id for event in events if event.to_stage and event.to_stage.value == "staging"] == [
        "again"
    ]
    assert state(office, older) == "failure"
    force_push(office, number, older)
    assert office.gate(number).outputs["decision"] == "refused"


def test_the_same_request_again_keeps_the_first(office: Office, promoted: tuple[int, str]) -> None:
    number, green = promoted
    job = office.ask(number, "/promote active")
    assert (job.outputs["decision"], office.head(number)) == ("unchanged", green)
    assert office.gate(number).outputs["decision"] == "passed"


def test_a_request_for_what_the_base_holds_names_the_way_to_take_the_other_back(
    office: Office, promoted: tuple[int, str]
) -> None:
    number, green = promoted
    job = office.ask(number, f"/promote active --artifact-dir {V1} --artifact-id regime_v1_prod --reason back")
    assert (job.outputs["decision"], job.outputs["reason_code"]) == ("refused", "nothing_to_change")
    assert f"/withdraw {MODEL}" in "\n".join(office.comments(number)).replace("\\", "")
    assert office.head(number) == green


def test_a_red_verdict_turns_every_older_green_head_red(office: Office, promoted: tuple[int, str]) -> None:
    number, green = promoted
    alice = office.person("alice")
    alice.start_branch("evaluation", base="evaluation")
    alice.write(f"{V1}/manifest.json", "{}")
    alice.commit("chore: Break it")
    alice.push()
    assert office.gate(number).outputs["decision"] == "refused"
    assert state(office, green) == "failure"
    force_push(office, number, green)
    assert office.gate(number).outputs["decision"] == "passed", "looked at again, it is what it was"


def test_a_stricter_policy_turns_the_green_heads_of_before_red(office: Office, promoted: tuple[int, str]) -> None:
    number, green = promoted
    bob, before = office.person("bob"), office.repository.git.branch("main")
    bob.write(".github/promotion.yml", "require_reason: true\nseparation: {approvals: 1}\n")
    bob.commit("chore: Stricter")
    bob.git("push", "--quiet", "origin", "HEAD:main")
    payload = office.repository.push_event("main", before=str(before), sender="bob")
    office.event("push", payload, by="bob")
    assert office.head(number) != green
    assert state(office, green) == "failure", "taken back before anything was judged again"
    assert state(office, office.head(number)) != "success"


def test_only_our_own_green_is_revoked_and_nothing_of_the_bases(office: Office, promoted: tuple[int, str]) -> None:
    number, start = promoted
    tip = str(office.repository.git.branch("main"))
    office.repository.post_status(tip, "promotebot/gate", "success", by=BOT)
    office.ask(number, "/withdraw")
    assert state(office, tip) == "success"
    assert state(office, start) == "failure"


def test_a_refused_request_changes_no_verdict(office: Office, promoted: tuple[int, str]) -> None:
    number, green = promoted
    for command in (f"/promote shadow --artifact-dir {V2}x", "/rollback regime_classifier", "/promote active nobody"):
        assert office.ask(number, command).outputs["decision"] == "refused"
        assert (office.head(number), state(office, green)) == (green, "success")


def test_what_was_attested_survives_the_authors_rebase_and_squash_to_the_byte(
    office: Office, promoted: tuple[int, str]
) -> None:
    number, green = promoted
    alice = office.person("alice")
    alice.start_branch("evaluation", base="evaluation")
    alice.git("reset", "--quiet", "--soft", "origin/main")
    alice.commit("feat: All in one")
    alice.git("push", "--quiet", "--force", "origin", "HEAD:evaluation")
    assert office.head(number) != green
    assert office.gate(number).outputs["decision"] == "passed"


def test_planned_again_on_a_moved_base_the_new_event_is_attested_and_the_old_one_revoked(
    office: Office, promoted: tuple[int, str]
) -> None:
    number, green = promoted
    old = event_digest(office, green)
    other = office.pull("other")
    office.ask(other, f"/promote staging --artifact-dir {V2}")
    office.merge(other)
    office.pushed(other)
    head = office.head(number)
    new = event_digest(office, head)
    posted = {status.context: status.state for status in office.repository.statuses}
    assert posted[attestation_context(old)] == "failure"
    assert posted[attestation_context(new)] == "success"
    assert (state(office, green), state(office, head)) == ("failure", "success")


def test_when_the_base_moves_every_older_head_loses_its_green(office: Office, promoted: tuple[int, str]) -> None:
    number, first = promoted
    alice = office.person("alice")
    alice.start_branch("evaluation", base="evaluation")
    alice.write("ml/evaluations/more.json", "{}\n")
    alice.commit("docs: More")
    alice.push()
    second = office.head(number)
    assert office.gate(number).outputs["decision"] == "passed"
    assert (state(office, first), state(office, second)) == ("success", "success")
    other = office.pull("other")
    office.ask(other, f"/promote staging --artifact-dir {V2}")
    office.merge(other)
    office.pushed(other)
    assert state(office, office.head(number)) == "success"
    assert "success" not in (state(office, first), state(office, second))


def test_a_forged_event_is_not_attested_by_planning_it_again(office: Office, promoted: tuple[int, str]) -> None:
    number, green = promoted
    office.repository.statuses[:] = [
        s for s in office.repository.statuses if not s.context.startswith("promotebot/event")
    ]
    other = office.pull("other")
    office.ask(other, f"/promote staging --artifact-dir {V2}")
    office.merge(other)
    office.pushed(other)
    assert office.head(number) == green, "nothing is written over what nobody decided"
    assert state(office, green) == "failure"
    assert office.ask(number, f"/promote shadow --artifact-dir {V1} --artifact-id x").outputs["decision"] == "refused"
    assert office.ask(number, "/withdraw").outputs["decision"] == "withdrawn"
    assert office.gate(number).outputs["decision"] == "passed"


def test_when_registry_or_artifacts_of_the_base_change_no_older_head_stays_green(office: Office) -> None:
    """Only the present head is judged again, and the others know nothing of what pointers and policy say now."""
    number = office.pull("notes", {".github/promotion.yml": "require_reason: true\n"})
    office.gate(number)
    older, tip = office.head(number), str(office.repository.git.branch("main"))
    office.push("alice", "notes", {"docs/notes.md": "notes\n"}, "docs: Notes", force=True)
    office.gate(number)
    head = office.head(number)
    office.push("bob", "main", {"docs/main.md": "main\n"}, "docs: Main")
    office.event("push", office.repository.push_event("main", before=tip, sender="bob"), by="bob")
    assert [state(office, sha) for sha in (older, head)] == ["success", "success"], "that concerns no verdict"
    other = office.pull("other")
    office.ask(other, f"/promote staging --artifact-dir {V2}")
    office.merge(other)
    office.pushed(other)
    assert [state(office, sha) for sha in (older, head)] == ["failure", "success"]
