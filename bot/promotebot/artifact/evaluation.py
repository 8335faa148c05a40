"""A candidate and the incumbent on the policy's evaluation set: metrics computed here, held against limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, localcontext
from typing import NamedTuple

from promotebot.artifact.answer import Evaluated, Measured, MeasuredModel
from promotebot.artifact.comparison import OutputDifference
from promotebot.artifact.evaluation_terms import Asked
from promotebot.artifact.metrics import METRICS, OF_CLASSES, MetricName
from promotebot.remedies import Remedy
from promotebot.text import counted, distance

_DIGITS = 300
"""Enough for the difference of any two numbers that are read to be exact."""


class Limit(NamedTuple):
    """One thing that the policy asks of a metric."""

    words: str
    """`at least 0.9`."""
    margin: Decimal | None = None
    """How far the metric is from it; below zero it is not reached; None where that is not known."""
    problem: str = ""
    """Why it is not known; empty where it is, and where nothing else is ACTIVE."""

    @property
    def is_missed(self) -> bool:
        """Return whether it is not reached, or not known to be."""
        return bool(self.problem) or (self.margin is not None and self.margin < 0)


class Judged(NamedTuple):
    """One metric of both models, and what the policy asks of it."""

    name: str
    candidate: Decimal | None
    incumbent: Decimal | None
    problem: str
    """Why the candidate's is not known; empty where it is."""
    limits: tuple[Limit, ...] = ()

    @property
    def difference(self) -> Decimal | None:
        """Return the candidate's above the incumbent's; None where either is not known."""
        if self.candidate is None or self.incumbent is None:
            return None
        return _difference(self.candidate, self.incumbent)


class ClassScore(NamedTuple):
    """F1 of one class of the labels."""

    name: str
    rows: int
    candidate: Decimal
    incumbent: Decimal | None
    """None where it is not known."""

    @property
    def difference(self) -> Decimal | None:
        """Return the candidate's above the incumbent's; None where that is not known."""
        return None if self.incumbent is None else _difference(self.candidate, self.incumbent)


def most_changed(scores: Sequence[ClassScore], most: int) -> list[ClassScore]:
    """Return a few of the scores, in their order: those that changed most, and then the lowest."""
    ranked = sorted(scores, key=lambda one: (-abs(one.difference or Decimal(0)), one.candidate))
    chosen = {id(one) for one in ranked[:most]}
    return [one for one in scores if id(one) in chosen]


@dataclass(frozen=True)
class Evaluation:
    """How a candidate did beside the incumbent, or why that is not known."""

    dataset: str
    asked: Mapping[str, Asked] = field(default_factory=dict)
    """What the policy asked of metrics when it was run, for whoever shows it."""
    incumbent: str = ""
    """The directory of the other artifact; empty where there is none."""
    former: str = ""
    """What to call that one where it is not ACTIVE any more: `the last ACTIVE (until 2026-02-15)`."""
    result: Evaluated | None = None
    problem: str = ""
    """Why nothing was run; empty where something was."""
    incumbent_problem: str = ""
    """Why the incumbent was not run; empty where it was, and where there is none."""
    remedy: Remedy | None = None
    """What brings data that is not there as its manifest lists it: the next look may find it. Empty for all else."""

    @property
    def active(self) -> str:
        """Return what to call the other one: `ACTIVE`."""
        return self.former or "ACTIVE"

    @property
    def amount(self) -> str:
        """Return how much was read: `the first 10,000 of 52,000 rows`."""
        rows, total = (self.result.rows, self.result.total) if self.result else (0, 0)
        return f"the first {rows:,} of {total:,} rows" if rows < total else counted(rows, "row")

    @property
    def why_not(self) -> str:
        """Return why there is no result; empty where there is one."""
        return self.problem or (self.result.problem if self.result else "it was not run")

    @property
    def why_not_beside(self) -> str:
        """Return why there is nothing of the incumbent; empty where there is, and where there is none."""
        if not self.incumbent:
            return ""
        other = self.result.incumbent if self.result else None
        return self.incumbent_problem or self.why_not or (other.problem if other else "it was not run")

    @property
    def outputs(self) -> tuple[OutputDifference, ...]:
        """Return how the outputs of the two differ."""
        is_beside = self.result is not None and not self.why_not_beside and bool(self.incumbent)
        found = self.result.outputs if self.result and is_beside else []
        return tuple(
            OutputDifference(
                one.name,
                one.problem,
                one.values,
                one.apart,
                one.largest,
                one.total / count if one.total is not None and (count := one.values - one.apart) > 0 else None,
                one.classes,
                min(one.agreeing, one.classes),
            )
            for one in found
        )

    @property
    def by_class(self) -> tuple[ClassScore, ...]:
        """Return F1 of each class of the labels; empty where there are no classes, or very many."""
        candidate = self.result.candidate.classes if self.result and not self.why_not else []
        other = self.result.incumbent if self.result and self.incumbent and not self.why_not_beside else None
        beside = {one.name: _exact(one.f1) for one in (other.classes if other else [])}
        return tuple(ClassScore(one.name, one.rows, _exact(one.f1), beside.get(one.name)) for one in candidate)

    def unknown(self) -> dict[str, str]:
        """Return why each metric that was asked for or tried is not known of the candidate, by its name."""
        asked = {one.name: one.problem for one in self.judged() if one.problem}
        tried = self.result.candidate.metrics if self.result else []
        return asked | {one.name: one.problem for one in tried if one.value is None}

    def judged(self, asked: Mapping[str, Asked] | None = None) -> tuple[Judged, ...]:
        """Return each metric that is known or asked for, in the order in which they are documented.

        Args:
            asked: what the policy asks of metrics; what it asked when the models were run where that is left out.
        """
        asked = self.asked if asked is None else asked
        with localcontext() as exact:
            exact.prec = _DIGITS
            rows = (self._judged(name, asked.get(name)) for name in METRICS)
            return tuple(row for row in rows if row is not None)

    def _judged(self, name: MetricName, asked: Asked | None) -> Judged | None:
        ours = self._known(self.result.candidate if self.result else None, name)
        # What was not run says nothing, whatever the process claims of it.
        theirs = self._known(self.result.incumbent if self.result and not self.incumbent_problem else None, name)
        theirs = theirs if self.incumbent else None
        candidate, incumbent = _number(ours), _number(theirs)
        if asked is None and candidate is None and incumbent is None:
            return None
        problem = "" if candidate is not None else self._why(ours, name)
        beside = "" if incumbent is not None else self.why_not_beside or self._why(theirs, name)
        beside = beside and f"that of {self.active} is not known, as {beside}"
        numbers = (candidate, incumbent)
        limits = _limits(asked, numbers, problem, beside if self.incumbent else "", self.active) if asked else ()
        return Judged(name, candidate, incumbent, problem, limits)

    @staticmethod
    def _known(model: MeasuredModel | None, name: str) -> Measured | None:
        return next((one for one in model.metrics if one.name == name), None) if model else None

    def _why(self, metric: Measured | None, name: str) -> str:
        """Return why a metric is not known."""
        if self.why_not:
            return self.why_not
        if metric is not None:
            return metric.problem or "it was not computed"
        if self.result is None or not self.result.labels:
            return f"{self.dataset} has no evaluation/labels.npy"
        if self.result.candidate.problem:
            return self.result.candidate.problem
        kind = "classes" if name in OF_CLASSES else "numbers"
        if self.result.labels == kind:
            return "it was not computed"
        return f"labels.npy has {self.result.labels}, and it is for {kind}"


def _number(metric: Measured | None) -> Decimal | None:
    return _exact(metric.value) if metric and metric.value is not None else None


def _exact(value: float) -> Decimal:
    """Return a number as the shortest decimal one that reads as it."""
    return Decimal(repr(value))


def _difference(one: Decimal, other: Decimal) -> Decimal:
    with localcontext() as exact:
        exact.prec = _DIGITS
        return one - other


def _limits(
    asked: Asked, numbers: tuple[Decimal | None, Decimal | None], problem: str, beside: str, active: str
) -> tuple[Limit, ...]:
    """Return what each thing that is asked comes to.

    Args:
        numbers: the metric of the candidate, and of the incumbent.
        problem: why the candidate's is not known.
        beside: why the incumbent's is not known; empty where there is none.
    """
    candidate, incumbent = numbers
    told: list[Limit] = []
    for words, text, sign in (("at least", asked.minimum, 1), ("at most", asked.maximum, -1)):
        if text is not None:
            margin = sign * (candidate - Decimal(text)) if candidate is not None else None
            told.append(Limit(f"{words} {text}", margin, problem))
    for where, text, sign in (("below", asked.max_drop, 1), ("above", asked.max_rise, -1)):
        if text is None:
            continue
        margin = None
        if candidate is not None and incumbent is not None:
            margin = Decimal(text) + sign * (candidate - incumbent)
        told.append(Limit(distance(text, where, active), margin, "" if margin is not None else problem or beside))
    return tuple(told)
