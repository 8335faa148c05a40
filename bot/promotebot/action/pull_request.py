"""The gate on a pull request: evaluate it as it is now, and publish the required check on its head."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from promotebot.action.cards import gate_report, post_cards, post_closed_cards
from promotebot.action.reply import Replier
from promotebot.action.requester import Requester
from promotebot.action.result import GATE_OUTCOMES, Answer, Outcome
from promotebot.action.retry import Attempt, report_errors, retry_on_moved_head
from promotebot.action.verdict import publish_standing
from promotebot.comments.notices import render_gate
from promotebot.errors import PromotebotError
from promotebot.findings import error
from promotebot.gate.evaluate import GateResult
from promotebot.gate.judge import evaluate_pull
from promotebot.gate.refusal import Reason
from promotebot.gate.report import annotate
from promotebot.github.events import PullChanged, PullClosed, Reviewed, ToldPull
from promotebot.pulls.context import JobContext
from promotebot.pulls.snapshot import at_its_head
from promotebot.text import counted

if TYPE_CHECKING:  # PyGithub is loaded by whoever makes the client
    from promotebot.github.ports import PullRequest


def evaluate_pulls(event: PullChanged | Reviewed | PullClosed, job: JobContext) -> Answer:
    """Evaluate each pull request of a branch as it is now; the answer is the worst of theirs.

    What is green on a pull request that was closed without a merge is taken back.
    """
    if isinstance(event, PullClosed):
        return _on_pull(event.pull, "closed", _revoke_closed, job)
    work = _publish_retargeted if event.is_retargeted else publish_gate
    told = event.told if isinstance(event, PullChanged) else None
    answers = (_on_pull(number, "open", work, job, told) for number in event.pulls)
    return max(answers, key=lambda answer: answer.code)


def _on_pull(
    number: int, state: str, work: Callable[[Attempt], Answer], job: JobContext, told: ToldPull | None = None
) -> Answer:
    """Do this on a pull request as it is now, from this repository or a fork, while it is in that state."""
    pull, comments = job.patience.ask_until(
        lambda: job.github.conversation(number), lambda found: _is_as_told(found[0], told)
    )
    if pull.state != state or pull.merged:
        return Answer(Outcome.IGNORED, Reason.PULL_CLOSED, f"the pull request is {pull.state}")
    url = job.settings.run_url or f"{job.settings.server_url}/{job.settings.repository}/pull/{number}"
    requester = Requester(number, pull.author, "", url)
    replier = Replier(job.github, job.settings, requester)
    replier.set_pull(pull, job.default_branch)
    replier.set_comments(comments)
    return report_errors(replier, lambda: retry_on_moved_head(requester, job, replier, work, known=pull))


def _publish_retargeted(attempt: Attempt) -> Answer:
    attempt.record.revoke_other_bases(everywhere=True)
    return publish_gate(attempt)


def _revoke_closed(attempt: Attempt) -> Answer:
    count = attempt.record.revoke_closed()
    message = f"closed without a merge; the check is red again on {counted(count, 'commit')}"
    return post_closed_cards(attempt, Answer(Outcome.IGNORED, Reason.PULL_CLOSED, message))


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
        RefChanged: when something moved meanwhile; read it again and judge again.
        PromotebotError: for what could not be read, after the check was set to red.
    """
    snapshot, replier, changeset = attempt.snapshot, attempt.replier, attempt.snapshot.changeset
    replier.set_head(changeset.head, changeset.policy.contacts)
    attempt.record.revoke_other_bases()
    if not snapshot.takes_promotions:
        # Nobody said which rules hold for that base, so nothing is judged by its policy, and nothing is green there.
        message = (
            f"no check is set for a pull request into {snapshot.pull.base_ref!r}, which does not accept promotions"
        )
        return Answer(Outcome.IGNORED, Reason.WRONG_BASE, message)
    try:
        result = evaluate_pull(snapshot, changeset, attempt.job, record=attempt.record)
    except PromotebotError as problem:
        unreadable = error("gate.unreadable", problem.message, where=problem.where, remedy=problem.remedy)
        rendered = render_gate([unreadable], f"refused: {problem.message[:120]}", replier.context)
        if not _belongs_to_another(attempt):
            replier.check(changeset.head, "failure", rendered.title, rendered, annotate([unreadable], changeset))
            unknown = GateResult((), (unreadable,), is_replayed=False)
            post_cards(attempt, Answer(Outcome.FAILED, Reason.COULD_NOT_VERIFY), unknown, changeset)
        raise
    report = gate_report(attempt, result, changeset.head)
    if not result.passes and _belongs_to_another(attempt):
        return replier.post(Answer(GATE_OUTCOMES[result.conclusion], Reason.GATE, result.title), report)
    publish_standing(attempt, result, changeset, report)
    if not result.passes:
        attempt.record.revoke_heads(why="a later head was refused, or waits", keep=changeset.head)
    answer = Answer(GATE_OUTCOMES[result.conclusion], Reason.GATE, result.title, summary=report.full)
    told = post_cards(attempt, answer, result, changeset)
    if answer.outcome is Outcome.REFUSED and not told.comment_url:  # where no card says it
        return replier.post(answer, report)
    noted = replier.update_if_present(answer, report)
    return told if told.comment_url else noted


def _belongs_to_another(attempt: Attempt) -> bool:
    """Return whether a refusal stays off the head, which carries the verdict on a pull request of more standing.

    Whoever may only read can open a pull request of any commit from a fork, and could turn a promotion red by it. What
    is refused here stays refused: no status is set, and nothing turns green.

    Raises:
        CouldNotVerify: when GitHub does not answer.
    """
    snapshot = attempt.snapshot
    pull, head = snapshot.pull, snapshot.changeset.head
    if not pull.is_fork:
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


def judge_again(attempt: Attempt) -> Answer:
    """Judge a pull request as it is now, after a job found that what it judged had moved."""
    return retry_on_moved_head(attempt.requester, attempt.job, attempt.replier, publish_gate)
