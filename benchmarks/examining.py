"""What examining a large artifact costs beside what only hashes its files and opens its models once."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from comparison import PYTHON, Command, Comparison
from onnx import TensorProto, helper
from scratch import promotebot

ARTIFACT = "ml/artifacts/large_v1"
MB = 1000 * 1000
UNIT, OURS = "hashlib, and each model opened once", "promotebot's examination"
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
import sys
from pathlib import Path
from promotebot.artifact.examination import examine
from promotebot.artifact.limits import Terms
from promotebot.artifact.runtime import ChildOpener
from promotebot.artifact.work_tree import WorkTree
from promotebot.findings import errors_in
evidence = examine(WorkTree(Path(sys.argv[1])), sys.argv[2], opener=ChildOpener(), terms=Terms())
if errors_in(evidence.findings) or evidence.card is None:
    sys.exit(str(errors_in(evidence.findings)))
"""


@dataclass(frozen=True)
class Artifact:
    """Models of some bytes of weights each, in the model's file or beside it; the limit in units."""

    key: str
    words: str
    models: int
    weights: int
    is_external: bool
    limit: float


def examined(scratch: Path, divisor: int) -> list[Comparison]:
    """A model in one file, one with its weights beside it, and many models."""
    cases = (
        Artifact("one model file", "one file of 498 MB", 1, 498 * MB // divisor, False, 3.5),
        Artifact("external data", "1 GB of external data", 1, 1002 * MB // divisor, True, 4.0),
        Artifact("many models", "40 models of 12 kB", 40, 12_000, False, 9.0),
    )
    return [_comparison(scratch / artifact.key.replace(" ", "_"), artifact) for artifact in cases]


def _comparison(root: Path, artifact: Artifact) -> Comparison:
    directory = root / ARTIFACT
    directory.mkdir(parents=True)
    # In a process of its own: the memory of this one would count for every one that it starts.
    given = [str(directory), str(artifact.models), str(artifact.weights), str(int(artifact.is_external))]
    subprocess.run([sys.executable, str(Path(__file__)), *given], check=True)
    promotebot(root, "manifest", ARTIFACT, "--model", "large", "--model-file", "model_00.onnx")
    cases = {
        UNIT: Command([*PYTHON, "-c", _OPEN, str(directory)], root),
        OURS: Command([*PYTHON, "-c", _EXAMINE, str(root), ARTIFACT], root),
    }
    return Comparison(artifact.key, f"Examining {artifact.words}", UNIT, cases, {OURS: artifact.limit}, {OURS: 1.5})


def write_model(directory: Path, name: str, size: int, *, is_external: bool) -> None:
    """Write a model that looks up rows of its weights, in the bytes of whole rows."""
    size = size // 12 * 12
    weights = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[size // 12, 3])
    if is_external:
        weights.data_location = TensorProto.EXTERNAL
        weights.external_data.add(key="location", value=f"{name}.bin")
        with (directory / f"{name}.bin").open("wb") as file:
            file.truncate(size)
    else:
        weights.raw_data = bytes(size)
    graph = helper.make_graph(
        [helper.make_node("Gather", ["w", "x"], ["y"])],
        "graph",
        [helper.make_tensor_value_info("x", TensorProto.INT64, ["n"])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 3])],
        [weights],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], producer_name=name, ir_version=8)
    (directory / f"{name}.onnx").write_bytes(model.SerializeToString())


def main(directory: str, models: str, size: str, is_external: str) -> None:
    """Write models into a directory."""
    for number in range(int(models)):
        write_model(Path(directory), f"model_{number:02}", int(size), is_external=is_external == "1")


if __name__ == "__main__":
    main(*sys.argv[1:])
