"""The policy's evaluation set: which data, how much of it, and what a candidate has to reach there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import Field

from promotebot.artifact.evaluation_terms import Asked
from promotebot.artifact.metrics import MetricName
from promotebot.promotion.sections import ComparisonPolicy
from promotebot.promotion.thresholds import Thresholds, strictest_metrics
from promotebot.text import percent

MAX_ROWS = 1_000_000
MAX_SECONDS = 600
"""A job has 20 minutes."""


class EvaluationSet(ComparisonPolicy):
    """A dataset on which a candidate is measured beside today's ACTIVE, and what it has to reach.

    It is measured for the stages that are named, and for no others: that takes time.
    """

    dataset: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{2,64}$")]
    rows: Annotated[int, Field(ge=1, le=MAX_ROWS)] = 10_000
    """The most rows that are read, the first ones."""
    seconds: Annotated[int, Field(ge=1, le=MAX_SECONDS)] = 60
    """For running both models on them."""
    metrics: Mapping[MetricName, Thresholds] = Field(default={})

    @property
    def asked(self) -> tuple[tuple[str, Asked], ...]:
        """Return what it asks of metrics, as numbers by their exact text."""
        return tuple((name, Asked(*one.model_dump().values())) for name, one in self.metrics.items())

    @property
    def asks(self) -> bool:
        """Return whether it refuses anything; without that, the numbers are only shown."""
        return self.is_set or bool(self.metrics)

    def __str__(self) -> str:
        """Return what it asks in words."""
        words = [f"{name} {limits}" for name, limits in self.metrics.items()]
        words += (
            [f"{percent(float(self.agreement))} of the classes those of ACTIVE"] if self.agreement is not None else []
        )
        words += [f"differences of {self.max_difference:f} at most"] if self.max_difference is not None else []
        words += [f"of {self.mean_difference:f} on average"] if self.mean_difference is not None else []
        return "; ".join(words)


_BOTH = " and "
"""Between the names of two datasets where there can be one alone; no name has a space."""


def strictest_evaluation(values: Sequence[EvaluationSet | None]) -> EvaluationSet | None:
    """Return what asks for all that one of several asks for; of two datasets neither is the stricter one.

    Then the names of both stand in the place of one, which no dataset has: nothing reaches what is asked there.
    """
    asked = [value for value in values if value]
    if not asked:
        return None
    return EvaluationSet.model_construct(
        dataset=_BOTH.join(sorted({name for one in asked for name in one.dataset.split(_BOTH)})),
        rows=max(one.rows for one in asked),
        seconds=min(one.seconds for one in asked),
        metrics=strictest_metrics([one.metrics for one in asked]),
        stages=tuple(dict.fromkeys(stage for one in asked for stage in one.stages)),
        agreement=_of(asked, "agreement", max),
        max_difference=_of(asked, "max_difference", min),
        mean_difference=_of(asked, "mean_difference", min),
    )


def _of(asked: Sequence[EvaluationSet], key: str, strictest: Any) -> Any:
    return strictest((value for one in asked if (value := getattr(one, key)) is not None), default=None)
