"""sha256 of a stream, and a private copy made from the very bytes that were hashed."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import BinaryIO

from bot.errors import InvalidInput

CHUNK = 1024 * 1024


def copy_hashed(stream: BinaryIO, target: Path, *, where: str, max_bytes: int) -> tuple[str, int]:
    """Copy a stream to a new file and return (64 hex digits, size in bytes) of what was copied.

    Raises:
        InvalidInput: for more than `max_bytes`.
    """
    hasher, size = hashlib.sha256(), 0
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("xb") as file:
        while chunk := stream.read(CHUNK):
            size += len(chunk)
            if size > max_bytes:
                raise InvalidInput(f"is over the limit of {max_bytes:,} bytes", where=where)
            hasher.update(chunk)
            file.write(chunk)
    return hasher.hexdigest(), size


def hash_stream(stream: BinaryIO) -> str:
    """64 hex digits of everything the stream still holds."""
    hasher = hashlib.sha256()
    while chunk := stream.read(CHUNK):
        hasher.update(chunk)
    return hasher.hexdigest()
