"""Programs in an archive: the files of a tar or a zip, one level deep, each told as if it lay there unpacked.

Nothing is extracted. What takes too much time or memory is not read on, and that is said.
"""

from __future__ import annotations

import bz2
import gzip
import io
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from typing import NamedTuple

from promotebot.artifact.limits import Program
from promotebot.artifact.programs import (
    LOOK,
    Bytes,
    Unsettled,
    program_by_beginning,
    program_by_name,
    unpacked,
)

MAX_MEMBERS = 10_000
"""Files of an archive that are looked at."""
MAX_STEPPED = 2_000_000
"""Bytes of them that are stepped over as the opcodes of a pickle: two seconds of work at most."""
MAX_UNPACKED = 256 * 1024 * 1024
"""Bytes of a compressed tar that are unpacked: a second of work."""
MAX_READ = 4 * 1024 * 1024
"""Bytes that are read at once: a zip's list of files, or the long names of a tar."""
_BLOCK = 512
_CHECKSUM = slice(148, 156)
"""Of a tar's header: https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html"""
_BROKEN = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    OSError,
    EOFError,
    ValueError,  # among them texts that are none
    RuntimeError,  # among them what is encrypted, or compressed in another way
    LookupError,
    OverflowError,
)


class Archived(NamedTuple):
    """What an archive holds."""

    program: Program | None = None
    member: str = ""
    """The file that is a program."""
    unread: str = ""
    """Why not all of it was looked at; empty where all was, or where it is no archive."""


class _TooMuch(Exception):
    """Not read on; says why."""


def look_into_archive(data: Bytes, *, is_whole: bool) -> Archived:
    """Return the first program among the files of an archive.

    Args:
        is_whole: False where they are a file's first bytes, no fewer than LOOK, and it goes on.

    Raises:
        Unsettled: for an archive that goes on.
    """
    beginning = data[:LOOK]
    is_zip, is_tar = beginning.startswith(b"PK\x03\x04"), _begins_a_tar(beginning)
    if not (is_zip or is_tar or _begins_a_tar(unpacked(beginning))):
        return Archived()
    if not is_whole:
        raise Unsettled
    try:
        if is_zip:
            return _first_program(_zipped(data))
        return _first_program(_of_tar(_Bounded(data), "r:") if is_tar else _of_tar(_unpacking(data), "r|"))
    except _TooMuch as reason:
        return Archived(unread=str(reason))
    except _BROKEN:
        return Archived(unread="it cannot be read to its end")


def _first_program(members: Iterator[tuple[str, bytes]]) -> Archived:
    """Return the first program among files, given by their names and first bytes. Raises _TooMuch."""
    stepped = 0
    for number, (name, beginning) in enumerate(members):
        if number >= MAX_MEMBERS:
            raise _TooMuch(f"it has more than {MAX_MEMBERS:,} files")
        program = program_by_name(name)
        if program is None:
            program, steps = program_by_beginning(beginning)
            stepped += steps
        if program is not None:
            return Archived(program, name)
        if stepped > MAX_STEPPED:
            raise _TooMuch("its files take too long to look at")
    return Archived()


def _zipped(data: Bytes) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(_Bounded(data)) as archive:
        for member in archive.infolist():
            if member.is_dir():
                continue
            if member.flag_bits & 1:
                raise _TooMuch("a file in it is encrypted")
            if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise _TooMuch("a file in it is compressed in a way that is not read here")
            with archive.open(member) as file:
                yield member.filename, file.read(LOOK)


def _of_tar(file: io.RawIOBase, mode: str) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(fileobj=file, mode=mode, tarinfo=_Member) as archive:  # type: ignore[call-overload]  # a literal
        for number, member in enumerate(archive):
            if number >= 2 * MAX_MEMBERS:
                raise _TooMuch(f"it has more than {2 * MAX_MEMBERS:,} entries")
            content = archive.extractfile(member) if member.isreg() else None
            if content is not None:
                yield member.name, content.read(LOOK)


def _begins_a_tar(beginning: bytes) -> bool:
    """Return whether a header of tar is there, of whatever dialect: its checksum says so."""
    header = beginning[:_BLOCK]
    if len(header) < _BLOCK or not header[0]:
        return False
    try:
        told = int(header[_CHECKSUM].strip(b" \0") or b"x", 8)
    except ValueError:
        return False
    return told == sum(header) - sum(header[_CHECKSUM]) + 8 * ord(" ")


def _unpacking(data: Bytes) -> io.RawIOBase:
    """Return a compressed tar as it is unpacked. Raises _TooMuch for what has no bound on its memory."""
    if data[:2] == b"\x1f\x8b":
        return _Metered(gzip.GzipFile(fileobj=_Bounded(data)))
    if data[:3] == b"BZh":
        return _Metered(bz2.BZ2File(_Bounded(data)))
    raise _TooMuch("it is compressed in a way that is not read here")


class _Member(tarfile.TarInfo):
    """Reads no header of another header's length into memory, which may be as long as the file."""

    def _proc_member(self, archive: tarfile.TarFile) -> tarfile.TarInfo | None:
        if not self.isreg() and self.size > MAX_READ:
            raise _TooMuch("its list of files is too long")
        found: tarfile.TarInfo | None = super()._proc_member(archive)  # type: ignore[misc]  # not in its types
        return found


class _Bounded(io.RawIOBase):
    """Bytes as a file of which no large part is read at once."""

    def __init__(self, data: Bytes) -> None:
        self._data, self._place = data, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        wanted = len(self._data) if size is None or size < 0 else size
        end = min(self._place + wanted, len(self._data))
        if end - self._place > MAX_READ:
            raise _TooMuch("its list of files is too long")
        found = bytes(self._data[self._place : end])
        self._place += len(found)
        return found

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        start = (0, self._place, len(self._data))[whence]
        if start + offset < 0:
            raise ValueError("before the beginning")
        self._place = start + offset
        return self._place

    def tell(self) -> int:
        return self._place


class _Metered(io.RawIOBase):
    """A stream of which no more than MAX_UNPACKED is read."""

    def __init__(self, stream: io.BufferedIOBase) -> None:
        self._stream, self._read = stream, 0

    def read(self, size: int | None = -1, /) -> bytes:
        found = self._stream.read(size if size is not None else -1)
        self._read += len(found)
        if self._read > MAX_UNPACKED:
            raise _TooMuch(f"it unpacks to more than {MAX_UNPACKED:,} bytes")
        return found
