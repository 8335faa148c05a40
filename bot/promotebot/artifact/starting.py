"""Starts the process in which models are opened, also before the rest of the program is loaded, which takes as long.

So this module loads little. The process knows of no model, and loads nothing but the runtime, until it is asked.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from typing import IO, NamedTuple

from promotebot.artifact.orphans import started, waited_for

COMMAND = (sys.executable, "-I", "-m", "promotebot.artifact.child")


class Begun(NamedTuple):
    """The process, in a session of its own, the socket that it is asked by, and what it writes to stderr."""

    process: subprocess.Popen[bytes]
    control: socket.socket
    words: IO[bytes]

    def end(self) -> None:
        """End the whole session, whatever the process started in it."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        waited_for(self.process)

    def close(self) -> None:
        """End it, and close what belongs to it."""
        self.end()
        self.control.close()
        self.words.close()


_EARLY: list[Begun] = []
"""At most one process that nobody has asked for yet."""


def start(command: Sequence[str]) -> Begun:
    """Start the process; raise OSError where that cannot be done."""
    words = tempfile.TemporaryFile()  # noqa: SIM115 - closed in `Begun.close`
    # A socket that keeps messages apart.
    control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        process = started(
            lambda: subprocess.Popen(
                list(command),
                cwd="/",
                env=_environment(),
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=words,
                close_fds=True,
                start_new_session=True,
            )
        )
    except OSError:
        words.close()
        control.close()
        raise
    finally:
        theirs.close()
    return Begun(process, control, words)


def start_early() -> None:
    """Start the process now, for whoever asks for one first; `end_early` ends it where nobody did."""
    with contextlib.suppress(OSError):  # told to whoever opens a model
        _EARLY.append(start(COMMAND))


def take_early(command: Sequence[str]) -> Begun | None:
    """Return the process that was started early, where it runs this command; nobody else gets it then."""
    return _EARLY.pop() if _EARLY and tuple(command) == COMMAND else None


def end_early() -> None:
    """End the process that nobody asked for."""
    while _EARLY:
        _EARLY.pop().close()


def _environment() -> dict[str, str]:
    """Return only what an interpreter needs to start: no token, no HOME, no PATH.

    actions/setup-python builds find libpython by LD_LIBRARY_PATH. An empty or relative part of it is the directory in
    which the process starts, from which the loader would take libraries before any wall stands:
    https://man7.org/linux/man-pages/man8/ld.so.8.html. Threads and arenas each reserve address space, which is limited.
    """
    fixed = {
        "LC_ALL": "C.UTF-8",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MALLOC_ARENA_MAX": "2",
        "ORT_DISABLE_TELEMETRY": "1",  # it starts a thread when it is imported, which Landlock would not cover
    }
    parts = re.split("[:;]", os.environ.get("LD_LIBRARY_PATH", ""))
    library_path = ":".join(part for part in parts if part.startswith("/"))
    return {**fixed, "LD_LIBRARY_PATH": library_path} if library_path else fixed
