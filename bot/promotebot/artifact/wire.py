"""Protobuf as it stands in bytes, where a parsed message no longer shows it (https://protobuf.dev/programming-guides/encoding/)."""

from __future__ import annotations

from collections.abc import Iterator

_VARINT, _EIGHT, _LENGTH, _FOUR = 0, 1, 2, 5


def field_numbers(data: bytes) -> Iterator[int]:
    """The number of each field of one message, in the order of its bytes; inner messages are passed over.

    It ends at a group, which nothing that is read here has, and expects bytes that a parser has taken.
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
    number = shift = 0
    while True:
        byte = data[position]
        number |= (byte & 0x7F) << shift
        position, shift = position + 1, shift + 7
        if byte < 0x80:
            return number, position
