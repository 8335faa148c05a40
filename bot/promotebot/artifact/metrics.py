"""Metrics of one model's outputs against labels, block by block, in the process that opens models.

The formulas are those of docs/policy.md, evaluation_set.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol, get_args

MetricName = Literal["accuracy", "macro_f1", "log_loss", "mean_absolute_error", "root_mean_squared_error"]
METRICS: tuple[MetricName, ...] = get_args(MetricName)
OF_CLASSES, OF_NUMBERS = METRICS[:3], METRICS[3:]
MAX_NAME = 100
"""Characters of an output's name, and of a class."""
MAX_CLASSES = 100
"""Classes whose F1 is told one by one; of more, none is."""
LEAST = 1e-15
"""A probability counts as this where it is less, so that one wrong row is not an endless loss."""
_NEAR_ONE = 1e-3


class Output(NamedTuple):
    """One output on some rows: its values by row, and the classes of its columns where it names them."""

    values: Any
    classes: tuple[Any, ...] = ()


Outputs = dict[str, Output]
"""Name → what is there for each row."""


class Measure(Protocol):
    """The metrics of one kind of labels; blocks of rows are added, in their order."""

    def add(self, labels: Any, outputs: Outputs) -> None:
        """Take in some rows."""
        ...

    def results(self) -> list[dict[str, Any]]:
        """Return name, value (None where it is not known), the output it comes from, and the problem in words."""
        ...

    def by_class(self) -> list[dict[str, Any]]:
        """Return name, rows and F1 of each class that is a label, in their order; empty for numbers."""
        ...


def measure_for(labels: Any) -> Measure:
    """Return what measures for labels of a type: numbers with a fraction, or else classes."""
    return Numbers() if labels.kind == "f" else Classes()


@dataclass
class Classes:
    """Accuracy, macro F1, log loss: a label in an output counts, or else the largest score."""

    label: str | None = None
    """The output that has a class for each row; None before the first rows."""
    scores: str | None = None
    """The output that has a number for each class."""
    wanted: list[Any] = field(default_factory=list)
    seen: list[Any] = field(default_factory=list)
    loss: float = 0.0
    problem: str = ""
    loss_problem: str = ""

    def add(self, labels: Any, outputs: Outputs) -> None:
        """See `Measure`."""
        flat = _flat(labels)
        if flat is None:
            self.problem = self.loss_problem = "labels.npy has more than one label for a row"
            return
        labels = _as_classes(flat, labels.dtype.kind)
        if self.label is None:
            self.label = next((name for name, one in outputs.items() if _has_class(one, labels)), "")
            self.scores = _scores_for(labels, outputs)
        self.wanted.append(labels)
        columns = _columns(outputs[self.scores]) if self.scores else None
        strange = _strange(labels, self.scores, outputs[self.scores]) if self.scores else ""
        if not self.problem:
            self.problem = self._predict(labels, outputs, columns, strange)
        if not self.loss_problem:
            self.loss_problem = strange or self._lose(labels, columns)

    def _predict(self, labels: Any, outputs: Outputs, columns: _Columns | None, strange: str) -> str:
        import numpy

        if self.label:
            self.seen.append(_as_classes(_flat(outputs[self.label].values), labels.dtype.kind))
            return ""
        if columns is None:
            return "no output has a class, or a score of each class, for each row"
        scores, classes = columns
        if not numpy.isfinite(scores).all():
            return f"the output {self.scores} has rows that are no finite numbers"
        if strange:
            return strange
        self.seen.append(numpy.asarray(classes)[scores.argmax(axis=1)])
        return ""

    def _lose(self, labels: Any, columns: _Columns | None) -> str:
        import numpy

        if columns is None:
            return "no output has a probability of each class"
        scores, classes = columns
        is_share = ((scores >= -_NEAR_ONE) & (scores <= 1 + _NEAR_ONE)).all()
        if not is_share or not (numpy.abs(scores.sum(axis=1) - 1) <= _NEAR_ONE).all():
            return f"the output {self.scores} has no probabilities"
        index = {one: at for at, one in enumerate(classes)}
        places = [index.get(one, -1) for one in labels.tolist()]
        if -1 in places:
            return f"the output {self.scores} has no column for the class {str(labels[places.index(-1)])[:60]}"
        own = scores[numpy.arange(len(labels)), places]
        self.loss -= float(numpy.log(numpy.clip(own, LEAST, 1.0)).sum())
        return ""

    def results(self) -> list[dict[str, Any]]:
        """See `Measure`."""
        import numpy

        output = self.label or self.scores or ""
        if self.problem:
            told = [_unknown(name, self.problem) for name in OF_CLASSES[:2]]
        else:
            wanted, seen = numpy.concatenate(self.wanted), numpy.concatenate(self.seen)
            told = [
                _known("accuracy", float(numpy.mean(wanted == seen)), output),
                _known("macro_f1", float(_f1(wanted, seen).f1.mean()), output),
            ]
        if self.loss_problem:
            return [*told, _unknown("log_loss", self.loss_problem)]
        return [*told, _known("log_loss", self.loss / sum(map(len, self.wanted)), self.scores or "")]

    def by_class(self) -> list[dict[str, Any]]:
        """See `Measure`."""
        import numpy

        if self.problem:
            return []
        found = _f1(numpy.concatenate(self.wanted), numpy.concatenate(self.seen))
        if int((found.rows > 0).sum()) > MAX_CLASSES:
            return []
        columns = zip(found.classes.tolist(), found.rows.tolist(), found.f1.tolist(), strict=True)
        return [{"name": str(name)[:MAX_NAME], "rows": rows, "f1": f1} for name, rows, f1 in columns if rows]


class _ByClass(NamedTuple):
    """Every class that is a label or a prediction, as arrays of one length."""

    classes: Any
    rows: Any
    """Labels of the class; 0 for one that is only predicted."""
    f1: Any


def _f1(wanted: Any, seen: Any) -> _ByClass:
    """Return F1 = 2·TP / (2·TP + FP + FN) of each class."""
    import numpy

    classes, codes = numpy.unique(numpy.concatenate([wanted, seen]), return_inverse=True)
    labels, predictions = codes.reshape(-1)[: len(wanted)], codes.reshape(-1)[len(wanted) :]
    right, rows, predicted = (
        numpy.bincount(one, minlength=len(classes)) for one in (labels[labels == predictions], labels, predictions)
    )
    return _ByClass(classes, rows, 2 * right / (rows + predicted))


@dataclass
class Numbers:
    """Mean absolute error and root mean squared error, over every number of the labels."""

    output: str | None = None
    absolute: float = 0.0
    squared: float = 0.0
    count: int = 0
    problem: str = ""

    def add(self, labels: Any, outputs: Outputs) -> None:
        """See `Measure`."""
        import numpy

        wanted = labels.reshape(len(labels), -1).astype("float64")
        if not numpy.isfinite(wanted).all():
            self.problem = "labels.npy has numbers that are not finite"
        if self.output is None:
            fitting = (name for name, one in outputs.items() if _has_numbers(one, wanted))
            self.output = next(fitting, "")
            self.problem = self.problem or ("" if self.output else "no output has as many numbers for each row")
        if self.problem:
            return
        have = outputs[self.output].values.reshape(len(labels), -1).astype("float64")
        if have.shape != wanted.shape or not numpy.isfinite(have).all():
            self.problem = f"the output {self.output} has numbers that are not finite"
            return
        with numpy.errstate(over="ignore"):
            gaps = numpy.abs(have - wanted)
            self.absolute += float(gaps.sum())
            self.squared += float((gaps * gaps).sum())
        self.count += int(gaps.size)

    def results(self) -> list[dict[str, Any]]:
        """See `Measure`."""
        import math

        values = (self.absolute, self.squared)
        if not self.problem and not all(map(math.isfinite, values)):
            self.problem = f"the output {self.output} is too far from the labels for a number"
        if self.problem:
            return [_unknown(name, self.problem) for name in OF_NUMBERS]
        mean, square = (value / self.count for value in values)
        output = self.output or ""
        return [_known(OF_NUMBERS[0], mean, output), _known(OF_NUMBERS[1], math.sqrt(square), output)]

    def by_class(self) -> list[dict[str, Any]]:
        """See `Measure`."""
        return []


def _flat(values: Any) -> Any:
    """Return one value for each row; None where there are more."""
    return values.reshape(-1) if values.size == len(values) else None


def _as_classes(values: Any, kind: str) -> Any:
    """Return texts or whole numbers; those that int64 would turn into others are numbers of Python."""
    import numpy

    if kind == "U":
        return values.astype(str)
    is_far = values.dtype.kind == "u" and (values > numpy.iinfo("int64").max).any()
    return values.astype(object if is_far else "int64")


def _has_class(one: Output, labels: Any) -> bool:
    kinds = "OU" if labels.dtype.kind == "U" else "biu"
    return not one.classes and one.values.dtype.kind in kinds and one.values.size == len(labels)


def _scores_for(labels: Any, outputs: Outputs) -> str:
    """Return the first output with a number for each class; one number alone stands for two classes."""
    fractions = {name: one for name, one in outputs.items() if one.values.dtype.kind in "fV"}
    if labels.dtype.kind == "U":  # nobody knows which column is which text, unless the output says so
        return next((name for name, one in fractions.items() if one.classes), "")
    wide = (
        name for name, one in fractions.items() if one.classes or (one.values.ndim == 2 and one.values.shape[1] > 1)
    )
    return next(wide, "") or next((name for name, one in fractions.items() if one.values.size == len(labels)), "")


def _strange(labels: Any, name: str, one: Output) -> str:
    """Return why labels and columns do not belong together; empty where they do."""
    columns, _ = _columns(one)
    if one.classes:
        texts = isinstance(one.classes[0], str), labels.dtype.kind == "U"
        words = {(True, False): "texts, and labels.npy has none", (False, True): "numbers, and labels.npy has texts"}
        return f"the output {name} names its columns by {words[texts]}" if texts in words else ""
    if one.values.size == len(labels) and not ((columns >= 0) & (columns <= 1)).all():
        return "one number for each row is no probability"
    count = columns.shape[1]
    if labels.min() < 0 or labels.max() >= count:
        return f"labels.npy has classes that are not 0 to {count - 1}, as the columns of the output are counted"
    return ""


def _has_numbers(one: Output, wanted: Any) -> bool:
    return one.values.dtype.kind in "fV" and one.values.size == wanted.size


_Columns = tuple[Any, tuple[Any, ...]]


def _columns(one: Output) -> _Columns:
    """Return a column for each class, and the classes; one number alone is the probability of class 1."""
    import numpy

    scores = one.values.reshape(len(one.values), -1).astype("float64")
    if scores.shape[1] == 1 and not one.classes:
        scores = numpy.concatenate([1 - scores, scores], axis=1)
    return scores, one.classes or tuple(range(scores.shape[1]))


def _known(name: str, value: float, output: str) -> dict[str, Any]:
    return {"name": name, "value": value, "output": output[:MAX_NAME]}


def _unknown(name: str, problem: str) -> dict[str, Any]:
    return {"name": name, "value": None, "problem": problem[:300]}
