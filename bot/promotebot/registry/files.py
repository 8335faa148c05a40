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
from promotebot.remedies import Remedy, shell

_PREFIX, _SUFFIX = ".models-", ".tmp"
"""Around the name of a file that is being written; no model's name starts with a dot."""


def read_registry_bytes(path: Path) -> bytes:
    """Return all of a file's bytes; a link is not followed.

    Raises:
        InvalidInput: for a file that is not there, is no regular file, or is over the limit.
        CouldNotVerify: when the file cannot be read.
    """
    descriptor = _open(path)
    try:
        _check_status(os.fstat(descriptor), path)
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            # One byte more than the limit: a file that grew meanwhile is refused by its reader.
            return file.read(MAX_BYTES + 1)
    except OSError as problem:
        raise CouldNotVerify(
            f"cannot read the registry: {problem.strerror}", where=str(path), remedy="check the disk"
        ) from None
    finally:
        os.close(descriptor)


def _not_found(path: Path) -> InvalidInput:
    remedy = Remedy("check the path; or create one: ", shell("promotebot", "init"))
    return InvalidInput("registry not found", where=str(path), remedy=remedy)


def _open(path: Path) -> int:
    # O_NOFOLLOW: a link could lead out of the repository. O_NONBLOCK: opening a FIFO would wait for its writer.
    try:
        return os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise _not_found(path) from None
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


def _check_status(status: os.stat_result, path: Path) -> None:
    """Check the open file, not its name, which may belong to another file by now."""
    if not stat.S_ISREG(status.st_mode):
        raise InvalidInput(
            "registry is not a regular file",
            where=str(path),
            remedy=Remedy("restore it: ", shell("git", "checkout", "--", str(path))),
        )
    if status.st_size > MAX_BYTES:
        raise InvalidInput(
            f"registry is {status.st_size:,} bytes; the limit is {MAX_BYTES:,}",
            where=str(path),
            remedy="go back to a commit with a smaller registry, and split it there into one file per model",
        )


@contextmanager
def registry_lock(path: Path) -> Iterator[None]:
    """Hold the registry's directory for one read-plan-write; wait for another writer.

    The lock is on the directory itself, so that no lock file is left in the repository. Files that a killed writer
    left are removed: nobody else can be writing now.

    Raises:
        InvalidInput: when the directory is not there, or cannot be opened.
    """
    try:
        descriptor = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        raise _not_found(path) from None
    except OSError as problem:
        raise InvalidInput(f"registry directory cannot be opened: {problem.strerror}", where=str(path.parent)) from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        _remove_leftovers(path.parent)
        yield
    finally:
        os.close(descriptor)


def replace_registry(path: Path, data: bytes, *, expected: bytes | None) -> None:
    """Replace `expected` by `data`; `expected` is None for a new file. A power cut leaves one of the two, whole.

    Raises:
        InvalidInput: when the file no longer holds `expected` (somebody else wrote), or cannot be written.
        CouldNotVerify: when the disk does not confirm the write.
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
            remedy="check the disk, then verify the registry",
        ) from None


def _remove_leftovers(directory: Path) -> None:
    models = directory / "models"
    for place in (directory,) if models.is_symlink() else (directory, models):  # a link may lead anywhere
        for left in place.glob(f"{_PREFIX}*{_SUFFIX}"):
            # On a read-only disk it stays; the check for uncommitted files will name it.
            with suppress(OSError):
                left.unlink()


class ModelDirectory:
    """The models' files beside an index on disk; implements `promotebot.registry.split_layout.ModelFiles`."""

    def __init__(self, registry: Path) -> None:
        self.path = registry.parent / "models"

    def names(self) -> Mapping[str, str | None]:
        """Return the file names; each value is None, as only reading shows whether a file changed.

        Hidden files are left out: a killed writer leaves one, and no model's name starts with a dot.
        """
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

    def has(self, file_name: str) -> bool:
        """Return whether anything of this name is there; False also where `names` says what is wrong."""
        return not self.path.is_symlink() and os.path.lexists(self.path / file_name)

    def read(self, file_name: str) -> bytes:
        """Return one file's bytes."""
        return read_registry_bytes(self.path / file_name)
