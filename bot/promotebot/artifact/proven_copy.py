"""Files that a manifest lists, copied out of git, Git LFS or a bucket, each proven by its sha256 on the way."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from promotebot.artifact.digest import Kept, OverLimit, copy_hashed
from promotebot.artifact.limits import Terms
from promotebot.artifact.source import FileSource, Kind
from promotebot.artifact.stored import ObjectStore, look_listed, read_listed
from promotebot.errors import CouldNotVerify, InvalidInput
from promotebot.registry.lfs import POINTER_BYTES, LfsPointer, parse_pointer
from promotebot.remedies import Remedy, again
from promotebot.storage.uri import StoredFile, lies_under


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
            raise InvalidInput(f"{path} is sha256:{sha256}, the manifest says sha256:{listed}")
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


def copy_stored(
    source: FileSource,
    store: ObjectStore | None,
    files: Mapping[StoredFile, tuple[Path, str]],
    terms: Terms,
    *,
    room: int,
) -> None:
    """Copy files of one place outside of git; nothing is asked of any other place than those that the policy lists.

    Args:
        source: the files that have the manifest; it says whether others are read.
        files: file → the place of its copy, and its sha256 in 64 hex digits.
        terms: of the policy: the places, and the seconds for all files.
        room: the most bytes of all of them together.

    Raises:
        OverLimit: where the manifest lists more bytes, which are not read.
        InvalidInput: for a file that may not be read, is not there, or is not the listed one.
        CouldNotVerify: when the store or the disk does not answer.
    """
    for uri in {file.uri for file in files}:
        if not lies_under(uri, terms.storage):
            raise InvalidInput(f"it is in {uri}, which `storage` of the policy does not list", remedy=_LIST)
        if not source.fetches_stored:
            raise InvalidInput(f"it is in {uri}, which was not asked")
    if sum(file.size for file in files) > room:
        raise OverLimit(f"is over the limit of {room:,} bytes")
    if not files:
        return
    if store is None:
        raise CouldNotVerify("nothing here reads files outside of git", remedy="run it again")
    with store.session(terms.storage_seconds) as reader:
        for file, (target, listed) in files.items():
            try:
                look_listed(reader, file)
                read_listed(reader, file, listed, partial(_whole, target))
            except InvalidInput as problem:  # noqa: PERF203 - the first one ends it
                raise InvalidInput(problem.message, remedy=_uploaded()) from None


def _whole(target: Path, *_: object) -> Kept:
    return Kept(target)


_LIST = (
    "move the files to a listed place, and name it in the manifest; or add the place to `storage` in "
    ".github/promotion.yml of the base branch"
)


def _uploaded() -> Remedy:
    return Remedy(
        "upload the listed file there again, as it is; or, if the new bytes are intended, list their size, sha256 and "
        "version in the manifest of the base branch; then ask again: ",
        again(),
    )
