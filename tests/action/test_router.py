"""Which event goes where, what is passed over without a word or a connection, and that the client is closed."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module
from typing import Any

import pytest

from promotebot.action.result import Answer, Outcome
from promotebot.action.router import exit_code, respond
from promotebot.errors import CouldNotVerify
from promotebot.gate.refusal import Reason
from promotebot.github.events import (
    CheckReported,
    CommentChanged,
    CommentCreated,
    Dispatched,
    Event,
    Ignored,
    LabelChanged,
    PullChanged,
    PullClosed,
    Pushed,
    Queued,
    Reviewed,
    Scheduled,
)
from promotebot.github.ports import GitHub
from promotebot.pulls.context import JobContext
from tests.fakes import BOT, FakeGitHub, job_context, settings

COMMENT = CommentCreated(7, True, 1, "/promote active", "alice", "User", via_app=False)
HOLD_EDITED = CommentChanged(7, "carol", "carol", 5, "/hold")
LABEL = LabelChanged(7, "promote:active", added=True, sender="alice", sender_type="User")
CHANGED, REVIEWED = PullChanged(7, "synchronize"), Reviewed((7, 8))
REPORTED = CheckReported((7,), "c" * 40, "trainer[bot]")
QUEUED = Queued("c" * 40, "refs/heads/gh-readonly-queue/main/pr-7", "b" * 40, "main")
MERGED, CLOSED = PullClosed(7, merged=True), PullClosed(7, merged=False)
PUSHED, DISPATCHED, SCHEDULED = (
    Pushed("main", "a" * 40, "b" * 40),
    Dispatched("", "refs/heads/main", "bob"),
    Scheduled(),
)
ANSWERERS = {
    "issue_comment.answer_comment": (COMMENT, "auto"),
    "labels.answer_label": (LABEL, "auto"),
    "pull_request.evaluate_pulls": (CHANGED, "auto"),
    "pull_request.evaluate_conditions": (REPORTED, "gate"),
    "late_holds.hold_by_edit": (HOLD_EDITED, "auto"),
    "merge_group.evaluate_queue": (QUEUED, "auto"),
    "merged.announce": (MERGED, "auto"),
    "push.refresh_pulls": (PUSHED, "auto"),
    "workflow_dispatch.answer_dispatch": (DISPATCHED, "auto"),
    "schedule.verify_registry": (SCHEDULED, "verify"),
    "sweep.sweep": (SCHEDULED, "gate"),
}
"""Each use case, `FILE.FUNCTION` of action/, with an event and a command that start it."""


class Answerers:
    """Stands in for every use case, and remembers which was called with what."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.called: list[tuple[str, object]] = []
        self.problem: Exception | None = None
        self.asks_github = True
        for name in ANSWERERS:  # first: what is imported later would keep what stands in for another module's
            import_module(f"promotebot.action.{name.partition('.')[0]}")
        for name in ANSWERERS:
            monkeypatch.setattr(f"promotebot.action.{name}", self._answerer(name))

    def _answerer(self, name: str) -> Any:
        def answer(event: object, job: JobContext, *_: object) -> Answer:
            self.called.append((name, event))
            if self.asks_github:
                job.github.default_branch()
            if self.problem:
                raise self.problem
            return Answer(Outcome.PASSED, Reason.GATE, name)

        return answer


@pytest.fixture
def answerers(monkeypatch: pytest.MonkeyPatch) -> Answerers:
    return Answerers(monkeypatch)


def unconnected(**changes: Any) -> JobContext:
    """A job that must not need a client."""

    def connect() -> GitHub:
        raise AssertionError("an event that is ignored connects to nothing")

    return replace(job_context(**changes), connect=connect)


@pytest.mark.parametrize(
    ("event", "command", "goes_to"),
    [
        *[(event, command, name) for name, (event, command) in ANSWERERS.items()],
        (REVIEWED, "auto", "pull_request.evaluate_pulls"),
        (CHANGED, "gate", "pull_request.evaluate_pulls"),
        (replace(LABEL, label="risk-approved"), "gate", "pull_request.evaluate_conditions"),
        (replace(REPORTED, by=BOT, context="unit-tests"), "gate", "pull_request.evaluate_conditions"),
        (REVIEWED, "gate", "pull_request.evaluate_pulls"),
        (CLOSED, "gate", "pull_request.evaluate_pulls"),
        (MERGED, "gate", "pull_request.evaluate_pulls"),
        (QUEUED, "gate", "merge_group.evaluate_queue"),
        (CHANGED, "verify", "pull_request.evaluate_pulls"),
        (QUEUED, "verify", "merge_group.evaluate_queue"),
        (PUSHED, "verify", "schedule.verify_registry"),
        (DISPATCHED, "verify", "schedule.verify_registry"),
        (DISPATCHED, "gate", "sweep.sweep"),
        (MERGED, "announce", "merged.announce"),
        (PUSHED, "announce", "merged.announce"),
    ],
)
def test_each_event_has_one_use_case(answerers: Answerers, event: Event, command: str, goes_to: str) -> None:
    answer = respond(event, job_context(command=command))
    assert answerers.called == [(goes_to, event)]
    assert answer.message == goes_to


@pytest.mark.parametrize(
    ("event", "command", "reason", "message"),
    [
        (Ignored("promotebot does not act on star"), "auto", Reason.OTHER_EVENT, "promotebot does not act on star"),
        (Ignored("no branch"), "verify", Reason.OTHER_EVENT, "no branch"),
        (CLOSED, "auto", Reason.OTHER_EVENT, "the pull request was closed without a merge"),
        (SCHEDULED, "auto", Reason.OTHER_EVENT, "a scheduled run needs command: verify, doctor or gate"),
        *[
            (event, "gate", Reason.OTHER_EVENT, "command gate does not act on this event")
            for event in (COMMENT, PUSHED)
        ],
        (LABEL, "gate", Reason.OTHER_EVENT, "the label is a command"),
        (replace(REPORTED, by=BOT), "gate", Reason.BOT_COMMENT, "promotebot's own checks ask for nothing"),
        (replace(REPORTED, context="ml/eu: promotebot/gate"), "gate", Reason.BOT_COMMENT, "own checks ask for nothing"),
        (replace(REPORTED, context="promotebot/gate"), "gate", Reason.BOT_COMMENT, "own checks ask for nothing"),
        *[
            (event, "verify", Reason.OTHER_EVENT, "command verify does not act on this event")
            for event in (COMMENT, LABEL, REPORTED, MERGED, CLOSED)
        ],
        *[
            (event, "announce", Reason.OTHER_EVENT, "command announce does not act on this event")
            for event in (COMMENT, LABEL, CHANGED, REVIEWED, QUEUED, DISPATCHED, SCHEDULED)
        ],
        (CLOSED, "announce", Reason.OTHER_EVENT, "the pull request was closed without a merge"),
        (replace(COMMENT, body="Looks good"), "auto", Reason.NO_COMMAND, ""),
        (replace(COMMENT, author=BOT, author_type="Bot"), "auto", Reason.BOT_COMMENT, ""),
        (replace(LABEL, label="bug"), "auto", Reason.NO_COMMAND, ""),
        (replace(LABEL, sender=BOT, sender_type="Bot"), "auto", Reason.BOT_COMMENT, ""),
    ],
)
def test_what_asks_for_nothing_is_passed_over_and_nothing_is_connected(
    answerers: Answerers, event: Event, command: str, reason: Reason, message: str
) -> None:
    answer = respond(event, unconnected(command=command))
    assert (answer.outcome, answer.reason, answer.code) == (Outcome.IGNORED, reason, 0)
    assert message in answer.message
    assert (answer.summary, answer.comment_url) == ("", "")
    assert answerers.called == []


@pytest.mark.parametrize(
    ("event", "command", "code"),
    [
        (COMMENT, "auto", 0),
        (LABEL, "auto", 0),
        (DISPATCHED, "auto", 0),
        (REVIEWED, "auto", 0),
        (REVIEWED, "gate", 0),
        (CHANGED, "auto", 1),
        (CHANGED, "gate", 1),
        (QUEUED, "gate", 1),
        (MERGED, "auto", 1),
        (PUSHED, "verify", 1),
        (DISPATCHED, "verify", 1),
        (SCHEDULED, "verify", 1),
    ],
)
def test_a_refusal_is_an_answer_where_somebody_asked_and_a_failure_where_a_verdict_is_due(
    event: Event, command: str, code: int
) -> None:
    job = settings(command=command)
    assert exit_code(event, Answer(Outcome.REFUSED, Reason.RULES, exit_code=1), job) == code
    assert exit_code(event, Answer(Outcome.REFUSED, Reason.GATE), job) == code
    assert exit_code(event, Answer(Outcome.FAILED, Reason.COULD_NOT_VERIFY), job) == 4
    assert exit_code(event, Answer(Outcome.FAILED, Reason.INTERNAL, exit_code=3), job) == 3
    assert exit_code(event, Answer(Outcome.PASSED, Reason.GATE), job) == 0


@pytest.mark.parametrize(("event", "command"), ANSWERERS.values())
def test_the_client_is_closed_when_the_answer_is_made(answerers: Answerers, event: Event, command: str) -> None:
    github = FakeGitHub()
    respond(event, job_context(github, command=command))
    assert github.closed == 1


@pytest.mark.parametrize("problem", [CouldNotVerify("no answer"), RuntimeError("a defect")])
def test_the_client_is_closed_when_the_work_fails(answerers: Answerers, problem: Exception) -> None:
    github, answerers.problem = FakeGitHub(), problem
    with pytest.raises(type(problem)):
        respond(PUSHED, job_context(github))
    assert github.closed == 1


def test_a_client_that_nobody_needed_is_neither_made_nor_closed(answerers: Answerers) -> None:
    answerers.asks_github = False
    assert respond(PUSHED, unconnected()).outcome is Outcome.PASSED
