"""Files that people name, read; files replaced whole or not at all, whatever stops the writer."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from promotebot.errors import CouldNotVerify, InvalidInput


def write_atomically(path: Path, data: bytes, mode: int, *, prefix: str = "", suffix: str = "") -> None:
    """Put a file with these bytes and permission bits in the place of `path`: another file beside it, then renamed.

    A reader sees the old bytes or the new ones, never a part, since rename(2) is atomic within a file system. The new
    bytes are on the disk before the rename, or a power cut could leave an empty file under the name; the name itself is
    there to stay after `sync_directory`.

    Args:
        prefix: what the temporary file's name starts with; a dot and the file's own name where none is given.
        suffix: what it ends with. A writer that is killed leaves that file: its name has to be known again.

    Raises:
        OSError: when the directory takes no file; the old one is unchanged, and the temporary one is gone.
    """
    temporary = ""
    try:
        descriptor, temporary = tempfile.mkstemp(prefix=prefix or f".{path.name}-", suffix=suffix, dir=path.parent)
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(file.fileno(), mode)  # mkstemp's files are for their owner only
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
        temporary = ""
    finally:
        if temporary:
            Path(temporary).unlink(missing_ok=True)


def sync_directory(directory: Path) -> None:
    """Make the names in a directory survive a power cut: https://man7.org/linux/man-pages/man2/fsync.2.html

    Raises:
        OSError: when the disk does not confirm it.
    """
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_given(path: Path, *, max_bytes: int, remedy: str) -> bytes:
    """Return the bytes of a file that a person names, at most one more than the limit, for its reader to refuse.

    A link is followed: where configuration is mounted, files often are links.

    Raises:
        InvalidInput: for a file that is not there, with `remedy`.
        CouldNotVerify: when it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return file.read(max_bytes + 1)
    except FileNotFoundError:
        raise InvalidInput("is not there", where=str(path), remedy=remedy) from None
    except OSError as problem:
        reason = f"cannot be read: {problem.strerror}"
        raise CouldNotVerify(reason, where=str(path), remedy="check its permissions and the disk") from None


@contextmanager
def whole_directory(target: Path) -> Iterator[Path]:
    """Yield a directory beside `target` that takes its place where nothing goes wrong, and is removed otherwise.

    Raises:
        CouldNotVerify: when the disk does not take it, or another one is there with something in it.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
        try:
            yield scratch
            scratch.chmod(0o755)  # mkdtemp's are for their owner only
            scratch.replace(target)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    except OSError as problem:
        message = f"cannot be written: {problem.strerror}"
        raise CouldNotVerify(message, where=str(target), remedy="check the disk and its permissions") from None
