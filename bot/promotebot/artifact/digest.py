"""sha256 of a stream, and a private copy made from the very bytes that were hashed."""

from __future__ import annotations

import errno
import hashlib
from pathlib import Path
from typing import Protocol

from promotebot.errors import CouldNotVerify, InvalidInput

CHUNK = 1024 * 1024
"""Bytes in memory at a time, however large the file."""


class OverLimit(InvalidInput):
    """A file, or an artifact, that is larger than the policy allows."""


class Readable(Protocol):
    """A stream of bytes."""

    def read(self, count: int, /) -> bytes:
        """Return at most `count` bytes, none at the end."""
        ...


def copy_hashed(stream: Readable, target: Path, *, where: str, max_bytes: int) -> tuple[str, int]:
    """Copy a stream to a new file and return (sha256 in 64 hex digits, size in bytes) of the copied bytes.

    Raises:
        OverLimit: for more than `max_bytes`; the copy is then incomplete.
        InvalidInput: for a name that is too long for this system.
        CouldNotVerify: when the disk fails on either side.
    """
    hasher, size = hashlib.sha256(), 0
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        # x: a file that exists already is another name for this one, and must not be overwritten.
        with target.open("xb") as file:
            while chunk := stream.read(CHUNK):
                size += len(chunk)
                # Before writing: a file that grows while it is read must not fill the disk.
                if size > max_bytes:
                    raise OverLimit(f"is over the limit of {max_bytes:,} bytes", where=where)
                hasher.update(chunk)
                file.write(chunk)
    except OSError as problem:
        if problem.errno == errno.ENAMETOOLONG:
            raise InvalidInput("has a name too long for this system", where=where, remedy="shorten it") from None
        raise CouldNotVerify(
            f"cannot be copied: {problem.strerror}", where=where, remedy="check the disk, and the space in $TMPDIR"
        ) from None
    return hasher.hexdigest(), size


def hash_stream(stream: Readable, *, where: str = "") -> str:
    """Return the sha256, in 64 hex digits, of the rest of a stream, one chunk in memory at a time.

    Raises:
        CouldNotVerify: when the disk fails.
    """
    hasher = hashlib.sha256()
    try:
        while chunk := stream.read(CHUNK):
            hasher.update(chunk)
    except OSError as problem:
        raise CouldNotVerify(f"cannot be read: {problem.strerror}", where=where, remedy="check the disk") from None
    return hasher.hexdigest()
