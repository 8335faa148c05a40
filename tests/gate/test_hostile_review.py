"""What a writer can do to turn the gate green, or to make the bot vouch for what nobody decided."""

from __future__ import annotations

import json
from typing import Any

import pytest

from promotebot.gate.judge import evaluate_pull
from promotebot.planning.decide import decide
from promotebot.registry.names import ModelName
from tests.fake_github import pulls
from tests.fake_github.people import Person
from tests.gate.attacks import copy, force_push, killed_before_its_commit, state
from tests.office import BOT, Office

pytestmark = pytest.mark.thorough

MODEL = ModelName("regime_classifier")
V1, V2, V3 = (f"ml/artifacts/regime_{name}" for name in ("v1", "v2", "v3"))
RELEASE = "ml/artifacts/release"


def candidate_in_shadow(office: Office) -> None:
    """carol's own model, which she may put into SHADOW: regime_v2 with another threshold."""
    carol = office.person("carol")
    carol.start_branch("candidate")
    copy(carol, V2, V3, threshold="0.99")
    carol.commit("feat: Candidate")
    carol.push()
    number = office.repository.open_pull(author="carol", head="candidate", title="Candidate").number
    job = office.ask(number, f"/promote shadow {MODEL} --artifact-dir {V3}", author="carol")
    assert job.outputs["decision"] == "promoted", office.comments(number)
    office.repository.merge(number, by="carol")


def release(office: Office) -> int:
    """alice's pull request that makes a copy of regime_v2 ACTIVE."""
    alice = office.person("alice")
    alice.start_branch("release")
    copy(alice, V2, RELEASE)
    alice.commit("feat: Release")
    alice.push()
    number = office.repository.open_pull(author="alice", head="release", title="Release").number
    job = office.ask(number, f"/promote active {MODEL} --artifact-dir {RELEASE}")
    assert job.outputs["decision"] == "promoted", office.comments(number)
    assert state(office, office.head(number)) == "success"
    return number


def swapped(office: Office, number: int) -> None:
    """carol exchanges what stands in alice's directory for her own model."""
    carol = office.person("carol")
    carol.start_branch("release", base="release")
    copy(carol, V3, RELEASE)
    carol.commit("chore: Tidy")
    carol.push()
    assert office.gate(number).outputs["decision"] == "refused"


def test_what_alice_made_active_is_not_exchanged_when_the_base_moves(office: Office) -> None:
    candidate_in_shadow(office)
    number = release(office)
    promised = office.registry(office.head(number)).get_stage_pointer(MODEL, "active")
    swapped(office, number)
    other = office.pull("other")
    office.ask(other, f"/promote staging {MODEL} --artifact-dir {V3}", author="carol")
    office.repository.merge(other, by="carol")
    office.pushed(other)
    head = office.head(number)
    active = office.registry(head).get_stage_pointer(MODEL, "active")
    assert active
    assert promised
    assert (active.manifest_digest == promised.manifest_digest) or state(office, head) != "success", active


def test_what_alice_made_active_is_not_exchanged_when_a_neighbour_is_replaced(office: Office) -> None:
    candidate_in_shadow(office)
    number = release(office)
    promised = office.registry(office.head(number)).get_stage_pointer(MODEL, "active")
    office.ask(number, f"/promote staging {MODEL} --artifact-dir {V2}", author="carol")
    swapped(office, number)
    job = office.ask(number, f"/promote staging {MODEL} --artifact-dir {V3}", author="carol")
    head = office.head(number)
    active = office.registry(head).get_stage_pointer(MODEL, "active")
    assert active
    assert promised
    assert (active.manifest_digest == promised.manifest_digest) or state(office, head) != "success", (
        job.outputs,
        active,
    )


def test_a_withdrawn_request_stays_withdrawn_though_its_trailer_is_forced_away(office: Office) -> None:
    number = office.pull()
    before = office.head(number)
    comment = office.repository.comment(number, author="alice", body="/promote active")
    event = office.repository.issue_comment_event(comment.id)
    assert office.job(event).outputs["decision"] == "promoted"
    assert office.ask(number, "/withdraw").outputs["decision"] == "withdrawn"
    force_push(office, number, before)
    again = office.job(event, GITHUB_RUN_ATTEMPT="2", GITHUB_TRIGGERING_ACTOR="carol")
    assert (again.outputs["decision"], state(office, office.head(number))) != ("promoted", "success")


def test_a_job_by_hand_that_was_merged_is_not_carried_out_again_by_running_it_again(office: Office) -> None:
    office.repository.actions_may_open_pulls = True
    promoted = office.pull()
    office.ask(promoted, "/promote active")
    office.merge(promoted)
    run = office.repository.start_run("workflow_dispatch", actor="alice")
    command = f'/rollback {MODEL} --reason "incident 7"'
    payload = office.repository.workflow_dispatch_event(
        ".github/workflows/promote.yml", sender="alice", ref=None, inputs={"command": command}
    )
    assert office.job(payload, "workflow_dispatch", GITHUB_RUN_ID=str(run.id)).outputs["decision"] == "promoted"
    first = max(office.repository.pulls)
    branch = office.repository.pull(first).head_ref
    office.merge(first)
    office.person("carol").git("push", "--quiet", "origin", f":refs/heads/{branch}")
    # since then alice made regime_v2 ACTIVE again, on purpose
    later = office.pull("later")
    office.ask(later, f"/promote active {MODEL} --artifact-dir {V2} --artifact-id again --reason 'mended'")
    office.merge(later)
    again = office.job(
        payload,
        "workflow_dispatch",
        GITHUB_RUN_ID=str(run.id),
        GITHUB_RUN_ATTEMPT="2",
        GITHUB_TRIGGERING_ACTOR="carol",
    )
    assert again.outputs["decision"] != "promoted", office.comments(max(office.repository.pulls))


def test_what_was_replaced_after_it_was_forced_away_cannot_be_pushed_back(office: Office) -> None:
    number = office.pull()
    before = office.head(number)
    office.ask(number, f"/promote active {MODEL} --artifact-dir {V2} --artifact-id first")
    first = office.head(number)
    assert state(office, first) == "success"
    force_push(office, number, before)
    office.ask(number, f"/promote active {MODEL} --artifact-dir {V2} --artifact-id second")
    assert office.pointer(office.head(number), "active") == "second"
    force_push(office, number, first)
    at_once = state(office, first)
    looked_at = office.gate(number).outputs["decision"]
    assert (at_once, looked_at) == ("failure", "refused")


def test_what_was_replaced_after_it_was_reverted_cannot_be_pushed_back(office: Office) -> None:
    """Nobody forced the branch before the request that replaces it."""
    number = office.pull()
    office.ask(number, f"/promote active {MODEL} --artifact-dir {V2} --artifact-id first")
    first = office.head(number)
    carol = office.person("carol")
    carol.start_branch("evaluation", base="evaluation")
    carol.git("revert", "--no-edit", "HEAD")
    carol.push()
    office.ask(number, f"/promote active {MODEL} --artifact-dir {V2} --artifact-id second")
    assert office.pointer(office.head(number), "active") == "second"
    force_push(office, number, first)
    at_once = state(office, first)
    looked_at = office.gate(number).outputs["decision"]
    assert (at_once, looked_at) == ("failure", "refused")


def test_a_withdrawal_takes_back_what_was_forced_away(office: Office) -> None:
    number = office.pull()
    before = office.head(number)
    office.ask(number, "/promote active")
    first = office.head(number)
    force_push(office, number, before)
    office.ask(number, "/withdraw")
    force_push(office, number, first)
    at_once = state(office, first)
    looked_at = office.gate(number).outputs["decision"]
    assert (at_once, looked_at) == ("failure", "refused")


def pushed_to_main(office: Office, person: Person) -> None:
    """The job of a push to main by somebody, of what stands in the clone."""
    before = str(office.repository.git.branch("main"))
    person.git("push", "--quiet", "origin", "HEAD:main")
    office.event("push", office.repository.push_event("main", before=before, sender=person.login), by=person.login)


LAX, STRICT = "require_reason: false\n", "require_reason: true\n"
LONG = "".join(f"# line {n} of a long comment that says what the policy is for\n" for n in range(30))


def test_heads_of_before_a_branch_was_made_again_are_revoked(office: Office) -> None:
    number = office.pull()
    office.ask(number, "/promote staging")
    office.ask(number, "/promote active")
    older = office.head(number)
    alice = office.person("alice")
    alice.start_branch("evaluation", base="evaluation")
    alice.write("docs/more.md", "more\n")
    alice.commit("docs: More")
    newest = alice.push()
    office.gate(number)
    carol = office.person("carol")
    carol.git("push", "--quiet", "origin", ":refs/heads/evaluation")
    carol.git("push", "--quiet", "origin", f"{newest}:refs/heads/evaluation")
    from tests.fake_github import pulls

    if office.repository.pull(number).state != "open":
        pulls.reopen(office.repository.pull(number), office.hub.user("carol"))
    assert office.gate(number, "reopened").outputs["decision"] == "passed"
    assert office.ask(number, "/withdraw").outputs["decision"] == "withdrawn"
    assert state(office, newest) == "failure"
    assert state(office, older) == "failure"


def ours(office: Office, sha: str) -> str:
    """The newest verdict on a commit by the bot's own account."""
    found = [s for s in office.repository.statuses if (s.sha, s.context, s.user.login) == (sha, "promotebot/gate", BOT)]
    return found[-1].state


def test_a_status_of_a_writers_own_keeps_no_green_from_being_revoked(office: Office) -> None:
    number = office.pull()
    office.ask(number, "/promote active")
    green = office.head(number)
    office.repository.post_status(green, "promotebot/gate", "success", by="carol")
    assert office.ask(number, "/withdraw").outputs["decision"] == "withdrawn"
    assert ours(office, green) == "failure"


def test_a_promotion_that_the_moved_base_forbids_leaves_no_older_head_green(office: Office) -> None:
    number = office.pull()
    office.ask(number, "/promote active")
    older = office.head(number)
    alice = office.person("alice")
    alice.start_branch("evaluation", base="evaluation")
    alice.write("docs/more.md", "more\n")
    alice.commit("docs: More")
    alice.push()
    assert office.gate(number).outputs["decision"] == "passed"
    bob = office.person("bob")
    bob.write(".github/promotion.yml", "freezes: [{start: 2020-01-01T00:00, end: 2040-01-01T00:00, reason: audit}]\n")
    bob.commit("chore: Freeze")
    pushed_to_main(office, bob)
    assert state(office, office.head(number)) == "failure"
    assert state(office, older) == "failure"


def test_a_gate_that_was_under_way_while_it_was_withdrawn_leaves_nothing_green(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = office.pull()
    office.ask(number, "/promote active")
    green, judge = office.head(number), evaluate_pull

    def slow(*args: Any, **options: Any) -> Any:
        result = judge(*args, **options)
        monkeypatch.setattr("promotebot.action.gate.evaluate_pull", judge)
        assert office.ask(number, "/withdraw").outputs["decision"] == "withdrawn"
        return result

    payload = office.repository.pull_request_event(number, action="edited", before="0" * 40)
    monkeypatch.setattr("promotebot.action.gate.evaluate_pull", slow)
    office.event("pull_request_target", payload)
    assert office.head(number) != green
    assert state(office, green) == "failure"


def test_a_gate_that_was_under_way_while_it_was_replaced_leaves_nothing_green(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = office.pull()
    office.ask(number, f"/promote staging {MODEL} --artifact-dir {V2}")
    carol = office.person("carol")
    carol.start_branch("evaluation", base="evaluation")
    carol.write("docs/more.md", "more\n")
    carol.commit("docs: More")
    pushed = carol.push()
    decided = decide

    def slow(*args: Any, **options: Any) -> Any:
        monkeypatch.setattr("promotebot.pulls.request_context.decide", decided)
        assert office.gate(number).outputs["decision"] == "passed"
        assert state(office, pushed) == "success"
        return decided(*args, **options)

    monkeypatch.setattr("promotebot.pulls.request_context.decide", slow)
    job = office.ask(number, f"/promote staging {MODEL} --artifact-dir {V2} --artifact-id second")
    assert job.outputs["decision"] == "promoted", office.comments(number)
    assert state(office, pushed) == "failure"


def test_an_approval_that_is_taken_back_after_a_push_leaves_no_older_head_green(office: Office) -> None:
    office.policy("separation: {approvals: 1}\n")
    number = office.pull()
    office.ask(number, "/promote active")
    green = office.head(number)
    office.repository.review(number, by="bob")
    assert office.gate(number).outputs["decision"] == "passed"
    carol = office.person("carol")
    carol.start_branch("evaluation", base="evaluation")
    carol.write("docs/more.md", "more\n")
    carol.commit("docs: More")
    carol.push()
    office.gate(number)
    office.repository.review(number, by="bob", state="CHANGES_REQUESTED")
    office.gate(number)
    assert state(office, office.head(number)) == "pending"
    assert state(office, green) != "success"


@pytest.mark.parametrize("opened", [True, False], ids=["with her pull request", "the branch alone"])
def test_a_job_by_hand_takes_no_branch_that_somebody_else_made(office: Office, opened: bool) -> None:
    candidate_in_shadow(office)
    run = office.repository.start_run("workflow_dispatch", actor="alice")
    branch = f"promote/{MODEL}/active/{run.id}"
    carol = office.person("carol")
    carol.start_branch(branch)
    copy(carol, V3, V2)
    carol.commit("chore: Tidy")
    carol.push()
    if opened:
        office.repository.open_pull(author="carol", head=branch, title="Tidy")
    tip = office.repository.git.branch("main")
    command = f"/promote active {MODEL} --artifact-dir {V2} --sha {tip}"
    payload = office.repository.workflow_dispatch_event(
        ".github/workflows/promote.yml", sender="alice", ref=None, inputs={"command": command}
    )
    wanted = json.loads(office.repository.git.run("show", f"{tip}:{V2}/manifest.json"))
    job = office.job(payload, "workflow_dispatch", GITHUB_RUN_ID=str(run.id))
    number = max(office.repository.pulls) if office.repository.pulls else 0
    head = office.head(number)
    got = json.loads(office.repository.git.run("show", f"{head}:{V2}/manifest.json"))
    assert job.outputs["decision"] != "promoted" or got == wanted, (state(office, head), got.get("threshold"))


def test_what_a_killed_job_attested_is_taken_back_by_a_withdrawal(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = office.pull()
    attested = killed_before_its_commit(office, number, monkeypatch)
    office.ask(number, f"/promote active {MODEL} --artifact-dir {V2} --artifact-id second")
    assert office.ask(number, "/withdraw").outputs["decision"] == "withdrawn"
    carol = office.person("carol")  # the digest in the status's context tells her that she has put it together rightly
    carol.start_branch("evaluation", base="evaluation")
    carol.write("ml/registry/models.json", attested)
    carol.commit("chore: Again")
    carol.push()
    assert office.gate(number).outputs["decision"] == "refused"


def test_an_attestation_names_the_whole_digest() -> None:
    from promotebot.gate.attestation import attestation_context
    from promotebot.registry.names import Digest

    one, other = (Digest("sha256:" + "0" * 16 + end * 48) for end in "12")
    assert attestation_context(one) != attestation_context(other)


def test_a_trailer_that_a_writer_wrote_withdraws_nothing(office: Office) -> None:
    number = office.pull()
    comment = office.repository.comment(number, author="alice", body="/promote active")
    carol = office.person("carol")
    carol.start_branch("evaluation", base="evaluation")
    carol.write("docs/more.md", "more\n")
    lines = [f"Promotebot-Withdrawn: comment:{comment.id + n}#1" for n in range(50)]
    carol.commit("docs: More\n\n" + "\n".join(lines))
    carol.push()
    assert office.job(office.repository.issue_comment_event(comment.id)).outputs["decision"] == "promoted"
    assert office.ask(number, f"/promote active {MODEL} --artifact-dir {V2}").outputs["reason_code"] != "withdrawn"


def test_a_label_that_was_taken_off_is_not_carried_out_again_by_running_its_job_again(office: Office) -> None:
    number, name = office.pull(), "promote:active"
    before = office.head(number)
    office.repository.add_label(number, name, by="alice")
    payload = office.repository.pull_request_event(number, action="labeled", sender="alice", label=name)
    run = str(office.repository.start_run("pull_request_target", actor="alice").id)
    assert office.job(payload, "pull_request_target", GITHUB_RUN_ID=run).outputs["decision"] == "promoted"
    office.unlabel(number, name)
    force_push(office, number, before)
    office.repository.add_label(number, name, by="carol")
    again = {"GITHUB_RUN_ID": run, "GITHUB_RUN_ATTEMPT": "2", "GITHUB_TRIGGERING_ACTOR": "carol"}
    assert office.job(payload, "pull_request_target", **again).outputs["decision"] != "promoted"


def test_what_was_closed_without_a_merge_can_be_withdrawn_and_then_is_red_for_whoever_opens_it_again(
    office: Office,
) -> None:
    number = office.pull()
    office.ask(number, "/promote active")
    green = office.head(number)
    office.repository.close(number, by="alice")
    assert office.ask(number, "/promote active").outputs["reason_code"] == "pull_closed"
    assert office.ask(number, "/withdraw", author="carol").outputs["reason_code"] == "permission"
    assert state(office, green) == "success"
    assert office.ask(number, "/withdraw").outputs["decision"] == "withdrawn"
    assert state(office, green) == "failure"
    pulls.reopen(office.repository.pull(number), office.hub.user("carol"))
    assert office.gate(number, "reopened").outputs["decision"] == "refused"
