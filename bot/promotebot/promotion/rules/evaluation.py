"""The rule about a candidate on the policy's evaluation set: its metrics, and its outputs beside those of ACTIVE."""

from __future__ import annotations

from collections.abc import Iterator

from promotebot.artifact.comparison import Comparison
from promotebot.artifact.evaluation import Evaluation, Judged, Limit
from promotebot.findings import Finding, Severity, error, passed, warning
from promotebot.promotion.evaluation_policy import EvaluationSet
from promotebot.promotion.rules.comparison import Closeness
from promotebot.promotion.rules.context import RuleContext
from promotebot.remedies import Remedy
from promotebot.text import short_number

DATA, METRIC, DIFFERENCE = "evaluation.data", "evaluation.metric", "evaluation.difference"
_DATA = "correct the dataset on the base branch, or `evaluation_set` in its policy"
_UNKNOWN = (
    "give the dataset or the model what is missing; or change `evaluation_set` in the policy of the base branch first"
)
_BETTER = "improve the model; or change `evaluation_set` in the policy of the base branch first"


def evaluation_suffices(context: RuleContext) -> Iterator[Finding]:
    """Judge what was computed on the evaluation set; what is asked for and is not known is refused.

    The way back is never refused. Where nothing was ever ACTIVE, only the candidate's own metrics count.
    """
    asked, stage, where = context.policy.evaluation_set, context.request.stage, context.request.artifact_dir
    if asked is None or stage not in asked.stages or context.is_rollback or context.digest is None:
        return
    held = context.compared_with
    if held and context.evidence.is_of(held.pointer):
        return
    found = context.evidence.evaluation
    if found is None or found.why_not:
        why = found.why_not if found else "it was not opened"
        message = f"Not measured on {asked.dataset}: {why}."
        tell = error if asked.asks else warning
        yield tell(DATA, message, where=where, remedy=(found and found.remedy) or _DATA)
        return
    yield _measured(found, where)
    for row in found.judged(dict(asked.asked)):
        yield from _held_against(row, found, where)
    if held is None or not asked.is_set:
        return
    if found.why_not_beside or not found.outputs:
        why = found.why_not_beside or "there is no output"
        yield error(DIFFERENCE, f"Not compared with {held} on {asked.dataset}: {why}.", where=where, remedy=_DATA)
        return
    yield from _close(found, asked, where, held.name)


def _measured(found: Evaluation, where: str) -> Finding:
    """Return on what it was measured, and whether the incumbent was, too."""
    if found.why_not_beside:
        message = (
            f"{found.dataset} ({found.amount}): only the candidate ran there: of {found.active}, {found.why_not_beside}"
        )
        return warning(DATA, f"{message}.", where=where, remedy=_DATA)
    return passed(DATA, f"{found.dataset} ({found.amount}), computed by promotebot", where=where)


def _held_against(row: Judged, found: Evaluation, where: str) -> Iterator[Finding]:
    """Yield what each threshold comes to; one finding for all of them where the metric itself is not known."""
    if row.candidate is None:
        if row.limits:
            asks = " and ".join(limit.words for limit in row.limits)
            message = f"{row.name} is not known on {found.dataset}: {row.problem}; the policy asks for {asks}."
            yield error(METRIC, message, where=where, remedy=_UNKNOWN)
        return
    beside = ""
    if row.difference is not None and row.incumbent is not None:
        arrow = "→" if not row.difference else "↑" if row.difference > 0 else "↓"
        beside = f" ({arrow} {found.active} {short_number(row.incumbent)})"
    value = f"{row.name} {short_number(row.candidate)}{beside} on {found.dataset}"
    yield from (_reached(f"{value}, {limit.words}", limit, where) for limit in row.limits)


def _reached(words: str, limit: Limit, where: str) -> Finding:
    if limit.problem:
        return error(METRIC, f"{words}: {limit.problem}.", where=where, remedy=_DATA)
    if limit.margin is None:
        return passed(METRIC, f"{words}: nothing has been ACTIVE before", where=where)
    if limit.margin < 0:
        return error(METRIC, f"{words}: missed by {short_number(-limit.margin)}.", where=where, remedy=_BETTER)
    return passed(METRIC, f"{words}: margin {short_number(limit.margin)}", where=where)


def _close(found: Evaluation, asked: EvaluationSet, where: str, active: str) -> Iterator[Finding]:
    """Yield what the thresholds of outputs come to, as for golden inputs."""
    wrong = next((output for output in found.outputs if output.problem), None)
    if wrong:
        message = f"Output {wrong.name} was not compared on {found.dataset}: {wrong.problem}."
        yield error(DIFFERENCE, message, where=where, remedy=_BETTER)
        return
    outputs = Comparison(found.incumbent, 1, found.outputs)
    for finding in Closeness(outputs, asked, where, f"{active} on {found.dataset}").findings():
        remedy = Remedy(_BETTER) if finding.severity is Severity.ERROR else finding.remedy
        yield finding.model_copy(update={"rule": DIFFERENCE, "remedy": remedy})
