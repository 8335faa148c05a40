"""Replaces a registry in children that end in the middle of it, and prints what each left behind.

`python -I crash_driver.py MODE DIRECTORY` works on DIRECTORY/models.json and prints one JSON list. MODE says how the
children end: `calls` kills before and after every call that the writer makes, `bytes` at every size the new file
passes, `loop` at any moment of a tight loop; `errors` lets every call to the system fail once instead.
"""

from __future__ import annotations

import errno
import io
import json
import os
import resource
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from promotebot.errors import PromotebotError
from promotebot.registry.files import registry_lock, replace_registry

NAME = "models.json"
SYSTEM = {
    "open",
    "fstat",
    "stat",
    "lstat",
    "read",
    "fchmod",
    "write",
    "flush",
    "fsync",
    "fdatasync",
    "replace",
    "rename",
}
"""What the kernel may refuse; closing and clearing up are left alone."""
ROUNDS = 60
Found = dict[str, Any]


def content(word: str) -> bytes:
    """A registry of some 100 kB, so that it is written in more than one piece."""
    filler = {f"note_{n}": f"{word} {n} ü\u2028" for n in range(4_000)}
    document = {"schema_version": "v1", "models": {}, **filler}
    return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()


OLD, NEW = content("old"), content("neu")


def replace(path: Path, old: bytes, new: bytes) -> None:
    with registry_lock(path):
        replace_registry(path, new, expected=old)


def left_by(path: Path, child: Callable[[], object]) -> Found:
    """Run `child` in a process of its own on a fresh old file; how it ended and what is there then."""
    path.write_bytes(OLD)
    process = os.fork()
    if not process:
        run_and_exit(child)
    _, status = os.waitpid(process, 0)
    return {**state_of(path), "killed": os.WIFSIGNALED(status), "code": os.waitstatus_to_exitcode(status)}


def run_and_exit(child: Callable[[], object]) -> NoReturn:
    code = 1
    try:
        child()
        code = 0
    finally:
        os._exit(code)  # what the driver has buffered is the driver's to print


def state_of(path: Path) -> Found:
    """Which content the file holds; whatever else is there is named and taken away."""
    data = path.read_bytes()
    left = [other for other in path.parent.iterdir() if other.is_file() and other != path]
    sizes = {other.name: other.stat().st_size for other in left}
    for other in left:
        other.unlink()
    return {"holds": {OLD: "old", NEW: "new"}.get(data, "neither"), "left": sizes}


def calls(path: Path) -> Iterator[Found]:
    """Killed at the first, second, … call or return, until a child comes through."""
    point, result = 0, {"killed": True}
    while result["killed"]:
        point += 1
        result = left_by(path, lambda: killed_at(point, path))  # noqa: B023 - called before the next turn
        yield result


def killed_at(point: int, path: Path) -> None:
    passed = 0

    def count(*_: object) -> None:
        nonlocal passed
        passed += 1
        if passed == point:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.setprofile(count)
    replace(path, OLD, NEW)
    sys.setprofile(None)


def sizes(path: Path) -> Iterator[Found]:
    """Killed by the kernel in the middle of a write, when a file grows past so many bytes."""
    for size in (0, 1, 4_096, 65_537, len(NEW) - 1):
        yield left_by(path, lambda: ended_at_size(size, path))  # noqa: B023 - called before the next turn


def ended_at_size(size: int, path: Path) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    replace(path, OLD, NEW)


def loop(path: Path) -> Iterator[Found]:
    """Killed from outside after some replacements and a delay that differs from round to round."""
    for round_number in range(ROUNDS):
        path.write_bytes(OLD)
        reading, writing = os.pipe()
        process = os.fork()
        if not process:
            os.close(reading)
            run_and_exit(lambda: replace_for_ever(path, writing))  # noqa: B023 - called before the next turn
        os.close(writing)
        os.read(reading, 1)
        sum(range(round_number * 997))  # a moment that is not the same in any two rounds
        os.kill(process, signal.SIGKILL)
        _, status = os.waitpid(process, 0)
        os.close(reading)
        yield {**state_of(path), "killed": os.WIFSIGNALED(status)}


def replace_for_ever(path: Path, progress: int) -> None:
    while True:
        replace(path, OLD, NEW)
        os.write(progress, b".")
        replace(path, NEW, OLD)


def errors(path: Path) -> Iterator[Found]:
    """Every call to the system fails once, the disk being full; until none is left to fail."""
    point, result = 0, {"call": "first"}
    while result["call"]:
        point += 1
        path.write_bytes(OLD)
        result = failing_at(point, path)
        yield result


def failing_at(point: int, path: Path) -> Found:
    passed, call = 0, ""

    def fail(_: FrameType, event: str, function: Any) -> None:
        nonlocal passed, call
        if event == "c_call" and is_system(function):
            passed += 1
            if passed == point:
                call = function.__name__
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    message, kind, ours = "", "", True
    sys.setprofile(fail)
    try:
        replace(path, OLD, NEW)
    except (PromotebotError, OSError) as problem:
        kind, message, ours = type(problem).__name__, str(problem), isinstance(problem, PromotebotError)
    finally:
        sys.setprofile(None)
    return {**state_of(path), "call": call, "error": kind, "says": message, "ours": ours}


def is_system(function: Any) -> bool:
    owner = getattr(function, "__self__", None)
    return function.__name__ in SYSTEM and (isinstance(owner, io.IOBase) or function.__module__ in ("posix", "io"))


if __name__ == "__main__":
    modes = {"calls": calls, "bytes": sizes, "loop": loop, "errors": errors}
    json.dump(list(modes[sys.argv[1]](Path(sys.argv[2]) / NAME)), sys.stdout)
