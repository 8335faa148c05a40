"""What the policy says about an evaluation set: where the base has it, how much of it is read, and what is asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from promotebot.artifact.source import FileSource


class Asked(NamedTuple):
    """What the policy asks of one metric, each a number by its exact text."""

    minimum: str | None = None
    maximum: str | None = None
    max_drop: str | None = None
    max_rise: str | None = None


class EvaluationRun(NamedTuple):
    """What is run on the data that lies in the private copy."""

    rows: int
    seconds: int
    incumbent: str | None
    """The model's file in the incumbent's artifact; None where there is none to run."""


@dataclass(frozen=True)
class EvaluationTerms:
    """What the policy says about an evaluation set, and where the base has it."""

    dataset: str
    rows: int
    seconds: int
    asked: tuple[tuple[str, Asked], ...]
    """What it asks of metrics."""
    directory: str
    """The directory of all datasets."""
    fingerprint: str | None
    """Of the dataset's directory on the base: what was run on other files is not this evaluation."""
    files: FileSource | None = field(compare=False, repr=False)
    """The base's files; None where they are not known."""

    @property
    def limits(self) -> Mapping[str, Asked]:
        """Return what it asks of metrics, by name."""
        return dict(self.asked)
