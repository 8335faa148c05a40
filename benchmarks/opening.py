"""What opening a small model costs in all, as a multiple of a process that does nothing but `import onnxruntime`.

Run it with the interpreter that has promotebot installed: `.venv/bin/python benchmarks/opening.py [ROUNDS]`.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import perf_counter as now

from rounds import judge

from promotebot.artifact.answer import Opened, Served
from promotebot.artifact.limits import Limits
from promotebot.artifact.runtime import ChildOpener

SAMPLE = Path(__file__).resolve().parents[1] / "ml/artifacts/regime_v1"
UNIT, OURS = "import onnxruntime", "a model opened twice, its golden data compared"
LIMIT = 1.3


def main() -> int:
    """Print a table; exit 0 when the ratio is below the limit, 1 when not."""
    with tempfile.TemporaryDirectory() as scratch:
        directory = shutil.copytree(SAMPLE, Path(scratch) / "artifact")
        cases = {
            UNIT: partial(seconds, python, "import onnxruntime"),
            "import onnxruntime, onnx": partial(seconds, python, "import onnxruntime, onnx"),
            OURS: partial(seconds, open_model, directory),
        }
        return judge(cases, ours=OURS, unit=UNIT, limit=LIMIT)


def seconds(work: Callable[..., object], *arguments: object) -> float:
    """What it takes, its process's start and end included."""
    started = now()
    work(*arguments)
    return now() - started


def python(code: str) -> None:
    subprocess.run([sys.executable, "-I", "-c", code], check=True)


def open_model(directory: Path) -> None:
    result = ChildOpener().open(directory, "model.onnx", Limits())
    if not isinstance(result, Opened) or not isinstance(result.served, Served) or not result.served.golden:
        raise SystemExit(f"the sample does not open, or its golden data is not compared: {result}")


if __name__ == "__main__":
    sys.exit(main())
