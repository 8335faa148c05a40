"""The registry on disk: read it, replace it atomically and durably, one writer at a time."""

from __future__ import annotations

import fcntl
import hashlib
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bot.errors import CouldNotVerify, InvalidInput
from bot.registry.codec import MAX_BYTES


def read_registry_bytes(path: Path) -> bytes:
    """All of the file's bytes; a link or anything that is not a regular file is refused."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise InvalidInput(
            "registry not found", where=str(path), remedy="give --registry-path, or create one: promotebot init"
        ) from None
    except OSError as problem:
        if path.is_symlink():
            raise InvalidInput(
                "registry is a symbolic link", where=str(path), remedy="commit the file itself"
            ) from None
        raise CouldNotVerify(f"cannot read the registry: {problem.strerror}", where=str(path)) from None
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise InvalidInput("registry is not a regular file", where=str(path))
        return file.read(MAX_BYTES + 1)


@contextmanager
def registry_lock(path: Path) -> Iterator[None]:
    """Hold the registry's directory for one read-plan-write; waits for another writer.

    The lock is on the directory itself, so that no lock file is left in the repository.
    """
    try:
        descriptor = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as problem:
        raise InvalidInput(f"registry directory cannot be opened: {problem.strerror}", where=str(path.parent)) from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def replace_registry(path: Path, data: bytes, *, expected: bytes) -> None:
    """Put `data` in the place of `expected`: temp file, fsync, rename, directory fsync.

    Raises:
        InvalidInput: when the file no longer holds `expected` (somebody else wrote), or cannot be written.
    """
    if hashlib.sha256(read_registry_bytes(path)).digest() != hashlib.sha256(expected).digest():
        raise InvalidInput("registry changed while the promotion was planned", where=str(path), remedy="run it again")
    temporary = ""
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        descriptor, temporary = tempfile.mkstemp(prefix=".models-", suffix=".tmp", dir=path.parent)
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
        temporary = ""
        _fsync_directory(path.parent)
    except OSError as problem:
        raise InvalidInput(
            f"cannot write the registry: {problem.strerror}; the old file is unchanged",
            where=str(path),
            remedy="check space and permissions of its directory",
        ) from None
    finally:
        if temporary:
            Path(temporary).unlink(missing_ok=True)


def _fsync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
