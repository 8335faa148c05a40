"""The registry's files on disk: read them, and replace them atomically and durably, one writer at a time."""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from promotebot.errors import CouldNotVerify, InvalidInput
from promotebot.files import sync_directory, write_atomically
from promotebot.registry.codec import MAX_BYTES

_PREFIX, _SUFFIX = ".models-", ".tmp"
"""Of a file that is being written; no model's name starts with a dot."""


def read_registry_bytes(path: Path) -> bytes:
    """All of the file's bytes; a link or anything that is not a regular file is refused."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise InvalidInput(
            "registry not found",
            where=str(path),
            remedy="check the path; git checkout HEAD -- PATH brings back a committed one, promotebot init makes one",
        ) from None
    except OSError as problem:
        if path.is_symlink():
            raise InvalidInput(
                "registry is a symbolic link", where=str(path), remedy="commit the file itself"
            ) from None
        raise CouldNotVerify(
            f"cannot read the registry: {problem.strerror}",
            where=str(path),
            remedy="check its permissions and the disk",
        ) from None
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise InvalidInput(
                "registry is not a regular file", where=str(path), remedy=f"restore it: git checkout -- {path}"
            )
        if found.st_size > MAX_BYTES:
            raise InvalidInput(
                f"registry is {found.st_size:,} bytes; the limit is {MAX_BYTES:,}",
                where=str(path),
                remedy="one file for each model: promotebot registry split, while it is smaller",
            )
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return file.read(MAX_BYTES + 1)
    except OSError as problem:
        raise CouldNotVerify(
            f"cannot read the registry: {problem.strerror}", where=str(path), remedy="check the disk"
        ) from None
    finally:
        os.close(descriptor)


@contextmanager
def registry_lock(path: Path) -> Iterator[None]:
    """Hold the registry's directory for one read-plan-write; waits for another writer.

    The lock is on the directory itself, so that no lock file is left in the repository. What a writer that was
    killed left is taken away: nobody else can be writing now.
    """
    try:
        descriptor = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as problem:
        raise InvalidInput(f"registry directory cannot be opened: {problem.strerror}", where=str(path.parent)) from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        _remove_leftovers(path.parent)
        yield
    finally:
        os.close(descriptor)


def replace_registry(path: Path, data: bytes, *, expected: bytes | None) -> None:
    """Put `data` in the place of `expected` (None: of nothing): temp file, fsync, rename, directory fsync.

    Raises:
        InvalidInput: when the file no longer holds `expected` (somebody else wrote), or cannot be written.
    """
    if (read_registry_bytes(path) if path.exists() or expected is not None else None) != expected:
        raise InvalidInput("registry changed while the promotion was planned", where=str(path), remedy="run it again")
    try:
        path.parent.mkdir(exist_ok=True)
        mode = 0o644 if expected is None else stat.S_IMODE(path.stat().st_mode)
        write_atomically(path, data, mode, prefix=_PREFIX, suffix=_SUFFIX)
    except OSError as problem:
        raise InvalidInput(
            f"cannot write the registry: {problem.strerror}; the old file is unchanged",
            where=str(path),
            remedy="check space and permissions of its directory",
        ) from None
    try:
        sync_directory(path.parent)  # the file is replaced already; only a power cut could undo it now
    except OSError as problem:
        raise CouldNotVerify(
            f"the registry is written, but the disk does not confirm it: {problem.strerror}",
            where=str(path),
            remedy="check the disk, then: promotebot verify",
        ) from None


def _remove_leftovers(directory: Path) -> None:
    for place in (directory, directory / "models"):
        for left in place.glob(f"{_PREFIX}*{_SUFFIX}"):
            with suppress(OSError):  # a read-only disk; git.clean will name the file
                left.unlink()


class ModelDirectory:
    """The models' files beside an index on disk (`promotebot.registry.split.ModelFiles`)."""

    def __init__(self, registry: Path) -> None:
        self.path = registry.parent / "models"
        self.contents: dict[str, bytes] = {}
        """What was read, by file name."""

    def names(self) -> Mapping[str, str | None]:
        """Hidden files are left out: a writer that was killed leaves one, and no model's name starts with a dot."""
        if self.path.is_symlink():
            raise InvalidInput("is a symbolic link", where=str(self.path), remedy="commit the directory itself")
        try:
            with os.scandir(self.path) as entries:
                return {entry.name: None for entry in entries if not entry.name.startswith(".")}
        except FileNotFoundError:
            return {}
        except OSError as problem:
            raise CouldNotVerify(
                f"cannot be listed: {problem.strerror}", where=str(self.path), remedy="check its permissions"
            ) from None

    def read(self, file_name: str) -> bytes:
        self.contents[file_name] = read_registry_bytes(self.path / file_name)
        return self.contents[file_name]
