"""sha256 of a stream, and a private copy made from the very bytes that were hashed."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path
from typing import NamedTuple, Protocol

from promotebot.errors import CouldNotVerify, InvalidInput

CHUNK = 1024 * 1024
"""Bytes in memory at a time, however large the file."""
_FICLONE = 0x40049409
"""https://man7.org/linux/man-pages/man2/ioctl_ficlone.2.html; other systems know no such number."""


class OverLimit(InvalidInput):
    """A file, or an artifact, that is larger than the policy allows."""


class Readable(Protocol):
    """A stream of bytes."""

    def read(self, count: int, /) -> bytes:
        """Return at most `count` bytes, none at the end."""
        ...


class Kept(NamedTuple):
    """Where bytes are kept while they are hashed, and how many; behind them the file has a hole up to its size."""

    target: Path
    most: int | None = None
    """None for all."""


Keep = Callable[[bytes, bool], Kept | None]
"""Told the first CHUNK bytes of a file, and whether that is all of it; returns None where only the digest is wanted."""


Share = Callable[[int, int], bool]
"""See `share_blocks`."""


def share_blocks(source: int, target: int) -> bool:
    """Make an empty file a reflink of another one; return False where the file systems do not offer it.

    Both are descriptors. Whoever writes into one of the files later gets blocks of their own, and the other file stays
    as it is. A hard link would not do: it is the same file, and its owner can write through it.
    """
    try:
        fcntl.ioctl(target, _FICLONE, source)
    except OSError:  # whatever the reason: the bytes are copied then, and a disk that fails says so there
        return False
    return True


def read_hashed(
    stream: Readable,
    keep: Keep,
    *,
    where: str,
    max_bytes: int,
    size: int | None = None,
    share: Share = share_blocks,
) -> tuple[str, int]:
    """Hash a stream and keep what is asked for of the same bytes; return (sha256 in 64 hex digits, size in bytes).

    Args:
        size: bytes that there should be, where that is known: no more memory is taken for them.

    Raises:
        OverLimit: for more than `max_bytes`; what was kept is then incomplete.
        InvalidInput: for a name that is too long for this system, or a file that is written meanwhile.
        CouldNotVerify: when the disk fails on either side.
    """
    with _disk("cannot be copied", where, "check the disk, and the space in $TMPDIR"):
        chunk = _beginning(stream, size)
        is_whole = len(chunk) < CHUNK
        hasher, total, kept = hashlib.sha256(), 0, keep(chunk, is_whole)
        if kept is None and is_whole and len(chunk) <= max_bytes:
            return hashlib.sha256(chunk).hexdigest(), len(chunk)
        with _writer(kept, stream, chunk, where, share) as (source, write):
            while chunk:
                total += len(chunk)
                # Before writing: a file that grows while it is read must not fill the disk.
                if total > max_bytes:
                    raise OverLimit(f"is over the limit of {max_bytes:,} bytes", where=where)
                hasher.update(chunk)
                write(chunk)
                chunk = source.read(CHUNK)
        return hasher.hexdigest(), total


def copy_hashed(stream: Readable, target: Path, *, where: str, max_bytes: int) -> tuple[str, int]:
    """Copy a stream to a new file while hashing it; see `read_hashed`."""
    return read_hashed(stream, lambda *_: Kept(target), where=where, max_bytes=max_bytes)


def hash_stream(stream: Readable, *, where: str = "") -> str:
    """Return the sha256, in 64 hex digits, of the rest of a stream, one chunk in memory at a time.

    Raises:
        CouldNotVerify: when the disk fails.
    """
    hasher = hashlib.sha256()
    with _disk("cannot be read", where, "check the disk"):
        while chunk := stream.read(CHUNK):
            hasher.update(chunk)
    return hasher.hexdigest()


def _beginning(stream: Readable, size: int | None) -> bytes:
    """Return the first CHUNK bytes, fewer only at the end; a stream may give fewer at a time."""
    # One more than there should be shows the end.
    data = stream.read(CHUNK if size is None else min(CHUNK, size + 1))
    while data and len(data) < CHUNK and (more := stream.read(CHUNK - len(data))):
        data += more
    return data


@contextmanager
def _writer(
    kept: Kept | None, stream: Readable, beginning: bytes, where: str, share: Share
) -> Iterator[tuple[Readable, Callable[[bytes], object]]]:
    """Yield what has the bytes behind the beginning, and what takes all of them.

    That is the stream; or, where the private file is a reflink of it, this file: what is hashed is what is kept.
    """
    if kept is None:
        yield stream, len
        return
    kept.target.parent.mkdir(parents=True, exist_ok=True)
    # x: a file that exists already is another name for this one, and must not be overwritten.
    with kept.target.open("x+b", buffering=0) as file:
        is_large = kept.most is None and len(beginning) == CHUNK
        if is_large and isinstance(stream, FileIO) and share(stream.fileno(), file.fileno()):
            if _beginning(file, None) != beginning:
                remedy = "run it again when nobody writes there"
                raise InvalidInput("changed while it was read", where=where, remedy=remedy)
            yield file, len
            return
        size = 0

        def write(chunk: bytes) -> None:
            nonlocal size
            left = len(chunk) if kept.most is None else max(0, kept.most - size)
            view = memoryview(chunk)[:left]
            while view:
                view = view[file.write(view) :]
            size += len(chunk)

        yield stream, write
        os.ftruncate(file.fileno(), size)


@contextmanager
def _disk(message: str, where: str, remedy: str) -> Iterator[None]:
    """Turn the disk's errors into ours."""
    try:
        yield
    except OSError as problem:
        if problem.errno == errno.ENAMETOOLONG:
            raise InvalidInput("has a name too long for this system", where=where, remedy="shorten it") from None
        raise CouldNotVerify(f"{message}: {problem.strerror}", where=where, remedy=remedy) from None
