"""The header of a GGUF file, read where it lies: what is not told of it is stepped over.

https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

import math
import mmap
import struct
from collections.abc import Mapping
from pathlib import Path

from promotebot.artifact.gguf_types import BLOCKS, FILE_TYPES
from promotebot.artifact.weights_header import (
    MAX_TENSORS,
    BrokenHeader,
    Header,
    TensorInfo,
    check_places,
    header_of,
    quoted,
)

MAGIC = b"GGUF"
MAX_HEADER = 64 * 1024 * 1024
"""Bytes; a vocabulary of a million words takes some twenty megabytes."""
MAX_KEYS = 65_536
MAX_KEY = 65_535
"""Bytes of a key, by the format."""
MAX_NAME = 1024
"""Bytes of a tensor's name; the format has 64, and programs exist that write longer ones."""
MAX_TEXT = 16 * 1024 * 1024
"""Bytes of all keys, names and values that are kept."""
MAX_STEPS = 2_000_000
"""Texts in lists, such as the tokens of a vocabulary, that are stepped over."""
MAX_DEPTH = 4
"""Lists in lists."""
MAX_DIMENSIONS = 4
MAX_SIZE = 2**63
_TEXT, _LIST = 8, 9
_LENGTH = struct.Struct("<Q")
_BYTES = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "B", 10: "Q", 11: "q", 12: "d"}
"""Type of a value → how struct reads it, little-endian."""
_WHOLE = "BbHhIiQq"
_ALIGNMENT, _FILE_TYPE = "general.alignment", "general.file_type"
_ARCHITECTURE, _NAME = "general.architecture", "general.name"
_CONTEXT = ".context_length"
_KEPT = (_ALIGNMENT, _FILE_TYPE, _ARCHITECTURE, _NAME)
Value = int | float | str


def read_gguf(path: Path) -> Header:
    """Return what the header says, the file's name left empty. No tensor is read.

    Raises:
        BrokenHeader: for a header that the format does not allow, or that is larger than is read here.
    """
    size = path.stat().st_size
    if not size:
        raise BrokenHeader("it is empty")
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        reader = _Reader(data)
        if reader.take(len(MAGIC)) != MAGIC:
            raise BrokenHeader("it does not begin with GGUF")
        _check_version(reader.whole("I"))
        count, keys = reader.whole("Q"), reader.whole("Q")
        if count > MAX_TENSORS or keys > MAX_KEYS:
            most = f"at most {MAX_TENSORS:,} and {MAX_KEYS:,} are read"
            raise BrokenHeader(f"it has {count:,} tensors and {keys:,} keys; {most}")
        said = _metadata(reader, keys)
        tensors = _tensors(reader, count)
        alignment = said.get(_ALIGNMENT, 32)
        if not isinstance(alignment, int) or alignment < 8 or alignment % 8:
            raise BrokenHeader(f"its {_ALIGNMENT} is {quoted(str(alignment))}, not a multiple of 8")
        if reader.place > MAX_HEADER:
            raise BrokenHeader(f"its header has {reader.place:,} bytes; at most {MAX_HEADER:,} are read")
        start = -(-reader.place // alignment) * alignment if tensors else reader.place
    odd = next((one.name for one in tensors if one.begin % alignment), None)
    if odd is not None:
        raise BrokenHeader(f"tensor {quoted(odd)} does not begin at a multiple of {alignment:,} bytes")
    check_places(tensors, max(0, size - start), closely=False)
    return header_of("GGUF", tensors, size, _facts(said))


class _Reader:
    """Takes one thing after the other from the bytes, and never one that is not all there."""

    def __init__(self, data: mmap.mmap) -> None:
        self._data, self._size = data, len(data)
        self.place = 0
        self._text, self._steps = MAX_TEXT, MAX_STEPS

    def take(self, count: int) -> bytes:
        self.skip(count)
        return self._data[self.place - count : self.place]

    def skip(self, count: int) -> None:
        if count > self._size - self.place:
            raise self._cut_short()
        self.place += count

    def number(self, form: str) -> int | float:
        (value,) = struct.unpack(f"<{form}", self.take(struct.calcsize(f"<{form}")))
        return value if form in _WHOLE else float(value)

    def whole(self, form: str) -> int:
        return int(self.number(form))

    def text(self, what: str, most: int) -> str:
        length = self.whole("Q")
        self._text -= length
        if length > most or self._text < 0:
            raise BrokenHeader(f"{what} has {length:,} bytes, more than are read")
        try:
            return self.take(length).decode("utf-8")
        except UnicodeDecodeError:
            raise BrokenHeader(f"{what} is not UTF-8") from None

    def value(self, kind: int, *, is_kept: bool, what: str) -> Value | None:
        """Return a value that is to be kept; step over every other one, and over lists."""
        if kind == _TEXT and is_kept:
            return self.text(f"the value of {what}", MAX_KEY)
        if kind in _BYTES and is_kept:
            return self.number(_BYTES[kind])
        self._pass(kind, 1, what, MAX_DEPTH)
        return None

    def _pass(self, kind: int, count: int, what: str, depth: int) -> None:
        if kind in _BYTES:
            self.skip(count * struct.calcsize(f"<{_BYTES[kind]}"))
            return
        if kind not in (_TEXT, _LIST) or not depth:
            raise BrokenHeader(f"{what} has a value of type {kind}, or too many lists in lists")
        self._steps -= count
        if self._steps < 0:
            raise BrokenHeader(f"its lists hold more than {MAX_STEPS:,} texts")
        if kind == _TEXT:
            self._pass_texts(count)
            return
        for _ in range(count):
            inner = self.whole("I")
            self._pass(inner, self.whole("Q"), what, depth - 1)

    def _pass_texts(self, count: int) -> None:
        # A vocabulary has hundreds of thousands.
        data, place, last = self._data, self.place, self._size - _LENGTH.size
        for _ in range(count):
            if place > last:
                raise self._cut_short()
            place += _LENGTH.size + _LENGTH.unpack_from(data, place)[0]
        self.skip(place - self.place)

    def _cut_short(self) -> BrokenHeader:
        return BrokenHeader(f"its header goes on after the end of the file, at byte {self._size:,}")


def _check_version(version: int) -> None:
    if version in (2, 3):
        return
    if int.from_bytes(version.to_bytes(4, "little"), "big") in (1, 2, 3):
        raise BrokenHeader("its numbers are big-endian; only little-endian files are read")
    raise BrokenHeader(f"it has version {version} of the format; versions 2 and 3 are read")


def _metadata(reader: _Reader, count: int) -> Mapping[str, Value]:
    """Return the few values that are told, by their keys."""
    seen, said = set[str](), dict[str, Value]()
    for _ in range(count):
        key = reader.text("a key", MAX_KEY)
        if key in seen:
            raise BrokenHeader(f"key {quoted(key)} is given twice")
        seen.add(key)
        is_kept = key in _KEPT or key.endswith(_CONTEXT)
        value = reader.value(reader.whole("I"), is_kept=is_kept, what=f"key {quoted(key)}")
        if value is not None:
            said[key] = value
    return said


def _tensors(reader: _Reader, count: int) -> list[TensorInfo]:
    tensors, seen = list[TensorInfo](), set[str]()
    for _ in range(count):
        name = reader.text("the name of a tensor", MAX_NAME)
        if name in seen:
            raise BrokenHeader(f"tensor {quoted(name)} is there twice")
        seen.add(name)
        dimensions = reader.whole("I")
        if dimensions > MAX_DIMENSIONS:
            raise BrokenHeader(f"tensor {quoted(name)} has {dimensions:,} dimensions; the format has {MAX_DIMENSIONS}")
        shape = tuple(reader.whole("Q") for _ in range(dimensions))
        tensors.append(_tensor(name, shape, reader.whole("I"), reader.whole("Q")))
    return tensors


def _tensor(name: str, shape: tuple[int, ...], kind: int, begin: int) -> TensorInfo:
    elements = math.prod(shape)
    if elements >= MAX_SIZE or begin >= MAX_SIZE:
        raise BrokenHeader(f"tensor {quoted(name)} is larger than any file")
    if kind not in BLOCKS:
        return TensorInfo(name, f"type {kind} (not known here)", shape, elements, begin, None)
    word, block, size = BLOCKS[kind]
    # A row is stored in whole blocks, and the first dimension is the row.
    if shape and shape[0] % block:
        raise BrokenHeader(f"tensor {quoted(name)} has rows of {shape[0]:,}, and {word} has blocks of {block}")
    return TensorInfo(name, word, shape, elements, begin, begin + elements // block * size)


def _facts(said: Mapping[str, Value]) -> list[tuple[str, str]]:
    """Return what is told beside the tensors: architecture, name, quantisation and length of the context."""
    architecture, kind = said.get(_ARCHITECTURE), said.get(_FILE_TYPE)
    told = [("architecture", architecture), ("name", said.get(_NAME))]
    if isinstance(kind, int):
        told.append(("quantisation", FILE_TYPES.get(kind, f"type {kind} (not known here)")))
    context = said.get(f"{architecture}{_CONTEXT}")
    told.append(("context length", f"{context:,}" if isinstance(context, int) else None))
    return [(name, str(value)[:100]) for name, value in told if value is not None]
