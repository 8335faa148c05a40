"""The real program on real models: what it reports, and what hostile models cannot do to it."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from promotebot.artifact.answer import NotOpened, Opened, Served, Tensor
from promotebot.artifact.evidence import Evidence
from promotebot.artifact.limits import Limits
from promotebot.artifact.opening_findings import for_active
from promotebot.artifact.runtime import ChildOpener
from promotebot.findings import Finding, Severity, errors_in

from .conftest import ROWS, Place, build_model, external_tensor, refusal, tensor_bytes

pytestmark = pytest.mark.thorough


def bomb() -> bytes:
    """A few hundred bytes whose constants fold into 8 GiB."""
    size = numpy_helper.from_array(np.array([2**15, 2**16], dtype="int64"), "size")
    zero = numpy_helper.from_array(np.zeros((1, 1), dtype="float32"), "zero")
    nodes = [
        helper.make_node("Expand", ["zero", "size"], ["large"]),
        helper.make_node("ReduceSum", ["large"], ["sum"], keepdims=0),
        helper.make_node("Add", ["x", "sum"], ["y"]),
    ]
    return build_model(nodes, initializers=[size, zero]).SerializeToString()


def open_model(directory: Path, data: bytes, **limits: Any) -> Opened | NotOpened:
    (directory / "model.onnx").write_bytes(data)
    return ChildOpener().open(directory, "model.onnx", Limits(**limits))


def test_a_model_is_opened_run_and_described(place: Place) -> None:
    evidence = place.examine(opener=ChildOpener())
    assert errors_in(evidence.findings) == []
    card = evidence.card
    assert card is not None
    assert card.opsets == (("", 17),)
    assert card.opened.inputs == [Tensor(name="x", type="float32", shape=["n", 3])]
    assert [str(tensor) for tensor in card.opened.outputs] == ["float32[n,3]"]
    assert card.opened.producer == "tests"
    assert card.opened.ir_version == 8
    served = card.opened.served
    assert isinstance(served, Served)
    assert [(golden.equal, golden.difference) for golden in served.golden] == [(True, 0.0)]
    assert served.latency_ms is not None
    assert served.latency_ms.runs > 1
    assert served.latency_ms.fastest <= served.latency_ms.p50 <= served.latency_ms.p95
    assert served.load_ms > 0
    assert served.peak_bytes > 10**7


def test_a_commit_is_examined_as_well_as_a_work_tree(place: Place) -> None:
    on_disk, in_git = place.examine(opener=ChildOpener()), place.examine(place.commit(), opener=ChildOpener())
    assert on_disk.digest == in_git.digest is not None
    assert {(f.rule, f.severity) for f in on_disk.findings} <= {(f.rule, f.severity) for f in in_git.findings}


def test_golden_outputs_that_the_model_does_not_give_are_refused(place: Place) -> None:
    place.write("test_data_set_0/output_0.pb", tensor_bytes(np.maximum(ROWS, 0) + 0.5))
    place.write_manifest()
    evidence = place.examine(opener=ChildOpener())
    assert "output 0 differs by 0.5" in refusal(evidence, "artifact.golden").message
    assert evidence.card is not None


def test_golden_data_stands_beside_the_model_wherever_that_is(place: Place) -> None:
    (place.path / "nets").mkdir()
    for name in ("model.onnx", "test_data_set_0"):
        (place.path / name).rename(place.path / "nets" / name)
    place.write_manifest(model_file="nets/model.onnx")
    evidence = place.examine(opener=ChildOpener())
    assert errors_in(evidence.findings) == []
    assert evidence.card is not None
    assert isinstance(evidence.card.opened.served, Served)
    assert len(evidence.card.opened.served.golden) == 1


def test_external_data_beside_the_model_is_used(place: Place) -> None:
    place.write("weights.bin", np.array([1, 1, 1], dtype="float32").tobytes())
    weights = external_tensor({"location": "weights.bin", "length": "12"})
    place.write_model(build_model([helper.make_node("Add", ["x", "w"], ["y"])], initializers=[weights]))
    place.write("test_data_set_0/output_0.pb", tensor_bytes(ROWS + 1))
    place.write_manifest()
    evidence = place.examine(opener=ChildOpener())
    assert errors_in(evidence.findings) == []
    assert evidence.card is not None
    assert evidence.card.opened.external_files == ["weights.bin"]


@pytest.mark.parametrize("location", ["../outside.bin", "weights.bin"])
def test_external_data_outside_or_unlisted_is_refused(place: Place, location: str) -> None:
    place.write(location, b"\0" * 12)
    weights = external_tensor({"location": location})
    place.write_model(build_model([helper.make_node("Add", ["x", "w"], ["y"])], initializers=[weights]))
    place.write_manifest()
    place.edit_manifest(lambda document: document["sha256"].pop("weights.bin", None))
    evidence = place.examine(opener=ChildOpener())
    messages = {finding.rule: finding.message for finding in errors_in(evidence.findings)}
    assert repr(location) in messages["artifact.external_data"]
    assert evidence.card is None


def test_an_operator_of_nobody_is_refused_by_its_domain(place: Place) -> None:
    node = helper.make_node("Op", ["x"], ["y"], domain="custom.ops")
    place.write_model(build_model([node], opsets=[("", 17), ("custom.ops", 1)]))
    place.write_manifest()
    assert "'custom.ops'" in refusal(place.examine(opener=ChildOpener()), "artifact.graph").message


@pytest.mark.parametrize("data", [b"junk", b""], ids=["junk", "empty"])
def test_junk_with_the_right_digest_does_not_open(place: Place, data: bytes) -> None:
    place.write_model(data)
    place.write_manifest()
    assert "not an ONNX model" in refusal(place.examine(opener=ChildOpener()), "artifact.opens").message


def test_a_model_that_only_the_runtime_refuses_does_not_open(tmp_path: Path) -> None:
    number = numpy_helper.from_array(np.array([1]), "i")
    model = build_model([helper.make_node("Add", ["x", "i"], ["y"])], initializers=[number])
    result = open_model(tmp_path, model.SerializeToString())
    assert isinstance(result, NotOpened)
    assert "ONNXRuntimeError" in result.problems[0].message


def serves(evidence: Evidence) -> Finding:
    """The finding on the second opening: a warning, and the only one of it that is wrong."""
    assert errors_in(evidence.findings) == []
    (finding,) = [finding for finding in evidence.findings if finding.rule == "artifact.serves"]
    assert finding.severity is Severity.WARNING
    assert [f.rule for f in errors_in(for_active(evidence.findings))] == ["artifact.serves"]
    return finding


def test_a_memory_bomb_opens_small_and_is_ended_where_services_would_hold_it(place: Place) -> None:
    """ONNX Runtime alone, under a limit of address space, would say that it opens."""
    data = bomb()
    assert len(data) < 700
    place.write_model(data)
    place.write_manifest()
    evidence = place.examine(opener=ChildOpener(), open_memory_bytes=10**9)
    finding = serves(evidence)
    assert "more than 1,000,000,000 bytes of memory to " in finding.message
    assert "raise limits.open_memory_bytes" in finding.remedy
    assert evidence.card is not None
    assert "artifact.golden" not in {finding.rule for finding in evidence.findings}  # it could not be compared


def test_a_model_that_kills_every_default_session_is_a_warning_and_an_error_for_active(place: Place) -> None:
    """An fp16 export of a transformer, by PyTorch and ONNX Runtime's own optimizer."""
    place.write_model(Path(__file__).with_name("segfault.onnx").read_bytes())
    place.write_manifest()
    evidence = place.examine(opener=ChildOpener())
    assert evidence.card is not None
    finding = serves(evidence)
    assert "as services open it" in finding.message
    assert "was ended by SIGSEGV, while it loaded" in finding.message
    assert finding.remedy


def test_protobuf_that_unfolds_into_gigabytes_ends_the_process_and_not_ours(tmp_path: Path) -> None:
    empty_nodes = helper.make_graph([], "g", [], []).SerializeToString() + b"\x0a\x00" * 8_000_000
    model = build_model()
    model.ClearField("graph")
    data = model.SerializeToString() + b"\x3a" + _length(len(empty_nodes)) + empty_nodes
    result = open_model(tmp_path, data, open_memory_bytes=700 * 1024**2)
    assert isinstance(result, NotOpened)


def _length(number: int) -> bytes:
    """Protobuf's variable-length integer."""
    parts = []
    while number > 127:
        parts.append(number & 127 | 128)
        number >>= 7
    return bytes([*parts, number])


def test_a_small_limit_of_memory_counts_from_what_the_runtime_has_itself(tmp_path: Path) -> None:
    result = open_model(tmp_path, build_model().SerializeToString(), open_memory_bytes=120 * 1024**2)
    assert isinstance(result, Opened)
    assert isinstance(result.served, Served)


def test_a_model_that_takes_no_single_row_is_opened_without_a_latency(tmp_path: Path) -> None:
    (tmp_path / "test_data_set_0").mkdir()
    rows = np.zeros((2, 3), dtype="float32")
    for name in ("input_0", "output_0"):
        (tmp_path / "test_data_set_0" / f"{name}.pb").write_bytes(tensor_bytes(rows))
    result = open_model(tmp_path, build_model(shape=(2, 3)).SerializeToString())
    assert isinstance(result, Opened)
    assert isinstance(result.served, Served)
    assert result.served.golden[0].equal
    assert result.served.latency_ms is None


def test_outputs_that_are_no_tensors_are_described(tmp_path: Path) -> None:
    node = helper.make_node("SequenceConstruct", ["x"], ["s"])
    model = build_model([helper.make_node("Relu", ["x"], ["y"]), node])
    model.graph.output.append(helper.make_tensor_sequence_value_info("s", TensorProto.FLOAT, None))
    result = open_model(tmp_path, model.SerializeToString())
    assert isinstance(result, Opened)
    assert [tensor.type for tensor in result.outputs] == ["float32", "seq(tensor(float))"]


def test_the_runtimes_own_noise_does_not_reach_anybody(place: Place, capfd: pytest.CaptureFixture[str]) -> None:
    place.examine(opener=ChildOpener())
    assert capfd.readouterr() == ("", "")


def test_the_evidence_tells_which_walls_stood(place: Place) -> None:
    code = """
from pathlib import Path
from promotebot.artifact import child_limits, walls
print(walls.raise_walls(Path(), offline=child_limits.drop_network()))
"""
    completed = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, check=True, text=True)
    evidence = place.examine(opener=ChildOpener())
    assert evidence.card is not None
    assert [wall for wall in evidence.card.opened.walls if wall != "parent"] == ast.literal_eval(completed.stdout)
    (finding,) = [finding for finding in evidence.findings if finding.rule == "artifact.walls"]
    assert finding.severity is (Severity.WARNING if evidence.card.opened.missing_walls else Severity.PASS)


def test_this_process_never_loads_the_runtime(place: Place) -> None:
    place.examine(opener=ChildOpener())
    assert "onnxruntime" not in sys.modules


@pytest.mark.parametrize("search", [":/nowhere", "/nowhere:", "/nowhere;.", "lib:/nowhere"])
def test_no_library_of_the_artifact_is_loaded_before_the_walls_stand(
    place: Place, monkeypatch: pytest.MonkeyPatch, search: str
) -> None:
    """The loader takes an empty or relative part of the path for the directory in which the process starts."""
    place.write("libc.so.6", b"hostile")
    place.write("lib/libc.so.6", b"hostile")
    monkeypatch.setenv("LD_LIBRARY_PATH", search)
    assert isinstance(ChildOpener().open(place.path, "model.onnx", Limits()), Opened)
