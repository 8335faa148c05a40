"""What opening a small model costs in all, as a multiple of a process that does nothing but `import onnxruntime`.

Run it with the interpreter that has promotebot installed: `.venv/bin/python benchmarks/opening.py [ROUNDS]`.
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from time import perf_counter as now

from promotebot.artifact.answer import Opened, Served
from promotebot.artifact.limits import Limits
from promotebot.artifact.runtime import ChildOpener

SAMPLE = Path(__file__).resolve().parents[1] / "ml/artifacts/regime_v1"
UNIT, OURS = "import onnxruntime", "a model opened twice, its golden data compared"
LIMIT = 1.3
ROUNDS = 15
Times = Mapping[str, Sequence[float]]


def main() -> int:
    """Print a table; exit 0 when the ratio is below the limit, 1 when not."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    with tempfile.TemporaryDirectory() as scratch:
        directory = shutil.copytree(SAMPLE, Path(scratch) / "artifact")
        cases: dict[str, Callable[[], None]] = {
            UNIT: import_runtime,
            "import onnxruntime, onnx": lambda: python("import onnxruntime, onnx"),
            OURS: lambda: open_model(directory),
        }
        times = measure(cases, rounds)
    measured = ratio(times)
    within = measured < LIMIT
    sys.stdout.write(table(times))
    sys.stdout.write(f"\n{OURS}: {measured:.2f} × {UNIT}; the limit is {LIMIT}: {'ok' if within else 'TOO SLOW'}\n")
    return 0 if within else 1


def python(code: str) -> None:
    subprocess.run([sys.executable, "-I", "-c", code], check=True)


def import_runtime() -> None:
    python("import onnxruntime")


def open_model(directory: Path) -> None:
    result = ChildOpener().open(directory, "model.onnx", Limits())
    if not isinstance(result, Opened) or not isinstance(result.served, Served):
        raise SystemExit(f"the sample does not open: {result}")


def measure(cases: Mapping[str, Callable[[], None]], rounds: int) -> Times:
    """Seconds that each case took, its process's start and end included.

    The cases take turns, so that a machine that is busy for a while slows all of them. The first round does not count.
    """
    rows = [{name: seconds(case) for name, case in cases.items()} for _ in range(rounds + 1)]
    return {name: [row[name] for row in rows[1:]] for name in cases}


def seconds(case: Callable[[], None]) -> float:
    started = now()
    case()
    return now() - started


def ratio(times: Times) -> float:
    """The median of each round's ours by the same round's import."""
    return statistics.median(ours / unit for ours, unit in zip(times[OURS], times[UNIT], strict=True))


def table(times: Times) -> str:
    unit = statistics.median(times[UNIT])
    width = max(map(len, times))
    lines = [f"{'':{width}}  median ms  fastest ms  × {UNIT}"]
    for name, measured in times.items():
        median = statistics.median(measured)
        lines.append(f"{name:{width}}  {median * 1000:9.1f}  {min(measured) * 1000:10.1f}  {median / unit:10.2f}")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
