"""What the process that opens a model left behind: adopted by this process, and ended.

Behind all walls it can start nothing. Where the one named `processes` is missing, something in a session of its own
would outlive the kill of its parent's session, as the child of the machine's first process.

https://man7.org/linux/man-pages/man2/PR_SET_CHILD_SUBREAPER.2const.html
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Set
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from promotebot.errors import CouldNotVerify

_PR_SET_CHILD_SUBREAPER = 36
MAX_ROUNDS = 1000
"""Each ends a generation: what a process started is adopted when it ends. More are made on purpose."""


@dataclass
class _Openings:
    """What goes on at the moment, in every thread."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    blocks: int = 0
    processes: set[int] = field(default_factory=set)
    """The processes that open models: none of them is an orphan."""


_OPENINGS = _Openings()


@contextmanager
def adopted() -> Iterator[None]:
    """End everything that was started within the block and is left without a parent after it.

    Only what left this process's session is meant, as the process that opens a model did, and which nothing comes back
    into: whatever else this process starts meanwhile is left alone, and so are the processes of `started`.

    Raises:
        CouldNotVerify: when more is started than can be ended.
    """
    with _OPENINGS.lock:
        _OPENINGS.blocks += 1
        is_adopting = _adopt(on=True)
    try:
        yield
    finally:
        with _OPENINGS.lock:
            _OPENINGS.blocks -= 1
            try:
                if is_adopting:
                    _end_all(_OPENINGS.processes)
            finally:
                _adopt(on=bool(_OPENINGS.blocks))


def started(start: Callable[[], subprocess.Popen[bytes]]) -> subprocess.Popen[bytes]:
    """Start a process that opens models, which goes on until `waited_for` is called."""
    with _OPENINGS.lock:  # it must not be taken for an orphan before it is known
        process = start()
        _OPENINGS.processes.add(process.pid)
    return process


def waited_for(process: subprocess.Popen[bytes]) -> None:
    """Wait for the end of a process that was ended."""
    with _OPENINGS.lock:
        process.wait()
        _OPENINGS.processes.discard(process.pid)


def _end_all(kept: Set[int]) -> None:
    for _ in range(MAX_ROUNDS):
        left = _strangers() - kept
        if not left:
            return
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)
    raise CouldNotVerify(
        "the process that opened a model kept starting other processes",
        remedy="do not trust this model, and run nothing more on this runner",
    )


def _adopt(*, on: bool) -> bool:
    """Return whether the kernel gives this process what its children leave behind, from now on or no longer."""
    if sys.platform != "linux":
        return False
    return bool(ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, int(on), 0, 0, 0) == 0)


def _strangers() -> set[int]:
    """Return the children that are in another session; none where the kernel does not list them.

    https://man7.org/linux/man-pages/man5/proc_pid_task.5.html
    """
    found: set[int] = set()
    for listed in Path("/proc/self/task").glob("*/children"):
        with contextlib.suppress(OSError):
            found |= {int(pid) for pid in listed.read_text("ascii").split()}
    return {pid for pid in found if _session(pid) not in (None, os.getsid(0))}


def _session(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except ProcessLookupError:
        return None
