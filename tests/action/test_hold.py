"""`/hold` and `/unhold`: the required status is red from the word until somebody who may lifts it, whatever happens."""

from __future__ import annotations

from typing import Any

import pytest

from promotebot.errors import CouldNotVerify
from tests.fake_github import pulls
from tests.fake_github.faults import Fault
from tests.fake_github.people import Person
from tests.fake_github.refusals import HttpError
from tests.gate.attacks import force_push, forked, meanwhile, state
from tests.office import Office

pytestmark = pytest.mark.thorough

GATE = "promotebot/gate"


def verdict(office: Office, number: int) -> tuple[str, str]:
    """State and words of the required status on the present head."""
    head = office.head(number)
    posted = [s for s in office.repository.statuses if (s.sha, s.context) == (head, GATE)]
    return (posted[-1].state, posted[-1].description or "") if posted else ("none", "")


def is_held(office: Office, number: int) -> bool:
    """Whether the required status on the present head is red, and says that somebody holds it."""
    found, words = verdict(office, number)
    return found == "failure" and "eld by " in words


def green(office: Office, branch: str = "evaluation", **options: Any) -> int:
    """A pull request by alice that the gate found nothing wrong with."""
    number = office.pull(branch, **options)
    assert office.gate(number).outputs["decision"] == "passed"
    return number


def said(office: Office, number: int) -> str:
    return "\n".join(office.comments(number)).replace("\\", "")


def more(office: Office, branch: str, name: str = "more") -> None:
    """alice adds a commit to her branch; no job runs yet."""
    alice = office.person("alice")
    alice.start_branch(branch, base=branch)
    alice.write(f"ml/evaluations/{name}.json", "{}\n")
    alice.commit("docs: More")
    alice.push()


def reopen(office: Office, number: int) -> None:
    pulls.reopen(office.repository.pull(number), office.hub.user("alice"))


# What the word does


def test_a_hold_turns_the_status_red_and_says_who_why_and_how_it_is_lifted(office: Office) -> None:
    number = green(office)
    job = office.ask(number, "/hold  the shadow metrics drift", author="carol")
    assert (job.outputs["decision"], job.outputs["reason_code"], job.exit_code) == ("held", "held", 0)
    assert verdict(office, number) == ("failure", "held by carol: the shadow metrics drift; /unhold lifts it")
    assert "Held by `carol`: the shadow metrics drift." in said(office, number)
    assert "until somebody with write permission comments `/unhold`" in said(office, number)


@pytest.mark.parametrize(
    "line",
    [
        "/hold",
        '/hold "somebody left a quote open',
        "/hold --reason --sha --dry-run everything",
        '/hold --reason="a" --reason="b"',
        "/hold c:\\metrics\\shadow",
        "/hold cancel",
        "/HOLD!!!",
        "/Hold: it drifts",
        "/hold\tit \u200b drifts \U0001f6d1",
        f"/hold {'why ' * 3000}",
        "/hold <!-- why -->",
    ],
)
def test_whatever_follows_the_word_it_holds(office: Office, line: str) -> None:
    number = green(office)
    assert office.ask(number, line, author="carol").outputs["decision"] == "held"
    assert is_held(office, number)
    assert office.gate(number).outputs["decision"] == "refused"
    assert is_held(office, number)


@pytest.mark.parametrize("word", ["lock", "stop", "pause"])
def test_its_synonyms_hold_and_the_answer_says_so(office: Office, word: str) -> None:
    number = green(office)
    office.ask(number, f"/{word} it", author="carol")
    assert is_held(office, number)
    assert f"`/{word}` means `/hold` here" in said(office, number)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("/veto", "/withdraw"),
        ("/approve", "review"),
        ("/lgtm", "review"),
        ("/unlock", "/unhold"),
        ("/cancel", "/hold"),
        ("/revert", "/withdraw"),
        ("/deploy", "/promote active"),
        ("/hodl", "/hold"),
    ],
)
def test_words_of_other_bots_are_answered_and_change_nothing(office: Office, line: str, says: str) -> None:
    number = green(office)
    job = office.ask(number, f"{line} now")
    assert job.outputs["decision"] == "refused"
    assert says in said(office, number)
    assert verdict(office, number)[0] == "success"


def test_red_comes_before_everything_else_that_is_written_and_comes_again_at_the_end(office: Office) -> None:
    number = green(office)
    office.repository.statuses.clear()
    office.hub.requests.clear()
    office.ask(number, "/hold", author="carol")
    writes = [made.path for made in office.hub.requests if made.writes and "graphql" not in made.path]
    assert writes[0].endswith(f"/statuses/{office.head(number)}")
    contexts = [status.context for status in office.repository.statuses[:3]]
    assert contexts == [GATE, contexts[1], GATE]
    assert contexts[1].startswith(f"promotebot/hold/{number}/")


# Who may


@pytest.mark.parametrize("lost", ["/collaborators/carol/permission", "/statuses/"])
def test_what_could_not_be_held_says_clearly_that_it_is_not(office: Office, lost: str) -> None:
    number = green(office)
    office.hub.faults.append(Fault("*", lost, status=502, times=99))
    job = office.ask(number, "/hold", author="carol")
    assert (job.outputs["decision"], job.exit_code) == ("failed", 4)
    assert "NOT held" in said(office, number)


def test_a_status_that_is_lost_once_is_set_again(office: Office) -> None:
    number = green(office)
    office.hub.faults.append(Fault("POST", "/statuses/", status=502, times=2))
    assert office.ask(number, "/hold", author="carol").outputs["decision"] == "held"
    assert is_held(office, number)


def test_whoever_may_only_read_holds_nothing_and_is_told(office: Office) -> None:
    number = green(office)
    job = office.ask(number, "/hold it is wrong", author="mallory")
    assert (job.outputs["decision"], job.outputs["reason_code"]) == ("refused", "permission")
    assert "NOT held" in said(office, number)
    assert verdict(office, number)[0] == "success"


def test_whoever_opened_it_may_hold_it_without_a_role(office: Office) -> None:
    number, _ = green_fork(office)
    assert office.ask(number, "/hold my numbers are wrong", author="mallory").outputs["decision"] == "held"
    assert is_held(office, number)


def test_a_reader_holds_nobody_elses_commit_with_a_pull_request_of_their_own(office: Office) -> None:
    """mallory opens one from alice's branch, whose commit it shares."""
    number = green(office)
    office.policy("bases: [sandbox]\n")
    office.repository.git.set_ref("refs/heads/sandbox", office.repository.git.branch("main"))
    other = office.repository.open_pull(author="mallory", head="evaluation", base="sandbox").number
    assert office.ask(other, "/hold", author="mallory").outputs["decision"] == "refused"
    assert verdict(office, number)[0] == "success"


def test_who_asked_for_the_promotion_may_hold_it_when_the_role_is_gone(office: Office) -> None:
    number = office.pull()
    assert office.ask(number, "/promote staging --artifact-dir ml/artifacts/regime_v2", author="carol").succeeded
    office.repository.set_role("carol", "read")
    assert office.ask(number, "/hold", author="carol").outputs["decision"] == "held"
    assert is_held(office, number)


def test_a_merged_pull_request_cannot_be_held_and_says_what_can_be_done(office: Office) -> None:
    number = green(office)
    office.repository.merge(number, by="bob")
    assert office.ask(number, "/hold", author="carol").outputs["reason_code"] == "pull_closed"
    assert "NOT held" in said(office, number)


def test_who_may_lifts_it_and_the_gate_turns_green_again(office: Office) -> None:
    number = green(office)
    office.ask(number, "/hold not yet", author="carol")
    office.ask(number, "/hold nor by me", author="alice")
    job = office.ask(number, "/unhold we looked at it", author="bob")
    assert (job.outputs["decision"], job.outputs["reason_code"]) == ("lifted", "lifted")
    assert "nor by me" in said(office, number)
    assert verdict(office, number)[0] == "success"
    assert office.repository.git.refs("refs/promotebot") == {}
    assert office.gate(number).outputs["decision"] == "passed"


def test_a_mark_that_cannot_be_taken_away_keeps_nothing_held(office: Office) -> None:
    number = green(office)
    office.ask(number, "/hold", author="carol")
    office.push("alice", "evaluation", {"ml/evaluations/other.json": "{}\n"}, "docs: Other", force=True)
    office.gate(number)
    office.hub.faults.append(Fault("DELETE", "/git/refs/", status=502, times=99))
    assert office.ask(number, "/unhold", author="bob").outputs["decision"] == "lifted"
    assert office.repository.git.refs("refs/promotebot")
    assert verdict(office, number)[0] == "success"


def test_nobody_lifts_it_without_the_role(office: Office) -> None:
    number = green(office)
    office.ask(number, "/hold not yet", author="carol")
    job = office.ask(number, "/unhold", author="mallory")
    assert (job.outputs["decision"], job.outputs["reason_code"]) == ("refused", "permission")
    assert is_held(office, number)


def test_where_active_is_promoted_lifting_needs_the_role_for_active(office: Office) -> None:
    number = office.pull()
    assert office.ask(number, "/promote active").succeeded
    office.ask(number, "/hold", author="carol")
    assert "somebody with maintain permission" in said(office, number)
    assert office.ask(number, "/unhold", author="carol").outputs["decision"] == "refused"
    assert is_held(office, number)
    assert office.ask(number, "/unhold", author="bob").outputs["decision"] == "lifted"
    assert verdict(office, number)[0] == "success"


def test_pushing_the_promotion_away_makes_nobody_a_lifter(office: Office) -> None:
    number = office.pull()
    before = office.head(number)
    assert office.ask(number, "/promote active").succeeded
    promoted = office.head(number)
    office.ask(number, "/hold", author="bob")
    force_push(office, number, before)
    assert office.ask(number, "/unhold", author="carol").outputs["decision"] == "refused"
    force_push(office, number, promoted)
    office.gate(number)
    assert is_held(office, number)


def test_a_question_about_the_role_that_is_not_answered_lifts_nothing(office: Office) -> None:
    number = green(office)
    office.ask(number, "/hold", author="carol")
    office.hub.faults.append(Fault("GET", "/collaborators/bob/permission", status=502, times=99))
    assert office.ask(number, "/unhold", author="bob").outputs["decision"] == "failed"
    office.hub.faults.clear()
    assert is_held(office, number)


def test_lifting_what_is_not_held_says_so_and_judges_again(office: Office) -> None:
    number = office.pull()
    job = office.ask(number, "/unhold", author="bob")
    assert (job.outputs["decision"], job.outputs["reason_code"]) == ("unchanged", "nothing_to_change")
    assert "This pull request has no hold" in said(office, number)
    assert verdict(office, number)[0] == "success"


# What a comment says beside it


@pytest.mark.parametrize(
    "body",
    [
        "/promote nowhere\n/hold",
        "/hold\n/promte active",
        "\n".join([*["/status"] * 11, "/hold"]),
        "Please do not merge this.\n\n/hold\n",
        "/unhold\n/hold",
        "/hold\n/unhold",
    ],
)
def test_a_hold_among_other_commands_holds_first(office: Office, body: str) -> None:
    number = green(office)
    office.ask(number, body, author="carol")
    assert is_held(office, number)
    assert office.gate(number).outputs["decision"] == "refused"


def test_a_hold_and_a_promotion_in_one_comment_promote_and_stay_held(office: Office) -> None:
    number = office.pull()
    job = office.ask(number, "/promote active\n/hold look at it first")
    assert job.outputs["decision"] == "promoted"
    assert office.pointer(office.head(number), "active") == "regime_v2_candidate"
    assert is_held(office, number)


@pytest.mark.parametrize("becomes", ["/status", "never mind", None])
def test_a_comment_that_was_edited_or_deleted_before_its_job_holds_all_the_same(
    office: Office, becomes: str | None
) -> None:
    number = green(office)
    comment = office.repository.comment(number, author="carol", body="/hold\n/status")
    payload = office.repository.issue_comment_event(comment.id)
    if becomes is None:
        del office.repository.comments[comment.id]
    else:
        office.repository.edit_comment(comment.id, body=becomes)
    office.job(payload)
    assert is_held(office, number)


@pytest.mark.parametrize("body", ["> /hold", "```\n/hold\n```", "never /hold this", "/lock/file.json", "/holders"])
def test_what_only_mentions_the_word_holds_nothing(office: Office, body: str) -> None:
    number = green(office)
    office.ask(number, body, author="carol")
    assert verdict(office, number)[0] == "success"


def test_a_job_that_is_run_again_after_the_hold_was_lifted_holds_nothing(office: Office) -> None:
    number = green(office)
    comment = office.repository.comment(number, author="carol", body="/hold")
    payload = office.repository.issue_comment_event(comment.id)
    assert office.job(payload).outputs["decision"] == "held"
    assert office.job(payload).outputs["decision"] == "held", "while it stands, it is only said again"
    office.ask(number, "/unhold", author="bob")
    assert office.job(payload).outputs["reason_code"] == "already_done"
    assert office.gate(number).outputs["decision"] == "passed"


# What does not shake it off


def test_a_push_stays_red(office: Office) -> None:
    number = green(office)
    office.ask(number, "/hold", author="carol")
    more(office, "evaluation")
    assert office.gate(number).outputs["decision"] == "refused"
    assert is_held(office, number)
    last = office.repository.statuses
    assert any(s.context.startswith("promotebot/hold/") and s.sha == office.head(number) for s in last)


def test_an_older_head_that_is_forced_back_is_red_before_any_job_looks(office: Office) -> None:
    number = green(office)
    older = office.head(number)
    more(office, "evaluation")
    assert office.gate(number).outputs["decision"] == "passed"
    office.ask(number, "/hold", author="carol")
    force_push(office, number, older)
    assert state(office, older) == "failure"
    assert office.gate(number).outputs["decision"] == "refused"
    assert is_held(office, number)


def test_another_history_that_is_forced_there_is_held(office: Office) -> None:
    number = green(office)
    office.ask(number, "/hold", author="carol")
    office.push("alice", "evaluation", {"ml/evaluations/other.json": "{}\n"}, "docs: Other", force=True)
    assert office.gate(number).outputs["decision"] == "refused"
    assert is_held(office, number)
    office.push("alice", "evaluation", {"ml/evaluations/third.json": "{}\n"}, "docs: Third", force=True)
    office.repository.git.set_ref(next(iter(office.repository.git.refs("refs/promotebot"))), None)
    assert office.gate(number).outputs["decision"] == "refused"
    assert is_held(office, number)


def test_closing_and_opening_again_does_not_lift_it(office: Office) -> None:
    number = green(office)
    office.ask(number, "/hold", author="carol")
    office.repository.close(number, by="alice")
    office.gate(number, "closed")
    reopen(office, number)
    assert office.gate(number, "reopened").outputs["decision"] == "refused"
    assert is_held(office, number)


def test_a_closed_pull_request_is_held_when_it_is_opened_again(office: Office) -> None:
    number = green(office)
    office.repository.close(number, by="alice")
    assert office.ask(number, "/hold", author="carol").outputs["decision"] == "held"
    reopen(office, number)
    assert office.gate(number, "reopened").outputs["decision"] == "refused"
    office.repository.close(number, by="alice")
    assert office.ask(number, "/unhold", author="bob").outputs["decision"] == "lifted"
    reopen(office, number)
    assert office.gate(number, "reopened").outputs["decision"] == "passed"


def test_another_base_does_not_lift_it(office: Office) -> None:
    office.policy("bases: [sandbox]\n")
    office.repository.git.set_ref("refs/heads/sandbox", office.repository.git.branch("main"))
    office.repository.refresh(office.hub.user("bob"))
    number = office.pull(base="sandbox")
    assert office.ask(number, "/hold", author="carol").outputs["decision"] == "held"
    assert state(office, office.head(number), f"{GATE} (sandbox)") == "failure"
    office.repository.change_base(number, "main")
    payload = office.repository.pull_request_event(number, action="edited", changes={"base": "sandbox"})
    assert office.event("pull_request_target", payload).outputs["decision"] == "refused"
    assert is_held(office, number)


def test_a_base_that_moves_does_not_lift_it(office: Office) -> None:
    number = office.pull()
    assert office.ask(number, "/promote active").succeeded
    office.ask(number, "/hold", author="carol")
    before = office.repository.git.branch("main") or ""
    office.policy("contacts: [ml-team]\n")
    assert office.event("push", office.repository.push_event("main", before=before, sender="bob"), by="bob").succeeded
    assert is_held(office, number), "planned again, by another policy"
    assert office.pointer(office.head(number), "active") == "regime_v2_candidate"


def test_neither_a_promotion_nor_a_withdrawal_lifts_it(office: Office) -> None:
    number = green(office)
    office.ask(number, "/hold", author="carol")
    assert office.ask(number, "/promote active").outputs["decision"] == "promoted"
    assert is_held(office, number)
    assert office.ask(number, "/withdraw").outputs["decision"] == "withdrawn"
    assert is_held(office, number)


@pytest.mark.parametrize("command", ["/promote active", "gate"])
def test_a_job_under_way_that_would_turn_it_green_sees_it(
    office: Office, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = office.pull()
    place = "gate" if command == "gate" else "promote"
    meanwhile(monkeypatch, lambda: office.ask(number, "/hold wait", author="carol"), place)
    if command == "gate":
        office.gate(number)
    else:
        office.ask(number, command)
    assert is_held(office, number)
    head = office.head(number)
    assert "success" not in office.checks(head), "auto-merge would have taken it"


def test_what_somebody_else_posts_neither_lifts_nor_hides_it(office: Office) -> None:
    number = green(office)
    office.ask(number, "/hold", author="carol")
    contexts = {s.context for s in office.repository.statuses if s.context.startswith("promotebot/hold/")}
    head = office.head(number)
    for context in contexts:
        office.repository.post_status(head, context, "success", by="alice", description=f"#{number} lifted by bob")
    for mark in office.repository.git.refs("refs/promotebot"):
        office.repository.git.set_ref(mark, None)
    assert office.gate(number).outputs["decision"] == "refused"
    assert is_held(office, number)


def test_what_somebody_else_posts_holds_nothing(office: Office) -> None:
    number = green(office)
    context, words = f"promotebot/hold/{number}/1", f"#{number} held by bob"
    office.repository.post_status(office.head(number), context, "failure", by="alice", description=words)
    assert office.gate(number).outputs["decision"] == "passed"


def test_a_mark_without_its_record_holds_and_can_be_lifted(office: Office) -> None:
    """Only who may write makes a ref, and they may hold it anyway."""
    number = green(office)
    office.repository.git.set_ref(f"refs/promotebot/hold/{number}/1", office.head(number))
    assert office.gate(number).outputs["decision"] == "refused"
    assert office.ask(number, "/unhold", author="bob").outputs["decision"] == "lifted"
    assert verdict(office, number)[0] == "success"


def test_a_record_that_cannot_be_read_is_red(office: Office) -> None:
    number = green(office)
    office.ask(number, "/hold", author="carol")
    office.hub.faults.append(Fault("GET", f"/commits/{office.head(number)}/statuses", status=502, times=99))
    office.repository.post_status(office.head(number), f"promotebot/hold/{number}/1", "success", by="alice")
    assert office.gate(number).exit_code == 4
    assert verdict(office, number)[0] == "failure"


def test_another_pull_request_from_the_same_commit_does_not_turn_it_green(office: Office) -> None:
    number = green(office)
    office.ask(number, "/hold", author="carol")
    office.repository.git.set_ref("refs/heads/twin", office.head(number))
    office.repository.refresh(office.hub.user("alice"))
    twin = office.repository.open_pull(author="alice", head="twin").number
    assert office.gate(twin).outputs["decision"] == "refused"
    assert is_held(office, number)
    assert f"#\u2060{number}" in said(office, twin)
    office.ask(number, "/unhold", author="bob")
    assert office.gate(twin).outputs["decision"] == "passed"


# Forks


def green_fork(office: Office) -> tuple[int, Person]:
    """A pull request by mallory from a fork, green; and mallory at work there."""
    number, mallory = forked(office, "numbers", {"ml/evaluations/numbers.json": "{}\n"})
    assert office.gate(number).outputs["decision"] == "passed"
    return number, mallory


def test_a_forks_pull_request_is_held_and_lifted(office: Office) -> None:
    number, _ = green_fork(office)
    assert office.ask(number, "/hold", author="carol").outputs["decision"] == "held"
    assert office.gate(number).outputs["decision"] == "refused"
    assert office.ask(number, "/unhold", author="carol").outputs["decision"] == "lifted"
    assert verdict(office, number)[0] == "success"


@pytest.mark.parametrize("force", [False, True])
def test_a_fork_does_not_shake_it_off_by_pushing(office: Office, force: bool) -> None:
    """GitHub does not tell where a fork's branch has been; the mark names the commit."""
    number, mallory = green_fork(office)
    office.ask(number, "/hold", author="carol")
    if force:
        mallory.git("reset", "--quiet", "--hard", "HEAD^")
    mallory.write("ml/evaluations/others.json", "{}\n")
    mallory.commit("docs: Others")
    mallory.git("push", "--quiet", "--force", "origin", "HEAD:numbers")
    office.hub.pass_time(10)
    assert office.gate(number).outputs["decision"] == "refused"
    assert is_held(office, number)


# The merge queue


def queued(office: Office, *numbers: int) -> list[Any]:
    office.repository.protect("main", required_checks=[GATE])
    return [office.repository.merge_queue.add(number, by="bob") for number in numbers]


def judge_group(office: Office, number: int) -> str:
    return str(office.event("merge_group", office.repository.merge_group_event(number)).outputs["decision"])


def test_a_queued_pull_request_that_is_held_is_not_merged(office: Office) -> None:
    first, second = green(office, "one"), green(office, "two")
    group, behind = queued(office, first, second)
    assert [judge_group(office, first), judge_group(office, second)] == ["passed", "passed"]
    office.ask(first, "/hold", author="carol")
    assert [state(office, group.head_sha), state(office, behind.head_sha)] == ["failure", "failure"]
    assert [judge_group(office, first), judge_group(office, second)] == ["refused", "refused"]
    with pytest.raises(HttpError):
        office.repository.merge_queue.land(first)


def test_a_group_that_is_judged_while_somebody_holds_turns_red(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    number = green(office)
    [group] = queued(office, number)
    import promotebot.action.merge_group as queue

    look = queue._held

    def slow(*arguments: Any) -> Any:
        found = look(*arguments)
        monkeypatch.setattr(queue, "_held", look)
        office.ask(number, "/hold", author="carol")
        return found

    monkeypatch.setattr(queue, "_held", slow)
    judge_group(office, number)
    assert state(office, group.head_sha) == "failure"


def test_a_group_whose_second_look_fails_turns_red(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    number = green(office)
    [group] = queued(office, number)
    import promotebot.action.merge_group as queue

    look, looked = queue._marks, list[None]()

    def failing(*arguments: Any) -> set[str]:
        looked.append(None)
        if len(looked) > 1:
            raise CouldNotVerify("the remote does not answer")
        return look(*arguments)

    monkeypatch.setattr(queue, "_marks", failing)
    judge_group_that_fails(office, number)
    assert len(looked) == 2
    assert state(office, group.head_sha) == "failure"


def judge_group_that_fails(office: Office, number: int) -> None:
    job = office.event("merge_group", office.repository.merge_group_event(number))
    assert job.exit_code == 4, job.log


def test_the_queue_is_stopped_also_where_older_commits_cannot_be_read(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = green(office)
    [group] = queued(office, number)
    assert judge_group(office, number) == "passed"

    def unreadable(*_: Any, **__: Any) -> int:
        raise CouldNotVerify("GitHub does not list the pushes")

    monkeypatch.setattr("promotebot.gate.record.PullRecord.revoke_heads", unreadable)
    assert office.ask(number, "/hold", author="carol").outputs["decision"] == "held"
    assert state(office, group.head_sha) == "failure"
    assert "not all of the merge queue and the older commits" in said(office, number)


def test_a_hold_whose_ref_cannot_be_made_says_what_to_look_after(office: Office) -> None:
    number = green(office)
    office.hub.faults.append(Fault("POST", "/git/refs", status=404, times=99))
    assert office.ask(number, "/hold", author="carol").outputs["decision"] == "held"
    assert is_held(office, number)
    assert "the ref that records this hold could not be created" in said(office, number)


# After the merge


def test_what_is_merged_while_it_is_held_came_against_the_gate(office: Office) -> None:
    number = office.pull()
    assert office.ask(number, "/promote active").succeeded
    office.ask(number, "/hold", author="carol")
    job = office.merge(number)
    assert (job.outputs["decision"], job.outputs["reason_code"]) == ("refused", "against_gate")
    assert "gate.merged" in job.summary


def test_status_tells_of_the_hold_here_and_marks_what_is_held_elsewhere(office: Office) -> None:
    held, other = office.pull(), green(office, "other")
    assert office.ask(held, "/promote active").outputs["decision"] == "promoted"
    office.ask(held, "/hold the metrics drift", author="carol")
    office.ask(held, "/status", author="bob")
    assert "**This pull request cannot be merged:** held by carol since " in said(office, held)
    assert "the metrics drift. `/unhold` lifts it." in said(office, held)
    office.ask(other, "/status", author="bob")
    assert f"/pull/{held}>) (held): `regime_classifier`: " in said(office, other)
    office.ask(held, "/unhold")
    office.ask(other, "/status regime_classifier", author="bob")
    assert f"/pull/{held}>): `regime_classifier`: " in said(office, other)
