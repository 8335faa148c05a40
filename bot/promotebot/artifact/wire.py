"""Reads protobuf's encoding where it stands in a file: nothing is copied, and nothing that no field explains passes.

A parsed message takes several times its bytes in memory, merges what occurs twice, and hides what it does not know.
https://protobuf.dev/programming-guides/encoding/

The process that opens a model defines these types each time, and a tuple takes it a fraction of what a data class does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

MAX_DEPTH = 100
"""Messages within messages; protobuf's own limit."""
# Wire types; 3 and 4 begin and end a group, which no message of ours has.
_VARINT, _EIGHT, _LENGTH, _FOUR = 0, 1, 2, 5
_LENGTHS = {_EIGHT: 8, _FOUR: 4}


class Malformed(Exception):
    """Bytes that are no message of the expected form; the message says why."""


class Field(NamedTuple):
    """What a message says of one of its fields."""

    name: str
    wire: int
    is_repeated: bool = False
    message: str = ""
    """The name of the message that it holds; empty for a number, text or bytes."""
    values: frozenset[int] | None = None
    """The values of its enumeration; None where it is none."""


Shapes = Mapping[str, Mapping[int, Field]]
"""Message → number → field."""
Kept = dict[str, Any]
"""Field → value, or list of values, of those that somebody wants."""


class Reader(NamedTuple):
    """Walks one message and all inside it.

    Args:
        wanted: message → the names of its fields whose values are kept; all others are stepped over.
        ended: called with the name of each inner message and what was kept of it.
    """

    data: Any  # bytes, or a mapped file
    shapes: Shapes
    wanted: Mapping[str, frozenset[str]]
    ended: Callable[[str, Kept], None]

    def read(self, name: str) -> Kept:
        """Return what is wanted of the whole as one message.

        Raises:
            Malformed: for bytes of another form, unknown fields or values, and a field that may occur once and does
                not.
        """
        return self._message(name, 0, len(self.data), 0)

    def _message(self, name: str, position: int, end: int, depth: int) -> Kept:
        if depth > MAX_DEPTH:
            raise Malformed(f"messages are nested more than {MAX_DEPTH} deep")
        fields, wanted = self.shapes[name], self.wanted.get(name, frozenset())
        kept: Kept = {}
        seen: set[int] = set()
        while position < end:
            key, position = self._varint(position, end)
            number, wire = key >> 3, key & 7
            field = fields.get(number)
            if field is None:
                self._skip(wire, position, end)
                where = "it has" if depth == 0 else "inside it there are"
                raise Malformed(f"{where} the unknown fields [{number}]")
            if not field.is_repeated and number in seen:
                raise Malformed(f"the field {number} of {name} appears in it more than once")
            seen.add(number)
            value, position = self._value(field, wire, position, end, depth)
            if field.name in wanted:
                if field.is_repeated:
                    kept.setdefault(field.name, []).append(value)
                else:
                    kept[field.name] = value
        return kept

    def _value(self, field: Field, wire: int, position: int, end: int, depth: int) -> tuple[Any, int]:
        """Return a field's value (a span for text and bytes) and the position behind it."""
        if wire == _VARINT == field.wire:
            number, position = self._varint(position, end)
            if field.values is not None and number not in field.values:
                raise Malformed(f"there are unknown fields or values inside it: {number} as {field.name}")
            return number, position
        stop = self._skip(wire, position, end)
        if wire != _LENGTH:
            if wire != field.wire:
                raise Malformed(f"{field.name} is written as something else")
            return None, stop
        # Numbers that may occur often may also stand in one piece.
        if field.wire != _LENGTH and not field.is_repeated:
            raise Malformed(f"{field.name} is written as something else")
        start = self._varint(position, end)[1]
        if not field.message:
            return (start, stop), stop
        inner = self._message(field.message, start, stop, depth + 1)
        self.ended(field.message, inner)
        return inner, stop

    def _skip(self, wire: int, position: int, end: int) -> int:
        """Return the position behind a value that starts here."""
        if wire == _VARINT:
            return self._varint(position, end)[1]
        if wire == _LENGTH:
            length, position = self._varint(position, end)
        elif wire in _LENGTHS:
            length = _LENGTHS[wire]
        else:
            raise Malformed("it has a group, or is no message")
        if length > end - position:
            raise Malformed("it ends in the middle of a field")
        return position + length

    def _varint(self, position: int, end: int) -> tuple[int, int]:
        """Return (number, position behind it): seven bits a byte, lowest first; the top bit says that more follow."""
        number = shift = 0
        data = self.data
        while position < end and shift < 70:
            byte = data[position]
            number |= (byte & 0x7F) << shift
            position, shift = position + 1, shift + 7
            if byte < 0x80:
                return number, position
        raise Malformed("it ends in the middle of a number")

    def text(self, span: tuple[int, int]) -> str:
        """Return the text of a span.

        Raises:
            Malformed: where it is not UTF-8.
        """
        try:
            return bytes(self.data[span[0] : span[1]]).decode("utf-8")
        except UnicodeDecodeError:
            raise Malformed("it has a text that is not UTF-8") from None


def shapes_of(descriptors: Mapping[str, Any]) -> dict[str, dict[int, Field]]:
    """Return the shapes of messages, and of all inside them, from protobuf's own descriptors of a file."""
    found: dict[str, dict[int, Field]] = {}

    def add(descriptor: Any) -> None:
        found[descriptor.full_name] = {field.number: _field(field) for field in descriptor.fields}
        for inner in descriptor.nested_types:
            add(inner)

    for descriptor in descriptors.values():
        add(descriptor)
    return found


def _field(field: Any) -> Field:
    wires = {field.TYPE_DOUBLE: _EIGHT, field.TYPE_FIXED64: _EIGHT, field.TYPE_SFIXED64: _EIGHT}
    wires |= {field.TYPE_FLOAT: _FOUR, field.TYPE_FIXED32: _FOUR, field.TYPE_SFIXED32: _FOUR}
    wires |= dict.fromkeys((field.TYPE_STRING, field.TYPE_BYTES, field.TYPE_MESSAGE), _LENGTH)
    values = frozenset(field.enum_type.values_by_number) if field.enum_type else None
    inner = field.message_type.full_name if field.message_type else ""
    return Field(field.name, wires.get(field.type, _VARINT), _is_repeated(field), inner, values)


def _is_repeated(field: Any) -> bool:
    # Newer versions of protobuf deprecate `label`.
    repeated = getattr(field, "is_repeated", None)
    return bool(field.label == field.LABEL_REPEATED if repeated is None else repeated)
