"""Every way in which work can fail is reported; a head that moves is read again, and not for ever."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from promotebot.action.reply import Replier
from promotebot.action.requester import Requester
from promotebot.action.result import Answer, Outcome
from promotebot.action.retry import ATTEMPTS, Attempt, report_errors, retry_on_moved_head
from promotebot.errors import BaseMoved, CouldNotVerify, InvalidInput, PromotebotError, RefChanged, UsageError
from promotebot.gate.refusal import Reason
from promotebot.github.ports import PullRequest
from promotebot.pulls.context import JobContext
from promotebot.pulls.snapshot import PullSnapshot
from tests.fakes import BOT, FakeGitHub, diverged, job_context, pull_request, pull_snapshot, settings

DONE = Answer(Outcome.PROMOTED, Reason.COMMITTED, "promoted")
ASKED = Requester(7, "alice", "comment:1", "https://x/1", 1)


@pytest.fixture
def github() -> FakeGitHub:
    return FakeGitHub(pulls={7: pull_request()})


def replier(github: FakeGitHub) -> Replier:
    return Replier(github, settings(), ASKED)


def said(github: FakeGitHub) -> list[str]:
    return [comment.body for comment in github.written.values() if comment.author == BOT]


def raising(problem: BaseException) -> Callable[[], Answer]:
    def work() -> Answer:
        raise problem

    return work


def test_work_that_ends_well_is_answered_and_nothing_more_is_said(github: FakeGitHub) -> None:
    assert report_errors(replier(github), lambda: DONE) is DONE
    assert github.calls == []


@pytest.mark.parametrize(
    ("problem", "outcome", "reason", "exit_code"),
    [
        (CouldNotVerify("no answer"), Outcome.FAILED, Reason.COULD_NOT_VERIFY, 4),
        (InvalidInput("no registry"), Outcome.REFUSED, Reason.INVALID_FILE, 1),
        (BaseMoved("a conflict"), Outcome.REFUSED, Reason.BASE_MOVED, 1),
        (UsageError("no such commit"), Outcome.REFUSED, Reason.INVALID_FILE, 2),
        (PromotebotError("odd"), Outcome.REFUSED, Reason.INVALID_FILE, 3),
    ],
    ids=lambda value: type(value).__name__,
)
def test_each_error_has_its_outcome_reason_and_exit_code_and_is_posted(
    github: FakeGitHub, problem: PromotebotError, outcome: Outcome, reason: Reason, exit_code: int
) -> None:
    answer = report_errors(replier(github), raising(problem))
    assert (answer.outcome, answer.reason, answer.code) == (outcome, reason, exit_code)
    assert answer.message == str(problem)
    [comment] = said(github)
    assert problem.message in comment
    assert answer.comment_url
    assert answer.summary.partition("\n")[2] == comment.partition("\n")[2]
    assert ("Could not verify" in comment) is isinstance(problem, CouldNotVerify)
    assert "nothing was committed" in comment


def test_an_error_says_where_and_what_to_do_next(github: FakeGitHub) -> None:
    problem = InvalidInput("is over the limit", where="ml/registry/models.json", remedy="make it smaller")
    answer = report_errors(replier(github), raising(problem))
    assert answer.message == "ml/registry/models.json: is over the limit\nNext: make it smaller"
    assert "`ml/registry/models.json`" in said(github)[0]
    assert "make it smaller" in said(github)[0]


def test_a_disk_that_is_full_is_unknown_and_not_a_verdict(github: FakeGitHub) -> None:
    answer = report_errors(replier(github), raising(OSError(errno.ENOSPC, "No space left on device")))
    assert (answer.outcome, answer.reason, answer.code) == (Outcome.FAILED, Reason.COULD_NOT_VERIFY, 4)
    assert answer.message == "the runner failed: No space left on device\nNext: run the job again"
    assert "No space left on device" in said(github)[0]
    without_words = report_errors(replier(github), raising(OSError("gone")))
    assert without_words.message.startswith("the runner failed: gone")


def test_a_defect_is_posted_without_its_words_and_raised(github: FakeGitHub) -> None:
    defect = RuntimeError("secret detail")
    with pytest.raises(RuntimeError) as caught:
        report_errors(replier(github), raising(defect))
    assert caught.value is defect
    [comment] = said(github)
    assert "Internal error" in comment
    assert "secret detail" not in comment


def test_an_interrupt_is_not_an_answer(github: FakeGitHub) -> None:
    with pytest.raises(KeyboardInterrupt):
        report_errors(replier(github), raising(KeyboardInterrupt()))
    assert said(github) == []


@pytest.mark.parametrize("problem", [CouldNotVerify("no answer"), InvalidInput("no"), OSError("gone")])
def test_an_error_whose_comment_fails_is_the_same_error(github: FakeGitHub, problem: Exception) -> None:
    heard = report_errors(replier(github), raising(problem))
    unheard = report_errors(replier(github.fail("upsert_comment")), raising(problem))
    assert (unheard.outcome, unheard.reason, unheard.code) == (heard.outcome, heard.reason, heard.code)
    assert (unheard.comment_url, unheard.summary) == ("", heard.summary)


def test_a_defect_whose_comment_fails_is_still_raised(github: FakeGitHub) -> None:
    with pytest.raises(RuntimeError, match="broken"):
        report_errors(replier(github.fail("upsert_comment")), raising(RuntimeError("broken")))


class Pulls:
    """Snapshots in place of `fetch_pull`; the first few times the head has moved while it was read."""

    def __init__(self, moved: int = 0) -> None:
        self.moved = moved
        self.read: list[int] = []
        self.known: list[PullRequest | None] = []
        self.asked_by: list[str] = []
        self.left = 0

    @contextmanager
    def fetch(self, number: int, _: JobContext, known: PullRequest | None, *, asked_by: str) -> Iterator[PullSnapshot]:
        self.read.append(number)
        self.asked_by.append(asked_by)
        self.known.append(known)
        if len(self.read) <= self.moved:
            raise RefChanged(f"change moved, time {len(self.read)}")
        try:
            yield pull_snapshot(diverged({}, {}))
        finally:
            self.left += 1


@pytest.fixture
def pulls(monkeypatch: pytest.MonkeyPatch) -> Pulls:
    pulls = Pulls()
    monkeypatch.setattr("promotebot.action.retry.fetch_pull", pulls.fetch)
    return pulls


def retried(github: FakeGitHub, work: Callable[[Attempt], Answer]) -> Answer:
    return retry_on_moved_head(ASKED, job_context(github), replier(github), work)


def test_work_gets_the_pull_request_as_it_is_now_with_who_asked(github: FakeGitHub, pulls: Pulls) -> None:
    seen: list[Attempt] = []

    def work(attempt: Attempt) -> Answer:
        seen.append(attempt)
        return DONE

    assert retried(github, work) is DONE
    [attempt] = seen
    assert attempt.requester is ASKED
    assert attempt.snapshot.pull.number == 7
    assert (pulls.read, pulls.left) == ([7], 1), "read once, and given back"


@pytest.mark.parametrize("moves", range(ATTEMPTS))
def test_a_head_that_moves_while_it_is_read_is_read_again(github: FakeGitHub, pulls: Pulls, moves: int) -> None:
    pulls.moved = moves
    assert retried(github, lambda _: DONE) is DONE
    assert len(pulls.read) == moves + 1
    assert said(github) == []


def test_what_is_known_of_the_pull_request_counts_once_and_not_after_it_moved(github: FakeGitHub, pulls: Pulls) -> None:
    pulls.moved, known = 1, pull_request()
    job, answers = job_context(github), replier(github)
    assert retry_on_moved_head(ASKED, job, answers, lambda _: DONE, known=known, asked_by="alice") is DONE
    assert (pulls.known, pulls.asked_by) == ([known, None], ["alice"] * 2)


def test_a_head_that_moves_before_the_push_is_worked_on_again(github: FakeGitHub, pulls: Pulls) -> None:
    def work(_: Attempt) -> Answer:
        if len(pulls.read) == 1:
            raise RefChanged("moved before the push")
        return DONE

    assert retried(github, work) is DONE
    assert (len(pulls.read), pulls.left) == (2, 2)


def test_a_head_that_keeps_moving_is_given_up_and_said(github: FakeGitHub, pulls: Pulls) -> None:
    pulls.moved = ATTEMPTS + 9
    answer = retried(github, lambda _: DONE)
    assert len(pulls.read) == ATTEMPTS == 5
    assert (answer.outcome, answer.reason, answer.code) == (Outcome.REFUSED, Reason.REF_CHANGED, 1)
    assert answer.message == "change moved, time 5"
    [comment] = said(github)
    assert "The branch moved 5 times while the promotion was being made; nothing was committed." in comment
    assert "write the command in a new comment" in comment


@pytest.mark.parametrize("problem", [CouldNotVerify("no answer"), InvalidInput("no"), BaseMoved("a conflict")])
def test_no_other_error_is_tried_again(github: FakeGitHub, pulls: Pulls, problem: PromotebotError) -> None:
    with pytest.raises(type(problem)) as caught:
        retried(github, lambda _: raising(problem)())
    assert caught.value is problem
    assert (len(pulls.read), pulls.left) == (1, 1)
