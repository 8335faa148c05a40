"""Files that a manifest lists, copied out of git or Git LFS, each proven by its sha256 on the way."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from promotebot.artifact.digest import OverLimit, copy_hashed
from promotebot.artifact.source import FileSource, Kind
from promotebot.errors import InvalidInput
from promotebot.registry.lfs import POINTER_BYTES, LfsPointer, parse_pointer


def copy_proven(source: FileSource, files: Mapping[str, tuple[Path, str]], *, max_bytes: int, seconds: float) -> int:
    """Copy files to new places; return how many bytes more may be read.

    Args:
        files: path → the place of its copy, and its sha256 in 64 hex digits.
        max_bytes: of all of them together.
        seconds: for what Git LFS keeps.

    Raises:
        OverLimit: where they have more bytes, which are not downloaded.
        InvalidInput: for a file that is not there, or not the listed one.
        CouldNotVerify: when the source or the disk does not answer.
    """
    room, pointers = max_bytes, dict[Path, LfsPointer]()
    for path, (place, listed) in files.items():
        if source.kind(path) is not Kind.FILE:
            raise InvalidInput(f"there is no {path}")
        with source.open(path) as stream:
            sha256, size = copy_hashed(stream, place, where=path, max_bytes=room)
        pointer = parse_pointer(place.read_bytes()) if size <= POINTER_BYTES else None
        if pointer is not None:
            place.unlink()
            pointers[place], sha256, size = pointer, pointer.sha256, pointer.size
        if sha256 != listed:
            raise InvalidInput(f"{path} is not the listed file")
        room -= size
        if room < 0:
            raise OverLimit(f"is over the limit of {max_bytes:,} bytes", where=path)
    _fetch(source, pointers, seconds)
    return room


def _fetch(source: FileSource, pointers: Mapping[Path, LfsPointer], seconds: float) -> None:
    """Bring what Git LFS keeps. Raises InvalidInput for what is not there."""
    if not pointers:
        return
    if source.lfs is None or not source.fetches_lfs:
        raise InvalidInput("it is in Git LFS, which was not asked")
    for problem in source.lfs.fetch(pointers, seconds).values():
        raise problem
