"""What was measured on an evaluation set, as a terminal prints it and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from pydantic import BaseModel, ConfigDict

from promotebot.artifact.evaluation import ClassScore, Evaluation, Judged, most_changed
from promotebot.text import counted, percent, short_difference, short_number, visible

MAX_CLASSES = 8
"""Lines about classes at a terminal; JSON has all."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True)


class LimitReport(_Part):
    """One thing that the policy asks of a metric."""

    asked: str
    """`at least 0.9`."""
    margin: float | None
    """Below zero where it is not reached; null where that is not known."""
    problem: str
    """Why it is not known; empty where it is, and where nothing was ever ACTIVE."""


class MetricReport(_Part):
    """One metric of both models; null for what is not known."""

    name: str
    candidate: float | None
    active: float | None
    difference: float | None
    problem: str
    limits: tuple[LimitReport, ...]


class ClassReport(_Part):
    """F1 of one class of the labels; null for what is not known."""

    name: str
    rows: int
    candidate: float
    active: float | None
    difference: float | None


class OutputReport(_Part):
    """How an output differs from that of ACTIVE; null for what it has none of."""

    name: str
    same_classes: float | None
    largest_difference: float | None
    mean_difference: float | None
    problem: str


class EvaluationReport(_Part):
    """A candidate, and ACTIVE beside it, on the policy's evaluation set; computed by promotebot."""

    dataset: str
    rows: int
    """That were read, the first ones."""
    total: int
    active: str
    """The directory of the artifact beside it; empty where there is none."""
    problem: str
    """Why nothing was measured; empty where something was."""
    active_problem: str
    """Why ACTIVE was not measured; empty where it was, and where there is none."""
    metrics: tuple[MetricReport, ...]
    f1_by_class: tuple[ClassReport, ...]
    """Empty for labels that are numbers, and for more than 100 classes."""
    outputs: tuple[OutputReport, ...]


def evaluation_report(found: Evaluation | None) -> EvaluationReport | None:
    """Return what was measured as JSON has it; None where nobody asked."""
    if found is None:
        return None
    return EvaluationReport(
        dataset=found.dataset,
        rows=found.result.rows if found.result else 0,
        total=found.result.total if found.result else 0,
        active=found.incumbent,
        problem=found.why_not,
        active_problem=found.why_not_beside,
        metrics=tuple(_metric(one) for one in found.judged()),
        f1_by_class=tuple(
            ClassReport(
                name=one.name,
                rows=one.rows,
                candidate=float(one.candidate),
                active=_float(one.incumbent),
                difference=_float(one.difference),
            )
            for one in found.by_class
        ),
        outputs=tuple(
            OutputReport(
                name=one.name,
                same_classes=one.agreement,
                largest_difference=one.largest if one.values else None,
                mean_difference=one.mean,
                problem=one.problem,
            )
            for one in found.outputs
        ),
    )


def _metric(one: Judged) -> MetricReport:
    return MetricReport(
        name=one.name,
        candidate=_float(one.candidate),
        active=_float(one.incumbent),
        difference=_float(one.difference),
        problem=one.problem,
        limits=tuple(
            LimitReport(asked=limit.words, margin=_float(limit.margin), problem=limit.problem) for limit in one.limits
        ),
    )


def _float(number: Decimal | None) -> float | None:
    return None if number is None else float(number)


def evaluation_lines(found: Evaluation | None) -> Iterator[str]:
    """Yield what was measured, a line for each metric and output; what is asked for is told by the rules."""
    if found is None or found.why_not:
        return
    yield f"measured on {found.dataset}, {found.amount}:"
    for one in found.judged():
        if one.candidate is None:
            continue
        yield f"  {one.name} {short_number(one.candidate)}{_beside(one, found.active)}"
    unknown = found.unknown()
    for name, problem in unknown.items():
        yield f"  {visible(name)} is not known: {visible(problem)}"
    if not unknown and found.result and not found.result.labels:
        yield "  no metric is known: there are no labels (evaluation/labels.npy)"
    yield from _class_lines(found)
    yield from _output_lines(found)


def _class_lines(found: Evaluation) -> Iterator[str]:
    shown = most_changed(found.by_class, MAX_CLASSES)
    for one in shown:
        number = f"{short_number(one.candidate)}{_beside(one, found.active)}"
        yield f"  F1 of class {visible(one.name)} ({counted(one.rows, 'row')}) {number}"
    left = len(found.by_class) - len(shown)
    if left:
        yield f"  and F1 of {left} more, see --json"


def _beside(one: Judged | ClassScore, active: str) -> str:
    """Return the other model's number and the difference to it; empty where they are not known."""
    if one.incumbent is None or one.difference is None:
        return ""
    return f", {active} {short_number(one.incumbent)} ({short_difference(one.difference)})"


def _output_lines(found: Evaluation) -> Iterator[str]:
    for output in found.outputs:
        if output.problem:
            yield f"  output {visible(output.name)} is not compared: {visible(output.problem)}"
            continue
        share = output.agreement
        words = [f"{percent(share)} of the classes as {found.active}"] if share is not None else []
        words += [f"largest difference {output.largest:.3g}"] if output.values else []
        words += [f"mean {output.mean:.3g}"] if output.mean is not None else []
        yield f"  output {visible(output.name)}: {', '.join(words) or 'no values'}"
