"""Golden data: run the model on `test_data_set_N/input_M.pb` and compare with `output_M.pb`; time one row.

The layout is ONNX's own (https://github.com/onnx/onnx/blob/main/docs/OnnxBackendTest.md).
"""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

from promotebot.artifact.golden_values import Row, Unusable, read_inputs, read_value, run, single_row

TOLERANCES = {"float16": (1e-2, 1e-3), "bfloat16": (2e-2, 1e-2), "float8": (0.13, 0.1)}
"""Element type, or its beginning → relative and absolute tolerance of numpy.allclose; `DEFAULT` for the others.

Processors and versions of the runtime add in another order; short types keep 11, 8 and 3 or 4 bits.
"""
DEFAULT = (1e-3, 1e-5)
WARM_RUNS, MAX_RUNS, MAX_SECONDS = 3, 50, 1.0
"""Runs before the latency's measurement, and its bounds, whichever comes first."""
_SET = re.compile(r"test_data_set_(\d{1,6})")
_OUTPUT = re.compile(r"output_(\d{1,6})\.pb")


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
        feed = read_inputs(session, path)
        got, inputs = run(session, feed), feed
        report = compare(got, _outputs(session, path))
    except Unusable as problem:
        report = _differs(str(problem))
    except Exception as problem:  # noqa: BLE001 - whatever the runtime throws is this set's answer
        report = _differs(f"{type(problem).__name__}: {' '.join(str(problem).split())[:300]}")
    # Latency is measured on a single row: the first axis is the batch.
    row = single_row(inputs) if inputs else None
    return {"name": path.name, **report}, row


def _number(path: Path) -> int:
    return int(path.name.rpartition("_")[2])


def _outputs(session: Any, directory: Path) -> dict[int, Any]:
    kinds = [item.type for item in session.get_outputs()]
    numbers = sorted(int(match[1]) for path in directory.iterdir() if (match := _OUTPUT.fullmatch(path.name)))
    return {n: read_value(directory / f"output_{n}.pb", kinds[n] if n < len(kinds) else "")[1] for n in numbers}


def compare(got: list[Any], wanted: dict[int, Any]) -> dict[str, Any]:
    """Compare outputs by index; numbers within the tolerances of their type, everything else exactly.

    Returns:
        equal, the number of outputs compared and of those that there are, the largest absolute difference (None where
        it is no finite number), and the problem in words.
    """
    count = {"compared": len(wanted), "outputs": len(got)}
    if not wanted:
        return {**_differs("there is no output_0.pb"), **count}
    worst = 0.0
    # The model may have more outputs than golden ones; it may not have fewer.
    for index, want in sorted(wanted.items()):
        if index >= len(got):
            return {**_differs(f"there is output_{index}.pb, but the model has {len(got)} outputs"), **count}
        problem, gap = _compare(f"output {index}", got[index], want)
        if problem:
            return {**_differs(problem, gap), **count}
        worst = max(worst, gap or 0.0)
    return {"equal": True, "difference": worst, "problem": "", **count}


def _compare(name: str, have: Any, want: Any) -> tuple[str, float | None]:
    """Return how an output differs from the golden one, in words, and by how much; empty words where it does not."""
    if have is None or want is None:
        return ("" if have is want else f"{name} is there only in one of the two"), None
    if isinstance(want, list):
        if not isinstance(have, list) or len(have) != len(want):
            return f"{name} is another sequence than the golden one, of {len(want)}", None
        told = [_compare(f"{name}[{i}]", one, other) for i, (one, other) in enumerate(zip(have, want, strict=True))]
        wrong = [one for one in told if one[0]]
        return wrong[0] if wrong else ("", max((gap or 0.0 for _, gap in told), default=0.0))
    if not hasattr(have, "dtype"):
        return f"{name} is a {type(have).__name__}, the golden one a tensor", None
    if have.shape != want.shape or have.dtype != want.dtype:
        return f"{name} is {have.dtype}{list(have.shape)}, the golden one {want.dtype}{list(want.shape)}", None
    close, gap = _distance(have, want)
    if close:
        return "", gap
    if gap is None:
        return f"{name} differs", None
    relative, absolute = tolerance(want)
    return f"{name} differs by {gap:.3g} (tolerances {relative:g} relative, {absolute:.3g} absolute)", gap


def tolerance(want: Any) -> tuple[float, float]:
    """Return the relative and absolute tolerance for a golden output.

    The absolute one is for a few values near zero among larger ones: where all are small, it is as small as they are.
    """
    import numpy

    name = str(want.dtype)
    relative, absolute = next((pair for kind, pair in TOLERANCES.items() if name.startswith(kind)), DEFAULT)
    sizes = numpy.abs(want.astype("float64"))
    largest = float(numpy.max(sizes[numpy.isfinite(sizes)], initial=0.0))
    return relative, absolute * min(1.0, largest) if largest else absolute


def _distance(have: Any, want: Any) -> tuple[bool, float | None]:
    """Return whether two arrays of one type and shape agree, and their largest absolute difference.

    The difference is None for values that are no numbers, and where it is not finite.
    """
    import numpy

    # V: bfloat16 and its kin. Labels, texts and truth values must be equal.
    if have.dtype.kind not in "fV":
        return bool(numpy.array_equal(have, want)), None
    one, other = have.astype("float64"), want.astype("float64")
    relative, absolute = tolerance(want)
    close = bool(numpy.allclose(one, other, rtol=relative, atol=absolute, equal_nan=True))
    # Equal infinities, and NaN in both, are no difference; subtracting them would give NaN.
    with numpy.errstate(invalid="ignore"):
        gaps = numpy.abs(one - other)[(one != other) & ~(numpy.isnan(one) & numpy.isnan(other))]
    gap = float(numpy.max(gaps, initial=0.0))
    return close, gap if numpy.isfinite(gap) else None


def _differs(problem: str, difference: float | None = None) -> dict[str, Any]:
    return {"equal": False, "difference": difference, "problem": problem, "compared": 0, "outputs": 0}


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
