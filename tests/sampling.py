"""Some cases of many in every run, all of them in `make exhaustive`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import settings

EXHAUSTIVE = "exhaustive"
"""Hypothesis' profile of `make exhaustive`."""
FEWER = 4
"""One in so many examples of a property is tried in every run."""


def sampled(cases: Iterable[Any], every: int) -> list[Any]:
    """The first of `every` so many cases as it is, the others for the exhaustive run."""
    return [
        case if index % every == 0 else pytest.param(*_values(case), marks=pytest.mark.exhaustive)
        for index, case in enumerate(cases)
    ]


def _values(case: Any) -> tuple[Any, ...]:
    return case if isinstance(case, tuple) else (case,)


def examples(count: int) -> settings:
    """So many examples in the exhaustive run, some of them in every run."""
    chosen = settings.get_current_profile_name()
    return settings(max_examples=count if chosen == EXHAUSTIVE else max(count // FEWER, 1))
