"""What a stage asks of claimed evidence: thresholds of metrics, alone and against ACTIVE, and how much was measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Annotated, TypeVar

from pydantic import Field, model_validator

from promotebot.artifact.claims import Name, NumberText
from promotebot.promotion.sections import DurationField, Section
from promotebot.registry.names import Stage
from promotebot.text import distance, duration

MAX_METRICS = 100


class Thresholds(Section):
    """What one metric has to reach, for all data and for each slice that is claimed; numbers are exact."""

    minimum: NumberText | None = None
    maximum: NumberText | None = None
    max_drop: NumberText | None = None
    """How far it may be below ACTIVE's; a negative number asks for more than ACTIVE has."""
    max_rise: NumberText | None = None
    """How far it may be above ACTIVE's, for an error or a loss."""

    @model_validator(mode="after")
    def _asks_for_something(self) -> Thresholds:
        if (self.minimum, self.maximum, self.max_drop, self.max_rise) == (None, None, None, None):
            raise ValueError("give minimum, maximum, max_drop or max_rise")
        return self

    def __str__(self) -> str:
        """Return it in words: `at least 0.9, at most 0.01 below ACTIVE`."""
        words = [f"at least {self.minimum}"] if self.minimum is not None else []
        words += [f"at most {self.maximum}"] if self.maximum is not None else []
        words += [distance(self.max_drop, "below", "ACTIVE")] if self.max_drop is not None else []
        words += [distance(self.max_rise, "above", "ACTIVE")] if self.max_rise is not None else []
        return ", ".join(words)


class StageEvidence(Section):
    """What the evidence of an artifact has to show before it goes into a stage."""

    duration: DurationField | None = None
    """The least time that each metric was measured over."""
    rows: Annotated[int, Field(gt=0)] | None = None
    """The least number of rows behind each metric."""
    slices: Annotated[tuple[Name, ...], Field(max_length=MAX_METRICS)] = ()
    """Parts of the data for which each metric has to be there, beside all of it."""
    metrics: Annotated[Mapping[Name, Thresholds], Field(max_length=MAX_METRICS)] = Field(default={})

    def __str__(self) -> str:
        """Return it in words."""
        words = [f"{name} {limits}" for name, limits in self.metrics.items()]
        words += [f"measured for {duration(self.duration)} or longer"] if self.duration else []
        words += [f"on {self.rows:,} rows or more"] if self.rows else []
        words += [f"also for {', '.join(self.slices)}"] if self.slices else []
        return "; ".join(words) or "of any kind"


class EvidencePolicy(Section):
    """What each stage asks of claimed evidence; a stage that is left out needs none."""

    shadow: StageEvidence | None = None
    staging: StageEvidence | None = None
    active: StageEvidence | None = None

    def of(self, stage: Stage) -> StageEvidence | None:
        """Return what a stage asks for; None for nothing."""
        asked: StageEvidence | None = getattr(self, stage.value)
        return asked


def strictest_evidence(values: Sequence[StageEvidence | None]) -> StageEvidence | None:
    """Return what asks for all that one of several sections asks for."""
    asked = [value for value in values if value]
    if not asked:
        return None
    durations: list[timedelta] = [one.duration for one in asked if one.duration is not None]
    return StageEvidence.model_construct(
        duration=max(durations, default=None),
        rows=max((one.rows for one in asked if one.rows), default=None),
        slices=tuple(dict.fromkeys(name for one in asked for name in one.slices)),
        metrics=strictest_metrics([one.metrics for one in asked]),
    )


_NameT = TypeVar("_NameT", bound=str)


def strictest_metrics(values: Sequence[Mapping[_NameT, Thresholds]]) -> dict[_NameT, Thresholds]:
    """Return metric → what asks for all that one of several sections asks of it."""
    names = dict.fromkeys(name for value in values for name in value)
    return {name: _strictest([value[name] for value in values if name in value]) for name in names}


def _strictest(values: Sequence[Thresholds]) -> Thresholds:
    lowest = [one.minimum for one in values if one.minimum is not None]
    highest = {key: [v for one in values if (v := getattr(one, key)) is not None] for key in ("maximum", *_DIFFERENCES)}
    return Thresholds.model_construct(
        minimum=max(lowest, key=Decimal, default=None),
        **{key: min(found, key=Decimal, default=None) for key, found in highest.items()},
    )


_DIFFERENCES = ("max_drop", "max_rise")


def same_numbers(one: Mapping[str, Thresholds], other: Mapping[str, Thresholds]) -> bool:
    """Return whether two sections ask the same of their metrics, however the numbers are written."""
    return _numbers(one) == _numbers(other)


def _numbers(metrics: Mapping[str, Thresholds]) -> dict[str, dict[str, Decimal]]:
    given = {name: limits.model_dump(exclude_none=True) for name, limits in metrics.items()}
    return {name: {key: Decimal(text) for key, text in limits.items()} for name, limits in given.items()}
