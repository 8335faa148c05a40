"""The outputs of a model beside those of another one on the same inputs, in the process that opens models.

Only counts and differences leave it: outputs of any size, of whatever values, become a few numbers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from promotebot.artifact.golden import golden_sets
from promotebot.artifact.golden_values import Unusable, read_inputs, read_value, run

PLACE = "incumbent\\golden"
"""The folder of the private copy that holds the other model's golden data; no file of an artifact has such a name."""
MAX_SETS, MAX_OUTPUTS = 50, 20
"""Data sets, and outputs of each, that are compared; of others it is said that they were not."""
MAX_NAME = 100
"""Characters of an output's name."""
_OUTPUT = re.compile(r"output_(\d{1,6})\.pb")
_CODES = re.compile(r"^\[ONNXRuntimeError\] : \d+ : \w+ : ")


def compare_sets(session: Any, directory: Path) -> Iterator[dict[str, Any]]:
    """Yield for each data set of a folder how the model's outputs compare with those that lie there."""
    for path in golden_sets(directory)[:MAX_SETS]:
        yield {"name": path.name, **_compare_set(session, path)}


def _compare_set(session: Any, path: Path) -> dict[str, Any]:
    try:
        wanted = _recorded(path)
        names = [item.name for item in session.get_outputs()]
        got = run(session, read_inputs(session, path))
        return {"outputs": [_output(names, got, number, *value) for number, value in wanted[:MAX_OUTPUTS]]}
    except Unusable as problem:
        return {"problem": str(problem)[:MAX_NAME]}
    except Exception as problem:  # noqa: BLE001 - whatever the runtime throws is the answer
        return {"problem": f"the candidate does not run on it: {_told(problem)}"}


def _told(problem: Exception) -> str:
    """Return what the runtime says without its codes, and without what it advises to whoever calls it."""
    words = _CODES.sub("", " ".join(str(problem).split())).partition(" Please fix")[0]
    return words[:300] or type(problem).__name__


def _recorded(path: Path) -> list[tuple[int, tuple[str, Any]]]:
    """Return the recorded outputs: number, name and value. Raises Unusable where there are none, or too many."""
    numbers = sorted(int(match[1]) for file in path.iterdir() if (match := _OUTPUT.fullmatch(file.name)))
    if not numbers:
        raise Unusable("there is no output_0.pb")
    if len(numbers) > MAX_OUTPUTS:
        raise Unusable(f"there are more than {MAX_OUTPUTS} outputs")
    return [(number, _value(path / f"output_{number}.pb")) for number in numbers]


def _value(path: Path) -> tuple[str, Any]:
    try:
        return read_value(path, "")
    except Exception:  # noqa: BLE001 - a sequence or an optional value, which `difference` says
        return "", None


def _output(names: list[str], got: list[Any], number: int, name: str, want: Any) -> dict[str, Any]:
    """Return how one recorded output compares with the model's own of that name, or of that number without a name."""
    index = names.index(name) if name in names else number if not name and number < len(names) else None
    shown = (name or (names[number] if number < len(names) else f"output {number}"))[:MAX_NAME]
    if index is None:
        return {"name": shown, "problem": "the candidate has no such output"}
    return {"name": shown, **difference(got[index], want)}


def difference(have: Any, want: Any) -> dict[str, Any]:
    """Return how an output differs from another one.

    Returns:
        Of numbers: how many there are, how many are no finite numbers in one of the two alone, the largest and the sum
        of the absolute differences of the others. Of labels, and of scores in the last axis: how many classes were
        compared, and how many are the same. Or the problem, in words.
    """
    import numpy

    if not (hasattr(have, "dtype") and hasattr(want, "dtype")):
        return {"problem": "it is a sequence, a map or an optional value"}
    if have.shape != want.shape:
        return {"problem": f"its shape is {list(have.shape)[:8]}, not {list(want.shape)[:8]}"}
    if have.dtype.kind not in "fV" and want.dtype.kind not in "fV":
        same = numpy.asarray(have == want)
        return {"classes": int(same.size), "agreeing": int(numpy.count_nonzero(same))}
    if "OUS" in have.dtype.kind + want.dtype.kind or {have.dtype.kind, want.dtype.kind} & set("OUSc"):
        return {"problem": f"it is {have.dtype}, not {want.dtype}"}
    return _distance(have.astype("float64"), want.astype("float64"))


def _distance(one: Any, other: Any) -> dict[str, Any]:
    import numpy

    both = numpy.isfinite(one) & numpy.isfinite(other)
    alike = (one == other) | (numpy.isnan(one) & numpy.isnan(other))
    with numpy.errstate(over="ignore"):
        gaps = numpy.abs(one[both] - other[both])
    is_told = numpy.isfinite(gaps)  # of two finite numbers the difference may still be too large for one
    apart = int(numpy.count_nonzero(~both & ~alike) + numpy.count_nonzero(~is_told))
    with numpy.errstate(over="ignore"):
        total = float(numpy.sum(gaps[is_told]))
    found: dict[str, Any] = {
        "values": int(one.size),
        "apart": apart,
        "largest": float(numpy.max(gaps[is_told], initial=0.0)),
        "total": total if numpy.isfinite(total) else None,
    }
    if one.ndim >= 2 and one.shape[-1] >= 2 and one.size:
        # NaN is nobody's largest value: such a row agrees with none.
        rows, others = (array.reshape(-1, array.shape[-1]) for array in (one, other))
        usable = ~(numpy.isnan(rows).any(axis=1) | numpy.isnan(others).any(axis=1))
        same = usable & (rows.argmax(axis=1) == others.argmax(axis=1))
        found |= {"classes": len(rows), "agreeing": int(numpy.count_nonzero(same))}
    return found
