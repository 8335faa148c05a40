"""One listed file, read once: its digest, how it begins, and as much of it in the private copy as is needed later."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from promotebot.artifact.digest import Kept, OverLimit, read_hashed
from promotebot.artifact.gguf import MAX_HEADER
from promotebot.artifact.looks import Look, look_at
from promotebot.artifact.programs import Unsettled
from promotebot.artifact.source import Entry, FileSource
from promotebot.errors import InvalidInput
from promotebot.registry.lfs import POINTER_BYTES, LfsPointer, is_pointer, parse_pointer


@dataclass(frozen=True)
class ReadFile:
    """A file that was read: what its content is, which lies elsewhere where it is a Git LFS pointer to it."""

    sha256: str
    size: int
    look: Look | None = None
    """None where it is copied as a whole, and can be looked at there."""
    pointer: LfsPointer | None = None
    stray: bytes | None = None
    """The whole file, where it is a pointer that stands for nothing here."""


@dataclass(frozen=True)
class FileReader:
    """Reads files of one artifact, by their names; safe to be used by several threads."""

    source: FileSource
    directory: str
    scratch: Path
    own: str
    """The artifact's own model."""
    room: Callable[[], int]
    """Returns the bytes that a file may have now."""

    def read(self, entries: Sequence[Entry], opened: Collection[str]) -> list[ReadFile | InvalidInput]:
        """Read files; return what is wrong with each that cannot be read, or is larger than there is room for.

        Args:
            opened: names of files that are copied as a whole.

        Raises:
            CouldNotVerify: when the source or the disk does not answer.
        """
        with self.source.near() as source:
            return [self._read(source, entry, opened) for entry in entries]

    def _read(self, source: FileSource, entry: Entry, opened: Collection[str]) -> ReadFile | InvalidInput:
        name = entry.path[len(self.directory) + 1 :]
        first = Beginning(name, self.scratch / name, name == self.own, name in opened)
        room = self.room()
        try:
            with source.open(entry.path) as stream:
                sha256, size = read_hashed(stream, first.keep, where=entry.path, max_bytes=room, size=entry.size)
        except InvalidInput as problem:
            return problem
        data = first.data if size <= POINTER_BYTES else b""
        if not is_pointer(data):
            return ReadFile(sha256, size, first.look)
        pointer = parse_pointer(data) if source.lfs is not None else None
        if pointer is None:
            return ReadFile(sha256, size, stray=data)
        if pointer.size > room:
            return OverLimit(f"is over the limit of {room:,} bytes", where=entry.path)
        return ReadFile(pointer.sha256, pointer.size, pointer=pointer)


@dataclass
class Beginning:
    """The beginning of a file, which decides what is kept of it.

    `is_opened`: whether it is copied as a whole, whatever it is. `look`: what it is, where it is not.
    """

    name: str
    target: Path
    is_own: bool
    is_opened: bool
    data: bytes = b""
    look: Look | None = None

    def keep(self, data: bytes, is_whole: bool) -> Kept | None:
        """Return what is to be kept; see `promotebot.artifact.digest.Keep`."""
        self.data = data[: POINTER_BYTES + 1]
        if self.is_opened or is_pointer(data):  # in whose place the content comes
            return Kept(self.target)
        try:
            look = look_at(data, self.name, is_own=self.is_own, is_whole=is_whole)
        except Unsettled:
            return Kept(self.target)
        if self.is_own and look.is_onnx:
            return Kept(self.target)
        self.look = look
        if look.weights:
            return Kept(self.target, MAX_HEADER)
        with suppress(FileNotFoundError):  # a name that is too long here is told, as for what is copied
            self.target.lstat()
        return None
