"""Opens a model in a process of its own, and turns every way it can end into an answer."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Annotated, Any, Literal, Protocol

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from promotebot.artifact.child import UNAVAILABLE
from promotebot.artifact.limits import Limits
from promotebot.artifact.orphans import adopted
from promotebot.artifact.walls import WALLS, Wall, confirm_walls, hide_memory
from promotebot.errors import CouldNotVerify, InvalidInput
from promotebot.registry.codec import parse_json

MAX_ANSWER = 1024 * 1024
"""Bytes; the process itself can write no more to a file (`promotebot.artifact.child_limits`)."""
MAX_CLAIM = 1000
"""Bytes of the line with which the process says what walls stand."""
_NOT_WRITTEN = 120
"""Python's exit code where its last output could not be written: https://docs.python.org/3/library/sys.html#sys.exit"""
LAST_WORDS = 2000
"""Bytes at the end of stderr that are read when the process failed."""
COMMAND = (sys.executable, "-I", "-m", "promotebot.artifact.child")


def _printable(text: str) -> str:
    """Return a text without characters that break a line or a table: names come out of the model."""
    return "".join(c if c.isprintable() else "�" for c in text)


Text = Annotated[str, Field(max_length=1000), AfterValidator(_printable)]
Number = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class _Claim(BaseModel):
    """A part of the answer. A hostile model may have taken over the process that gave it, so it is read strictly."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Tensor(_Claim):
    """An input or output: its element type and shape, symbolic sizes by name."""

    name: Text
    type: Text
    shape: list[int | Text]

    def __str__(self) -> str:
        return f"{self.type}[{','.join(map(str, self.shape))}]"


class Golden(_Claim):
    """One golden data set: whether its outputs were reproduced, and the largest absolute difference."""

    name: Annotated[str, Field(pattern=r"\Atest_data_set_[0-9]{1,6}\z")]
    equal: bool
    difference: Number | None
    problem: Text


class Latency(_Claim):
    """Single-row runs, milliseconds."""

    p50: Number
    p95: Number


class Opset(_Claim):
    """One operator set the model imports; the domain is empty for ONNX's own."""

    domain: Text
    version: int


class Opened(_Claim):
    """The runtime's answer on a model it opened; times in milliseconds."""

    inputs: list[Tensor]
    outputs: list[Tensor]
    load_ms: Number
    golden: list[Golden]
    latency_ms: Latency | None
    opsets: list[Opset] = []
    ir_version: int = 0
    producer: Text = ""
    external_files: list[Text] = []
    """Files the graph reads besides the model, relative to its directory."""
    walls: tuple[Wall, ...]
    """What stood around the process before it knew the model; never what it said afterwards (`_answer`)."""

    @property
    def missing_walls(self) -> tuple[Wall, ...]:
        """The walls that could not be raised."""
        return _missing(self.walls)


class _Walls(_Claim):
    """The first thing the process says: which walls it raised."""

    walls: list[str]


class Problem(_Claim):
    """A reason why a model was not opened, under the rule it breaks."""

    rule: Literal["artifact.opens", "artifact.graph", "artifact.external_data"] = "artifact.opens"
    message: Text


@dataclass(frozen=True)
class NotOpened:
    """A model that could not be opened within the limits."""

    problems: tuple[Problem, ...]
    missing_walls: tuple[Wall, ...] = ()
    """The walls for want of which the process was not given the model at all (`limits.walls`)."""


class ModelOpener(Protocol):
    """Opens models; tests put another one in the place of the process."""

    def open(self, directory: Path, model_file: str, limits: Limits) -> Opened | NotOpened:
        """Open the model in a directory of bytes that were hashed.

        Raises:
            CouldNotVerify: when nothing could be learned of the model at all.
        """
        ...


class ChildOpener:
    """Opens models in a process with an empty environment, its own session, and limits."""

    def __init__(self, command: Sequence[str] = COMMAND) -> None:
        self._command = list(command)

    def open(self, directory: Path, model_file: str, limits: Limits) -> Opened | NotOpened:
        """Open the model in a process of its own; see `ModelOpener.open`."""
        hide_memory()
        with adopted():
            return self._open(directory, model_file, limits)

    def _open(self, directory: Path, model_file: str, limits: Limits) -> Opened | NotOpened:
        deadline = time.monotonic() + limits.open_seconds
        ours, theirs = socket.socketpair()
        # Files, not pipes: a process that writes without end cannot block this one, and is stopped by its own limit.
        with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as words, ours:
            with theirs:
                process = self._start(limits, directory, theirs, output, words)
            try:
                walls = _wait_for_walls(process.pid, ours, deadline)
                if walls is None:
                    ours.close()
                elif limits.walls == "required" and _missing(walls):
                    return NotOpened((), _missing(walls))
                else:
                    _name_model(ours, model_file)
                code = process.wait(timeout=max(0.0, deadline - time.monotonic()))
            except (TimeoutError, subprocess.TimeoutExpired):
                return _not_opened(f"it did not open within {limits.open_seconds} s (limits.open_seconds)")
            # Also after a good answer: nothing that the process started may outlive it.
            finally:
                _end(process)
            if code:
                return _failed(code, _last_line(words), limits)
            output.seek(0)
            return _answer(output.read(MAX_ANSWER + 1), walls)

    def _start(
        self, limits: Limits, directory: Path, conversation: socket.socket, output: IO[bytes], words: IO[bytes]
    ) -> subprocess.Popen[bytes]:
        request = {"seconds": limits.open_seconds, "memory_bytes": limits.open_memory_bytes}
        try:
            return subprocess.Popen(
                [*self._command, json.dumps(request)],
                cwd=directory,
                env=_environment(),
                stdin=conversation.fileno(),
                stdout=output,
                stderr=words,
                close_fds=True,
                start_new_session=True,
            )
        except OSError as problem:
            raise CouldNotVerify(
                f"the process that opens models cannot be started: {problem.strerror}", where=self._command[0]
            ) from None


def _wait_for_walls(pid: int, conversation: socket.socket, deadline: float) -> tuple[Wall, ...] | None:
    """Return the walls that stand, once the process has raised them; None where it ended, or said something else.

    Raises:
        TimeoutError: where it says nothing until the deadline.
    """
    conversation.settimeout(max(0.001, deadline - time.monotonic()))
    with contextlib.suppress(ConnectionError, InvalidInput, ValidationError), conversation.makefile("rb") as lines:
        claim = parse_json(lines.readline(MAX_CLAIM), where="the walls", max_bytes=MAX_CLAIM)
        return confirm_walls(pid, _Walls.model_validate(claim).walls)
    return None


def _name_model(conversation: socket.socket, model_file: str) -> None:
    # A process that has ended takes nothing any more; how it ended is the answer.
    with contextlib.suppress(ConnectionError):
        conversation.sendall(json.dumps({"model_file": model_file}).encode() + b"\n")


def _missing(walls: Sequence[Wall]) -> tuple[Wall, ...]:
    return tuple(wall for wall in WALLS if wall not in walls)


def _environment() -> dict[str, str]:
    """Return only what an interpreter needs to start: no token, no HOME, no PATH.

    actions/setup-python builds find libpython by LD_LIBRARY_PATH. Threads and arenas each reserve address space,
    which is limited.
    """
    fixed = {
        "LC_ALL": "C.UTF-8",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MALLOC_ARENA_MAX": "2",
        "ORT_DISABLE_TELEMETRY": "1",  # it starts a thread when it is imported, which Landlock would not cover
    }
    library_path = os.environ.get("LD_LIBRARY_PATH")
    return {**fixed, "LD_LIBRARY_PATH": library_path} if library_path else fixed


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the whole session of the process, whatever it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _last_line(words: IO[bytes]) -> str:
    """Return the last line that the process wrote to stderr, at most 500 characters."""
    size = words.seek(0, os.SEEK_END)
    words.seek(max(0, size - LAST_WORDS))
    lines = words.read(LAST_WORDS).decode("utf-8", "replace").strip().splitlines()
    return _printable(lines[-1])[:500] if lines else ""


def _not_opened(message: str) -> NotOpened:
    return NotOpened((Problem(message=_printable(message)),))


def _failed(code: int, words: str, limits: Limits) -> NotOpened:
    """Return the reason why a process ended without an answer.

    Raises:
        CouldNotVerify: when it could not even load the runtime: that is not the model's fault.
    """
    if code == UNAVAILABLE:
        raise CouldNotVerify(
            f"ONNX Runtime cannot be loaded: {words}",
            remedy="install promotebot with its dependencies, or raise limits.open_memory_bytes in the policy",
        )
    if code == _NOT_WRITTEN:
        raise CouldNotVerify(
            "the process that opened the model could not write its answer: the disk for temporary files may be full",
            remedy="make room for temporary files (TMPDIR), then run the job again",
        )
    if code == -signal.SIGXCPU:
        return _not_opened(f"it took more than {limits.open_seconds} s of processor time (limits.open_seconds)")
    if code < 0:
        bounds = f"limits: {limits.open_memory_bytes:,} bytes of memory, {limits.open_seconds} s"
        return _not_opened(f"the process that opened it was ended by {_signal_name(-code)} ({bounds})")
    return _not_opened(f"the process that opened it ended with {code}" + (f": {words}" if words else ""))


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _answer(output: bytes, walls: tuple[Wall, ...] | None) -> Opened | NotOpened:
    """Parse the answer; one that cannot be read is a model that was not opened."""
    try:
        document: Any = parse_json(output, where="the answer", max_bytes=MAX_ANSWER)
        if document.pop("opened") is True:
            return Opened.model_validate({**document, "walls": walls})
        problems = tuple(Problem.model_validate(item) for item in document["problems"])
        return NotOpened(problems) if problems else _not_opened("no reason was given")
    except (InvalidInput, ValidationError, KeyError, AttributeError, TypeError):
        return _not_opened("the process that opened it gave no readable answer")
