"""The bounds of the canary share, general and of patterns, together: a model that could get no share is an error."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import product

from promotebot.promotion.model_policies import ModelPolicy, is_set, patterns_of
from promotebot.promotion.sections import SharePolicy, Stages, percentage
from promotebot.schema import json_path

_SECTION = ("stages", "staging", "share")


@dataclass(frozen=True)
class _Bound:
    """One bound that is in force for a model."""

    path: str
    value: int
    is_written: bool = True
    """False where it is the default, which no line of the file says."""

    def __str__(self) -> str:
        return (
            f"{percentage(self.value)} of {self.path}" if self.is_written else f"{percentage(self.value)}, the default"
        )


def share_problems(stages: Stages, models: Mapping[str, ModelPolicy]) -> list[str]:
    """Return what is wrong where some model has a minimum above its maximum: a text for each of the two lines.

    Patterns are tried with names that they match, alone and in pairs. Where none of these names shows it, the rule
    about shares refuses every share, and says why.
    """
    for name in ("", *_names(models)):
        least, most = (_in_force(name, bound, stages, models) for bound in ("minimum", "maximum"))
        if least.value > most.value:
            end = f"so no share is allowed{f' for a model such as {name}' if name else ''}"
            told = {
                least: f"{least.path}: the minimum {percentage(least.value)} is above the maximum {most}, {end}",
                most: f"{most.path}: the maximum {percentage(most.value)} is below the minimum {least}, {end}",
            }
            return [words for bound, words in told.items() if bound.is_written]
    return []


def _in_force(name: str, bound: str, stages: Stages, models: Mapping[str, ModelPolicy]) -> _Bound:
    """Return the strictest that the patterns of a model say; the general one where none says anything."""
    said = [
        _Bound(json_path(("models", one, *_SECTION, bound)), value)
        for one in patterns_of(name, models)
        if (value := _said(models[one].stages, bound)) is not None
    ]
    if said:
        return (max if bound == "minimum" else min)(said, key=lambda one: one.value)
    share = stages.staging.share
    is_written = _said(stages, bound) is not None
    return _Bound(json_path((*_SECTION, bound)), share.minimum if bound == "minimum" else share.maximum, is_written)


def _said(stages: Stages, bound: str) -> int | None:
    """Return a bound that a section says itself; None where it says none."""
    share: SharePolicy = stages.staging.share
    if not is_set(stages, f"staging.share.{bound}"):
        return None
    return share.minimum if bound == "minimum" else share.maximum


def _names(models: Mapping[str, ModelPolicy]) -> Iterator[str]:
    """Yield a name for each pattern, and names that both patterns match of which one's minimum is above the other's."""
    short = {one: one.replace("*", "x") for one in models}
    yield from short.values()
    lowest = [(one, value) for one in models if (value := _said(models[one].stages, "minimum")) is not None]
    highest = [(one, value) for one in models if (value := _said(models[one].stages, "maximum")) is not None]
    for (one, low), (other, high) in product(lowest, highest):
        if low > high:
            tried = [short[one] + short[other], short[other] + short[one]]
            tried += [one.replace("*", short[other]), other.replace("*", short[one])]
            yield from (name for name in tried if fnmatchcase(name, one) and fnmatchcase(name, other))
