"""Protobuf's encoding in bytes, which a parsed message no longer shows.

https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

from collections.abc import Iterator

# Wire types; 3 and 4 begin and end a group.
_VARINT, _EIGHT, _LENGTH, _FOUR = 0, 1, 2, 5


def field_numbers(data: bytes) -> Iterator[int]:
    """Yield the number of each field of one message, in the order of its bytes, without those of inner messages.

    It ends at a group, which no ONNX message has, and expects bytes that a parser has accepted.
    """
    position = 0
    while position < len(data):
        key, position = _varint(data, position)
        yield key >> 3
        kind = key & 7
        if kind == _LENGTH:
            length, position = _varint(data, position)
            position += length
        elif kind == _VARINT:
            _, position = _varint(data, position)
        elif kind in (_EIGHT, _FOUR):
            position += 8 if kind == _EIGHT else 4
        else:
            return


def _varint(data: bytes, position: int) -> tuple[int, int]:
    """Return (number, position behind it): seven bits a byte, lowest first; the top bit says that more follow."""
    number = shift = 0
    while True:
        byte = data[position]
        number |= (byte & 0x7F) << shift
        position, shift = position + 1, shift + 7
        if byte < 0x80:
            return number, position
