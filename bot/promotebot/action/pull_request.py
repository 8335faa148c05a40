"""The gate on a pull request: evaluate it as it is now, and publish the required check on its head."""

from __future__ import annotations

from collections.abc import Sequence

from promotebot.action.reply import Replier
from promotebot.action.requester import Requester
from promotebot.action.result import GATE_OUTCOMES, Answer, Outcome
from promotebot.action.retry import Attempt, report_errors, retry_on_moved_head
from promotebot.comments.notices import render_gate
from promotebot.errors import PromotebotError
from promotebot.findings import error
from promotebot.gate.judge import evaluate_pull
from promotebot.gate.refusal import Reason
from promotebot.gate.report import annotate
from promotebot.gate.revoke import revoke_heads
from promotebot.pulls.context import JobContext


def evaluate_pulls(numbers: Sequence[int], job: JobContext) -> Answer:
    """Evaluate each pull request of a branch as it is now; the answer is the worst of theirs."""
    return max((_evaluate(number, job) for number in numbers), key=lambda answer: answer.code)


def _evaluate(number: int, job: JobContext) -> Answer:
    """Evaluate a pull request, from this repository or a fork, and set the check on its head."""
    pull = job.github.pull(number)
    if pull.state != "open":
        return Answer(Outcome.IGNORED, Reason.PULL_CLOSED, "the pull request is closed")
    url = job.settings.run_url or f"{job.settings.server_url}/{job.settings.repository}/pull/{number}"
    requester = Requester(number, pull.author, "", url)
    replier = Replier(job.github, job.settings, requester)
    replier.set_pull(pull)
    return report_errors(replier, lambda: retry_on_moved_head(requester, job, replier, publish_gate, known=pull))


def publish_gate(attempt: Attempt) -> Answer:
    """Evaluate a pull request as it was read, and set the check on its head; a refusal is a comment, too.

    Raises:
        PromotebotError: for what could not be read, after the check was set to red.
    """
    snapshot, replier, changeset = attempt.snapshot, attempt.replier, attempt.snapshot.changeset
    replier.set_head(changeset.head, changeset.policy.contacts)
    try:
        result = evaluate_pull(snapshot, changeset, attempt.job)
    except PromotebotError as problem:
        unreadable = error("gate.unreadable", problem.message, where=problem.where, remedy=problem.remedy)
        rendered = render_gate([unreadable], f"refused: {problem.message[:120]}", replier.context)
        replier.check(changeset.head, "failure", rendered.title, rendered, annotate([unreadable], changeset))
        raise
    rendered = render_gate(result.findings, result.title, replier.context, waiting=result.waiting)
    if result.passes and not snapshot.takes_promotions:
        # A check belongs to a commit, not to a pull request: green here, it would be green into any base.
        message = f"no check is set for a pull request into {snapshot.pull.base_ref!r}, which takes no promotions"
        return Answer(Outcome.IGNORED, Reason.WRONG_BASE, message, summary=rendered.full)
    replier.publish(result, changeset, rendered)
    if result.conclusion == "failure":
        revoke_heads(snapshot, attempt.job, why="a later head was refused", keep=changeset.head)
    answer = Answer(GATE_OUTCOMES[result.conclusion], Reason.GATE, result.title, summary=rendered.full)
    if answer.outcome is Outcome.REFUSED:
        return replier.post(answer, rendered)
    return replier.update_if_present(answer, rendered)
