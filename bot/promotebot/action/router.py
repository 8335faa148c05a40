"""One event from GitHub in, one answer out: each event has a module that answers it; nothing is decided here."""

from __future__ import annotations

from promotebot.action.ignored import ignored
from promotebot.action.result import Answer, Outcome
from promotebot.artifact.starting import end_early
from promotebot.gate.refusal import Reason
from promotebot.github.events import (
    CheckReported,
    CommentChanged,
    CommentCreated,
    Dispatched,
    Event,
    LabelChanged,
    PullChanged,
    PullClosed,
    Pushed,
    Queued,
    Reviewed,
    Scheduled,
)
from promotebot.pulls.context import JobContext
from promotebot.settings import Settings


def respond(event: Event, job: JobContext) -> Answer:
    """Answer one event. What asks for nothing costs no request and gets no reply."""
    answer = ignored(event, job.settings)
    if answer:
        return answer
    try:
        return _answer(event, job)
    finally:
        end_early()
        job.close()


def exit_code(event: Event, answer: Answer, settings: Settings) -> int:
    """Return the exit code of the job: a refusal is an answer where somebody asked, and red where a verdict is due.

    GitHub shows the jobs of comments and reviews on the default branch's last commit, which is as good as before.
    """
    answers = (CommentCreated, CommentChanged, LabelChanged, Reviewed, CheckReported, Dispatched, Scheduled)
    is_answer = isinstance(event, answers) and settings.command != "verify"
    return 0 if is_answer and answer.outcome is Outcome.REFUSED else answer.code


def _answer(event: Event, job: JobContext) -> Answer:
    """Answer by the event's own module, imported here, so that a comment does not load them all."""
    if isinstance(event, CommentCreated):
        from promotebot.action.issue_comment import answer_comment

        return answer_comment(event, job)
    if isinstance(event, CommentChanged) and event.author != job.settings.bot_login:
        from promotebot.action.late_holds import hold_by_edit

        return hold_by_edit(event, job)
    if isinstance(event, CommentChanged):  # the card is a function of the state: judged again, it is written again
        from promotebot.action.pull_request import evaluate_pulls

        return evaluate_pulls(PullChanged(event.pull, "edited"), job)
    is_gate = job.settings.command == "gate"  # which takes back what is green; the other command announces
    if isinstance(event, LabelChanged) and not is_gate:
        from promotebot.action.labels import answer_label

        return answer_label(event, job)
    if isinstance(event, (LabelChanged, CheckReported)):
        from promotebot.action.pull_request import evaluate_conditions

        return evaluate_conditions(event, job)
    if isinstance(event, (PullChanged, Reviewed)) or (isinstance(event, PullClosed) and is_gate):
        from promotebot.action.pull_request import evaluate_pulls

        return evaluate_pulls(event, job)
    if isinstance(event, Queued):
        from promotebot.action.merge_group import evaluate_queue

        return evaluate_queue(event, job)
    if isinstance(event, PullClosed) or (isinstance(event, Pushed) and job.settings.command == "announce"):
        from promotebot.action.merged import announce

        return announce(event, job)
    if isinstance(event, (Dispatched, Scheduled, Pushed)):
        return _carry_out(event, job)
    return Answer(Outcome.IGNORED, Reason.OTHER_EVENT)


def _carry_out(event: Dispatched | Scheduled | Pushed, job: JobContext) -> Answer:
    """Do what the command says for an event that says nothing of it."""
    command = job.settings.command
    if command == "doctor":
        from promotebot.action.doctor import examine_repository

        return examine_repository(job)
    if command == "gate" and isinstance(event, (Dispatched, Scheduled)):
        from promotebot.action.sweep import sweep

        return sweep(event, job)
    if command == "verify":
        from promotebot.action.schedule import verify_registry

        return verify_registry(event, job)
    if isinstance(event, Pushed):
        from promotebot.action.push import refresh_pulls

        return refresh_pulls(event, job)
    if isinstance(event, Dispatched):
        from promotebot.action.workflow_dispatch import answer_dispatch

        return answer_dispatch(event, job)
    return Answer(Outcome.IGNORED, Reason.OTHER_EVENT)
