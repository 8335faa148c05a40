"""Times cases in turn, as multiples of one of them: what the benchmarks beside this file have in common."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

ROUNDS = 15
Times = Mapping[str, Sequence[float]]
Cost = TypeVar("Cost")
"""Seconds, or more than these."""


def judge(cases: Mapping[str, Callable[[], float]], *, ours: str, unit: str, limit: float) -> int:
    """Print a table; return 0 when the ratio of `ours` to `unit` is below the limit, 1 when not.

    Args:
        cases: name → a function that does it once and returns the seconds it took.
    """
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    times = measure(cases, rounds)
    measured = ratio(times, ours, unit)
    within = measured < limit
    sys.stdout.write(table(times, unit))
    sys.stdout.write(f"\n{ours}: {measured:.2f} × {unit}; the limit is {limit}: {'ok' if within else 'TOO SLOW'}\n")
    return 0 if within else 1


def measure(cases: Mapping[str, Callable[[], Cost]], rounds: int) -> dict[str, list[Cost]]:
    """Return what each case took, by round.

    The cases take turns, so that a machine that is busy for a while slows all of them. The first round fills the
    caches of the disk and of compiled modules; it does not count.
    """
    rows = [{name: case() for name, case in cases.items()} for _ in range(rounds + 1)]
    return {name: [row[name] for row in rows[1:]] for name in cases}


def ratio(times: Times, ours: str, unit: str) -> float:
    """Return the median of each round's ours by the same round's unit."""
    return statistics.median(mine / one for mine, one in zip(times[ours], times[unit], strict=True))


def table(times: Times, unit: str) -> str:
    """Return a line for each case: its median, its fastest time, and its median by the unit's."""
    one = statistics.median(times[unit])
    width = max(map(len, times))
    lines = [f"{'':{width}}  median ms  fastest ms  × {unit}"]
    for name, measured in times.items():
        median = statistics.median(measured)
        lines.append(f"{name:{width}}  {median * 1000:9.1f}  {min(measured) * 1000:10.1f}  {median / one:10.2f}")
    return "\n".join(lines) + "\n"
