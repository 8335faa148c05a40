"""The walls around the process that opens a model: their names, how it raises them, and how its parent checks them.

A model that found a hole in ONNX Runtime decides what the process does. So the process raises the walls, and says which
of them stand, before it reads a byte of the model; and the parent looks for itself before it names the model.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Literal, get_args

from promotebot.artifact import child_limits, seccomp

Wall = Literal["files", "network", "system calls", "capabilities", "processes", "parent"]
"""What each keeps the process from, and by which means: docs/rules.md, artifact.walls."""
WALLS: tuple[Wall, ...] = get_args(Wall)

_CAPABILITIES = ("CapInh", "CapPrm", "CapEff", "CapAmb")
_PR_GET_DUMPABLE, _PR_SET_DUMPABLE = 3, 4


def raise_walls(directory: Path, *, offline: bool) -> list[Wall]:
    """Raise every wall that this process can raise around itself, and return those that stand.

    Call it with one thread, after everything is imported.

    Args:
        directory: the only one that stays readable, beside Python's own files.
        offline: whether the process has left the network already.
    """
    privileges = child_limits.drop_privileges()
    files = child_limits.apply_landlock(directory)
    calls = seccomp.apply_filter()
    stands: dict[Wall, bool] = {
        "files": files,
        "network": offline or calls,
        "system calls": calls,
        "capabilities": privileges,
        "processes": child_limits.refuse_processes(),
    }
    return [wall for wall, holds in stands.items() if holds]


def confirm_walls(pid: int, claimed: Collection[str]) -> tuple[Wall, ...]:
    """Return the walls around a process that it claims and that nothing contradicts, and whether we are one ourselves.

    What the kernel tells of its threads is held against the claim; without an answer nothing is confirmed.
    """
    threads, ours = _threads(pid), _threads(os.getpid())
    seen: Mapping[Wall, bool] = {
        # Landlock covers the thread that asked for it.
        "files": len(threads) == 1,
        # A container puts a filter around every process in it: the process must have one more than we have.
        "system calls": all(_filters(thread) > max(map(_filters, ours), default=0) for thread in threads),
        "capabilities": all(_is_powerless(thread) for thread in threads),
    }
    child = [wall for wall in WALLS if wall in claimed and threads and seen.get(wall, True)]
    return tuple(wall for wall in WALLS if (_is_hidden() if wall == "parent" else wall in child))


def hide_memory() -> None:
    """Close this process's memory, environment and descriptors to every other process of its user, for ever.

    Where the kernel cannot do it, `confirm_walls` says so.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def _is_hidden() -> bool:
    return bool(sys.platform == "linux" and ctypes.CDLL(None).prctl(_PR_GET_DUMPABLE, 0, 0, 0, 0) == 0)


def _filters(thread: Mapping[str, str]) -> int:
    """Return how many filters on system calls a thread is behind; 0 before Linux 5.9, which does not tell."""
    return int(thread.get("Seccomp_filters", "0"))


def _is_powerless(thread: Mapping[str, str]) -> bool:
    """Return whether a thread has no capability and no way to win one."""
    return thread.get("NoNewPrivs") == "1" and all(int(thread.get(name, "1"), 16) == 0 for name in _CAPABILITIES)


def _threads(pid: int) -> list[dict[str, str]]:
    """Return what the kernel tells of each thread of a process; empty where it tells nothing.

    https://man7.org/linux/man-pages/man5/proc_pid_status.5.html
    """
    try:
        texts = [path.read_text("utf-8", "replace") for path in Path(f"/proc/{pid}/task").glob("*/status")]
    except OSError:
        return []
    lines = [[line.partition(":") for line in text.splitlines()] for text in texts]
    return [{name: value.strip() for name, _, value in thread} for thread in lines]
