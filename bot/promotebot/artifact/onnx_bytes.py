"""Whether bytes may be an ONNX model, whatever the file's name: stepped over, as strictly as the laxest reader reads.

ONNX has no mark of its own. A model is a message of protobuf with a graph in it, and a reader may pass over fields that
it does not know: https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

import mmap
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from promotebot.artifact.programs import Bytes, Unsettled

MAX_FIELDS = 100_000
"""Fields that are stepped over; what has more is taken for a model, which is opened."""
_GRAPH = 7
"""https://github.com/onnx/onnx/blob/main/onnx/onnx.proto (ModelProto.graph)"""
_VARINT, _EIGHT, _LENGTH, _START, _END, _FOUR = range(6)
_MAX_VARINT = 10
MAX_LOCATIONS = 100_000
"""That are looked at; a model with more is taken for one that reads everything."""
_LONGEST = 4096
"""Bytes of a path; nothing can have a longer one."""
_LOCATION = re.compile(b"location")
_KEY, _VALUE = b"\x0a\x08", b"\x12"
"""The bytes before and behind that word where it is a key of external data, as every library writes it."""


def has_graph(data: Bytes, *, is_whole: bool = True) -> bool:
    """Return whether bytes are a message of protobuf with a field where an ONNX model has its graph.

    Args:
        is_whole: False where they are the beginning of a file that goes on.

    Raises:
        Unsettled: where it goes on, and what follows decides.
    """
    place, depth, found = 0, 0, False
    for _ in range(MAX_FIELDS):
        if not is_whole and place > len(data) - 2 * _MAX_VARINT:
            raise Unsettled
        if place == len(data):
            return found and depth == 0
        key, place = _varint(data, place)
        number, wire = key >> 3, key & 7
        if place < 0 or not number or wire > _FOUR:
            return False
        found |= depth == 0 and (number, wire) == (_GRAPH, _LENGTH)
        depth += {_START: 1, _END: -1}.get(wire, 0)
        place = _after(data, place, wire)
        if depth < 0 or place < 0 or (is_whole and place > len(data)):
            return False
    return True


def _after(data: Bytes, place: int, wire: int) -> int:
    """Return the place behind the value that begins at a place; a negative one where there is none."""
    if wire == _VARINT:
        return _varint(data, place)[1]
    if wire == _LENGTH:
        length, place = _varint(data, place)
        return place + length if place >= 0 else place
    return place + {_EIGHT: 8, _FOUR: 4}.get(wire, 0)


def _varint(data: Bytes, place: int) -> tuple[int, int]:
    """Return a number and the place behind it; a negative place where it does not end."""
    number = 0
    for shift, byte in enumerate(data[place : place + _MAX_VARINT]):
        number |= (byte & 0x7F) << (7 * shift)
        if byte < 0x80:
            return number, place + shift + 1
    return 0, -1


def read_beside(directory: Path, models: Iterable[str], names: Iterable[str]) -> set[str]:
    """Return those of some files that models may read; never too few, and all where a model is not read plainly.

    Args:
        models: names of their files; those that are not there are passed over.
    """
    found, left = set[str](), set(names)
    for model in models:
        if not left or not (directory / model).is_file():
            continue
        folder = f"{model.rpartition('/')[0]}/" if "/" in model else ""
        read = _read_by(directory / model, {name[len(folder) :]: name for name in left if name.startswith(folder)})
        found |= left if read is None else read
        left -= found
    return found


def _read_by(path: Path, names: Mapping[str, str]) -> set[str] | None:
    """Return what a model names as external data; None where the word stands anywhere else, too.

    Args:
        names: path from the model's folder → path from the artifact's.
    """
    if not path.stat().st_size:
        return set()
    found = set[str]()
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        for count, match in enumerate(_LOCATION.finditer(data)):
            start, end = match.span()
            if data[max(0, start - len(_KEY)) : start] != _KEY or data[end : end + len(_VALUE)] != _VALUE:
                return None
            length, place = _varint(data, end + len(_VALUE))
            if place < 0 or length > _LONGEST or count > MAX_LOCATIONS:
                return None
            location = data[place : place + length].decode("utf-8", "replace").removeprefix("./")
            found |= {names[location]} if location in names else set()
    return found
