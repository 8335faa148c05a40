"""The bot's side of the process in which models are opened: starts it, watches each opening, and ends it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import IO

from promotebot.artifact.answer import MAX_ANSWER, missing_walls, parse_progress, parse_walls, printable
from promotebot.artifact.child import UNAVAILABLE
from promotebot.artifact.evaluated import is_for_evaluation
from promotebot.artifact.fork_server import MAX_MESSAGE
from promotebot.artifact.limits import Limits
from promotebot.artifact.starting import start, take_early
from promotebot.artifact.walls import Wall, confirm_walls
from promotebot.errors import CouldNotVerify, InvalidInput
from promotebot.registry.codec import parse_json

MAX_CLAIM = 1000
"""Bytes of the line with which a fork says what walls stand."""
LAST_WORDS = 2000
"""Bytes at the end of stderr that are read when something failed."""
START_SECONDS = 120
"""For the process to load the runtime, before it is told of any model."""
POLL_SECONDS = 0.02
"""Between two looks at an opening's memory; in that time one thread touches some fifty megabytes."""


NOTHING_RUN: Mapping[str, object] = {"golden": None, "compares": False}


class Over(str, Enum):
    """The limit for which an opening was ended."""

    TIME = "time"
    MEMORY = "memory"


@dataclass(frozen=True)
class Bounds:
    """What one opening may take: seconds to load and then to run, and bytes beside the runtime's own."""

    load_seconds: int
    run_seconds: int
    memory_bytes: int

    @staticmethod
    def of(limits: Limits, directory: Path, *, evaluates: bool = False) -> Bounds:
        """Return the policy's limits for what is opened from a directory; external data and all the rest counts.

        Args:
            evaluates: whether two models are loaded, which run on an evaluation set.
        """
        files = (path for path in directory.rglob("*") if path.is_file())
        size = sum(path.stat().st_size for path in files if evaluates or not is_for_evaluation(path, directory))
        return Bounds(limits.open_seconds * (1 + evaluates), limits.run_seconds, limits.memory_for(size))


@dataclass(frozen=True)
class Ended:
    """How an opening ended: by itself with a code (a negative one is a signal), or over a limit."""

    walls: tuple[Wall, ...] | None
    """Those that stood; None where the fork said nothing of them, and was not told the model."""
    code: int
    over: Over | None
    output: bytes
    peak_bytes: int
    words: str
    """The last line on stderr."""


class OpeningProcess:
    """One program (`promotebot.artifact.child`) in its own session, in whose forks models are opened."""

    def __init__(self, command: Sequence[str], *, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self.is_walled = True
        """Whether every fork so far stood behind all walls, so that none can have changed the program."""
        try:
            begun = take_early(command) or start(command)
        except OSError as problem:
            message = f"the process that opens models cannot be started: {problem.strerror}"
            raise CouldNotVerify(message, where=command[0]) from None
        self._begun, self._process, self._control, self._words = begun, begun.process, begun.control, begun.words
        self._told = 0
        """Bytes of stderr that were looked at: they are of earlier forks."""

    def close(self) -> None:
        """End it, and close what belongs to it."""
        self._begun.close()

    def end(self) -> None:
        """End the whole session, whatever the process started in it."""
        self._begun.end()

    @property
    def pid(self) -> int:
        """Return the program's process id."""
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Return whether it can open another model."""
        return self._process.returncode is None

    def open(
        self,
        directory: Path,
        model_file: str,
        bounds: Bounds,
        *,
        optimised: bool,
        runs: Mapping[str, object] = NOTHING_RUN,
        suffice: Callable[[Sequence[Wall]], bool],
    ) -> Ended:
        """Open a model in a fork, and watch it until it has ended. After `over` the process is ended, too.

        Args:
            directory: what the fork may read; the model lies in it.
            runs: on what it is run, see `promotebot.artifact.child.serve_model`.
            suffice: returns whether the walls that stand are enough to name the model.

        Raises:
            CouldNotVerify: where the process does not even fork; no model has done that.
        """
        ours, theirs = socket.socketpair()
        with tempfile.TemporaryFile() as answer, ours:
            with theirs:
                pid = self._fork(directory, bounds, optimised, theirs, answer)
            base, deadline = peak_memory(pid), self._monotonic() + bounds.load_seconds
            walls, over = _wait_for_walls(pid, ours, bounds.load_seconds)
            self.is_walled &= walls is not None and not missing_walls(walls)
            if walls is not None and suffice(walls):
                _name_model(ours, {"model_file": model_file, **runs})
            else:
                ours.close()
            ended = None if over else self._watch(pid, bounds, base, deadline, answer)
            if ended is None or isinstance(ended, Over):
                peak = peak_memory(pid)
                self.end()
                over, ended = over or ended, {"code": -signal.SIGKILL, "peak_bytes": peak}
            elif ended["peak_bytes"] - base > bounds.memory_bytes:
                over = Over.MEMORY
            return Ended(walls, ended["code"], over, _read(answer), ended["peak_bytes"], self._last_line())

    def _fork(
        self, directory: Path, bounds: Bounds, optimised: bool, conversation: socket.socket, answer: IO[bytes]
    ) -> int:
        seconds = bounds.load_seconds + (bounds.run_seconds if optimised else 0)
        # Under a limit of address space ONNX Runtime leaves out an optimisation for which there is no room, and opens
        # the model; without one, a service would have made it. So the memory of the second opening is only watched.
        memory = None if optimised and peak_memory(os.getpid()) else bounds.memory_bytes
        request = {"optimised": optimised, "seconds": seconds, "memory_bytes": memory}
        deadline = self._monotonic() + START_SECONDS
        try:
            place = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
            try:
                descriptors = [conversation.fileno(), answer.fileno(), place]
                socket.send_fds(self._control, [json.dumps(request).encode()], descriptors)
            finally:
                os.close(place)
            while self._monotonic() < deadline:
                if told := self._message(POLL_SECONDS):
                    return told["pid"]
        except (ConnectionError, KeyError, InvalidInput):
            raise self._unavailable() from None
        message = f"the process that opens models was not ready within {START_SECONDS} s"
        raise CouldNotVerify(message, remedy="run it again when the machine is less busy")

    def _message(self, seconds: float) -> Mapping[str, int] | None:
        """Return the process's next message; None where there is none in that time.

        Raises:
            ConnectionError, InvalidInput: where the process has ended, or it is no message.
        """
        self._control.settimeout(max(0.001, seconds))
        try:
            data = self._control.recv(MAX_MESSAGE)
        except TimeoutError:
            # What it started may hold its end of the socket, so that the socket does not show it.
            if self._process.poll() is not None:
                raise ConnectionError from None
            return None
        if not data:
            raise ConnectionError
        document = parse_json(data, where="a message", max_bytes=MAX_MESSAGE)
        if not isinstance(document, dict) or not all(type(value) is int for value in document.values()):
            raise InvalidInput("is no message")
        return document

    def _unavailable(self) -> CouldNotVerify:
        self._end_soon()
        code, words = self._process.returncode, self._last_line()
        if code == UNAVAILABLE:
            remedy = "install promotebot with its dependencies"
            return CouldNotVerify(f"ONNX Runtime cannot be loaded: {words}", remedy=remedy)
        message = f"the process that opens models ended with {code} before it knew the model"
        return CouldNotVerify(f"{message}: {words}" if words else message, remedy="run it again")

    def _end_soon(self) -> None:
        """Let a process that has hung up end by itself, so that its exit code is known; end it otherwise."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=1)
        self.end()

    def _watch(
        self, pid: int, bounds: Bounds, base: int, deadline: float, answer: IO[bytes]
    ) -> Mapping[str, int] | Over | None:
        """Wait for the end of an opening; return it, the limit that it is over, or None where nobody tells it."""
        is_running = False
        while True:
            try:
                ended = self._message(min(POLL_SECONDS, deadline - self._monotonic()))
            except (ConnectionError, InvalidInput):
                return None
            if ended is not None:
                return ended if {"code", "peak_bytes"} <= ended.keys() else None
            if peak_memory(pid) - base > bounds.memory_bytes:
                return Over.MEMORY
            if not is_running and is_loaded(_read(answer)):
                is_running, deadline = True, self._monotonic() + bounds.run_seconds
            if self._monotonic() > deadline:
                return Over.TIME

    def _last_line(self) -> str:
        """Return the last line on stderr since it was asked for last, at most 500 characters."""
        size = self._words.seek(0, os.SEEK_END)
        self._words.seek(max(self._told, size - LAST_WORDS))
        self._told = size
        lines = self._words.read(LAST_WORDS).decode("utf-8", "replace").strip().splitlines()
        return printable(lines[-1])[:500] if lines else ""


def is_loaded(output: bytes) -> bool:
    """Return whether the answer of an opening says that the model was loaded, and runs now."""
    try:
        return parse_progress(output).load_ms is not None
    except InvalidInput:
        return False


def peak_memory(pid: int) -> int:
    """Return the bytes of memory that a process has held at most, what was swapped out included; 0 where unknown.

    https://man7.org/linux/man-pages/man5/proc_pid_status.5.html
    """
    try:
        lines = Path(f"/proc/{pid}/status").read_text("utf-8", "replace").splitlines()
    except OSError:
        return 0
    fields = {name: value.split() for name, _, value in (line.partition(":") for line in lines)}
    kilobytes = [int(fields[name][0]) for name in ("VmHWM", "VmSwap") if fields.get(name)]
    return sum(kilobytes) * 1024


def _read(answer: IO[bytes]) -> bytes:
    # The fork writes at the end of the same open file: the place at which it writes must not move.
    return os.pread(answer.fileno(), MAX_ANSWER + 1, 0)


def _wait_for_walls(
    pid: int, conversation: socket.socket, seconds: float
) -> tuple[tuple[Wall, ...] | None, Over | None]:
    """Return the walls that stand, once the fork has raised them; None where it ended, or said something else.

    Beside them stands the limit that it is over, where it says nothing in that time.
    """
    conversation.settimeout(seconds)
    try:
        with contextlib.suppress(ConnectionError, InvalidInput), conversation.makefile("rb") as lines:
            return confirm_walls(pid, parse_walls(lines.readline(MAX_CLAIM))), None
    except TimeoutError:
        return None, Over.TIME
    return None, None


def _name_model(conversation: socket.socket, named: Mapping[str, object]) -> None:
    # A process that has ended takes nothing any more; how it ended is the answer.
    with contextlib.suppress(ConnectionError):
        conversation.sendall(json.dumps(named).encode() + b"\n")
