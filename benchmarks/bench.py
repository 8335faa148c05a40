"""Measures everything and writes BENCHMARKS.md: `make bench`; `make ratios` compares a smaller run with the committed.

python benchmarks/bench.py            # everything, half an hour; then the smaller run, into ratios.json
python benchmarks/bench.py --check    # the smaller run alone; exit code 1 beyond the tolerance
python benchmarks/bench.py --only start --rounds 15    # a part, on the terminal
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

import examining
import hashing
import registries
import startup
import streaming
from comparison import Comparison, Measured
from growth import growth
from peers import BIN
from scratch import HERE

REPORT, RATIOS = HERE / "BENCHMARKS.md", HERE / "benchmarks/ratios.json"
PARTS = {
    "start": (startup.start, 0, 0),
    "one file": (registries.one_file, 10_000, 1000),
    "split": (registries.split, 10_000, 1000),
    "hashing": (hashing.hashed, 1, 10),
    "examining": (examining.examined, 1, 10),
    "streaming": (streaming.streamed, 1, 2),
}
"""Part → what makes its comparisons, and its size: of the report, and of the smaller run."""
ROUNDS, QUICK_ROUNDS = 5, 5
TOLERANCE = 1.35
"""By how much a ratio of processor time may be above the committed one: that of five rounds varies by a fifth."""
LIBRARIES = ("promotebot", "pydantic", "onnxruntime", "onnx")
PEERS = ("dvc", "gto", "model-signing")


def main() -> int:
    """Return 0, or 1 where a ratio is beyond the committed one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--only", action="append", choices=[*PARTS, "growth"])
    parser.add_argument("--rounds", type=int)
    options = parser.parse_args()
    if options.check:
        return compare(json.loads(RATIOS.read_text("utf-8")), ratios(options.rounds or QUICK_ROUNDS))
    wanted = options.only or [*PARTS, "growth"]
    head = _head(options.rounds or ROUNDS)
    parts: list[str] = []
    for name in wanted:
        parts += (part := _part(name, options.rounds or ROUNDS))
        sys.stdout.write("\n".join(part) + "\n")
        sys.stdout.flush()
    if not options.only:
        REPORT.write_text("\n".join([head, *parts]), encoding="utf-8")
        RATIOS.write_text(json.dumps(ratios(QUICK_ROUNDS), indent=2) + "\n", encoding="utf-8")
    return 0


def _part(name: str, rounds: int) -> list[str]:
    if name == "growth":
        with tempfile.TemporaryDirectory(prefix="promotebot-bench-") as scratch:
            return ["## How cost grows", "", growth(Path(scratch), 1, max(1, rounds // 2)), ""]
    return [text for one in measured(name, rounds) for text in (f"## {one.comparison.title}", "", one.table(), "")]


def measured(name: str, rounds: int, *, quick: bool = False) -> list[Measured]:
    """Make and run the comparisons of one part."""
    make, *sizes = PARTS[name]
    with tempfile.TemporaryDirectory(prefix="promotebot-bench-") as scratch:
        return [comparison.measured(rounds) for comparison in make(Path(scratch) / "part", sizes[quick])]


def ratios(rounds: int) -> dict[str, dict[str, float]]:
    """Return comparison → promotebot's case → its processor time by the unit's, of the smaller run."""
    found = [one for name in PARTS for one in measured(name, rounds, quick=True)]
    return {
        one.comparison.key: {name: round(one.processor(name), 3) for name in watched(one.comparison)} for one in found
    }


def watched(comparison: Comparison) -> list[str]:
    """Return the cases that have a limit; in the place of a difference, which varies most, what it is taken from."""
    return [comparison.less.get(name, (name,))[0] for name in comparison.limits]


def compare(committed: Mapping[str, Mapping[str, float]], today: Mapping[str, Mapping[str, float]]) -> int:
    """Print both; return 1 where one of today's is beyond the tolerance, or is not there."""
    slower = []
    for key, cases in committed.items():
        for name, before in cases.items():
            now = today.get(key, {}).get(name, float("inf"))
            is_slower = now > before * TOLERANCE
            slower += [f"{key}, {name}"] if is_slower else []
            sys.stdout.write(f"{key}, {name}: {now:.2f}, committed {before:.2f}{' SLOWER' if is_slower else ''}\n")
    sys.stdout.write(f"slower by more than {TOLERANCE - 1:.0%}: {'; '.join(slower) or 'none'}\n")
    if slower:
        sys.stdout.write(f"Next: make it faster; or make bench, and commit {RATIOS.relative_to(HERE)}\n")
    return 1 if slower else 0


HEAD = """# Benchmarks

<!-- Written by `make bench`; see benchmarks/README.md. -->

Machine: {processor}, {cores} cores, {system}. Other work on it when this began: {load:.1f} processes on average.
Versions: Python {python}, {versions}.

Each row is a whole process, from its start to its end. The processes of a table took turns: {rounds} rounds, after one
that does not count. `×` is the median of each round's time by the same round's first row; beside it stand the least and
the most. Processor time, of all processes together, changes less where others use the machine. Memory is that of the
largest process, and never less than this benchmark's own. What is wanted is compared with the time on the
clock.
"""


def _head(rounds: int) -> str:
    return HEAD.format(
        processor=_processor(),
        cores=os.cpu_count(),
        system=f"{platform.system()} {platform.release().split('-')[0]}",
        load=os.getloadavg()[0],
        python=platform.python_version(),
        versions=", ".join(_versions()),
        rounds=rounds,
    )


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines() if Path("/proc/cpuinfo").exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _versions() -> list[str]:
    found = [f"{name} {version(name)}" for name in LIBRARIES]
    python = BIN / "python"
    if python.exists():
        code = f"from importlib.metadata import version\nfor name in {PEERS}: print(name, version(name))"
        found += subprocess.run(
            [python, "-I", "-c", code], capture_output=True, text=True, check=True
        ).stdout.splitlines()
    for words in (["git", "--version"], ["openssl", "version"]):
        found.append(subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip())
    return found


if __name__ == "__main__":
    sys.exit(main())
