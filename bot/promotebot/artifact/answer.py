"""What the process that opens a model answers, read strictly: a hostile model may have taken it over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from promotebot.artifact.compared import MAX_OUTPUTS
from promotebot.artifact.limits import Lack
from promotebot.artifact.metrics import MAX_CLASSES, METRICS, MetricName
from promotebot.artifact.walls import WALLS, Wall
from promotebot.errors import InvalidInput
from promotebot.registry.codec import parse_json

MAX_ANSWER = 1024 * 1024
"""Bytes; the process itself can write no more to a file (`promotebot.artifact.child_limits`)."""

MAX_LINES = 20_000
"""Of the second opening's answer: one of a golden data set takes some eighty bytes."""


def printable(text: str) -> str:
    """Return a text without characters that break a line or a table: names come out of the model."""
    return "".join(c if c.isprintable() else "�" for c in text)


Text = Annotated[str, Field(max_length=1000), AfterValidator(printable)]
Number = Annotated[float, Field(ge=0, allow_inf_nan=False)]


Count = Annotated[int, Field(ge=0, lt=2**63)]
Tolerances = Annotated[list[Number], Field(min_length=2, max_length=2)]


class _Claim(BaseModel):
    """A part of the answer."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Tensor(_Claim):
    """An input or output: its element type and shape, symbolic sizes by name."""

    name: Text
    type: Text
    shape: list[int | Text]

    def __str__(self) -> str:
        if "(" in self.type:  # a sequence, a map or an optional value has no shape
            return self.type
        return f"{self.type}[{','.join(map(str, self.shape))}]"


class Golden(_Claim):
    """One golden data set: whether its outputs were reproduced, and the largest absolute difference."""

    name: Annotated[str, Field(pattern=r"\Atest_data_set_[0-9]{1,6}\z")]
    equal: bool
    difference: Number | None
    problem: Text
    compared: Annotated[int, Field(ge=0)] = 0
    outputs: Annotated[int, Field(ge=0)] = 0
    """How many outputs were compared, of how many that the model has."""
    allowed: Tolerances | None = None
    """Relative and absolute, where the difference is largest; None where nothing compared is a fraction."""
    usual: Tolerances | None = None
    """What is usual for an output of which the manifest allows more; None where it allows no more."""


class Latency(_Claim):
    """Milliseconds of several runs on a single row, after some that are not counted."""

    runs: Annotated[int, Field(gt=0)]
    fastest: Number
    p50: Number
    p95: Number


class ComparedOutput(_Claim):
    """One output on one data set, see `promotebot.artifact.compared.difference`."""

    name: Text
    problem: Text = ""
    values: Count = 0
    apart: Count = 0
    largest: Number = 0.0
    total: Number | None = 0.0
    classes: Count = 0
    agreeing: Count = 0


class ComparedSet(_Claim):
    """One data set."""

    name: Annotated[str, Field(pattern=r"\Atest_data_set_[0-9]{1,6}\z")]
    problem: Text = ""
    outputs: Annotated[list[ComparedOutput], Field(max_length=MAX_OUTPUTS)] = []


class Measured(_Claim):
    """A metric of one model, see `promotebot.artifact.metrics`."""

    name: MetricName
    value: Number | None
    """None where it is not known."""
    output: Text = ""
    """The output that it is computed from."""
    problem: Text = ""


class MeasuredClass(_Claim):
    """F1 of one class that is a label."""

    name: Text
    rows: Count
    f1: Annotated[float, Field(ge=0, le=1)]


class MeasuredModel(_Claim):
    """One of the two models on an evaluation set."""

    problem: Text = ""
    metrics: Annotated[list[Measured], Field(max_length=len(METRICS))] = []
    classes: Annotated[list[MeasuredClass], Field(max_length=MAX_CLASSES)] = []


class Evaluated(_Claim):
    """Two models on the rows of an evaluation set, see `promotebot.artifact.evaluated.evaluate`."""

    problem: Text = ""
    rows: Count = 0
    total: Count = 0
    labels: Literal["", "classes", "numbers"] = ""
    candidate: MeasuredModel = MeasuredModel()
    incumbent: MeasuredModel | None = None
    outputs: Annotated[list[ComparedOutput], Field(max_length=MAX_OUTPUTS)] = []


@dataclass(frozen=True)
class Compared:
    """How far the process came with it."""

    sets: tuple[ComparedSet, ...] = ()
    problem: str = ""
    """Why not all were compared; empty where they were."""


class Opset(_Claim):
    """One operator set the model imports; the domain is empty for ONNX's own."""

    domain: Text
    version: int


@dataclass(frozen=True)
class Served:
    """A model that a session with default options loaded and ran, within the limits."""

    load_ms: float
    peak_bytes: int
    """Resident memory of the whole process at its peak, the runtime's own included; the kernel's number."""
    golden: tuple[Golden, ...] = ()
    latency_ms: Latency | None = None
    compared: Compared | None = None
    """Beside the incumbent; None where nobody asked for it."""


@dataclass(frozen=True)
class NotServed:
    """A model that opens, and that a session with default options does not load or run within the limits."""

    problem: str
    limit: str = ""
    """The policy's key to raise; empty where no limit was met."""
    golden: tuple[Golden, ...] = ()
    """The golden sets that were compared before."""


class Opened(_Claim):
    """The runtime's answer on a model that it opened without optimisation."""

    inputs: list[Tensor]
    outputs: list[Tensor]
    opsets: list[Opset] = []
    ir_version: int = 0
    producer: Text = ""
    external_files: list[Text] = []
    """Files the graph reads besides the model, relative to its directory."""
    checker: Text = ""
    """What onnx's own checker has against it; empty for nothing."""
    walls: tuple[Wall, ...]
    """What stood around the process before it knew the model; never what it said afterwards (`parse_opened`)."""
    served: Served | NotServed
    """What became of it in the second process, where it is opened as services open it."""

    @property
    def missing_walls(self) -> tuple[Wall, ...]:
        """The walls that could not be raised."""
        return missing_walls(self.walls)


class Problem(_Claim):
    """A reason why a model was not opened, under the rule it breaks."""

    rule: Literal["artifact.opens", "artifact.graph", "artifact.external_data"] = "artifact.opens"
    message: Text
    lacks: Lack | Literal[""] = ""
    """What the runtime lacks here, so that this says nothing of the model."""


@dataclass(frozen=True)
class NotOpened:
    """A model that could not be opened within the limits."""

    problems: tuple[Problem, ...]
    missing_walls: tuple[Wall, ...] = ()
    """The walls for want of which the process was not given the model at all (`limits.walls`)."""


def missing_walls(walls: Sequence[Wall]) -> tuple[Wall, ...]:
    """Return the walls that do not stand, in their order."""
    return tuple(wall for wall in WALLS if wall not in walls)


def not_opened(message: str) -> NotOpened:
    """Return one reason why a model was not opened."""
    return NotOpened((Problem(message=printable(message)),))


UNREADABLE = "the process that opened it gave no readable answer"


class _Walls(_Claim):
    walls: list[str]


def parse_walls(line: bytes) -> list[str]:
    """Return the walls that a process says it raised.

    Raises:
        InvalidInput: for anything else.
    """
    try:
        return _Walls.model_validate(parse_json(line, where="the walls", max_bytes=MAX_ANSWER)).walls
    except ValidationError:
        raise InvalidInput("names no walls", where="the walls") from None


def parse_opened(output: bytes, walls: tuple[Wall, ...]) -> Opened | NotOpened:
    """Parse the answer of the first opening; one that cannot be read is a model that was not opened."""
    try:
        document: Any = parse_json(output, where="the answer", max_bytes=MAX_ANSWER)
        if document.pop("opened") is True:
            return Opened.model_validate({**document, "walls": walls, "served": NotServed("it was not tried")})
        problems = tuple(Problem.model_validate(item) for item in document["problems"])
        return NotOpened(problems) if problems else not_opened("no reason was given")
    except (InvalidInput, ValidationError, KeyError, AttributeError, TypeError):
        return not_opened(UNREADABLE)


class _Line(_Claim):
    """One line of the second opening's answer: how far it came."""

    refused: Text | None = None
    load_ms: Number | None = None
    golden: Golden | None = None
    latency_ms: Latency | None = None
    done: bool = False
    compared: ComparedSet | None = None
    compared_all: bool = False
    evaluated: Evaluated | None = None


@dataclass(frozen=True)
class Progress:
    """How far the second opening came."""

    refused: str | None
    """Why the runtime, and no limit, refused it."""
    load_ms: float | None
    """None before it was loaded."""
    golden: tuple[Golden, ...]
    latency_ms: Latency | None
    is_done: bool
    compared: tuple[ComparedSet, ...] = ()
    is_compared: bool = False
    """Whether that are all sets."""
    evaluated: Evaluated | None = None


def parse_progress(output: bytes) -> Progress:
    """Read the lines that the second opening wrote so far; one that is not whole yet is left out.

    Raises:
        InvalidInput: for a line of another form, and for more lines than there can be.
    """
    whole = output[: output.rfind(b"\n") + 1].splitlines()
    if len(whole) > MAX_LINES:  # it is read many times while the model runs
        raise InvalidInput(f"has more than {MAX_LINES:,} lines", where="the answer")
    try:
        lines = [_Line.model_validate(parse_json(line, where="a line", max_bytes=MAX_ANSWER)) for line in whole]
    except ValidationError:
        raise InvalidInput("is of another form", where="a line") from None
    return Progress(
        next((line.refused for line in lines if line.refused is not None), None),
        next((line.load_ms for line in lines if line.load_ms is not None), None),
        tuple(line.golden for line in lines if line.golden),
        next((line.latency_ms for line in lines if line.latency_ms), None),
        any(line.done for line in lines),
        tuple(line.compared for line in lines if line.compared),
        any(line.compared_all for line in lines),
        next((line.evaluated for line in lines if line.evaluated), None),
    )
