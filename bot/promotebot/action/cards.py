"""The cards of a pull request: written again, from its state alone, after whatever may have changed that state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from promotebot.action.result import Answer
from promotebot.action.retry import Attempt
from promotebot.comments.card import CardState, Merge, render_card
from promotebot.comments.card_facts import CardPromotion
from promotebot.comments.comment import Rendered
from promotebot.comments.decisions import PlanComment, changes_made
from promotebot.comments.markdown import code
from promotebot.comments.notices import render_gate
from promotebot.comments.receipt import MAX_RECEIPTS, receipts_section
from promotebot.gate.evaluate import GateResult
from promotebot.planning.decide import Decided
from promotebot.promotion.checklist import Box, told_ticks
from promotebot.promotion.plan import Plan
from promotebot.promotion.receipt import receipt_of
from promotebot.promotion.replay import Step
from promotebot.pulls.changeset import Changeset
from promotebot.pulls.promotions import WITHDRAWN, carried_steps
from promotebot.pulls.replan import InvalidPromotions
from promotebot.registry.model import Action
from promotebot.registry.names import ModelName, Stage

MAX_CARDS = 10
"""Of one pull request, so that one with hundreds of models is no flood of comments; the check's report has them all."""
MAX_WITHDRAWALS = 5
"""Commits that a card names."""


def post_cards(
    attempt: Attempt, answer: Answer, result: GateResult, changeset: Changeset, *, main: str = "", remark: str = ""
) -> Answer:
    """Write the card of each model that the pull request promotes, or promoted when its card was written last.

    A card that cannot be written changes nothing about the outcome.

    Args:
        main: the model whose card the answer names; any of them where empty.
        remark: what happened a moment ago, in Markdown.
    """
    replier = attempt.replier
    replier.set_head(changeset.head, changeset.policy.contacts)
    carried, summaries = _by_risk(result.steps), [answer.summary]
    plans = plan_comments(result, attempt.snapshot.now)
    gone = [model for model in replier.models_with_card() if model not in carried]
    withdrawn = tuple(_withdrawals(changeset, attempt)) if gone and result.is_replayed else ()
    for model in [*carried[:MAX_CARDS], *gone]:
        state = _state(model, result, changeset, plans, remark, withdrawn)
        rendered = render_card(state, replier.context)
        posted = replier.post(answer, rendered)
        summaries.append(rendered.full)
        if model == main or not (main or answer.comment_url):
            answer = replace(answer, comment_url=posted.comment_url)
    return replace(answer, summary="\n\n".join(filter(None, summaries)))


def post_closed_cards(attempt: Attempt, answer: Answer) -> Answer:
    """Write the cards of a pull request that was closed without a merge, where it has any; nothing is judged for it."""
    replier, changeset = attempt.replier, attempt.snapshot.changeset
    models = replier.models_with_card()
    if not models:
        return answer
    carried = carried_steps(changeset)
    steps = () if isinstance(carried, InvalidPromotions) else carried
    replier.set_head(changeset.head, changeset.policy.contacts)
    for model in models:
        state = CardState(
            model,
            changeset.base_registry,
            changeset.head_registry if steps else None,
            promotions_of(model, steps, {}),
            tuple(steps),
            findings=(),
            conclusion="",
            is_closed=True,
        )
        replier.post(answer, render_card(state, replier.context))
    return answer


def checklists(attempt: Attempt, result: GateResult, changeset: Changeset) -> list[list[Box]]:
    """Return the runbook's checklist of each model that the pull request promotes, as its card shows it."""
    plans = plan_comments(result, attempt.snapshot.now)
    states = (_state(model, result, changeset, plans, "", ()) for model in _by_risk(result.steps))
    return [state.boxes for state in states if state.boxes]


def gate_report(attempt: Attempt, result: GateResult, changeset: Changeset) -> Rendered:
    """Return the report that stands beside the required status on a head, whichever job publishes it."""
    head = changeset.head
    plans, context = plan_comments(result, attempt.snapshot.now), replace(attempt.replier.context, head_sha=head)
    models = dict.fromkeys(step.model for step in result.steps)
    promotions = (one for model in models for one in promotions_of(model, result.steps, plans))
    changes = changes_made([one.plan for one in promotions if one.plan], context)
    receipts = receipts_section(_receipts(result, changeset), more=max(0, len(result.steps) - MAX_RECEIPTS))
    return render_gate(
        result.findings, result.title, context, waiting=result.waiting, changes=changes, receipts=receipts
    )


def _receipts(result: GateResult, changeset: Changeset) -> list[tuple[str, Mapping[str, str | None]]]:
    """Return what each promotion is about, with its receipt, as far as they are shown; none for what is refused."""
    after = changeset.head_registry if result.steps and result.conclusion != "failure" else None
    if after is None:
        return []
    base, head = changeset.base_registry, changeset.head
    shown = result.steps[:MAX_RECEIPTS]
    ticks, approvers = told_ticks(result.ticks), {"approvers": result.approvers.words if result.approvers else None}
    receipts = (receipt_of(step, head=head, before=base, after=after, checklist=ticks) for step in shown)
    return [(step.about, {**receipt, **approvers}) for step, receipt in zip(shown, receipts, strict=True)]


def _by_risk(steps: Sequence[Step]) -> list[ModelName]:
    """Return the models that are promoted, those whose ACTIVE changes first."""
    ranked = sorted(steps, key=lambda step: -(step.event.stage or Stage.ACTIVE).rank)
    return list(dict.fromkeys(step.model for step in ranked))


def _state(
    model: ModelName,
    result: GateResult,
    changeset: Changeset,
    plans: Mapping[Step, PlanComment],
    remark: str,
    withdrawn: tuple[str, ...],
) -> CardState:
    is_whole = result.is_replayed and not changeset.has_conflict
    promotions = promotions_of(model, result.steps, plans)
    return CardState(
        model,
        changeset.base_registry if is_whole else None,
        changeset.head_registry if is_whole else None,
        promotions,
        result.steps,
        result.findings,
        result.conclusion,
        result.waiting,
        is_unknown=not result.is_replayed,
        withdrawn_by=() if promotions else withdrawn,
        ticks=result.ticks,
        approvers=result.approvers.logins if result.approvers else (),
        remark=remark,
    )


def plan_comments(result: GateResult, now: datetime) -> Mapping[Step, PlanComment]:
    """Return the plan of each promotion that the gate allows, as comments show it."""
    plans = ((step, plan_comment(decided, now)) for step, decided in result.planned)
    return {step: plan for step, plan in plans if plan}


def promotions_of(
    model: ModelName, steps: Sequence[Step], plans: Mapping[Step, PlanComment]
) -> tuple[CardPromotion, ...]:
    """Return what merging does to each stage of a model.

    Several events of one stage are one move: from what the base holds to what the last of them leaves there.
    """
    stages: dict[Stage, list[Step]] = {}
    for step in steps:
        if step.model == model:
            stages.setdefault(step.event.stage or Stage.ACTIVE, []).append(step)
    return tuple(
        CardPromotion(own[-1], _from_first(plans.get(own[-1]), plans.get(own[0])), own[0]) for own in stages.values()
    )


def _from_first(last: PlanComment | None, first: PlanComment | None) -> PlanComment | None:
    """Return the last plan of a stage as it looks from before the first one; None where one of them is not known."""
    if last is None or first is None or last is first:
        return last if first else None
    old = first.plan.today
    pointer = old if old and last.plan.action is Action.DEMOTE else last.plan.pointer
    plan = replace(last.plan, before=first.plan.before, today=old, pointer=pointer)
    return replace(last, plan=plan, today=first.today)


def plan_comment(decided: Decided | None, now: datetime) -> PlanComment | None:
    """Return a decision as comments show it; None where the rules refuse it."""
    plan = decided.decision if decided else None
    return planned(plan, decided, now) if decided and isinstance(plan, Plan) else None


def planned(plan: Plan, decided: Decided, now: datetime) -> PlanComment:
    """Return a plan with what it was made from, as comments show it."""
    facts = decided.facts
    return PlanComment(
        plan,
        decided.evidence,
        decided.today,
        now=now,
        merged_at=facts.merged_at,
        claims=facts.claims,
        claims_of_active=facts.claims_of_active,
        former=facts.former,
        monitoring=decided.monitoring,
        quarantined=decided.quarantined,
    )


def _withdrawals(changeset: Changeset, attempt: Attempt) -> list[str]:
    """Return who withdrew what on this branch, by the bot's commits there, newest first.

    Anybody can write such a message. The bot's are those to which it moved the branch, or this very job did.
    """
    read, context = attempt.snapshot.changeset.head, attempt.replier.context
    found = changeset.repository.messages_since(changeset.fork_point, changeset.head, WITHDRAWN, limit=MAX_WITHDRAWALS)
    lines = []
    for sha, message in found:
        if not (sha == changeset.head != read or attempt.record.is_by_bot(sha)):
            continue
        names = message.partition("\n")[0].rpartition("Withdraw ")[2]
        by = next((line.partition(": ")[2] for line in message.split("\n") if line.startswith("Requested-by: ")), "")
        lines.append(f"{code(names)} was withdrawn{f' by {code(by)}' if by else ''} in {context.commit(sha)}")
    return lines


def merged_state(
    model: ModelName, steps: Sequence[Step], planned: Mapping[Step, PlanComment], changeset: Changeset, merge: Merge
) -> CardState:
    """Return the state of a model's card after the merge.

    Args:
        steps: what the pull request brought, of every model.
        planned: the plan of each, as far as it could be made again.
    """
    return CardState(
        model,
        changeset.base_registry,
        changeset.head_registry,
        promotions_of(model, steps, planned),
        tuple(steps),
        findings=(),
        conclusion="success",
        merge=merge,
    )
