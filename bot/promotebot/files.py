"""Files replaced whole or not at all, whatever stops the writer."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


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
