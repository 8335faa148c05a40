"""The gate on a pull request: evaluate it as it is now, and publish the required check on its head."""

from __future__ import annotations

from collections.abc import Sequence

from promotebot.action.reply import Replier
from promotebot.action.requester import Requester
from promotebot.action.result import GATE_OUTCOMES, Answer, Outcome
from promotebot.action.retry import Attempt, report_errors, retry_on_moved_head
from promotebot.comments.notices import render_gate
from promotebot.errors import PromotebotError
from promotebot.findings import error, errors_in
from promotebot.gate.evaluate import GateResult
from promotebot.gate.judge import evaluate_pull
from promotebot.gate.refusal import Reason
from promotebot.gate.report import annotate
from promotebot.gate.requests import check_attested
from promotebot.pulls.context import JobContext


def evaluate_pulls(numbers: Sequence[int], job: JobContext) -> Answer:
    """Evaluate each pull request of a branch as it is now; the answer is the worst of theirs."""
    return max((_evaluate(number, job) for number in numbers), key=lambda answer: answer.code)


def _evaluate(number: int, job: JobContext) -> Answer:
    """Evaluate a pull request, from this repository or a fork, and set the check on its head."""
    pull, comments = job.github.conversation(number)
    if pull.state != "open":
        return Answer(Outcome.IGNORED, Reason.PULL_CLOSED, "the pull request is closed")
    url = job.settings.run_url or f"{job.settings.server_url}/{job.settings.repository}/pull/{number}"
    requester = Requester(number, pull.author, "", url)
    replier = Replier(job.github, job.settings, requester)
    replier.set_pull(pull, job.default_branch)
    replier.set_comments(comments)
    return report_errors(replier, lambda: retry_on_moved_head(requester, job, replier, publish_gate, known=pull))


def publish_gate(attempt: Attempt) -> Answer:
    """Evaluate a pull request as it was read, and set the check on its head; a refusal is a comment, too.

    Raises:
        PromotebotError: for what could not be read, after the check was set to red.
    """
    snapshot, replier, changeset = attempt.snapshot, attempt.replier, attempt.snapshot.changeset
    replier.set_head(changeset.head, changeset.policy.contacts)
    attempt.record.revoke_other_bases()
    try:
        result = evaluate_pull(snapshot, changeset, attempt.job)
    except PromotebotError as problem:
        unreadable = error("gate.unreadable", problem.message, where=problem.where, remedy=problem.remedy)
        rendered = render_gate([unreadable], f"refused: {problem.message[:120]}", replier.context)
        if not _belongs_to_another(attempt):
            replier.check(changeset.head, "failure", rendered.title, rendered, annotate([unreadable], changeset))
        raise
    rendered = render_gate(result.findings, result.title, replier.context, waiting=result.waiting)
    if result.passes and not snapshot.takes_promotions:
        # Nobody said which rules hold for that base, so nothing is green there.
        message = f"no check is set for a pull request into {snapshot.pull.base_ref!r}, which takes no promotions"
        return Answer(Outcome.IGNORED, Reason.WRONG_BASE, message, summary=rendered.full)
    if not result.passes and _belongs_to_another(attempt):
        return replier.post(Answer(GATE_OUTCOMES[result.conclusion], Reason.GATE, result.title), rendered)
    replier.publish(result, changeset, rendered)
    if not result.passes:
        attempt.record.revoke_heads(why="a later head was refused, or waits", keep=changeset.head)
    elif not _still_stands(attempt, result):
        return publish_gate(attempt)  # taken back while this job looked: what it says must not outlive that
    answer = Answer(GATE_OUTCOMES[result.conclusion], Reason.GATE, result.title, summary=rendered.full)
    if answer.outcome is Outcome.REFUSED:
        return replier.post(answer, rendered)
    return replier.update_if_present(answer, rendered)


def _belongs_to_another(attempt: Attempt) -> bool:
    """Return whether a refusal stays off the head, which carries the verdict on a pull request of more standing.

    Whoever may only read can open a pull request of any commit from a fork, and could turn a promotion red by it. What
    is refused here stays refused: no status is set, and nothing turns green.

    Raises:
        CouldNotVerify: when GitHub does not answer.
    """
    snapshot = attempt.snapshot
    pull, head = snapshot.pull, snapshot.changeset.head
    if snapshot.takes_promotions and not pull.is_fork:
        return False
    return any(
        other.state == "open" and not other.is_fork and snapshot.is_promoted_into(other.base_ref)
        for other in attempt.job.github.pulls_with(head)
        if other.head_sha == head and other.number != pull.number
    )


def _still_stands(attempt: Attempt, result: GateResult) -> bool:
    """Return whether what was found attested before the verdict is so after it.

    Withdrawing takes back the events first and the verdicts then: either it sees our green, or we see that.
    """
    findings = check_attested(
        result.steps, attempt.snapshot.pull.number, attempt.snapshot.other_base, attempt.job
    ).values()
    return not errors_in(findings)
