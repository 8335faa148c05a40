"""The gate on a pull request: evaluate it as it is now, and publish the required check on its head."""

from __future__ import annotations

from typing import TYPE_CHECKING

from promotebot.action.reply import Replier
from promotebot.action.requester import Requester
from promotebot.action.result import GATE_OUTCOMES, Answer, Outcome
from promotebot.action.retry import Attempt, report_errors, retry_on_moved_head
from promotebot.comments.notices import render_gate
from promotebot.errors import CouldNotVerify, PromotebotError, RefChanged
from promotebot.findings import error, errors_in
from promotebot.gate.evaluate import GateResult
from promotebot.gate.judge import evaluate_pull
from promotebot.gate.refusal import Reason
from promotebot.gate.report import annotate
from promotebot.gate.requests import check_attested
from promotebot.github.events import PullChanged, Reviewed, ToldPull
from promotebot.pulls.context import JobContext
from promotebot.pulls.snapshot import at_its_head

if TYPE_CHECKING:  # PyGithub is loaded by whoever makes the client
    from promotebot.github.ports import PullRequest


def evaluate_pulls(event: PullChanged | Reviewed, job: JobContext) -> Answer:
    """Evaluate each pull request of a branch as it is now; the answer is the worst of theirs."""
    told = event.told if isinstance(event, PullChanged) else None
    return max((_evaluate(number, job, told) for number in event.pulls), key=lambda answer: answer.code)


def _evaluate(number: int, job: JobContext, told: ToldPull | None) -> Answer:
    """Evaluate a pull request, from this repository or a fork, and set the check on its head."""
    pull = job.patience.ask_until(lambda: job.github.pull(number), lambda pull: _is_as_told(pull, told))
    if pull.state != "open":
        return Answer(Outcome.IGNORED, Reason.PULL_CLOSED, "the pull request is closed")
    url = job.settings.run_url or f"{job.settings.server_url}/{job.settings.repository}/pull/{number}"
    requester = Requester(number, pull.author, "", url)
    replier = Replier(job.github, job.settings, requester)
    replier.set_pull(pull, job.default_branch)
    return report_errors(replier, lambda: retry_on_moved_head(requester, job, replier, publish_gate, known=pull))


def _is_as_told(pull: PullRequest, told: ToldPull | None) -> bool:
    """Return whether GitHub's answer holds what the event told; a head in this repository is git's to tell.

    A job that ran later than the next change waits in vain, and judges what is there by then.
    """
    if told is None or pull.state != "open":
        return True
    is_head = not pull.is_fork or pull.head_sha == told.head_sha
    return is_head and (pull.base_ref, pull.draft) == (told.base_ref, told.draft)


def publish_gate(attempt: Attempt) -> Answer:
    """Evaluate a pull request as it was read, and set the check on its head; a refusal is a comment, too.

    Raises:
        RefChanged: when the branch moved meanwhile; read it again and run again.
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
    elif result.steps and not _is_still_there(attempt):
        why = "the branch moved while this was judged"
        attempt.job.github.publish_status(
            changeset.head, context=replier.context.gate, state="failure", description=why
        )
        raise RefChanged(f"{snapshot.pull.head_ref} moved away from {changeset.head[:7]}")
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
    others = [
        other
        for other in attempt.job.github.pulls_with(head)
        if other.number != pull.number and other.state == "open" and not other.is_fork
    ]
    return any(
        at_its_head(other, snapshot.repository).head_sha == head  # which GitHub's answer may not show yet
        for other in others
        if snapshot.is_promoted_into(other.base_ref)
    )


def _still_stands(attempt: Attempt, result: GateResult) -> bool:
    """Return whether what was found attested before the verdict is so after it.

    Withdrawing takes back the events first and the verdicts then: either it sees our green, or we see that.
    Where GitHub lists neither yet, `_is_still_there` tells.
    """
    findings = check_attested(
        result.steps, attempt.snapshot.pull.number, attempt.snapshot.other_base, attempt.job
    ).values()
    return not errors_in(findings)


def _is_still_there(attempt: Attempt) -> bool:
    """Return whether the branch is where it was judged, by git, whose answer is not late; no answer is no yes.

    Whoever takes promotions back turns that head red both before and after moving the branch away from it
    (`action.commit`): one of the two comes after our green, or this look comes after the move.
    """
    snapshot = attempt.snapshot
    try:
        return at_its_head(snapshot.pull, snapshot.repository).head_sha == snapshot.changeset.head
    except (CouldNotVerify, RefChanged):
        return False
