"""Paths that are one on macOS or Windows, though git tells them apart: they differ in case or Unicode form only."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterator

from promotebot.pulls.named import places_of


def twins(directories: Collection[str], paths: Collection[str]) -> Iterator[tuple[str, str]]:
    """Yield each place among these paths that is another spelling of a directory, or a file in the place of one above.

    Returns:
        Pairs of the place and the directory, in order.
    """
    spelled: dict[str, set[str]] = {}
    for directory in directories:
        spelled.setdefault(_fold(directory), set()).add(directory)
    above: dict[str, dict[str, str]] = {}
    for directory in sorted(directories, reverse=True):  # of several, the first one is named
        for place in places_of([directory]) - {directory}:
            above.setdefault(_fold(place), {})[place] = directory
    for place in sorted(places_of(paths)):
        yield from ((place, other) for other in sorted(spelled.get(_fold(place), set()) - {place})[:1])
    for path in sorted(paths):
        yield from ((path, other) for place, other in sorted(above.get(_fold(path), {}).items())[:1] if place != path)


def _fold(path: str) -> str:
    """Return a path as those systems compare it; Windows also drops dots and blanks at the end of a name."""
    folded = unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).casefold())
    return "/".join(part.rstrip(". ") for part in folded.split("/"))
