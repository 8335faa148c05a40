"""The gate on one pull request as it was read: judged, published on its head, and shown on its cards."""

from __future__ import annotations

from promotebot.action.cards import gate_report, post_cards
from promotebot.action.result import GATE_OUTCOMES, Answer, Outcome
from promotebot.action.retry import Attempt, retry_on_moved_head
from promotebot.action.verdict import publish_standing
from promotebot.comments.notices import render_gate
from promotebot.errors import PromotebotError
from promotebot.findings import error
from promotebot.gate.evaluate import GateResult
from promotebot.gate.judge import evaluate_pull
from promotebot.gate.refusal import Reason
from promotebot.gate.report import annotate
from promotebot.pulls.snapshot import at_its_head


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
    report = gate_report(attempt, result, changeset)
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
