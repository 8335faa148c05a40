"""What a door answered without deciding an event stands for none: carol writes it afterwards, and the gate is red."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from promotebot.errors import RefChanged
from promotebot.gate.refusal import Reason
from promotebot.github.git_data import GitDataClient
from promotebot.registry.model import Action
from promotebot.registry.names import Stage
from tests.fake_github.faults import Fault
from tests.fake_github.people import Job
from tests.fake_github.pulls import reopen
from tests.gate.forgery import MODEL, POLICY, REGISTRY, V1, V2, Asked, forged, push, refused, run, say, vouch
from tests.office import Office

pytestmark = pytest.mark.thorough

ACTIVE = "/promote active"
Scenario = Callable[[Office], tuple[Asked, Job]]


def on_an_issue(office: Office) -> tuple[Asked, Job]:
    return say(office, office.repository.open_issue(author="alice", title="When does v2 go live?").number, ACTIVE)


def edited(office: Office) -> tuple[Asked, Job]:
    number = office.pull()
    comment = office.repository.comment(number, author="alice", body=ACTIVE)
    payload = office.repository.issue_comment_event(comment.id)
    office.repository.edit_comment(comment.id, body=f"{ACTIVE} --notes approved")
    job = office.job(payload)
    return Asked(number, f"comment:{comment.id}#1", "alice", office.head(number)), job


def deleted(office: Office) -> tuple[Asked, Job]:
    number = office.pull()
    comment = office.repository.comment(number, author="alice", body=ACTIVE)
    payload = office.repository.issue_comment_event(comment.id)
    del office.repository.comments[comment.id]
    return Asked(number, f"comment:{comment.id}#1", "alice", office.head(number)), office.job(payload)


def on_a_closed_one(office: Office) -> tuple[Asked, Job]:
    number = office.pull()
    office.repository.close(number, by="alice")
    answered = say(office, number, ACTIVE)
    reopen(office.repository.pull(number), office.hub.user("carol"))
    return answered


def on_a_draft(office: Office) -> tuple[Asked, Job]:
    number = office.pull(draft=True)
    answered = say(office, number, ACTIVE)
    office.repository.mark_ready(number)
    return answered


def into_another_base(office: Office) -> tuple[Asked, Job]:
    office.push("carol", "side", {"side.txt": "side\n"}, "docs: Side")
    number = office.pull(base="side")
    answered = say(office, number, ACTIVE)
    office.repository.change_base(number, "main")
    return answered


def without_permission(office: Office) -> tuple[Asked, Job]:
    return say(office, office.pull(), ACTIVE, author="carol")


def under(policy: str) -> Scenario:
    """What was asked for under a policy of the base that the base has no longer."""

    def ask(office: Office) -> tuple[Asked, Job]:
        office.policy(policy)
        answered = say(office, office.pull(), ACTIVE)
        office.push("bob", "main", {POLICY: None}, "chore: No policy")
        return answered

    return ask


def said_as(body: str) -> Scenario:
    return lambda office: say(office, office.pull(), body)


def without_a_registry(office: Office) -> tuple[Asked, Job]:
    whole = office.repository.git.run_bytes("cat-file", "blob", f"main:{REGISTRY}")
    office.push("bob", "main", {REGISTRY: None}, "chore: Lost")
    answered = say(office, office.pull(), ACTIVE)
    office.push("bob", "main", {REGISTRY: whole}, "chore: Found")
    return answered


def in_conflict(office: Office) -> tuple[Asked, Job]:
    first, second = office.pull("one", {"notes.txt": "one\n"}), office.pull("two", {"notes.txt": "two\n"})
    office.ask(first, "/promote staging")
    office.repository.merge(first, by="bob")
    return say(office, second, ACTIVE)


def over_a_hand_edit(office: Office) -> tuple[Asked, Job]:
    document = office.registry("main").document
    document["models"][MODEL]["note"] = "carol"
    return say(office, office.pull(files={REGISTRY: type(office.registry("main"))(document).to_bytes()}), ACTIVE)


def always_late(office: Office) -> tuple[Asked, Job]:
    def late(*_: object, **__: object) -> None:
        raise RefChanged("the branch moved away")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(GitDataClient, "commit_on_branch", late)
        return say(office, office.pull(), ACTIVE)


def unanswered(office: Office) -> tuple[Asked, Job]:
    office.hub.inject(Fault("GET", "/collaborators/alice/permission", status=500, times=9))
    return say(office, office.pull(), ACTIVE)


def broken(office: Office) -> tuple[Asked, Job]:
    """A defect leaves no answer but its comment."""

    def defect(*_: object, **__: object) -> None:
        raise RuntimeError("boom")

    number = office.pull()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("promotebot.pulls.request_context.decide", defect)
        with pytest.raises(RuntimeError, match="boom"):
            office.ask(number, ACTIVE)
    [comment] = [c for c in office.repository.comments_on(number) if c.user.login == "alice"]
    assert "Internal error" in office.comment(number)
    asked = Asked(number, f"comment:{comment.id}#1", "alice", office.head(number))
    return asked, Job(3, "", {"reason_code": "internal"}, "")


def withdrawn(office: Office) -> tuple[Asked, Job]:
    """The job of a request that was carried out and then taken back runs again."""
    asked, _ = say(office, office.pull(), ACTIVE)
    office.ask(asked.pull, "/withdraw")
    comment = int(asked.id.removeprefix("comment:").partition("#")[0])
    return asked, office.job(office.repository.issue_comment_event(comment))


def label(name: str, by: str) -> Scenario:
    def put_on(office: Office) -> tuple[Asked, Job]:
        number = office.pull()
        office.repository.add_label(number, name, by=by)
        payload = office.repository.pull_request_event(number, action="labeled", sender=by, label=name)
        return run(office, number, "pull_request_target", payload, by=by)

    return put_on


def by_a_bot(office: Office) -> tuple[Asked, Job]:
    office.hub.add_user("helper[bot]", type="Bot")
    return say(office, office.pull(), ACTIVE, author="helper[bot]")


def told_of_an_edit(office: Office) -> tuple[Asked, Job]:
    number = office.pull()
    comment = office.repository.comment(number, author="alice", body=ACTIVE)
    job = office.job(office.repository.issue_comment_event(comment.id, action="edited"))
    return Asked(number, f"comment:{comment.id}#1", "alice", office.head(number)), job


def judged(office: Office) -> tuple[Asked, Job]:
    number = office.pull()
    payload = office.repository.pull_request_event(number, action="opened")
    return run(office, number, "pull_request_target", payload)


def merged(office: Office) -> tuple[Asked, Job]:
    before, number = office.pull("before"), office.pull()
    office.ask(before, "/promote staging")
    office.repository.merge(before, by="bob")
    payload = office.repository.pull_request_event(before, action="closed")
    return run(office, number, "pull_request_target", payload)


def verified(office: Office) -> tuple[Asked, Job]:
    number = office.pull()
    payload = office.repository.workflow_dispatch_event(".github/workflows/verify.yml", sender="alice")
    return run(office, number, "workflow_dispatch", payload, PROMOTEBOT_COMMAND="verify")


def mismatched(office: Office) -> tuple[Asked, Job]:
    manifest = f"{V1}/manifest.json"
    whole = office.repository.git.run_bytes("cat-file", "blob", f"main:{manifest}")
    office.push("bob", "main", {manifest: "{}"}, "chore: Broken")
    answered = verified(office)
    office.push("bob", "main", {manifest: whole}, "chore: Mended")
    return answered


ANSWERED: Mapping[Reason, Scenario] = {
    Reason.OTHER_EVENT: told_of_an_edit,
    Reason.NO_COMMAND: said_as(f"> {ACTIVE}"),
    Reason.BOT_COMMENT: by_a_bot,
    Reason.NOT_A_PULL_REQUEST: on_an_issue,
    Reason.EDITED_COMMENT: edited,
    Reason.DELETED_COMMENT: deleted,
    Reason.PULL_CLOSED: on_a_closed_one,
    Reason.DRAFT: on_a_draft,
    Reason.WRONG_BASE: into_another_base,
    Reason.PERMISSION: without_permission,
    Reason.UNREADABLE_COMMAND: said_as(f"{ACTIVE}\n/promote production"),
    Reason.SHA_MISMATCH: said_as(f"{ACTIVE} --sha {'a' * 40}"),
    Reason.SHA_REQUIRED: under("require_sha: true\n"),
    Reason.NOT_CONFIRMED: under("stages: {active: {confirm: 1m}}\n"),
    Reason.NO_REGISTRY: without_a_registry,
    Reason.INVALID_FILE: under("soak: 7d\n"),
    Reason.BASE_MOVED: in_conflict,
    Reason.HAND_EDIT: over_a_hand_edit,
    Reason.NO_ROLLBACK_TARGET: said_as('/rollback regime_classifier --reason "incident"'),
    Reason.UNCLEAR: said_as(f"{ACTIVE} nothing_known"),
    Reason.RULES: said_as(f"{ACTIVE} --git-sha {'a' * 40}"),
    Reason.REF_CHANGED: always_late,
    Reason.DRY_RUN: said_as(f"{ACTIVE} --dry-run"),
    Reason.NOTHING_TO_CHANGE: said_as(f"{ACTIVE} --artifact-dir {V1} --artifact-id regime_v1_prod"),
    Reason.HELP: said_as("/help"),
    Reason.COULD_NOT_VERIFY: unanswered,
    Reason.INTERNAL: broken,
    Reason.WITHDRAWN: withdrawn,
    Reason.NOTHING_TO_WITHDRAW: said_as("/withdraw"),
    Reason.LABEL: label("promote:production", "alice"),
    Reason.GATE: judged,
    Reason.LANDED: merged,
    Reason.VERIFIED: verified,
    Reason.MISMATCH: mismatched,
    Reason.SHOWN: said_as("/status"),
}
"""By reason code: how a door comes to answer with it, on a pull request that carol may push to."""

ELSEWHERE = {
    Reason.FORK: "carol cannot push to mallory's fork: test_what_was_refused_for_its_fork_is_red_in_the_fork",
    Reason.MISSING_REASON: "a job started by hand answers so, and opens no pull request",
    Reason.HELD: "it asks for no event, and nothing is green while it holds: tests/action/test_hold.py",
    Reason.QUARANTINE: "it asks for no event, and adds to the policy: tests/action/test_reject.py",
    Reason.CHECKED: "it asks for no event: tests/action/test_check.py",
    Reason.LIFTED: "it asks for no event: tests/action/test_hold.py",
    Reason.COMMITTED: "the event is the bot's: another one in its place is tested below, request by request",
    Reason.ALREADY_DONE: "the event is the bot's, of an earlier run",
    Reason.AGAINST_GATE: "it answers a merge, as LANDED does, whose run is forged above",
    Reason.RECOMPUTED: "nobody asks for it: test_a_forged_event_is_not_attested_by_planning_it_again",
}
"""By reason code: why no door answers so without having decided the event, or where it is tested."""


def test_every_reason_code_is_forged_or_says_why_not() -> None:
    assert {*ANSWERED} | {*ELSEWHERE} == {*Reason}
    assert {*ANSWERED} & {*ELSEWHERE} == set()


@pytest.mark.parametrize("reason", ANSWERED, ids=lambda reason: reason.value)
def test_what_a_door_answered_without_deciding_it_is_red_when_somebody_writes_the_event(
    office: Office, reason: Reason
) -> None:
    asked, job = ANSWERED[reason](office)
    assert job.outputs.get("reason_code", job.outputs.get("decision")) in (reason.value, "ignored"), job.summary
    assert job.outputs.get("decision") != "promoted"
    number = office.pull("again") if reason is Reason.NOT_A_PULL_REQUEST else asked.pull
    push(office, number, forged(office, asked))
    refused(office, number, "gate.attestation")


def test_the_bots_own_word_is_all_that_was_missing(office: Office) -> None:
    """What is forged here is right in everything else, so that nothing but the attestation turns it red."""
    asked, _ = say(office, office.pull(), f"{ACTIVE} --dry-run")
    plan = forged(office, asked)
    push(office, asked.pull, plan)
    refused(office, asked.pull, "promotebot did not decide it")
    vouch(office, plan, by="carol")
    refused(office, asked.pull, "its status was set by carol, not by github-actions[bot]")
    vouch(office, plan)
    assert office.gate(asked.pull).outputs["decision"] == "passed"


def test_what_was_refused_for_its_fork_is_red_in_the_fork(office: Office) -> None:
    fork = office.hub.fork("acme/models", "mallory")
    office.push("mallory", "mine", {"ml/evaluations/mine.json": "{}\n"}, "docs: Mine")
    fork.git.fetch_from(office.repository.git, "+refs/heads/mine:refs/heads/mine")
    number = office.repository.open_pull(author="mallory", head="mallory:mine", title="Mine").number
    asked, job = say(office, number, ACTIVE)
    assert job.outputs["reason_code"] == "fork"
    files = {REGISTRY: forged(office, asked).after.to_bytes()}
    office.push("mallory", "mine", files, "chore: As asked", force=True)
    fork.git.fetch_from(office.repository.git, "+refs/heads/mine:refs/heads/mine")
    fork.refresh(office.hub.user("mallory"))
    refused(office, number, "gate.fork")


def test_the_second_command_of_a_comment_whose_first_was_refused_stands_for_nothing(office: Office) -> None:
    asked, job = say(office, office.pull(), f"{ACTIVE} nothing_known\n/promote staging", line=2)
    assert job.outputs["reason_code"] == "unclear"
    push(office, asked.pull, forged(office, asked, stage=Stage.STAGING))
    refused(office, asked.pull, "promotebot did not decide it")


@pytest.mark.parametrize("taken_off", ["by the bot, which refused it", "before its job ran", "after its job ran"])
def test_a_label_that_is_off_again_stands_for_nothing(office: Office, taken_off: str) -> None:
    by = "carol" if "refused" in taken_off else "alice"
    number, name = office.pull(), "promote:active"
    office.repository.add_label(number, name, by=by)
    payload = office.repository.pull_request_event(number, action="labeled", sender=by, label=name)
    if "before" in taken_off:
        office.repository.remove_label(number, name, by=by)
    asked, job = run(office, number, "pull_request_target", payload, by=by)
    if "after" in taken_off:
        assert office.unlabel(number, name).outputs["decision"] == "withdrawn"
    assert (office.labels(number), job.outputs["decision"] == "promoted") == ([], "after" in taken_off)
    push(office, number, forged(office, asked))
    refused(office, number, "promotebot withdrew it" if "after" in taken_off else "promotebot did not decide it")


@pytest.mark.parametrize("path", [".github/workflows/promote.yml", ".github/workflows/docs.yml"])
def test_no_run_started_by_hand_stands_for_a_branch_that_is_named_after_it(office: Office, path: str) -> None:
    started = office.repository.start_run("workflow_dispatch", actor="alice", path=path)
    office.push("carol", f"docs/{started.id}", {"docs/typo.md": "typo\n"}, "docs: Typo")
    number = office.repository.open_pull(author="carol", head=f"docs/{started.id}", title="Typo").number
    asked = Asked(number, f"run:{started.id}#1", "alice", office.head(number))
    push(office, number, forged(office, asked))
    refused(office, number, "promotebot did not decide it")


def test_what_was_refused_last_year_and_would_be_legal_now_needs_to_be_asked_for_again(office: Office) -> None:
    today = office.now
    office.now = office.now.replace(year=office.now.year - 1)
    office.hub.clock = lambda: datetime.now(timezone.utc) - timedelta(days=365)
    office.repository.set_role("alice", "write")
    asked, job = say(office, office.pull(), ACTIVE)
    assert job.outputs["reason_code"] == "permission"
    office.now, office.hub.clock = today, lambda: datetime.now(timezone.utc)
    office.repository.set_role("alice", "maintain")
    push(office, asked.pull, forged(office, asked))
    refused(office, asked.pull, "promotebot did not decide it")


EXCHANGED: Mapping[str, dict[str, Any]] = {
    "another artifact": {"artifact_dir": V1},
    "another stage": {"stage": Stage.ACTIVE},
    "a reason of nobody's": {"reason": "Risk committee approved"},
    "notes of nobody's": {"notes": "Risk committee approved"},
}


@pytest.mark.parametrize("changes", EXCHANGED.values(), ids=EXCHANGED)
def test_no_other_event_takes_the_place_of_the_one_that_the_bot_decided(office: Office, changes: Any) -> None:
    asked, job = say(office, office.pull(), "/promote staging")
    assert job.outputs["decision"] == "promoted", job.summary
    push(office, asked.pull, forged(office, asked, **{"stage": Stage.STAGING, **changes}))
    refused(office, asked.pull, "promotebot did not decide it")


def test_a_comment_edited_within_the_second_in_which_it_was_written_stands_for_what_it_said(office: Office) -> None:
    second = office.hub.clock().replace(microsecond=0)
    office.hub.clock = lambda: second
    asked, job = say(office, office.pull(), "/promote staging")
    assert job.outputs["decision"] == "promoted"
    office.hub.passed = timedelta()
    comment = office.repository.edit_comment(int(asked.id[8:-2]), body=ACTIVE)
    assert comment.created_at == comment.updated_at
    office.hub.catch_up()
    push(office, asked.pull, forged(office, asked))
    refused(office, asked.pull, "promotebot did not decide it")


def test_a_rollback_to_one_artifact_is_none_to_another_under_its_name(office: Office) -> None:
    live = office.pull("live")
    office.ask(live, ACTIVE)
    office.merge(live)
    gone = office.pull("gone")
    office.ask(gone, "/demote regime_classifier active --reason 'incident 7'")
    office.merge(gone)
    asked, job = say(
        office, office.pull("back"), "/rollback regime_classifier --to regime_v1_prod --reason 'incident 7'"
    )
    assert job.outputs["decision"] == "promoted", job.summary
    [decided, *_] = office.registry(office.head(asked.pull)).history[MODEL]
    plan = forged(office, asked, action=Action.ROLLBACK, artifact_id=decided.pointer.artifact_id, reason="incident 7")
    assert (plan.event.pointer.artifact_dir, decided.pointer.artifact_dir) == (V2, V1)
    push(office, asked.pull, plan)
    refused(office, asked.pull, "promotebot did not decide it")


def test_an_event_pushed_onto_somebody_elses_open_pull_request_is_its_pushers(office: Office) -> None:
    office.push("bob", "bobs", {"docs/notes.md": "notes\n"}, "docs: Notes")
    number = office.repository.open_pull(author="bob", head="bobs", title="Notes").number
    push(office, number, forged(office, None))
    refused(office, number, "carol has write permission; promoting to ACTIVE needs maintain")


def test_whoever_pushed_an_event_does_not_approve_it_though_others_pushed_last(office: Office) -> None:
    office.policy("separation: {approvals: 1}\n")
    office.push("bob", "bobs", {"docs/notes.md": "notes\n"}, "docs: Notes")
    number = office.repository.open_pull(author="bob", head="bobs", title="Notes").number
    office.repository.set_role("carol", "maintain")
    push(office, number, forged(office, None, stage=Stage.STAGING), by="alice")
    push(office, number, forged(office, None, stage=Stage.STAGING, reason="again"), by="carol")
    for login in ("alice", "bob", "carol"):
        office.repository.review(number, by=login)
    assert office.gate(number).outputs["decision"] == "waiting"
    assert office.checks(office.head(number))[-1] == "pending"


@pytest.mark.parametrize("policy", ["require_sha: true\n", "separation: {approvals: 1}\n"])
def test_where_active_needs_a_pinned_or_approved_request_no_terminal_goes_round_it(office: Office, policy: str) -> None:
    plan = forged(office, None)
    office.policy(policy)
    number = office.pull()
    push(office, number, plan, by="alice")
    office.repository.review(number, by="bob")
    refused(office, number, "request.terminal")
