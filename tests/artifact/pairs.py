"""Two artifacts in one repository, today's ACTIVE and a candidate, whose models differ in one way or another."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from promotebot.artifact.comparison import Comparison
from promotebot.artifact.limits import IncumbentArtifact
from promotebot.artifact.manifest import parse_manifest
from promotebot.artifact.runtime import ChildOpener

from .conftest import DIRECTORY, Place

ACTIVE = "ml/artifacts/active"
ROWS = np.array([[1.0, 0.0], [0.0, 1.0], [2.0, 1.0], [1.0, 3.0]], "float32")
WEIGHTS = np.array([[2.0, 1.0, 0.0], [0.0, 1.0, 2.0]], "float32")


def model(
    weights: Any = WEIGHTS,
    *,
    outputs: Sequence[str] = ("scores", "label"),
    name: str = "x",
    power: float | None = None,
) -> onnx.ModelProto:
    """Scores of three classes, their label and their sum."""
    nodes = [
        helper.make_node("MatMul", [name, "w"], ["raw"]),
        helper.make_node("Pow", ["raw", "p"], ["scores"])
        if power
        else helper.make_node("Identity", ["raw"], ["scores"]),
        helper.make_node("ArgMax", ["scores"], ["label"], axis=1, keepdims=0),
        helper.make_node("ReduceSum", ["scores"], ["sum"], keepdims=1),
    ]
    kinds: dict[str, Any] = {
        "scores": (TensorProto.FLOAT, ["n", 3]),
        "label": (TensorProto.INT64, ["n"]),
        "sum": (1, None),
    }
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", weights.shape[0]])],
        [helper.make_tensor_value_info(one, *kinds[one]) for one in outputs],
        [numpy_helper.from_array(weights, "w"), numpy_helper.from_array(np.array(power or 1, "float32"), "p")],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    made.ir_version = 8
    return made


def proto(value: Any, name: str = "") -> bytes:
    return numpy_helper.from_array(np.asarray(value), name).SerializeToString()


class Pair:
    """Two artifacts in one repository: today's ACTIVE, and a candidate."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.candidate = Place(root)
        scores = ROWS @ WEIGHTS
        outputs = {"scores": scores, "label": scores.argmax(axis=1)}
        self.write_active({f"output_{number}": proto(outputs[name], name) for number, name in enumerate(outputs)})

    def write_active(self, outputs: dict[str, bytes], rows: Any = ROWS, made: Any = None) -> None:
        shutil.rmtree(self.root / DIRECTORY, ignore_errors=True)
        self.candidate.write_model(made or model())
        self.candidate.write("test_data_set_0/input_0.pb", proto(rows, "x"))
        for name, data in outputs.items():
            self.candidate.write(f"test_data_set_0/{name}.pb", data)
        self.candidate.write_manifest()
        shutil.rmtree(self.root / ACTIVE, ignore_errors=True)
        (self.root / DIRECTORY).rename(self.root / ACTIVE)

    @property
    def pointer(self) -> IncumbentArtifact:
        manifest = parse_manifest((self.root / ACTIVE / "manifest.json").read_bytes(), where="manifest.json")
        return IncumbentArtifact(ACTIVE, manifest.digest, manifest.full_digest)

    def compare(self, made: onnx.ModelProto, pointer: IncumbentArtifact | None = None, **terms: Any) -> Comparison:
        self.candidate.write_model(made)
        self.candidate.write_manifest()
        evidence = self.candidate.examine(opener=ChildOpener(), incumbent=pointer or self.pointer, **terms)
        assert evidence.digest, evidence.findings
        assert evidence.comparison
        return evidence.comparison
