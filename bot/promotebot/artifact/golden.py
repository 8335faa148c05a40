"""Golden data: run the model on `test_data_set_N/input_M.pb` and compare with `output_M.pb`; time one row.

The layout is ONNX's own (https://github.com/onnx/onnx/blob/main/docs/OnnxBackendTest.md).
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from promotebot.artifact.golden_values import PACKED, Row, Unusable, read_inputs, read_value, run, single_row

TOLERANCES = {"float16": (1e-2, 1e-3), "bfloat16": (2e-2, 1e-2), "float8": (0.13, 0.1)}
"""Element type, or its beginning → relative and absolute tolerance of numpy.allclose; `DEFAULT` for the others.

Processors and versions of the runtime add in another order; short types keep 11, 8 and 3 or 4 bits.
"""
DEFAULT = (1e-3, 1e-5)
WARM_RUNS, MAX_RUNS, MAX_SECONDS = 3, 50, 1.0
"""Runs before the latency's measurement, and its bounds, whichever comes first."""
Pair = tuple[float, float]
"""Relative and absolute tolerance of numpy.allclose."""
Given = Mapping[str, float]
"""The tolerances that the manifest gives: `rtol` or `atol` or both; the others are as usual."""
_NONE: Given = MappingProxyType({})
_SET = re.compile(r"test_data_set_(\d{1,6})")
_OUTPUT = re.compile(r"output_(\d{1,6})\.pb")


def golden_sets(directory: Path) -> list[Path]:
    """Return the data sets beside a model, in order of number."""
    return sorted((path for path in directory.iterdir() if _SET.fullmatch(path.name)), key=_number)


class _Compared(NamedTuple):
    """How an output compares with the golden one."""

    problem: str = ""
    """In words; empty where they agree."""
    gap: float | None = None
    """Their largest absolute difference, None where they are no numbers or it is not finite."""
    allowed: Pair | None = None
    """None where they are no numbers, and have to be equal."""
    usual: Pair | None = None
    """What is usual for their type, where the manifest allows more."""


def run_set(session: Any, path: Path, given: Given = _NONE) -> tuple[dict[str, Any], Row | None]:
    """Run one data set.

    Returns:
        Its report (see `compare`, and its name), and its first row (input name → array), None where it did not run.
    """
    inputs = None
    try:
        feed = read_inputs(session, path)
        got, inputs = run(session, feed), feed
        report = compare(got, _outputs(session, path), given)
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


def compare(got: list[Any], wanted: dict[int, Any], given: Given = _NONE) -> dict[str, Any]:
    """Compare outputs by index; numbers within their tolerances, everything else exactly.

    Returns:
        equal, the number of outputs compared and of those that there are, the largest absolute difference (None where
        it is no finite number) with what is allowed there, what would be usual where the manifest allows more, and the
        problem in words.
    """
    count = {"compared": len(wanted), "outputs": len(got)}
    if not wanted:
        return {**_differs("there is no output_0.pb"), **count}
    told: list[_Compared] = []
    # The model may have more outputs than golden ones; it may not have fewer.
    for index, want in sorted(wanted.items()):
        if index >= len(got):
            return {**_differs(f"there is output_{index}.pb, but the model has {len(got)} outputs"), **count}
        told.append(_compare(f"output {index}", got[index], want, given))
    worst = _worst(told)
    found = {"difference": worst.gap, "allowed": worst.allowed, "usual": worst.usual}
    if worst.problem:
        return {**_differs(worst.problem), **found, **count}
    return {"equal": True, "problem": "", **found, "difference": worst.gap or 0.0, **count}


def _worst(told: list[_Compared]) -> _Compared:
    """Return the first that differs, else the one with the largest difference; with what is usual, where any has it."""
    worst = next((one for one in told if one.problem), None) or max(
        told, key=lambda one: (one.allowed is not None, one.gap or 0.0), default=_Compared()
    )
    return worst._replace(usual=next((one.usual for one in told if one.usual), None))


def _compare(name: str, have: Any, want: Any, given: Given) -> _Compared:
    if have is None or want is None:
        return _Compared("" if have is want else f"{name} is there only in one of the two")
    if isinstance(want, list):
        if not isinstance(have, list) or len(have) != len(want):
            return _Compared(f"{name} is another sequence than the golden one, of {len(want)}")
        pairs = zip(have, want, strict=True)
        return _worst([_compare(f"{name}[{i}]", one, other, given) for i, (one, other) in enumerate(pairs)])
    if not hasattr(have, "dtype"):
        return _Compared(f"{name} is a {type(have).__name__}, the golden one a tensor")
    if have.shape != want.shape or have.dtype != want.dtype:
        found = f"{have.dtype}{list(have.shape)}, the golden one {want.dtype}{list(want.shape)}"
        return _Compared(f"{name} is {found}")
    return _distance(name, have, want, given)


def tolerance(want: Any) -> Pair:
    """Return the relative and absolute tolerance that are usual for a golden output.

    The absolute one is for a few values near zero among larger ones: where all are small, it is as small as they are.
    """
    import numpy

    name = str(want.dtype)
    relative, absolute = next((pair for kind, pair in TOLERANCES.items() if name.startswith(kind)), DEFAULT)
    sizes = numpy.abs(want.astype("float64"))
    largest = float(numpy.max(sizes[numpy.isfinite(sizes)], initial=0.0))
    return relative, absolute * min(1.0, largest) if largest else absolute


def _distance(name: str, have: Any, want: Any, given: Given) -> _Compared:
    """Compare two arrays of one type and shape."""
    import numpy

    # V: bfloat16 and its kin. Labels, texts, truth values and whole numbers must be equal.
    if have.dtype.kind not in "fV" or str(have.dtype) in PACKED:
        return _Compared("" if bool(numpy.array_equal(have, want)) else f"{name} differs")
    one, other = have.astype("float64"), want.astype("float64")
    usual = tolerance(want)
    allowed = (given.get("rtol", usual[0]), given.get("atol", usual[1]))
    close = bool(numpy.allclose(one, other, rtol=allowed[0], atol=allowed[1], equal_nan=True))
    # Equal infinities, and NaN in both, are no difference; subtracting them would give NaN.
    with numpy.errstate(invalid="ignore"):
        gaps = numpy.abs(one - other)[(one != other) & ~(numpy.isnan(one) & numpy.isnan(other))]
    gap = float(numpy.max(gaps, initial=0.0))
    is_looser = allowed[0] > usual[0] or allowed[1] > usual[1]
    told = _Compared("", gap if numpy.isfinite(gap) else None, allowed, usual if is_looser else None)
    if close:
        return told
    of = " of the manifest" if given else ""
    by = f" by {gap:.3g} (tolerances{of}: {allowed[0]:g} relative, {allowed[1]:.3g} absolute)"
    return told._replace(problem=f"{name} differs{by if told.gap is not None else ''}")


def _differs(problem: str) -> dict[str, Any]:
    return {"equal": False, "difference": None, "problem": problem, "compared": 0, "outputs": 0}


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
