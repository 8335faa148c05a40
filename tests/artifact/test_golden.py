"""Golden outputs are compared as numbers where they are numbers, and exactly where they are not."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from promotebot.artifact.golden import MAX_RUNS, WARM_RUNS, compare, golden_sets, measure, run_set
from promotebot.artifact.golden_values import PLAIN, read_value
from promotebot.artifact.runtime import ChildOpener
from promotebot.findings import Finding, Severity

from .conftest import ROWS, Place, external_tensor, tensor_bytes


@dataclass
class Named:
    name: str
    type: str = "tensor(float)"


@dataclass
class Session:
    """A runtime that doubles what it is given."""

    compute: Callable[[dict[str, Any]], list[Any]] = lambda inputs: [inputs["x"] * 2]
    runs: int = 0

    def get_inputs(self) -> list[Named]:
        return [Named("x")]

    def get_outputs(self) -> list[Named]:
        return [Named("y")]

    def get_overridable_initializers(self) -> list[Named]:
        return []

    def run(self, names: None, inputs: dict[str, Any]) -> list[Any]:
        assert names is None
        self.runs += 1
        return self.compute(inputs)


def write(directory: Path, number: int, **files: bytes) -> None:
    (directory / f"test_data_set_{number}").mkdir()
    for name, data in files.items():
        (directory / f"test_data_set_{number}" / f"{name}.pb").write_bytes(data)


def run_golden(session: Any, directory: Path) -> tuple[list[dict[str, Any]], dict[str, Any] | None]:
    """The reports on every set, and the first row that there is."""
    ran = [run_set(session, path) for path in golden_sets(directory)]
    return [report for report, _ in ran], next((row for _, row in ran if row), None)


def test_sets_are_run_in_order_of_number_and_the_first_row_is_kept(tmp_path: Path) -> None:
    for number in (10, 2, 0):
        write(tmp_path, number, input_0=tensor_bytes(ROWS + number), output_0=tensor_bytes(2 * (ROWS + number)))
    (tmp_path / "test_data_set_other").mkdir()
    reports, row = run_golden(Session(), tmp_path)
    assert [report["name"] for report in reports] == ["test_data_set_0", "test_data_set_2", "test_data_set_10"]
    assert all(report["equal"] and report["difference"] == 0.0 for report in reports)
    assert row is not None
    np.testing.assert_array_equal(row["x"], ROWS[:1])


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"output_0": tensor_bytes(ROWS)}, "input_0.pb is missing"),
        ({"input_0": tensor_bytes(ROWS)}, "there is no output_0.pb"),
        ({"input_0": b"\xff\xff", "output_0": tensor_bytes(ROWS)}, "input_0.pb is not a tensor"),
        (
            {"input_0": external_tensor({"location": "/etc/passwd"}).SerializeToString(), "output_0": b""},
            "input_0.pb keeps its data in another file",
        ),
    ],
)
def test_golden_data_that_cannot_be_used_is_a_problem_of_its_set_only(
    tmp_path: Path, files: dict[str, bytes], message: str
) -> None:
    write(tmp_path, 0, **files)
    write(tmp_path, 1, input_0=tensor_bytes(ROWS), output_0=tensor_bytes(2 * ROWS))
    reports, row = run_golden(Session(), tmp_path)
    assert [report["equal"] for report in reports] == [False, True]
    assert message in reports[0]["problem"]
    assert row is not None


def test_a_model_that_fails_on_golden_data_is_told(tmp_path: Path) -> None:
    def fail(_: dict[str, Any]) -> list[Any]:
        raise RuntimeError("bad\nallocation")

    write(tmp_path, 0, input_0=tensor_bytes(ROWS), output_0=tensor_bytes(ROWS))
    reports, row = run_golden(Session(fail), tmp_path)
    assert reports[0]["problem"] == "RuntimeError: bad allocation"
    assert row is None


def array(values: list[Any], kind: str = "float32") -> Any:
    return np.array(values, dtype=kind)


@pytest.mark.parametrize(
    ("got", "wanted", "difference"),
    [
        (array([1.0]), array([1.0]), 0.0),
        (array([1000.0]), array([1000.9]), 0.9),
        (array([1.0, 5e-6]), array([1.0, 0.0]), 5e-6),
        ([array([1.0])], [array([1.0])], 0.0),
        (None, None, 0.0),
        (array([1.005], "float16"), array([1.0], "float16"), 0.0049),
        (array([np.nan, np.inf, 1.0]), array([np.nan, np.inf, 1.0]), 0.0),
        (array([], "float32"), array([], "float32"), 0.0),
        (array([1, 2], "int64"), array([1, 2], "int64"), 0.0),
        (array(["a"], "object"), array(["a"], "object"), 0.0),
        (array([True], "bool"), array([True], "bool"), 0.0),
    ],
)
def test_what_agrees(got: Any, wanted: Any, difference: float) -> None:
    report = compare([got], {0: wanted})
    assert report["equal"], report
    assert report["difference"] == pytest.approx(difference, abs=1e-4)


@pytest.mark.parametrize(
    ("got", "wanted", "message"),
    [
        (array([1.0]), array([1.1]), "output 0 differs by 0.1"),
        (array([1.0]), array([np.nan]), "output 0 differs"),
        (array([np.inf]), array([1.0]), "output 0 differs"),
        (array([1.0]), array([[1.0]]), "float32[1], the golden one float32[1, 1]"),
        (array([1.0], "float64"), array([1.0]), "float64[1], the golden one float32[1]"),
        (array([2**53], "int64"), array([2**53 + 1], "int64"), "output 0 differs"),
        (array(["a"], "object"), array(["b"], "object"), "output 0 differs"),
        (array([2e-9]), array([9e-6]), "output 0 differs by 9e-06 (tolerances: 0.001 relative, 9e-11 absolute)"),
        ([array([1.0])], [array([1.0]), array([1.0])], "another sequence than the golden one, of 2"),
        ([array([2.0])], [array([1.0])], "output 0[0] differs by 1"),
        (None, array([1.0]), "only in one of the two"),
        ([{0: 0.5}], array([1.0]), "output 0 is a list"),
    ],
)
def test_what_differs(got: Any, wanted: Any, message: str) -> None:
    report = compare([got], {0: wanted})
    assert not report["equal"]
    assert message in report["problem"]
    assert report["difference"] is None or np.isfinite(report["difference"])


WIDE = {"rtol": 0.05}


@pytest.mark.parametrize(
    ("got", "wanted", "given", "equal", "allowed", "usual"),
    [
        ([1.04], [1.0], {}, False, [1e-3, 1e-5], None),
        ([1.04], [1.0], WIDE, True, [0.05, 1e-5], [1e-3, 1e-5]),
        ([1.0005], [1.0], {"rtol": 1e-4}, False, [1e-4, 1e-5], None),
        ([0.0, 9.0], [0.1, 9.0], {"atol": 0.2}, True, [1e-3, 0.2], [1e-3, 1e-5]),
        ([1.0], [1.0], {"rtol": 0, "atol": 0}, True, [0, 0], None),
        # Where all values are small, what is usual is as small: the same number allows more.
        ([2e-6], [1e-6], {"atol": 1e-5}, True, [1e-3, 1e-5], [1e-3, 1e-11]),
    ],
)
def test_the_manifest_says_how_far_outputs_may_differ(
    got: list[float], wanted: list[float], given: dict[str, float], equal: bool, allowed: Any, usual: Any
) -> None:
    report = compare([array(got)], {0: array(wanted)}, given)
    assert report["equal"] is equal
    assert report["allowed"] == pytest.approx(tuple(allowed))
    assert report["usual"] == (None if usual is None else pytest.approx(tuple(usual)))
    assert ("tolerances of the manifest:" in report["problem"]) == (bool(given) and not equal)


def test_whole_numbers_and_labels_are_equal_whatever_the_manifest_says() -> None:
    given = {"rtol": 1, "atol": 1000}
    for kind in ("int64", "uint8", "bool", "object"):
        report = compare([array([1], kind)], {0: array([0], kind)}, given)
        assert (report["equal"], report["allowed"]) == (False, None)


def test_of_several_outputs_the_largest_difference_is_told_and_any_that_allows_more_than_usual() -> None:
    got = [array([1.0], "float16"), array([5.002]), array(["a"], "object")]
    wanted = {0: array([1.0], "float16"), 1: array([5.0]), 2: array(["a"], "object")}
    report = compare(got, wanted, {"rtol": 5e-3})
    assert report["difference"] == pytest.approx(0.002, abs=1e-4)
    assert report["allowed"] == pytest.approx((5e-3, 1e-5))
    assert report["usual"] == pytest.approx((1e-3, 1e-5))  # of float16, 1e-2 would be


def test_outputs_are_compared_by_their_number() -> None:
    got = [array([1.0]), array([2.0])]
    assert compare(got, {1: array([2.0])})["equal"]
    assert "the model has 2 outputs" in compare(got, {2: array([2.0])})["problem"]
    assert compare(got, {0: array([1.0]), 1: array([9.0])})["problem"].startswith("output 1 differs")


def test_latency_is_of_a_bounded_number_of_runs() -> None:
    session = Session()
    latency = measure(session, {"x": ROWS[:1]})
    assert latency is not None
    assert 0 <= latency["fastest"] <= latency["p50"] <= latency["p95"]
    assert session.runs == latency["runs"] + WARM_RUNS <= MAX_RUNS + WARM_RUNS


def test_a_model_that_takes_no_single_row_has_no_latency() -> None:
    def fixed(_: dict[str, Any]) -> list[Any]:
        raise ValueError("expected a batch of 32")

    assert measure(Session(fixed), {"x": ROWS[:1]}) is None


def test_how_many_outputs_were_compared_is_told() -> None:
    report = compare([array([1.0]), array([2.0])], {0: array([1.0])})
    assert (report["compared"], report["outputs"]) == (1, 2)


GOLDEN = """
import json
from pathlib import Path
from promotebot.artifact.child import serve_model
from promotebot.artifact.onnx_parts import load_onnx
load_onnx()
print(json.dumps({path.parent.name: [line["golden"] for line in serve_model(path, golden={}) if "golden" in line]
                  for path in Path().glob("*/model.onnx")}))
"""


def kinds() -> dict[str, tuple[Any, dict[str, bytes]]]:
    """Name → a model and its golden data, of values that are no plain tensors of numpy's."""
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    ones = np.ones((2, 4), "float32")
    sequence = helper.make_tensor_sequence_value_info("s", TensorProto.FLOAT, ["n", 4])
    optional = helper.make_value_info("o", helper.make_optional_type_proto(y.type))
    joined = helper.make_node("ConcatFromSequence", ["s"], ["y"], axis=0)
    x, w = (helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in "xw")
    there = helper.make_tensor_value_info("y", TensorProto.BOOL, [])
    whole, yes = tensor_bytes(np.ones((4, 4), "float32")), tensor_bytes(np.array(True))
    listed, chosen = numpy_helper.from_list([ones, ones], "s"), numpy_helper.from_optional(ones, "o")
    has = helper.make_node("OptionalHasElement", ["o"], ["y"])
    made: dict[str, tuple[Any, dict[str, bytes]]] = {
        "sequence": (
            graph([joined], [sequence], [y]),
            {"input_0": listed.SerializeToString(), "output_0": whole},
        ),
        "optional": (
            graph([has], [optional], [there]),
            {"input_0": chosen.SerializeToString(), "output_0": yes},
        ),
        "default": (
            graph([helper.make_node("Add", ["x", "w"], ["y"])], [x, w], [y], [numpy_helper.from_array(ones[0], "w")]),
            {"input_0": tensor_bytes(ones), "input_1": tensor_bytes(ones[0] * 5), "output_0": tensor_bytes(ones * 6)},
        ),
    }
    for name, number in (("bfloat16", TensorProto.BFLOAT16), ("float8", TensorProto.FLOAT8E4M3FN)):
        short = [helper.make_tensor_value_info(place, number, ["n"]) for place in "xz"]
        nodes = [helper.make_node("Cast", ["x"], ["y"], to=1), helper.make_node("Identity", ["x"], ["z"])]
        value = helper.make_tensor("x", number, [2], [1.0, 2.0]).SerializeToString()
        golden = {"input_0": value, "output_0": tensor_bytes(np.array([1, 2], "float32")), "output_1": value}
        made[name] = (graph(nodes, short[:1], [y, short[1]]), golden)
    # An odd number of values, of which two share a byte; the runtime has no Identity for them.
    for name, number, values in (("int4", TensorProto.INT4, [1, -8, 7]), ("uint4", TensorProto.UINT4, [1, 15, 8])):
        short = [helper.make_tensor_value_info(place, number, ["n", 1]) for place in "xz"]
        nodes = [helper.make_node("Cast", ["x"], ["y"], to=1), helper.make_node("Cast", ["y"], ["z"], to=number)]
        value = helper.make_tensor("x", number, [3, 1], values).SerializeToString()
        wanted = tensor_bytes(np.array(values, "float32").reshape(3, 1))
        made[name] = (
            graph(nodes, short[:1], [y, short[1]], opset=21),
            {"input_0": value, "output_0": wanted, "output_1": value},
        )
    return made


def graph(
    nodes: list[Any], inputs: list[Any], outputs: list[Any], weights: Sequence[Any] = (), *, opset: int = 19
) -> bytes:
    made = helper.make_graph(nodes, "g", inputs, outputs, list(weights))
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", opset)], ir_version=10).SerializeToString()


READ = """
import json, sys
from pathlib import Path
from promotebot.artifact.golden_values import read_value
from promotebot.artifact.onnx_parts import load_onnx
load_onnx()
told = {path.stem: read_value(path, "")[1] for path in Path().glob("*.pb")}
helped = "onnx.numpy_helper" in sys.modules
print(json.dumps({"helped": helped, **{kind: [str(value.dtype), value.tolist()] for kind, value in told.items()}}))
"""


def test_plain_tensors_are_read_as_onnx_reads_them_and_without_its_helpers(tmp_path: Path) -> None:
    written = {kind: np.array([[0, 1], [1, 0]], kind) for kind in PLAIN.values()}
    for kind, value in written.items():
        (tmp_path / f"{kind}.pb").write_bytes(tensor_bytes(value))
    command = [sys.executable, "-I", "-c", READ]
    told = json.loads(subprocess.run(command, cwd=tmp_path, capture_output=True, check=True, text=True).stdout)
    assert told == {"helped": False, **{kind: [kind, value.tolist()] for kind, value in written.items()}}
    assert {helper.np_dtype_to_tensor_dtype(value.dtype): kind for kind, value in written.items()} == PLAIN


@pytest.mark.parametrize("number", [TensorProto.FLOAT, TensorProto.INT32, TensorProto.BOOL])
def test_a_tensor_that_is_empty_or_lists_its_values_is_read_as_well(tmp_path: Path, number: int) -> None:
    for name, values in (("empty", []), ("listed", [1, 0])):
        tensor = helper.make_tensor("x", number, [len(values)], values)
        (tmp_path / f"{name}.pb").write_bytes(tensor.SerializeToString())
        found, value = read_value(tmp_path / f"{name}.pb", "")
        assert (found, value.tolist()) == ("x", values)


def test_golden_data_of_every_kind_of_value_is_reproduced(tmp_path: Path) -> None:
    for name, (data, files) in kinds().items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "model.onnx").write_bytes(data)
        write(tmp_path / name, 0, **files)
    command = [sys.executable, "-I", "-c", GOLDEN]
    told = json.loads(subprocess.run(command, cwd=tmp_path, capture_output=True, check=True, text=True).stdout)
    assert {name: [(one["equal"], one["problem"]) for one in reports] for name, reports in told.items()} == {
        name: [(True, "")] for name in kinds()
    }
    assert {told[name][0]["compared"] for name in ("bfloat16", "float8", "int4", "uint4")} == {2}


def test_values_of_four_bits_that_differ_by_one_are_not_reproduced(tmp_path: Path) -> None:
    for name in ("int4", "uint4"):
        data, files = kinds()[name]
        number = TensorProto.INT4 if name == "int4" else TensorProto.UINT4
        other = helper.make_tensor("x", number, [3, 1], [1, 6, 7]).SerializeToString()
        (tmp_path / name).mkdir()
        (tmp_path / name / "model.onnx").write_bytes(data)
        write(tmp_path / name, 0, **{**files, "output_1": other})
    done = subprocess.run(
        [sys.executable, "-I", "-c", GOLDEN], cwd=tmp_path, capture_output=True, check=True, text=True
    )
    told = json.loads(done.stdout)
    assert {report["problem"] for (report,) in told.values()} == {"output 1 differs"}


def reproduced(place: Place, by: float, golden: dict[str, Any] | None) -> Finding:
    """What is said of an artifact whose golden output is off by so much, under what the manifest allows."""
    place.write("test_data_set_0/output_0.pb", tensor_bytes(np.maximum(ROWS, 0) + np.float32(by)))
    place.write_manifest(golden=golden)
    (told,) = [one for one in place.examine(opener=ChildOpener()).findings if one.rule == "artifact.golden"]
    return told


def test_what_the_manifest_allows_is_shown_beside_the_difference(place: Place) -> None:
    told = reproduced(place, 0, None)
    assert told.severity is Severity.PASS
    assert told.message.endswith("largest difference 0.0e+00, allowed 0.001 relative and 1e-05 absolute")
    told = reproduced(place, 0, {"rtol": 0, "atol": 1e-6})
    assert told.severity is Severity.PASS
    assert told.message.endswith("allowed 0 relative and 1e-06 absolute by the manifest")


def test_more_than_is_usual_is_a_warning_that_the_reviewer_sees(place: Place) -> None:
    assert reproduced(place, 0.5, None).severity is Severity.ERROR
    told = reproduced(place, 0.5, {"atol": 0.75})
    assert told.severity is Severity.WARNING
    assert "largest difference 5.0e-01, allowed 0.001 relative and 0.75 absolute by the manifest" in told.message
    assert told.message.endswith("usual for an output of this type: 0.001 relative and 1e-05 absolute.")
    told = reproduced(place, 0.5, {"atol": 0.25})
    assert told.severity is Severity.ERROR
    assert "(tolerances of the manifest: 0.001 relative, 0.25 absolute)" in told.message
