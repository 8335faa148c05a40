"""With `stages.active.confirm`, whoever requests ACTIVE confirms the dry run with 👍 before anything is committed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from promotebot.registry.names import ModelName
from tests.fake_github.faults import Fault
from tests.fake_github.issues import react
from tests.fake_github.people import Job
from tests.fake_github.records import Comment
from tests.office import BOT, Office

pytestmark = pytest.mark.thorough

POLICY = "stages: {active: {confirm: 2m}}\n"
LOOK = r"/issues/comments/\d+/reactions$"


@pytest.fixture
def careful(office: Office) -> Office:
    office.policy(POLICY)
    return office


def waiting(office: Office) -> Comment:
    """The dry run that waits to be confirmed: the bot's newest comment."""
    return [one for one in office.repository.comments.values() if one.user.login == BOT][-1]


def thumbs_up(office: Office, login: str) -> None:
    react(office.repository, waiting(office), office.hub.user(login), "+1")


def meanwhile(office: Office, act: Callable[[], object], *, look: int = 2) -> None:
    """Somebody does something just before the bot looks at the reactions for the nth time."""
    office.hub.faults.append(Fault("GET", LOOK, times=look - 1, meanwhile=lambda: None))
    office.hub.faults.append(Fault("GET", LOOK, meanwhile=act))


def committed(job: Job) -> bool:
    return job.outputs["reason_code"] == "committed"


def test_nothing_is_committed_until_the_requester_confirms(careful: Office) -> None:
    number = careful.pull()
    head = careful.head(number)
    shown: list[str] = []

    def confirm() -> None:
        shown.append(waiting(careful).body.replace("\\", ""))
        assert careful.head(number) == head
        thumbs_up(careful, "alice")

    meanwhile(careful, confirm, look=4)
    job = careful.ask(number, "/promote active")
    assert committed(job), job.log
    assert "waiting for a confirmation, nothing was committed" in shown[0]
    assert "`alice`: react with 👍 to this comment within 2 min" in shown[0]
    event = careful.registry(careful.head(number)).history[ModelName("regime_classifier")][0]
    assert event.confirmed is True
    assert any("`alice` confirmed this promotion with 👍" in body for body in careful.comments(number))
    assert careful.repository.statuses[-1].state == "success"


@pytest.mark.parametrize("who", ["bob", ""])
def test_without_the_requesters_own_reaction_nothing_is_committed(careful: Office, who: str) -> None:
    number = careful.pull()
    head = careful.head(number)
    meanwhile(careful, lambda: thumbs_up(careful, who) if who else None)
    job = careful.ask(number, "/promote active")
    assert (job.exit_code, job.outputs["reason_code"]) == (0, "not_confirmed")
    assert careful.head(number) == head
    assert "did not confirm the dry run within 2 min" in careful.answer(number)
    assert "waiting for a confirmation" not in careful.answer(number)


def test_a_reaction_that_was_there_before_the_job_ran_again_does_not_count(careful: Office) -> None:
    number = careful.pull()
    comment = careful.repository.comment(number, author="alice", body="/promote active")
    first = careful.job(careful.repository.issue_comment_event(comment.id))
    assert first.outputs["reason_code"] == "not_confirmed"
    thumbs_up(careful, "alice")
    again = careful.job(careful.repository.issue_comment_event(comment.id))
    assert again.outputs["reason_code"] == "not_confirmed"


def test_what_was_pushed_while_it_waited_was_not_confirmed(careful: Office) -> None:
    number = careful.pull()

    def push() -> None:
        alice = careful.person("alice")
        alice.git("fetch", "--quiet", "origin", "evaluation")
        alice.git("checkout", "--quiet", "--detach", "FETCH_HEAD")
        alice.write("notes.txt", b"more\n")
        alice.commit("docs: More")
        alice.git("push", "--quiet", "origin", "HEAD:evaluation")
        thumbs_up(careful, "alice")

    meanwhile(careful, push)
    job = careful.ask(number, "/promote active")
    assert job.outputs["reason_code"] == "not_confirmed"
    assert "evaluation moved while the dry run waited to be confirmed" in careful.answer(number)


def close(careful: Office, number: int) -> None:
    careful.repository.close(number, by="bob")


def lose_role(careful: Office, _number: int) -> None:
    careful.repository.set_role("alice", "write")


def begin_freeze(careful: Office, _number: int) -> None:
    careful.now += timedelta(minutes=5)


def change_base(careful: Office, number: int) -> None:
    careful.repository.git.set_ref("refs/heads/other", careful.repository.git.branch("main") or "")
    careful.repository.pulls[number].base_ref = "other"


@pytest.mark.parametrize(
    ("act", "told"),
    [
        (close, "the pull request was closed while the dry run waited to be confirmed"),
        (change_base, "the pull request now targets other while the dry run waited to be confirmed"),
        (begin_freeze, "a freeze, a window or an exception began or ended while the dry run waited to be confirmed"),
        (lose_role, "promoting to ACTIVE needs maintain"),
    ],
)
def test_what_changed_while_it_waited_is_seen_before_anything_is_committed(
    office: Office, act: Callable[[Office, int], None], told: str
) -> None:
    start, end = (f"{office.now + timedelta(minutes=minutes):%Y-%m-%dT%H:%M}" for minutes in (3, 600))
    office.policy(f"{POLICY}freezes: [{{start: {start}, end: {end}, reason: year end}}]\n")
    number = office.pull()
    head = office.repository.git.branch("evaluation")

    def confirm() -> None:
        act(office, number)
        thumbs_up(office, "alice")

    meanwhile(office, confirm)
    job = office.ask(number, "/promote active")
    assert job.outputs["decision"] == "refused", job.log
    assert told in job.outputs["result"]
    assert office.repository.git.branch("evaluation") == head


def test_a_label_that_is_taken_off_while_it_waited_asks_for_nothing(careful: Office) -> None:
    number = careful.pull()
    head = careful.head(number)

    def confirm() -> None:
        shown = waiting(careful)
        careful.unlabel(number, "promote:active", by="bob")
        react(careful.repository, shown, careful.hub.user("alice"), "+1")

    meanwhile(careful, confirm)
    job = careful.label(number, "promote:active")
    assert job.outputs["reason_code"] == "not_confirmed"
    assert "the label was taken off while the dry run waited" in careful.answer(number)
    assert careful.head(number) == head


def test_a_label_is_confirmed_by_whoever_put_it_on(careful: Office) -> None:
    number = careful.pull()
    meanwhile(careful, lambda: thumbs_up(careful, "alice"))
    assert committed(careful.label(number, "promote:active"))
    assert careful.labels(number) == ["promote:active"]


def test_a_lower_stage_a_rollback_and_a_demotion_need_no_confirmation(careful: Office) -> None:
    number = careful.pull()
    assert committed(careful.ask(number, "/promote staging"))
    meanwhile(careful, lambda: thumbs_up(careful, "alice"))
    assert committed(careful.ask(number, "/promote active"))
    careful.merge(number)
    second = careful.pull("second")
    assert committed(careful.ask(second, '/rollback regime_classifier --reason "incident 7"'))
    third = careful.pull("third")
    assert committed(careful.ask(third, '/demote regime_classifier active --reason "gone"'))


def test_why_says_that_the_request_has_to_be_confirmed_and_where_the_policy_asks_for_it(careful: Office) -> None:
    number = careful.pull()
    assert careful.ask(number, "/promote active").outputs["reason_code"] == "not_confirmed"
    careful.ask(number, "/why")
    answer = careful.answer(number)
    assert "write it in a new comment, and confirm the dry run with 👍:" in answer
    assert '- `stages.active.confirm: "2m"` ([line 1]' in answer


def test_a_job_shows_no_dry_run_that_it_has_no_time_left_to_wait_for(office: Office) -> None:
    office.policy("stages: {active: {confirm: 10m}}\n")
    number = office.pull()
    lines = "/promote active --artifact-id one\n/promote active --artifact-id two"
    meanwhile(office, lambda: thumbs_up(office, "alice"), look=100)
    job = office.ask(number, lines)
    assert job.outputs["reason_code"] == "not_confirmed"
    said = "\n".join(office.comments(number)).replace("\\", "")
    assert office.pointer(office.head(number), "active") == "one"
    assert "This job waited for another confirmation, and has no time left for this one" in said


def test_a_dry_run_waits_for_nobody(careful: Office) -> None:
    number = careful.pull()
    job = careful.ask(number, "/promote active --dry-run")
    assert job.outputs["reason_code"] == "dry_run"
    assert "👍" not in careful.answer(number).split("Every rule")[0]


def test_while_github_does_not_answer_nothing_is_committed(careful: Office) -> None:
    number = careful.pull()
    head = careful.head(number)
    careful.hub.faults.append(Fault("GET", LOOK, 403, "Resource not accessible", times=50))
    job = careful.ask(number, "/promote active")
    assert (job.exit_code, careful.head(number)) == (4, head)


def test_a_dry_run_that_cannot_be_shown_cannot_be_confirmed(careful: Office) -> None:
    number = careful.pull()
    head = careful.head(number)
    careful.hub.faults.append(Fault("POST", rf"/issues/{number}/comments$", 403, "Resource not accessible", times=50))
    job = careful.ask(number, "/promote active")
    assert (job.exit_code, careful.head(number)) == (4, head)


def test_an_open_promotion_from_before_the_policy_asked_is_requested_again(office: Office) -> None:
    number = office.pull()
    assert committed(office.ask(number, "/promote active"))
    office.policy(POLICY)
    job = office.gate(number)
    assert job.outputs["decision"] == "refused"
    assert office.repository.statuses[-1].state == "failure"
    assert "Nobody confirmed this promotion to ACTIVE" in "\n".join(office.comments(number)).replace("\\", "")
