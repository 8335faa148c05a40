"""The gate on one pull request as it was read: judged, published on its head, and shown on its cards."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping

from promotebot.action.cards import gate_report, post_cards
from promotebot.action.reply import Replier
from promotebot.action.requester import Requester
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
from promotebot.gate.shared import pulls_at
from promotebot.gate.status import publish_red
from promotebot.github.checks import is_gate
from promotebot.pulls.queue import groups_with, queued_groups
from promotebot.pulls.snapshot import at_its_head

log = logging.getLogger(__name__)


def publish_gate(attempt: Attempt) -> Answer:
    """Evaluate a pull request as it was read, and set the check on its head; a refusal is a comment, too.

    Other pull requests that promote from the same commit are judged again with it.

    Raises:
        RefChanged: when something moved meanwhile; read it again and judge again.
        PromotebotError: for what could not be read, after the check was set to red.
    """
    answer, shared = _publish(attempt)
    _judge_sharing(attempt, shared)
    return answer


def judge_left(attempt: Attempt, sha: str) -> None:
    """Judge the pull requests again that shared a commit with this one, which has left it, or is closed.

    Where that fails they stay red, and their cards say so.
    """
    if _is_refused(attempt, sha):
        bases = _others_at(sha, attempt)
        _judge_each(attempt, {one: {two for two in bases if two != one and bases[two] == bases[one]} for one in bases})


def _others_at(sha: str, attempt: Attempt) -> Mapping[int, str]:
    """Return the other pull requests at a commit, with their bases; none where nobody can tell."""
    try:
        return {other.number: other.base_ref for other in pulls_at(sha, attempt.snapshot, attempt.job)}
    except PromotebotError as problem:
        log.warning("nobody knows who else is at %s: %s", sha[:7], problem)
        return {}


def _is_refused(attempt: Attempt, sha: str) -> bool:
    """Return whether the gate refused a commit: only then can others be red because of this pull request."""
    told = (attempt.snapshot.pull.commit_statuses or {}).get(sha)
    try:
        statuses = attempt.record.statuses_on(sha) if told is None else told
    except PromotebotError as problem:
        log.warning("nobody knows what was said of %s: %s", sha[:7], problem)
        return False
    return any(is_gate(status.context) and status.state == "failure" for status in statuses)


def _judge_sharing(attempt: Attempt, shared: Collection[int]) -> None:
    _judge_each(attempt, {number: {*shared, attempt.snapshot.pull.number} - {number} for number in shared})


def _judge_each(attempt: Attempt, sharing: Mapping[int, Collection[int]]) -> None:
    """Judge other pull requests, each with those that share its commit; a failure leaves it red, and is logged."""
    for number, shared in sorted(sharing.items()):
        _judge_other(attempt, number, shared)


def _judge_other(attempt: Attempt, number: int, shared: Collection[int]) -> None:
    job = attempt.job
    try:
        pull, comments = job.github.conversation(number)
        requester = Requester(number, job.settings.bot_login, "", job.settings.run_url or attempt.requester.url)
        replier = Replier(job.github, job.settings, requester)
        replier.set_comments(comments)
        retry_on_moved_head(requester, job, replier, lambda other: _publish(other, shared)[0], known=pull)
    except PromotebotError as problem:
        log.warning("#%d was not judged again: %s", number, problem)


def _publish(attempt: Attempt, shared: Collection[int] | None = None) -> tuple[Answer, tuple[int, ...]]:
    """Do what `publish_gate` says, for this pull request alone; return who shares its commit, too."""
    snapshot, replier, changeset = attempt.snapshot, attempt.replier, attempt.snapshot.changeset
    replier.set_head(changeset.head, changeset.policy.contacts)
    attempt.record.revoke_other_bases()
    if not snapshot.takes_promotions:
        # Nobody said which rules hold for that base, so nothing is judged by its policy, and nothing is green there.
        message = (
            f"no check is set for a pull request into {snapshot.pull.base_ref!r}, which does not accept promotions"
        )
        return Answer(Outcome.IGNORED, Reason.WRONG_BASE, message), ()
    try:
        result = evaluate_pull(snapshot, changeset, attempt.job, record=attempt.record, shared=shared)
        if not result.passes:
            _stop_queue(attempt, result.title)
    except PromotebotError as problem:
        _tell_unjudged(problem, attempt, shared)
        raise
    report = gate_report(attempt, result, changeset)
    if not result.passes and _belongs_to_another(attempt):
        return replier.post(Answer(GATE_OUTCOMES[result.conclusion], Reason.GATE, result.title), report), ()
    publish_standing(attempt, result, changeset, report)
    if not result.passes:
        attempt.record.revoke_heads(why="a later head was refused, or waits", keep=changeset.head)
    answer = Answer(GATE_OUTCOMES[result.conclusion], Reason.GATE, result.title, summary=report.full)
    told = post_cards(attempt, answer, result, changeset)
    if answer.outcome is Outcome.REFUSED and not told.comment_url:  # where no card says it
        return replier.post(answer, report), result.shared
    noted = replier.update_if_present(answer, report)
    return (told if told.comment_url else noted), result.shared


def _tell_unjudged(problem: PromotebotError, attempt: Attempt, shared: Collection[int] | None) -> None:
    """Turn red what could not be judged, say so wherever its verdict stands, and stop what is queued with it."""
    snapshot, replier, changeset = attempt.snapshot, attempt.replier, attempt.snapshot.changeset
    unreadable = error("gate.unreadable", problem.message, where=problem.where, remedy=problem.remedy)
    rendered = render_gate([unreadable], f"refused: {problem.message[:120]}", replier.context)
    if not _belongs_to_another(attempt):
        replier.check(changeset.head, "failure", rendered.title, rendered, annotate([unreadable], changeset))
        unknown = GateResult((), (unreadable,), is_replayed=False)
        post_cards(attempt, Answer(Outcome.FAILED, Reason.COULD_NOT_VERIFY), unknown, changeset)
        if shared is None:
            _judge_sharing(
                attempt,
                [n for n, base in _others_at(changeset.head, attempt).items() if base == snapshot.pull.base_ref],
            )
    _stop_queue(attempt, "could not be judged")


def _stop_queue(attempt: Attempt, why: str) -> None:
    """Turn what the merge queue built with this pull request red: no red of a head stops a group that is green already.

    A head that nobody has judged was never green, and is in no queue.

    Raises:
        CouldNotVerify: when git or GitHub does not answer.
    """
    snapshot, replier = attempt.snapshot, attempt.replier
    told = (snapshot.pull.commit_statuses or {}).get(snapshot.changeset.head)
    if told is not None and not any(is_gate(status.context) for status in told):
        return
    for group in groups_with(snapshot.pull.number, queued_groups(snapshot.pull.base_ref, snapshot.repository)):
        publish_red(attempt.job.github, group.sha, replier.context.gate, f"#{snapshot.pull.number} {why}")


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
