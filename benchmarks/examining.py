"""What examining a large artifact costs beside what only hashes its files and opens its models once.

Processor time is compared, that of all processes together.

Run it with the interpreter that has promotebot installed: `.venv/bin/python benchmarks/examining.py`; the number of
rounds may follow.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from onnx import TensorProto, helper
from rounds import measure, ratio, table
from scratch import processor_seconds, promotebot

ARTIFACT = "ml/artifacts/large_v1"
MB = 1000 * 1000
UNIT, OURS = "hashlib, and ONNX Runtime opens each model once", "promotebot examines it"
_OPEN = """
import hashlib, sys
from pathlib import Path
for path in sorted(Path(sys.argv[1]).rglob("*")):
    hasher, buffer = hashlib.sha256(), bytearray(1024 * 1024)
    view = memoryview(buffer)
    with open(path, "rb", buffering=0) as file:
        while count := file.readinto(buffer):
            hasher.update(view[:count])
import onnxruntime
for path in sorted(Path(sys.argv[1]).rglob("*.onnx")):
    onnxruntime.InferenceSession(path)
"""
_EXAMINE = """
import re, resource, sys
from pathlib import Path
from promotebot.artifact.evidence import examine
from promotebot.artifact.limits import Terms
from promotebot.artifact.runtime import ChildOpener
from promotebot.artifact.work_tree import WorkTree
from promotebot.findings import errors_in
evidence = examine(WorkTree(Path(sys.argv[1])), sys.argv[2], opener=ChildOpener(), terms=Terms())
if errors_in(evidence.findings) or evidence.card is None:
    sys.exit(str(errors_in(evidence.findings)))
peak = re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())
print(int(peak[1]) * 1024, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024)
"""


@dataclass(frozen=True)
class Artifact:
    """Models of some weights each, in the model's file or beside it; the limit in units."""

    words: str
    models: int
    weights: int
    is_external: bool
    limit: float


CASES = (
    Artifact("one file of 500 MB", 1, 498 * MB, False, 3.5),
    Artifact("a model with 1 GB of external data", 1, 1002 * MB, True, 4.0),
    Artifact("40 models of 12 kB", 40, 12_000, False, 9.0),
)


def main() -> int:
    """Print a table for each case; exit 0 when all are within their limits, 1 when not."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    return max(judge(artifact, rounds) for artifact in CASES)


def judge(artifact: Artifact, rounds: int) -> int:
    """Print what one case costs; return 0 within the limit, 1 beyond it."""
    with tempfile.TemporaryDirectory(prefix="promotebot-bench-") as scratch:
        root = Path(scratch)
        directory = made(root, artifact)
        examined = ["-c", _EXAMINE, str(root), ARTIFACT]
        cases: dict[str, Callable[[], float]] = {
            UNIT: partial(processor_seconds, [sys.executable, "-I", "-c", _OPEN, str(directory)], root),
            OURS: partial(processor_seconds, [sys.executable, "-I", *examined], root),
        }
        times = measure(cases, rounds)
        done = subprocess.run([sys.executable, "-I", *examined], capture_output=True, text=True, check=True)
        own, child = (int(word) for word in done.stdout.split())
    cost = ratio(times, OURS, UNIT)
    within = cost <= artifact.limit
    sys.stdout.write(f"{artifact.words}\n{table(times, UNIT)}")
    sys.stdout.write(f"{cost:.2f} × the unit; the limit is {artifact.limit}\n")
    sys.stdout.write(f"memory: {own / MB:.0f} MB, and {child / MB:.0f} MB in the process that opens models")
    sys.stdout.write(f"\n{'ok' if within else 'TOO SLOW'}\n\n")
    return 0 if within else 1


def made(root: Path, artifact: Artifact) -> Path:
    """Write an artifact below a root and return its directory."""
    directory = root / ARTIFACT
    directory.mkdir(parents=True)
    for number in range(artifact.models):
        write_model(directory, f"model_{number:02}", artifact)
    manifest = ["manifest", ARTIFACT, "--model", "large", "--model-file", "model_00.onnx"]
    promotebot(root, *manifest)
    return directory


def write_model(directory: Path, name: str, artifact: Artifact) -> None:
    """Write a model that looks up rows of its weights."""
    weights = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[artifact.weights // 12, 3])
    if not artifact.is_external:
        weights.raw_data = bytes(artifact.weights)
    else:
        weights.data_location = TensorProto.EXTERNAL
        weights.external_data.add(key="location", value=f"{name}.bin")
        with (directory / f"{name}.bin").open("wb") as file:
            file.truncate(artifact.weights)
    graph = helper.make_graph(
        [helper.make_node("Gather", ["w", "x"], ["y"])],
        "graph",
        [helper.make_tensor_value_info("x", TensorProto.INT64, ["n"])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 3])],
        [weights],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], producer_name=name, ir_version=8)
    (directory / f"{name}.onnx").write_bytes(model.SerializeToString())


if __name__ == "__main__":
    sys.exit(main())
