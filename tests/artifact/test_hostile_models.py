"""Models made to do harm, opened by the real program: each is a finding, and the examination goes on to its end."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from promotebot.artifact.answer import NotServed
from promotebot.artifact.runtime import ChildOpener
from promotebot.findings import Severity, errors_in

from .conftest import Place, build_model, external_tensor, refusal, rules

FIELD_1000 = b"\xc0\x3e\x01"
WEIGHTS = {"location": "weights.bin"}
ASK = """
import json, sys
from pathlib import Path
import onnx
from promotebot.artifact.graph import UnreadableGraph, read_graph
from promotebot.artifact.child import answer, start_session
def accepts(look, path):
    try:
        look(path)
    except Exception:
        return False
    return True
def walk(path):
    graph = read_graph(path)
    assert not graph.external_problems
def load(path):
    start_session(path, optimised=False)
looks = {"walk": walk, "onnx": lambda path: onnx.checker.check_model(str(path)), "runtime": load}
said = {}
for path in Path().glob("*.onnx"):
    said[path.stem] = [name for name, look in looks.items() if accepts(look, path)]
    said[path.stem] += ["opened"] if answer(path)["opened"] else []
print(json.dumps(said))
"""


def expanding() -> bytes:
    """Eight Expand nodes of one GiB each: a runtime that folds constants makes 8 GiB of a few hundred bytes."""
    size = numpy_helper.from_array(np.array([2**14, 2**14], dtype="int64"), "s")
    zero = numpy_helper.from_array(np.zeros((1, 1), dtype="float32"), "z")
    nodes = [helper.make_node("Expand", ["z", "s"], [name]) for name in "abcdefgh"]
    nodes.append(helper.make_node("Sum", list("abcdefgh"), ["t"]))
    nodes.append(helper.make_node("ReduceSum", ["t"], ["r"], keepdims=0))
    nodes.append(helper.make_node("Add", ["x", "r"], ["y"]))
    return build_model(nodes, initializers=[size, zero]).SerializeToString()


def endless() -> onnx.ModelProto:
    """A loop of 2**62 turns."""
    turn = helper.make_tensor_value_info("i", TensorProto.INT64, [])
    again, still = (helper.make_tensor_value_info(name, TensorProto.BOOL, []) for name in "cd")
    before, after = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 3]) for name in "vw")
    nodes = [helper.make_node("Identity", ["c"], ["d"]), helper.make_node("Relu", ["v"], ["w"])]
    body = helper.make_graph(nodes, "body", [turn, again, before], [still, after])
    turns = numpy_helper.from_array(np.array(2**62, dtype="int64"), "turns")
    go = numpy_helper.from_array(np.array(True), "go")
    return build_model([helper.make_node("Loop", ["turns", "go", "x"], ["y"], body=body)], initializers=[turns, go])


def nested(depth: int) -> bytes:
    """A graph in an attribute of a node of a graph, and so on: protobuf within protobuf."""
    graph = b""
    for _ in range(depth):
        graph = _field(1, _field(5, _field(6, graph)))  # GraphProto.node, NodeProto.attribute, AttributeProto.g
    model = build_model()
    model.ClearField("graph")
    return model.SerializeToString() + _field(7, graph)


def _field(number: int, data: bytes) -> bytes:
    length, size = bytearray(), len(data)
    while size > 127:
        length.append(size & 127 | 128)
        size >>= 7
    return bytes([number << 3 | 2, *length, size]) + data


def adding(tensor: onnx.TensorProto) -> bytes:
    return build_model([helper.make_node("Add", ["x", "w"], ["y"])], initializers=[tensor]).SerializeToString()


def test_eight_gigabytes_of_constants_are_not_folded(place: Place) -> None:
    data = expanding()
    assert len(data) <= 657
    place.write_model(data)
    place.write_manifest()
    evidence = place.examine(opener=ChildOpener(), open_memory_bytes=2 * 1024**3)
    assert errors_in(evidence.findings) == []
    assert evidence.card is not None  # loaded, in a quarter of what folding takes
    assert isinstance(evidence.card.opened.served, NotServed)


def test_a_model_that_runs_for_ever_is_ended_at_the_limit(place: Place) -> None:
    place.write_model(endless())
    place.write_manifest()
    evidence = place.examine(opener=ChildOpener(), run_seconds=1)
    (finding,) = [finding for finding in evidence.findings if finding.rule == "artifact.serves"]
    assert "it loaded, but did not run its golden data within 1 s" in finding.message
    assert "limits.run_seconds" in finding.remedy


@pytest.mark.parametrize("depth", [40, 20_000])
def test_graphs_nested_without_end_are_refused(place: Place, depth: int) -> None:
    place.write_model(nested(depth))
    place.write_manifest()
    assert "not an ONNX model" in refusal(place.examine(opener=ChildOpener()), "artifact.opens").message


def test_golden_data_that_unfolds_is_a_finding(place: Place) -> None:
    """Eleven bytes that say they are a tensor of eight exabytes."""
    huge = TensorProto(data_type=TensorProto.FLOAT, dims=[2**61])
    place.write("test_data_set_0/input_0.pb", huge.SerializeToString())
    place.write_manifest()
    assert "not reproduced" in refusal(place.examine(opener=ChildOpener()), "artifact.golden").message


def test_a_process_that_crashes_is_a_finding(place: Place) -> None:
    code = "import os; from promotebot.artifact.fork_server import serve; serve(lambda _: os.abort())"
    crash = ChildOpener([sys.executable, "-I", "-c", code])
    assert "SIGABRT" in refusal(evidence := place.examine(opener=crash), "artifact.opens").message
    assert evidence.digest is not None


def test_linked_external_data_is_refused_before_the_model_is_opened(place: Place) -> None:
    (place.root / "outside.bin").write_bytes(b"\0" * 12)
    place.write_model(adding(external_tensor(WEIGHTS)))
    place.write("weights.bin", b"\0" * 12)
    place.write_manifest()
    (place.path / "weights.bin").unlink()
    (place.path / "weights.bin").symlink_to("../../../outside.bin")
    evidence = place.examine(opener=ChildOpener())
    assert {"path.symlink", "artifact.files"} == rules(evidence, Severity.ERROR)
    assert (evidence.digest, evidence.card) == (None, None)


def test_where_the_runtime_or_our_walk_refuses_the_model_is_refused_and_onnxs_checker_is_no_veto(
    tmp_path: Path,
) -> None:
    inside = build_model()
    inside.graph.node[0].ParseFromString(inside.graph.node[0].SerializeToString() + FIELD_1000)
    first, second = (build_model([helper.make_node("Relu", [i], [o])]) for i, o in (("x", "h"), ("h", "y")))
    first.graph.ClearField("input")
    first.graph.ClearField("output")
    nameless = build_model()
    nameless.graph.ClearField("name")
    models = {
        "sound": build_model().SerializeToString(),
        "unknown-field": inside.SerializeToString(),
        "two-models": first.SerializeToString() + second.SerializeToString(),
        "dot": adding(external_tensor({"location": "./weights.bin"})),
        "unknown-key": adding(external_tensor({**WEIGHTS, "basepath": "/etc"})),
        "past-the-end": adding(external_tensor({**WEIGHTS, "offset": "4", "length": "12"})),
        "too-short": adding(external_tensor({**WEIGHTS, "length": "8"})),
        "nameless": nameless.SerializeToString(),
        "two-types": adding(numpy_helper.from_array(np.array([1]), "w")),
    }
    (tmp_path / "weights.bin").write_bytes(b"\0" * 12)
    for name, data in models.items():
        (tmp_path / f"{name}.onnx").write_bytes(data)
    done = subprocess.run([sys.executable, "-I", "-c", ASK], cwd=tmp_path, capture_output=True, check=True, text=True)
    assert json.loads(done.stdout) == {
        "sound": ["walk", "onnx", "runtime", "opened"],
        "unknown-field": ["onnx", "runtime"],
        "two-models": ["onnx", "runtime"],
        "dot": ["walk", "onnx", "runtime", "opened"],
        "unknown-key": ["onnx"],
        "past-the-end": ["onnx"],
        "too-short": ["walk", "onnx"],
        "nameless": ["walk", "runtime", "opened"],
        "two-types": ["walk", "onnx"],
    }
