"""Whether bytes may be an ONNX model, whatever the file's name: stepped over, as strictly as the laxest reader reads.

ONNX has no mark of its own. A model is a message of protobuf with a graph in it, and a reader may pass over fields that
it does not know: https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

import mmap
from pathlib import Path

MAX_FIELDS = 100_000
"""Fields that are stepped over; what has more is taken for a model, so that it is opened."""
_GRAPH = 7
"""https://github.com/onnx/onnx/blob/main/onnx/onnx.proto (ModelProto.graph)"""
_VARINT, _EIGHT, _LENGTH, _START, _END, _FOUR = range(6)
_MAX_VARINT = 10


def may_be_onnx(path: Path) -> bool:
    """Return whether a file is a message of protobuf with a field where an ONNX model has its graph."""
    if not path.stat().st_size:
        return False
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return _has_graph(data)


def _has_graph(data: mmap.mmap) -> bool:
    place, depth, has_graph = 0, 0, False
    for _ in range(MAX_FIELDS):
        if place == len(data):
            return has_graph and depth == 0
        key, place = _varint(data, place)
        number, wire = key >> 3, key & 7
        if place < 0 or not number or wire > _FOUR:
            return False
        has_graph |= depth == 0 and (number, wire) == (_GRAPH, _LENGTH)
        depth += {_START: 1, _END: -1}.get(wire, 0)
        place = _after(data, place, wire)
        if depth < 0 or not 0 <= place <= len(data):
            return False
    return True


def _after(data: mmap.mmap, place: int, wire: int) -> int:
    """Return the place behind the value that begins at a place; a negative one where there is none."""
    if wire == _VARINT:
        return _varint(data, place)[1]
    if wire == _LENGTH:
        length, place = _varint(data, place)
        return place + length if place >= 0 else place
    return place + {_EIGHT: 8, _FOUR: 4}.get(wire, 0)


def _varint(data: mmap.mmap, place: int) -> tuple[int, int]:
    """Return a number and the place behind it; a negative place where it does not end."""
    number = 0
    for shift, byte in enumerate(data[place : place + _MAX_VARINT]):
        number |= (byte & 0x7F) << (7 * shift)
        if byte < 0x80:
            return number, place + shift + 1
    return 0, -1
