"""Starts the program that opens a model, and turns every way it can end into an answer."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pydantic import BaseModel, ConfigDict, ValidationError

from bot.artifact.limits import Limits

MAX_ANSWER = 1024 * 1024


class _Claim(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Tensor(_Claim):
    """An input or output: its element type and shape, symbolic sizes by name."""

    name: str
    type: str
    shape: list[int | str]

    def __str__(self) -> str:
        return f"{self.type}[{','.join(map(str, self.shape))}]"


class Golden(_Claim):
    """One golden data set: whether its outputs were reproduced, and the largest absolute difference."""

    name: str
    equal: bool
    difference: float | None
    problem: str


class Latency(_Claim):
    """Single-row runs, milliseconds."""

    p50: float
    p95: float


class Opened(_Claim):
    """What the runtime said of a model it opened; times in milliseconds."""

    inputs: list[Tensor]
    outputs: list[Tensor]
    load_ms: float
    golden: list[Golden]
    latency_ms: Latency | None


@dataclass(frozen=True)
class NotOpened:
    """The model could not be opened within the limits, and why."""

    problem: str


class ModelOpener(Protocol):
    """Opens the model in a directory of bytes that were hashed."""

    def open(self, directory: Path, model_file: str, limits: Limits) -> Opened | NotOpened: ...


class ChildOpener:
    """Opens models in a process with an empty environment, its own session, and limits."""

    def __init__(self, command: Sequence[str] | None = None) -> None:
        self._command = list(command or [sys.executable, "-I", "-m", "bot.artifact.opener"])

    def open(self, directory: Path, model_file: str, limits: Limits) -> Opened | NotOpened:
        request = json.dumps(
            {"model_file": model_file, "seconds": limits.open_seconds, "memory_bytes": limits.open_memory_bytes}
        )
        with tempfile.TemporaryFile() as output:
            process = subprocess.Popen(
                [*self._command, request],
                cwd=directory,
                env={},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.DEVNULL,
                close_fds=True,
                start_new_session=True,
            )
            try:
                code = process.wait(timeout=limits.open_seconds)
            except subprocess.TimeoutExpired:
                return NotOpened(f"it did not open within {limits.open_seconds} s")
            finally:
                _end(process)
            output.seek(0)
            return _answer(code, output.read(MAX_ANSWER + 1), limits)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the whole session of the process, whatever it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _answer(code: int, output: bytes, limits: Limits) -> Opened | NotOpened:
    if code == -signal.SIGXCPU:
        return NotOpened(f"it did not open within {limits.open_seconds} s of processor time")
    if code < 0:
        return NotOpened(f"the process that opened it was ended by {signal.Signals(-code).name}")
    if code or len(output) > MAX_ANSWER:
        return NotOpened(f"the process that opened it ended with {code} and {len(output):,} bytes of output")
    try:
        document = json.loads(output)
        if document.pop("opened") is not True:
            return NotOpened(str(document["problem"])[:600])
        return Opened.model_validate(document)
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError, ValidationError):
        return NotOpened("the process that opened it gave no readable answer")
