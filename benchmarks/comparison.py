"""Whole processes beside each other: what each takes, as multiples of one of them."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter as now

from rounds import measure

PYTHON = (sys.executable, "-I")
MIB = 1024 * 1024


@dataclass(frozen=True)
class Cost:
    """What a process took, the processes that it started included: seconds, and bytes of the largest of them."""

    wall: float
    processor: float
    peak: int = 0

    def __sub__(self, other: Cost) -> Cost:
        return Cost(self.wall - other.wall, self.processor - other.processor, self.peak - other.peak)


@dataclass(frozen=True)
class Command:
    """A process to run, and what has to be undone before it."""

    words: Sequence[str]
    directory: Path
    environment: Mapping[str, str] | None = None
    before: Callable[[], object] = lambda: None

    def __call__(self) -> Cost:
        """Run it; raise SystemExit, with its last words, where it fails."""
        self.before()
        started = now()
        with subprocess.Popen(
            self.words, cwd=self.directory, env=self.environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        ) as process:
            words = process.stderr.read() if process.stderr else b""
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"{' '.join(self.words)} ended with {process.returncode}: {words.decode()[-2000:]}")
        return Cost(now() - started, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024)


@dataclass(frozen=True)
class Comparison:
    """Cases for the same work, and what is wanted of some of them."""

    key: str
    title: str
    unit: str
    cases: Mapping[str, Command]
    limits: Mapping[str, float] = field(default_factory=dict)
    """Case → the multiple of the unit's time that is wanted at most."""
    memory: Mapping[str, float] = field(default_factory=dict)
    """Case → the multiple of the unit's memory that is wanted at most."""
    less: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """Further row → the cases of which it is the difference."""

    def measured(self, rounds: int) -> Measured:
        """Run every case in turn, so often, after a round that does not count."""
        costs = measure(self.cases, rounds)
        more = {
            name: [one - other for one, other in zip(costs[first], costs[second], strict=True)]
            for name, (first, second) in self.less.items()
        }
        return Measured(self, {**costs, **more})


@dataclass(frozen=True)
class Measured:
    """A comparison, and what each case took by round."""

    comparison: Comparison
    costs: Mapping[str, Sequence[Cost]]

    def ratios(self, name: str, amount: Callable[[Cost], float]) -> list[float]:
        """Return, in order, each round's amount by the same round's unit."""
        pairs = zip(self.costs[name], self.costs[self.comparison.unit], strict=True)
        return sorted(amount(one) / max(amount(unit), 1e-9) for one, unit in pairs)

    def processor(self, name: str) -> float:
        """Return the median ratio of processor time, which a busy machine changes least."""
        return statistics.median(self.ratios(name, lambda cost: cost.processor))

    def table(self) -> str:
        """Return the case's rows as Markdown."""
        head = (
            "| process | seconds | × | least to most | × processor time | peak MiB | wanted |",
            "|---|" + "--:|" * 6,
        )
        return "\n".join([*head, *map(self._row, self.costs)])

    def _row(self, name: str) -> str:
        costs, wall = self.costs[name], self.ratios(name, lambda cost: cost.wall)
        seconds, peak = statistics.median(cost.wall for cost in costs), statistics.median(cost.peak for cost in costs)
        cells = [
            name,
            f"{seconds:.3f}",
            f"{statistics.median(wall):.2f}",
            f"{wall[0]:.2f} to {wall[-1]:.2f}",
            f"{self.processor(name):.2f}",
            f"{peak / MIB:.0f}",
            self._wanted(name),
        ]
        return f"| {' | '.join(cells)} |"

    def _wanted(self, name: str) -> str:
        limit, memory = self.comparison.limits.get(name), self.comparison.memory.get(name)
        told = [f"≤ {limit:g}: {'met' if self.is_met(name) else 'not met'}"] if limit else []
        if memory:
            used = statistics.median(self.ratios(name, lambda cost: cost.peak))
            told.append(f"memory ≤ {memory:g}: {'met' if used <= memory else f'{used:.2f}'}")
        return ", ".join(told)

    def is_met(self, name: str) -> bool:
        """Return whether the median of the time on the clock is within the limit."""
        return statistics.median(self.ratios(name, lambda cost: cost.wall)) <= self.comparison.limits[name]
