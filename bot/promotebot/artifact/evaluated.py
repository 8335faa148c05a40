"""Two models on the rows of an evaluation set, in the process that opens models: a candidate, and the incumbent.

Only counts, differences and metrics leave it. Its data was proven before, and is read here block by block.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from promotebot.artifact.compared import MAX_OUTPUTS, difference
from promotebot.artifact.golden_values import Unusable, run
from promotebot.artifact.metrics import Measure, Output, Outputs, measure_for
from promotebot.artifact.npy import Rows, open_rows

DATA, INCUMBENT = "evaluation\\data", "incumbent\\model"
"""Folders of the private copy: the data, and the other model's artifact; no file of an artifact has such a name."""
LABELS = "labels.npy"
BLOCK_ROWS, BLOCK_BYTES = 1024, 16 * 1024 * 1024
"""What is read and run at a time at most; a single row may be larger."""
MAX_NAME = 100
_TYPES = {"float": "float32", "double": "float64", "string": "object"}
"""ONNX Runtime's names of types → numpy's, where they differ."""
_RUN_HERE = (*_TYPES, "float16", "bool", *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)))
Start = Callable[[Path], Any]
"""Returns a session for a model's file."""


def is_for_evaluation(path: Path, directory: Path) -> bool:
    """Return whether a file of the private copy is there for an evaluation alone."""
    return path.relative_to(directory).parts[0] in (DATA, INCUMBENT)


def evaluate(start: Start, model_file: Path, incumbent: str | None, most: int) -> Iterator[dict[str, Any]]:
    """Yield that the models are loaded, and then how they did on the first rows.

    Args:
        incumbent: the other model's file in its own artifact; None where there is none.
        most: rows to read.
    """
    started = time.perf_counter()
    try:
        data = _Data(Path(DATA))
        models = [_Model(start, model_file, data)]
        models += [_Model(start, Path(INCUMBENT) / incumbent, data)] if incumbent is not None else []
        yield {"load_ms": round((time.perf_counter() - started) * 1000, 3)}
        told = _run(data, models, most)
    except Unusable as problem:
        told = {"problem": str(problem)[:300]}
    yield {"evaluated": told, "done": True}


class _Data:
    """The files, by the name of the input that they are for."""

    def __init__(self, folder: Path) -> None:
        self._files = {str(path.relative_to(folder)): path for path in folder.rglob("*.npy")}
        self._open: dict[str, Rows] = {}
        self.labels = self._rows(LABELS) if LABELS in self._files else None

    def rows_for(self, name: str, number: int) -> Rows:
        """Return the rows for an input, by its name or else its number."""
        names = (f"{name}.npy", f"input_{number}.npy")
        file = next((one for one in names if one in self._files and one != LABELS), None)
        if file is None:
            raise Unusable(f"there is no {name[:MAX_NAME]}.npy for the input of that name")
        return self._rows(file)

    def _rows(self, name: str) -> Rows:
        if name not in self._open:
            try:
                self._open[name] = open_rows(self._files[name])
            except Unusable as problem:
                raise Unusable(f"{name[:MAX_NAME]}: {problem}") from None
        return self._open[name]

    def total(self) -> int:
        """Return how many rows there are, the same in every file that was opened."""
        counts = {name: rows.count for name, rows in self._open.items()}
        if len({*counts.values()}) > 1:
            few, many = min(counts, key=lambda one: counts[one]), max(counts, key=lambda one: counts[one])
            raise Unusable(f"{few[:MAX_NAME]} has {counts[few]:,} rows, and {many[:MAX_NAME]} has {counts[many]:,}")
        return next(iter(counts.values()))

    def row_bytes(self) -> int:
        """Return the bytes of one row of every file that was opened."""
        return sum(rows.row_bytes for rows in self._open.values())


@dataclass
class _Model:
    """One of the two models; what it cannot do is its problem, and none of the other's."""

    start: Start
    file: Path
    data: _Data
    problem: str = ""
    measure: Measure | None = None
    names: list[str] = field(default_factory=list)
    batch: int | None = None
    """The rows of a run, where the model takes no other number."""

    def __post_init__(self) -> None:
        try:
            self.session = self.start(self.file)
            inputs = self.session.get_inputs()
            self.names = [item.name for item in self.session.get_outputs()]
            self.rows = {item.name: self.data.rows_for(item.name, at) for at, item in enumerate(inputs)}
            self.types = {item.name: _type_for(item, self.rows[item.name]) for item in inputs}
            sizes = {item.shape[0] for item in inputs if item.shape and isinstance(item.shape[0], int)}
            if len(sizes) > 1 or min(sizes, default=1) < 1:
                raise Unusable("its inputs take different numbers of rows")
            self.batch = next(iter(sizes), None)
        except Unusable as problem:
            self.problem = str(problem)[:300]
        except Exception as problem:  # noqa: BLE001 - whatever the runtime throws is the answer about this model
            self.problem = _told(problem)
        if self.data.labels is not None:
            self.measure = measure_for(self.data.labels.dtype)

    def outputs(self, start: int, stop: int) -> Outputs:
        """Return what it gives for some rows; nothing once it has a problem."""
        if self.problem:
            return {}
        try:
            count = stop - start
            feed = {name: rows.block(start, stop).astype(self.types[name]) for name, rows in self.rows.items()}
            size = self.batch or count
            parts = [_by_row(self._run(feed, at, size), size) for at in range(0, count, size)]
            return {name: _joined([part[at] for part in parts], count) for at, name in enumerate(self.names)}
        except Unusable as problem:
            self.problem = str(problem)[:300]
        except Exception as problem:  # noqa: BLE001 - the same
            self.problem = _told(problem)
        return {}

    def _run(self, feed: Mapping[str, Any], at: int, size: int) -> list[Any]:
        import numpy

        taken = {name: values[at : at + size] for name, values in feed.items()}
        # The last rows of a model that takes no fewer: the last one again, whose outputs are cut off.
        lacking = {name: size - len(values) for name, values in taken.items()}
        filled = {
            name: numpy.concatenate([values, numpy.repeat(values[-1:], lacking[name], axis=0)])
            if lacking[name]
            else values
            for name, values in taken.items()
        }
        return run(self.session, filled)

    def add(self, labels: Any, outputs: Outputs) -> None:
        """Measure some rows."""
        if self.measure is None or self.problem:
            return
        try:
            self.measure.add(labels, {name: one for name, one in outputs.items() if one.values is not None})
        except Exception as problem:  # noqa: BLE001 - outputs of any type and shape come from the model
            self.problem = _told(problem)

    def check(self) -> None:
        """Raise Unusable once it has a problem: without the candidate there is nothing to tell."""
        if self.problem:
            raise Unusable(f"the candidate does not run on it: {self.problem}")

    def told(self) -> dict[str, Any]:
        """Return its metrics, or why there are none."""
        if self.problem or self.measure is None:
            return {"problem": self.problem}
        return {"metrics": self.measure.results(), "classes": self.measure.by_class()}


def _run(data: _Data, models: list[_Model], most: int) -> dict[str, Any]:
    candidate, incumbent = models[0], models[1] if len(models) > 1 else None
    candidate.check()
    total = data.total()
    count = min(total, most)
    step = max(1, min(BLOCK_ROWS, BLOCK_BYTES // max(1, data.row_bytes())))
    found: dict[str, dict[str, Any]] = {}
    for start in range(0, count, step):
        stop = min(start + step, count)
        given = [model.outputs(start, stop) for model in models]
        if data.labels is not None:
            labels = data.labels.block(start, stop)
            for model, outputs in zip(models, given, strict=True):
                model.add(labels, outputs)
        candidate.check()
        if incumbent and not incumbent.problem:
            for name in incumbent.names[:MAX_OUTPUTS]:
                found[name] = _added(found.get(name), _difference(given[0].get(name), given[1][name]))
    if found and incumbent and len(incumbent.names) > MAX_OUTPUTS:  # those that are left out may be far away
        found = {incumbent.names[MAX_OUTPUTS]: {"problem": f"there are more than {MAX_OUTPUTS} outputs"}}
    kind = "" if data.labels is None else "numbers" if data.labels.dtype.kind == "f" else "classes"
    return {
        "rows": count,
        "total": total,
        "labels": kind,
        "candidate": candidate.told(),
        "incumbent": incumbent.told() if incumbent else None,
        "outputs": [{"name": name[:MAX_NAME], **one} for name, one in found.items()]
        if incumbent and not incumbent.problem
        else [],
    }


def _type_for(item: Any, rows: Rows) -> Any:
    """Return the type that an input's values are given as: no value may change by it, but for a fraction's digits."""
    import numpy

    kind = item.type.removeprefix("tensor(").removesuffix(")")
    if kind not in _RUN_HERE:
        raise Unusable(f"the input {item.name[:MAX_NAME]} is {item.type[:MAX_NAME]}, for which no .npy file is read")
    wanted = numpy.dtype(_TYPES.get(kind, kind))
    fits = rows.dtype.kind == "U" if kind == "string" else numpy.can_cast(rows.dtype, wanted, "safe")
    if fits or (rows.dtype.kind == "f" and wanted.kind == "f"):
        return wanted
    raise Unusable(f"{rows.path.name[:MAX_NAME]} has {rows.dtype}, and the input {item.name[:MAX_NAME]} is {kind}")


def _by_row(values: list[Any], size: int) -> list[Output]:
    return [_one_by_row(value, size) for value in values]


def _one_by_row(value: Any, size: int) -> Output:
    """Return an output by row; without values where its first axis is not the rows."""
    import numpy

    if isinstance(value, list) and len(value) == size and all(isinstance(one, dict) for one in value):
        # What classifiers made from scikit-learn give: a mapping class → probability for each row.
        classes = tuple(sorted(value[0]))
        if all(one.keys() == value[0].keys() for one in value):
            return Output(numpy.array([[one[key] for key in classes] for one in value], "float64"), classes)
    is_by_row = hasattr(value, "dtype") and value.ndim >= 1 and len(value) == size
    return Output(value if is_by_row else None)


def _joined(parts: list[Output], count: int) -> Output:
    import numpy

    if any(one.values is None or one.classes != parts[0].classes for one in parts):
        return Output(None)
    if len(parts) == 1:
        return Output(parts[0].values[:count], parts[0].classes)
    return Output(numpy.concatenate([one.values for one in parts])[:count], parts[0].classes)


def _difference(have: Output | None, want: Output) -> dict[str, Any]:
    if have is None:
        return {"problem": "the candidate has no such output"}
    if want.values is None or have.values is None:
        return {"problem": "its first axis is not the rows"}
    if have.classes != want.classes:
        return {"problem": "its classes are others"}
    return difference(have.values, want.values)


def _added(before: dict[str, Any] | None, one: dict[str, Any]) -> dict[str, Any]:
    if before is None or before.get("problem"):
        return before or one
    if one.get("problem"):
        return one
    added = {key: before.get(key, 0) + one.get(key, 0) for key in ("values", "apart", "classes", "agreeing")}
    totals = (before.get("total", 0.0), one.get("total", 0.0))
    total = None if None in totals else sum(totals)
    return {**added, "largest": max(before.get("largest", 0.0), one.get("largest", 0.0)), "total": total}


def _told(problem: Exception) -> str:
    return f"{type(problem).__name__}: {' '.join(str(problem).split())}"[:300]
