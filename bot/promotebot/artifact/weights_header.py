"""The header of a file of weights, whatever its format: what it says of its tensors, none of which is read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from promotebot.text import counted, size_words

MAX_TENSORS = 65_536
"""Of one file; larger models are split into several."""
MAX_TYPES = 6
"""Element types that are told by name."""
MAX_LARGEST = 8
"""Tensors that are told by name and shape."""


class BrokenHeader(Exception):
    """A header that is not as its format says; the message is the reason."""


class TensorInfo(NamedTuple):
    """One tensor: its bytes are those from `begin` to `end` of the data behind the header."""

    name: str
    type: str
    shape: tuple[int, ...]
    elements: int
    begin: int
    end: int | None
    """None where the length of the element type is not known here."""


class Largest(NamedTuple):
    """One of the largest tensors, to be shown."""

    name: str
    type: str
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Header:
    """What a file of weights says of itself. Its names are the file's own words: show them as data."""

    file: str
    """Path relative to the artifact's directory."""
    format: str
    tensors: int
    parameters: int
    types: tuple[tuple[str, int], ...]
    """Element type and the number of tensors that have it, the most frequent first."""
    size: int
    """Bytes of the whole file."""
    facts: tuple[tuple[str, str], ...] = ()
    """What else it says, such as the architecture."""
    largest: tuple[Largest, ...] = ()

    @property
    def words(self) -> tuple[str, ...]:
        """Return it in a few words: format, tensors, parameters, element types, size, and what else it says."""
        kinds = [kind for kind, _ in self.types[:MAX_TYPES]]
        more = [f"{len(self.types) - MAX_TYPES} more types"] if len(self.types) > MAX_TYPES else []
        types = [", ".join(kinds + more)] if kinds else []
        count = (counted(self.tensors, "tensor"), f"{_round(self.parameters)} parameters")
        return (self.format, *count, *types, size_words(self.size), *(f"{name} {said}" for name, said in self.facts))


def header_of(
    format_name: str, tensors: Sequence[TensorInfo], size: int, facts: Sequence[tuple[str, str]] = ()
) -> Header:
    """Return what is told of a file's tensors; the caller names the file."""
    largest = sorted(tensors, key=lambda one: -one.elements)[:MAX_LARGEST]
    return Header(
        file="",
        format=format_name,
        tensors=len(tensors),
        parameters=sum(one.elements for one in tensors),
        types=tuple(Counter(one.type for one in tensors).most_common()),
        size=size,
        facts=tuple(facts),
        largest=tuple(Largest(one.name, one.type, one.shape) for one in largest),
    )


def check_places(tensors: Sequence[TensorInfo], room: int, *, closely: bool) -> None:
    """Check that every tensor lies in the data, and no two in the same bytes.

    Args:
        room: bytes of the data.
        closely: whether the tensors have to fill the data without a gap.

    Raises:
        BrokenHeader: naming the first tensor that does not.
    """
    reached, before = 0, ""
    for one in sorted(tensors, key=lambda one: (one.begin, one.end or 0)):
        end = one.begin if one.end is None else one.end
        if end > room or one.begin > room:
            raise BrokenHeader(f"tensor {quoted(one.name)} ends at byte {end:,} of the data, which has {room:,}")
        if one.begin < reached:
            raise BrokenHeader(f"tensors {quoted(before)} and {quoted(one.name)} overlap")
        if closely and one.begin > reached:
            raise BrokenHeader(f"no tensor has the {one.begin - reached:,} bytes before {quoted(one.name)}")
        reached, before = end, one.name
    if closely and reached < room:
        raise BrokenHeader(f"no tensor has the last {counted(room - reached, 'byte')}")


def quoted(name: str) -> str:
    """Return a name of the file's own choice for a message: in quotes, on one line, not too long."""
    return repr(name[:80])


def _round(number: int) -> str:
    for word, scale in (("billion", 10**9), ("million", 10**6)):
        if number >= scale:
            return f"{number / scale:.3g} {word}" if number < 100 * scale else f"{number / scale:,.0f} {word}"
    return f"{number:,}"
