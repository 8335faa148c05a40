"""Golden data: run the model on `test_data_set_N/input_M.pb` and compare with `output_M.pb`; time one row.

The layout is ONNX's own (https://github.com/onnx/onnx/blob/main/docs/OnnxBackendTest.md).
"""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

RELATIVE, ABSOLUTE = 1e-3, 1e-5
"""Tolerances of numpy.allclose: processors and versions of the runtime add in another order."""
WARM_RUNS, MAX_RUNS, MAX_SECONDS = 3, 50, 1.0
"""Runs before the latency's measurement, and its bounds, whichever comes first."""
_SET = re.compile(r"test_data_set_(\d{1,6})")
_OUTPUT = re.compile(r"output_(\d{1,6})\.pb")

Row = dict[str, Any]


class Unusable(Exception):
    """Golden data that cannot be used; the message is the reason."""


def golden_sets(directory: Path) -> list[Path]:
    """Return the data sets beside a model, in order of number."""
    return sorted((path for path in directory.iterdir() if _SET.fullmatch(path.name)), key=_number)


def run_set(session: Any, path: Path) -> tuple[dict[str, Any], Row | None]:
    """Run one data set.

    Returns:
        Its report ({name, equal, difference, problem}), and its first row (input name → array), None where it did not
        run.
    """
    inputs = None
    try:
        feed = _inputs(session, path)
        got, inputs = session.run(None, feed), feed
        report = compare(got, _outputs(path))
    except Unusable as problem:
        report = _differs(str(problem))
    except Exception as problem:  # noqa: BLE001 - whatever the runtime throws is this set's answer
        report = _differs(f"{type(problem).__name__}: {' '.join(str(problem).split())[:300]}")
    # Latency is measured on a single row: the first axis is the batch.
    row = {name: value[:1] if value.ndim else value for name, value in inputs.items()} if inputs else None
    return {"name": path.name, **report}, row


def _number(path: Path) -> int:
    return int(path.name.rpartition("_")[2])


def _inputs(session: Any, directory: Path) -> Row:
    return {item.name: _tensor(directory / f"input_{index}.pb") for index, item in enumerate(session.get_inputs())}


def _outputs(directory: Path) -> dict[int, Any]:
    matches = [match for path in directory.iterdir() if (match := _OUTPUT.fullmatch(path.name))]
    return {int(match[1]): _tensor(directory / match[0]) for match in matches}


def _tensor(path: Path) -> Any:
    from google.protobuf.message import DecodeError
    from onnx import TensorProto, numpy_helper

    tensor = TensorProto()
    try:
        tensor.ParseFromString(path.read_bytes())
    except FileNotFoundError:
        raise Unusable(f"{path.name} is missing") from None
    except DecodeError:
        raise Unusable(f"{path.name} is not a tensor") from None
    # A path in the data could lead anywhere.
    if tensor.external_data or tensor.data_location:
        raise Unusable(f"{path.name} keeps its data in another file")
    return numpy_helper.to_array(tensor)


def compare(got: list[Any], wanted: dict[int, Any]) -> dict[str, Any]:
    """Compare outputs by index; numbers within rtol 1e-3 and atol 1e-5, everything else exactly.

    Returns:
        equal, the largest absolute difference (None where it is no finite number), and the problem in words.
    """
    if not wanted:
        return _differs("there is no output_0.pb")
    worst = 0.0
    # The model may have more outputs than golden ones; it may not have fewer.
    for index, want in sorted(wanted.items()):
        if index >= len(got):
            return _differs(f"there is output_{index}.pb, but the model has {len(got)} outputs")
        have = got[index]
        if not hasattr(have, "dtype"):
            return _differs(f"output {index} is a {type(have).__name__}, the golden one a tensor")
        if have.shape != want.shape or have.dtype != want.dtype:
            expected = f"{want.dtype}{list(want.shape)}"
            return _differs(f"output {index} is {have.dtype}{list(have.shape)}, the golden one {expected}")
        close, gap = _distance(have, want)
        if not close:
            return _differs(f"output {index} differs" + (f" by {gap:.3g}" if gap is not None else ""), gap)
        worst = max(worst, gap or 0.0)
    return {"equal": True, "difference": worst, "problem": ""}


def _distance(have: Any, want: Any) -> tuple[bool, float | None]:
    """Return whether two arrays of one type and shape agree, and their largest absolute difference.

    The difference is None for values that are no numbers, and where it is not finite.
    """
    import numpy

    # V: bfloat16 and its kin. Labels, texts and truth values must be equal.
    if have.dtype.kind not in "fV":
        return bool(numpy.array_equal(have, want)), None
    one, other = have.astype("float64"), want.astype("float64")
    close = bool(numpy.allclose(one, other, rtol=RELATIVE, atol=ABSOLUTE, equal_nan=True))
    # Equal infinities, and NaN in both, are no difference; subtracting them would give NaN.
    with numpy.errstate(invalid="ignore"):
        gaps = numpy.abs(one - other)[(one != other) & ~(numpy.isnan(one) & numpy.isnan(other))]
    gap = float(numpy.max(gaps, initial=0.0))
    return close, gap if numpy.isfinite(gap) else None


def _differs(problem: str, difference: float | None = None) -> dict[str, Any]:
    return {"equal": False, "difference": difference, "problem": problem}


def measure(session: Any, row: Row) -> dict[str, float] | None:
    """Return runs, and fastest, p50 and p95 of them in milliseconds; None where the model does not run on a single row.

    The first runs set things up, and are not counted.
    """
    times: list[float] = []
    try:
        stop = time.perf_counter() + MAX_SECONDS
        for run in range(WARM_RUNS + MAX_RUNS):
            started = time.perf_counter()
            session.run(None, row)
            times.append((time.perf_counter() - started) * 1000)
            # A slow model still has one run that counts.
            if run and time.perf_counter() > stop:
                break
    except Exception:  # noqa: BLE001 - a fixed batch, a vector input: there is nothing to measure, nothing is wrong
        return None
    counted = sorted(times[min(WARM_RUNS, len(times) - 1) :])
    middle, slow = counted[len(counted) // 2], counted[int((len(counted) - 1) * 0.95)]
    return {
        "runs": len(counted),
        "fastest": round(counted[0], 4),
        "p50": round(middle, 4),
        "p95": round(slow, 4),
    }
