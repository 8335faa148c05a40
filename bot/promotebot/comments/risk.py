"""The first line of a card: what a promotion changes for production, in one sentence."""

from __future__ import annotations

from collections.abc import Iterator

from promotebot.artifact.comparison import Comparison
from promotebot.artifact.evaluation import Evaluation
from promotebot.comments.decisions import PlanComment
from promotebot.comments.markdown import code, text
from promotebot.comments.model_differences import evidence_of, signature_difference
from promotebot.comments.stage_times import StageTimes
from promotebot.comments.weights import not_opened
from promotebot.registry.model import Action, Pointer
from promotebot.registry.names import Stage
from promotebot.text import counted, duration, percent, short_number


def risk_line(one: PlanComment, *, is_merged: bool = False, keeps_active: bool = True) -> str:
    """Return one sentence, in Markdown: the stage, what leaves it, what comes, and how the two differ.

    Args:
        is_merged: it has happened.
        keeps_active: nothing else that is merged with it changes what is ACTIVE.
    """
    plan, stage = one.plan, one.plan.request.stage
    old, new = plan.today, plan.pointer
    unchanged = _unchanged(one) if keeps_active else ""
    if plan.action is Action.DEMOTE:
        return f"{unchanged}{_emptied(one, new, is_merged=is_merged)}"
    if plan.action is Action.IMPORTED:
        verb = "was recorded" if is_merged else "is recorded"
        first = not_opened(plan.findings, one.evidence)
        return f"{first}{stage.label} {verb} as {code(new.artifact_id)}, which another tool put there."
    differences = ", ".join(_differences(one))
    told = f": {differences}." if differences else "."
    if old is None:
        moves = f"{stage.label} {'held' if is_merged else 'holds'} nothing"
        sentence = f"{moves} and {'got' if is_merged else 'gets'} {code(new.artifact_id)}{told}"
    else:
        verb = ("moved" if is_merged else "moves") + (" back" if plan.action is Action.ROLLBACK else "")
        held = _held(one, old, stage)
        sentence = f"{stage.label} {verb} from {code(old.artifact_id)}{held} to {code(new.artifact_id)}{told}"
    return f"{not_opened(one.plan.findings, one.evidence)}{unchanged}{sentence}"


def _emptied(one: PlanComment, pointer: Pointer, *, is_merged: bool) -> str:
    stage = one.plan.request.stage
    verb = "was removed" if is_merged else "is removed"
    sentence = f"{code(pointer.artifact_id)}{_held(one, pointer, stage)} {verb} from {stage.label}"
    if stage is not Stage.ACTIVE:
        return f"{sentence}."
    return f"**Production {'was' if is_merged else 'is'} left without a model:** {sentence}, and nothing replaces it."


def _unchanged(one: PlanComment) -> str:
    """Return, for a stage below ACTIVE, that production keeps what it has."""
    plan = one.plan
    if plan.request.stage is Stage.ACTIVE:
        return ""
    entry = plan.before.entry(plan.request.model)
    live = entry.active if entry else None
    kept = f"ACTIVE stays {code(live.artifact_id)}" if live else "ACTIVE stays empty"
    has_share = plan.pointer.share or (plan.today and plan.today.share)
    return f"{kept}. " if has_share else f"Production does not change ({kept}). "


def _held(one: PlanComment, pointer: Pointer, stage: Stage) -> str:
    span = _times(one).in_stage(pointer, stage)
    if span is None:
        return ""
    return f" ({duration(span.length)}{', self-asserted' if span.is_self_asserted else ''})"


def _times(one: PlanComment) -> StageTimes:
    return StageTimes(one.plan.before.history.get(one.plan.request.model, ()), one.now, one.merged_at)


def _differences(one: PlanComment) -> Iterator[str]:
    """Yield what is the same and what is not, then the time in the stages below."""
    plan = one.plan
    old, new, stage = plan.today, plan.pointer, plan.request.stage
    if old is not None:
        yield from _between(one, old, new)
    if new.share:
        before = f" instead of {old.share}" if old and old.share and old.share != new.share else ""
        yield f"{new.share} of production{before}"
    if plan.action is Action.ROLLBACK:
        held = _times(one).span(new, stage)
        yield f"bytes that were {stage.label} before" + (f", for {held}" if held else "")
        return
    yield from _computed(one.evidence.comparison, stage)
    yield from _measured(one.evidence.evaluation, stage)
    below = _times(one).in_stages(new, [lower for lower in Stage if lower.rank < stage.rank])
    if below:
        yield below
    elif stage is Stage.ACTIVE:
        yield "never in SHADOW or STAGING"


def _computed(found: Comparison | None, stage: Stage) -> Iterator[str]:
    """Yield how close the outputs are to those of ACTIVE, where they were to be compared: the worst of them."""
    if found is None:
        return
    if not found.is_whole:
        is_any = any(not output.problem for output in found.outputs)
        yield "**not all outputs compared**" if is_any else "**outputs not compared**"
        return
    other = found.former or ("ACTIVE" if stage is not Stage.ACTIVE else "")  # which the sentence names else
    if shares := [share for output in found.outputs if (share := output.agreement) is not None]:
        yield f"same class{f' as {other}' if other else ''} in {percent(min(shares))} of golden rows"
    else:
        largest = max(output.largest for output in found.outputs)
        yield f"golden outputs differ{f' from {other}' if other else ''} by up to {largest:.3g}"
    if apart := sum(output.apart for output in found.outputs):
        yield f"**{counted(apart, 'golden value')} finite in one model only**"


def _measured(found: Evaluation | None, stage: Stage) -> Iterator[str]:
    """Yield the metrics on the evaluation set that miss what is asked for; where all reach it, the first one."""
    if found is None:
        return
    if found.why_not:
        yield f"**not measured on {text(found.dataset)}**"
        return
    judged = found.judged()
    missed = {row.name: limits for row in judged if (limits := [one.words for one in row.limits if one.is_missed])}
    other = found.former or ("ACTIVE" if stage is not Stage.ACTIVE else "")  # which the sentence names else
    for row in [row for row in judged if row.name in missed] or judged[:1]:
        value = short_number(row.candidate) if row.candidate is not None else "not known"
        beside = f" against {short_number(row.incumbent)}" if row.incumbent is not None else ""
        of = f" of {other}" if beside and other else ""
        words = f"{row.name} {value}{beside}{of} on {text(found.dataset)}"
        asks = " and ".join(missed.get(row.name, ()))
        yield f"**{words} ({asks} asked for)**" if asks else words


def _between(one: PlanComment, old: Pointer, new: Pointer) -> Iterator[str]:
    if old.artifact_id == new.artifact_id and not old.is_same_artifact(new):
        yield "**same id, different bytes**"
    if old.dataset_id and new.dataset_id:
        yield "same dataset" if old.dataset_id == new.dataset_id else "different dataset"
    elif new.dataset_id is None and old.dataset_id:
        yield "no dataset named"
    today, ours = evidence_of(old, one.today, one.evidence), evidence_of(new, one.evidence)
    signature = signature_difference(ours.card if ours else None, today.card if today else None)
    yield (f"**{signature}**" if "different" in signature else signature) or "inputs and outputs not compared"
    if old.feature_order_hash and new.feature_order_hash and old.feature_order_hash != new.feature_order_hash:
        yield "**different feature order**"
