"""Golden outputs are compared as numbers where they are numbers, and exactly where they are not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from promotebot.artifact.golden import MAX_RUNS, WARM_RUNS, compare, golden_sets, measure, run_set

from .conftest import ROWS, external_tensor, tensor_bytes


@dataclass
class Named:
    name: str


@dataclass
class Session:
    """A runtime that doubles what it is given."""

    compute: Callable[[dict[str, Any]], list[Any]] = lambda inputs: [inputs["x"] * 2]
    runs: int = 0

    def get_inputs(self) -> list[Named]:
        return [Named("x")]

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
        ([{0: 0.5}], array([1.0]), "output 0 is a list"),
    ],
)
def test_what_differs(got: Any, wanted: Any, message: str) -> None:
    report = compare([got], {0: wanted})
    assert not report["equal"]
    assert message in report["problem"]
    assert report["difference"] is None or np.isfinite(report["difference"])


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
