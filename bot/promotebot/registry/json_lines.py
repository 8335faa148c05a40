"""Where a value stands in the text of a JSON file, for remarks that are shown beside the file's lines."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence

_decode = json.JSONDecoder().raw_decode
_SPACE = re.compile(r"[ \t\r\n]*")


def line_of(text: str, keys: Sequence[str | int]) -> int:
    """Return the line, from 1, of a key in nested objects or of an element in a list; as deep as the keys lead.

    In text that is no JSON the way ends where it breaks off.
    """
    position = 0
    try:
        for found in _way(text, keys):
            position = found
    except (ValueError, RecursionError):
        pass  # the last place that was found is the nearest one
    return text.count("\n", 0, position) + 1


def _way(text: str, keys: Sequence[str | int]) -> Iterator[int]:
    """Yield the position of each key or element on the way. Raises ValueError where the text is no JSON."""
    value = _skip(text, 0)
    for key in keys:
        members = _members(text, value) if isinstance(key, str) else _elements(text, value)
        place = next((place for place in members if place[0] == key), None)
        if place is None:
            return
        _, position, value = place
        yield position


def _members(text: str, start: int) -> Iterator[tuple[str, int, int]]:
    """Yield key, its position, and its value's, for each member of the object that begins there."""
    at = _skip(text, start + 1)
    while text[start : start + 1] == "{" and text[at : at + 1] == '"':
        key, end = _decode(text, at)
        value = _skip(text, _skip(text, end) + 1)
        yield key, at, value
        at = _following(text, value)


def _elements(text: str, start: int) -> Iterator[tuple[int, int, int]]:
    """Yield index and position, twice, for each element of the list that begins there."""
    at, index = _skip(text, start + 1), 0
    while text[start : start + 1] == "[" and text[at : at + 1] not in ("", "]"):
        yield index, at, at
        at, index = _following(text, at), index + 1


def _following(text: str, value: int) -> int:
    """Return where the next member or element begins; the end of the text after the last one."""
    comma = _skip(text, _decode(text, value)[1])  # what is passed over is read by C, however long it is
    return _skip(text, comma + 1) if text[comma : comma + 1] == "," else len(text)


def _skip(text: str, at: int) -> int:
    """Return the position of the next character that is no space."""
    space = _SPACE.match(text, at)
    return space.end() if space else at
