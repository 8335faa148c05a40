"""How cost grows: one thing gets larger in steps, and everything else stays."""

from __future__ import annotations

import math
import shutil
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from big_registry import written
from comparison import MIB, PYTHON, Command
from hashing import Files, repository
from registries import ARTIFACT, promotebot
from registries import repository as with_registry
from scratch import HERE, committed

FLAT = 1.25
"""The last by the first, below which a cost does not grow."""


@dataclass(frozen=True)
class Axis:
    """What grows, in which steps, and the command that is timed at each of them."""

    title: str
    steps: Sequence[int]
    prepare: Callable[[Path, int], Command]


def axes(divisor: int) -> list[Axis]:
    """Return what is measured; the divisor makes it smaller for a trial."""
    tens = [10, 100, 1000, 10_000]
    models = tens[: -1 if divisor > 1 else None]
    return [
        Axis("`status`, models in one file", models, lambda root, n: promotebot(with_registry(root, n), "status")),
        Axis(
            "`status`, models in files",
            models,
            lambda root, n: promotebot(with_registry(root, n, split=True), "status"),
        ),
        Axis(
            "`promote --dry-run`, models in one file",
            models,
            lambda root, n: promotebot(with_registry(root, n), "promote --dry-run"),
        ),
        Axis(
            "`promote --dry-run`, models in files",
            models,
            lambda root, n: promotebot(with_registry(root, n, split=True), "promote --dry-run"),
        ),
        Axis("`history --model`, events of the model", models, _events),
        Axis("`verify`, files of 1 KiB", models, lambda root, n: _verify(root, Files(n, 1024, 1, 0))),
        Axis(
            "`verify`, MiB in one file",
            [n // divisor for n in (16, 64, 256, 1024)],
            lambda root, n: _verify(root, Files(1, n * MIB, 1, 0)),
        ),
    ]


def _events(root: Path, events: int) -> Command:
    written(root / "ml/registry", 1, events=events)
    shutil.copytree(HERE / ARTIFACT, root / ARTIFACT)
    committed(root)
    return Command([*PYTHON, "-m", "promotebot", "history", "--model", "model_00000"], root)


def _verify(root: Path, files: Files) -> Command:
    return Command([*PYTHON, "-m", "promotebot", "verify"], repository(root, files))


def grown(axis: Axis, scratch: Path, rounds: int) -> list[float]:
    """Return the median seconds of processor time at each step."""
    commands = [axis.prepare(scratch / str(step), step) for step in axis.steps]
    seconds = [[command().processor for command in commands] for _ in range(rounds + 1)][1:]
    shutil.rmtree(scratch)
    return [statistics.median(one) for one in zip(*seconds, strict=True)]


def exponent(steps: Sequence[int], seconds: Sequence[float]) -> float:
    """Return the slope on two log axes of what each step takes beyond the first: 1 for a cost that grows evenly.

    0 where the last takes hardly more than the first.
    """
    if seconds[-1] < FLAT * seconds[0]:
        return 0.0
    more = [(n - steps[0], s - seconds[0]) for n, s in zip(steps, seconds, strict=True)]
    points = [(math.log(n), math.log(s)) for n, s in more if n > 0 and s > 0.1 * seconds[0]]
    if len(points) < 2:
        return math.nan
    slope, _ = statistics.linear_regression(*zip(*points, strict=True))
    return slope


def growth(scratch: Path, divisor: int, rounds: int) -> str:
    """Measure every axis; return the table and the picture."""
    rows, lines = [], []
    for number, axis in enumerate(axes(divisor)):
        seconds = grown(axis, scratch / str(number), rounds)
        told = exponent(axis.steps, seconds)
        fitted = "does not grow" if told == 0 else "grows too little to tell" if math.isnan(told) else f"{told:.2f}"
        cells = [f"{step:,}: {one:.2f} s" for step, one in zip(axis.steps, seconds, strict=True)]
        rows.append(f"| {axis.title} | {' | '.join(cells)} | {fitted} |")
        lines.append(f"    line [{', '.join(f'{math.log10(one):.2f}' for one in seconds)}]")
    head = ["| what grows | | | | | exponent |", "|---|--:|--:|--:|--:|--:|"]
    return "\n".join([*head, *rows, "", *_picture(lines)])


def _picture(lines: Sequence[str]) -> list[str]:
    return [
        "```mermaid",
        "xychart-beta",
        '    title "In the order of the table, from the first step to the last"',
        '    x-axis "each step is ten times the one before (the last line: four times)" [1, 2, 3, 4]',
        '    y-axis "seconds of processor time, as a power of ten" -1.5 --> 1.5',
        *lines,
        "```",
    ]
