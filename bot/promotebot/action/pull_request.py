"""The gate's door: judge a pull request, or a commit of the merge queue, and publish the required check."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from promotebot.action.reply import Replier
from promotebot.action.requester import Requester
from promotebot.action.result import GATE_OUTCOMES, Answer, Outcome, Reason
from promotebot.action.retry import report_errors, retry_on_moved_head
from promotebot.comments import notices as notes
from promotebot.errors import PromotebotError
from promotebot.findings import error
from promotebot.gate.evaluate import GateResult
from promotebot.gate.judge import evaluate_pull
from promotebot.pulls.context import JobContext
from promotebot.pulls.snapshot import PullSnapshot


def guard_pulls(numbers: Sequence[int], job: JobContext) -> Answer:
    """Judge each pull request of a branch as it is now; the answer is the worst of theirs."""
    return max((_guard_pull(number, job) for number in numbers), key=lambda answer: answer.code)


def _guard_pull(number: int, job: JobContext) -> Answer:
    """Judge a pull request, its author's or a fork's, and set the check on its head."""
    pull = job.github.pull(number)
    if pull.state != "open":
        return Answer(Outcome.IGNORED, Reason.PULL_CLOSED, "the pull request is closed")
    url = job.settings.run_url or f"{job.settings.server_url}/{job.settings.repository}/pull/{number}"
    replier = Replier(job.github, job.settings, Requester(number, pull.author, "", url))
    replier.set_pull(pull)
    return report_errors(
        replier,
        lambda: retry_on_moved_head(number, job, replier, lambda snapshot, now: _judge(snapshot, job, replier, now)),
    )


def _judge(snapshot: PullSnapshot, job: JobContext, replier: Replier, now: datetime) -> Answer:
    changeset = snapshot.changeset
    replier.set_head(changeset.head, changeset.policy.contacts)
    try:
        found = _with_base(snapshot, evaluate_pull(snapshot, changeset, job, now))
    except PromotebotError as problem:
        broken = error("gate.unreadable", problem.message, where=problem.where, remedy=problem.remedy)
        rendered = notes.render_gate([broken], f"refused: {problem.message[:120]}", replier.context)
        replier.check(changeset.head, "failure", rendered.title, rendered)
        raise
    rendered = notes.render_gate(found.findings, found.title, replier.context, waiting=found.waiting)
    if found.passes and not snapshot.takes_promotions:
        # A check belongs to a commit, not to a pull request: green here, it would be green into any base.
        said = f"no check is set for a pull request into {snapshot.pull.base_ref!r}, which takes no promotions"
        return Answer(Outcome.IGNORED, Reason.WRONG_BASE, said, summary=rendered.full)
    replier.check(changeset.head, found.conclusion, found.title, rendered)
    answer = Answer(GATE_OUTCOMES[found.conclusion], Reason.GATE, found.title, summary=rendered.full)
    return (
        replier.post(answer, rendered)
        if answer.outcome is Outcome.REFUSED
        else replier.update_if_present(answer, rendered)
    )


def _with_base(snapshot: PullSnapshot, found: GateResult) -> GateResult:
    """A branch that anybody may push is no base to promote into, whatever policy stands there."""
    if snapshot.takes_promotions or not found.steps:
        return found
    wrong = error(
        "gate.base_ref",
        f"The pull request goes into {snapshot.pull.base_ref!r}, which takes no promotions.",
        remedy=f"change its base to {snapshot.default_branch!r}, or list the branch under `bases` in the policy",
    )
    return replace(found, findings=(*found.findings, wrong))
