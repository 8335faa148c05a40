"""One open pull request after its base moved: its promotions planned again where they must be, and judged.

See docs/architecture.md, Commands.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from promotebot.action.cards import gate_report, post_cards
from promotebot.action.commit import DecidedChange, commit_decided
from promotebot.action.gate import judge_left, publish_gate
from promotebot.action.result import Answer, Outcome
from promotebot.action.retry import Attempt
from promotebot.action.verdict import publish_standing
from promotebot.comments.comment import Rendered
from promotebot.comments.markdown import code
from promotebot.comments.refusals import render_failure, render_unclear
from promotebot.errors import BaseMoved, InvalidInput
from promotebot.findings import Finding, error, errors_in
from promotebot.gate.admission import base_refusal, may_write
from promotebot.gate.evaluate import GateResult
from promotebot.gate.judge import evaluate_pull
from promotebot.gate.refusal import Reason
from promotebot.gate.report import annotate
from promotebot.gate.requests import check_attested
from promotebot.promotion.replay import Diverged, Step
from promotebot.pulls.promotions import carried_steps, is_of_another_policy, own_steps
from promotebot.pulls.replan import InvalidPromotions, PendingPromotions, replan
from promotebot.registry.names import GitSha


def refresh_pull(attempt: Attempt) -> Answer:
    """Plan a pull request's promotions again where they conflict now, or were decided by another policy; else judge it.

    Raises:
        PromotebotError: for what could not be read or asked.
    """
    changeset, replier = attempt.snapshot.changeset, attempt.replier
    # Every older head was judged on a base, and by a policy, that are no longer there.
    attempt.record.revoke_heads(why="judged before the base moved", keep=changeset.head)
    try:
        own = own_steps(changeset)
    except InvalidInput:  # what cannot be read is no pass, and the gate says why
        return publish_gate(attempt)
    pull = attempt.snapshot.pull
    if pull.is_fork or base_refusal(attempt.snapshot) or isinstance(own, Diverged) or not own.steps:
        return publish_gate(attempt)  # nothing is written to a fork, or to a branch that is promoted into
    steps = own.steps
    if errors_in(check_attested(steps, pull.number, attempt.snapshot.other_base, attempt.job).values()):
        return publish_gate(attempt)  # planning them again would vouch for what the bot did not decide
    replier.set_head(changeset.head, changeset.policy.contacts)
    if not changeset.has_conflict and not any(is_of_another_policy(step, changeset) for step in steps):
        return publish_gate(attempt)
    if not may_write(pull.author, attempt.job.github):
        return publish_gate(attempt)  # whoever may read can open a pull request from anybody's branch into a base
    pending = _replan(attempt)
    if isinstance(pending, InvalidPromotions):
        rendered = render_unclear(pending.findings, pending.model, replier.context)
        answer = Answer(Outcome.UNCHANGED, Reason.RULES, rendered.title)
        return _stop(attempt, answer, rendered, steps, pending.findings)
    models = sorted({step.model for step in steps})
    try:
        commit = _commit(attempt, pending, models)
    except BaseMoved as problem:
        rendered = render_failure(problem, replier.context)
        answer = Answer(Outcome.UNCHANGED, Reason.BASE_MOVED, problem.message)
        moved = error("gate.base", problem.message, where=problem.where, remedy=problem.remedy)
        return _stop(attempt, answer, rendered, steps, (moved,))
    return _report(attempt, pending, commit)


def _stop(
    attempt: Attempt, answer: Answer, rendered: Rendered, steps: Sequence[Step], findings: Sequence[Finding]
) -> Answer:
    """Turn the head red for what keeps its promotions from being planned again, and say so on the cards."""
    changeset = attempt.snapshot.changeset
    attempt.replier.check(changeset.head, "failure", rendered.title, rendered, annotate(findings, changeset))
    stopped = GateResult(tuple(steps), tuple(findings))
    return post_cards(attempt, replace(answer, summary=rendered.full), stopped, changeset)


def _replan(attempt: Attempt) -> PendingPromotions | InvalidPromotions:
    """Plan again what merging adds to the base, which may hold some of the branch's own events already."""
    carried = carried_steps(attempt.snapshot.changeset)
    if isinstance(carried, InvalidPromotions):
        return carried
    return replan(carried, carried, attempt.snapshot, attempt.job)


def _commit(attempt: Attempt, pending: PendingPromotions, models: Sequence[str]) -> GitSha:
    pull = attempt.snapshot.pull
    message = f"chore(ml): Update the promotions of #{pull.number} for {pull.base_ref}\n"
    change = DecidedChange(
        pending.registry,
        models,
        before=pending.own,
        after=pending.steps,
        message=message,
        merge=True,
        is_meant=lambda _: False,
    )
    return commit_decided(attempt, change)


def _report(attempt: Attempt, pending: PendingPromotions, commit: GitSha) -> Answer:
    """Evaluate the new head, publish the verdict on it, and write the cards."""
    changeset, decided = replace(attempt.snapshot.changeset, head=commit), {step.digest for step in pending.steps}
    result = evaluate_pull(attempt.snapshot, changeset, attempt.job, decided=decided, record=attempt.record)
    publish_standing(attempt, result, changeset, gate_report(attempt, result, changeset), is_made_now=True)
    base_ref = attempt.snapshot.pull.base_ref
    answer = Answer(Outcome.PROMOTED, Reason.RECOMPUTED, f"updated for the new {base_ref}; {result.title}", commit)
    told = post_cards(attempt, answer, result, changeset, remark=_remark(attempt, commit))
    judge_left(attempt, attempt.snapshot.changeset.head)
    return told


_APPROVE_AGAIN = {
    True: " **Approve again:** the base's rules ignore approvals that are older than the last commit.",
    False: "",
    None: " GitHub may have dismissed an earlier approval; if so, approve again.",
}
"""By whether the base's rules dismiss approvals; None where GitHub does not say."""


def _remark(attempt: Attempt, commit: GitSha) -> str:
    """Return what happened to the branch, and what that means for approvals."""
    snapshot, context = attempt.snapshot, attempt.replier.context
    is_merged = snapshot.repository.is_ancestor(snapshot.changeset.head, commit)
    brought = "this branch was merged with it" if is_merged else "this branch is now one commit on top of it"
    dismisses = attempt.job.github.git.rules(snapshot.pull.base_ref).dismisses_approvals
    base = code(snapshot.pull.base_ref)
    told = f"{base} changed: {brought} ({context.commit(commit)}), and every rule was applied again."
    return f"**Updated for the new {base}.** {told}{_APPROVE_AGAIN[dismisses]}"
