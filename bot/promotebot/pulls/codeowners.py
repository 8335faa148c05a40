"""The file CODEOWNERS: who owns a path.

https://docs.github.com/en/repositories/managing-your-repositorys-settings-and-features/customizing-your-repository/about-code-owners
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from promotebot.artifact.source import Kind
from promotebot.registry.split_layout import SUFFIX

if TYPE_CHECKING:
    from promotebot.artifact.source import FileSource

PLACES = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS")
"""Where GitHub looks; the first file that is there counts."""
MAX_BYTES = 3 * 1024 * 1024
"""GitHub reads no larger one."""
Owners = tuple[str, ...]
_WILD = re.compile(r"[*?]")
_PARTS = re.compile(r"\*\*/|\*\*|.", re.DOTALL)


def read_owners(files: FileSource) -> str | None:
    """Return the text of the file that GitHub reads, empty where there is none; None where that is not known."""
    place = next((place for place in PLACES if files.kind(place) is not None), None)
    return _read(files, place) if place else ""


def have_same_owners(one: FileSource, other: FileSource) -> bool:
    """Return whether two sides have the same in each place, also in those where GitHub does not look today."""
    return all(
        one.kind(place) is other.kind(place) is None or _read(one, place) == _read(other, place) is not None
        for place in PLACES
    )


def _read(files: FileSource, place: str) -> str | None:
    """Return a text; None where it is no regular file, or GitHub reads none that is so large."""
    if files.kind(place) is not Kind.FILE:
        return None
    with files.open(place) as stream:
        data = stream.read(MAX_BYTES + 1)
    return data.decode("utf-8", "replace") if len(data) <= MAX_BYTES else None


def owners_of(text: str, path: str) -> list[str]:
    """Return the owners of a file: those of the last pattern that matches, which may name none."""
    return list(next((owners for pattern, owners in reversed(_lines(text)) if _matches(pattern, path)), ()))


@lru_cache(maxsize=4)  # asked for one model after the other
def _lines(text: str) -> tuple[tuple[str, Owners], ...]:
    # A line ends where git ends one: any other sign that breaks lines on paper stays inside of its comment.
    split = (re.sub(r"(?<!\\)#.*", "", line, flags=re.DOTALL).split() for line in text.split("\n"))
    return tuple((words[0].replace("\\#", "#"), tuple(words[1:])) for words in split if words)


def _matches(pattern: str, path: str) -> bool:
    """Return whether a pattern holds a file: as in .gitignore, but that `folder/*` is the folder's own files only."""
    body = pattern.strip("/")
    if _is_anchored(pattern) and not _WILD.search(body):  # most lines are such
        return path.startswith(f"{body}/") or (path == body and not pattern.endswith("/"))
    # By sets of places, as anybody may write the pattern: a regular expression of many stars would take years.
    ends = {0} if _is_anchored(pattern) else _after(path, "**/", {0})
    for part in _PARTS.findall(body):
        ends = _after(path, part, ends)
    has_files_below = any(path[end : end + 1] == "/" and end + 1 < len(path) for end in ends)
    if pattern.endswith("/"):
        return has_files_below
    return len(path) in ends or (has_files_below and not body.endswith("/*"))


def _after(path: str, part: str, places: set[int]) -> set[int]:
    """Return the places of a path that a part of a pattern may lead to, from any of these."""
    rest = range(min(places, default=len(path)), len(path))
    if part == "**/":
        return places | {at + 1 for at in rest if path[at] == "/"}
    if part == "**":
        return places | {at + 1 for at in rest}
    if part == "*":
        reached = set(places)
        for at in rest:
            if at in reached and path[at] != "/":
                reached.add(at + 1)
        return reached
    return {at + 1 for at in rest if at in places and (path[at] == part or (part == "?" and path[at] != "/"))}


def _is_anchored(pattern: str) -> bool:
    return pattern.startswith("/") or "/" in pattern.strip("/")


@dataclass
class OwnedModels:
    """Lines that follow each other: the owners by one pattern, and by the lines behind it that name one file each."""

    pattern: str
    owners: Owners
    files: dict[str, Owners] = field(default_factory=dict)

    @property
    def lists(self) -> tuple[Owners, ...]:
        """Return every list of owners among them."""
        return (self.owners, *self.files.values())


def owners_within(text: str, directory: str) -> list[OwnedModels]:
    """Return what says who owns the models' files in a directory, those included that are not there yet.

    Two texts of which it is the same give every such file the same owners. Lines that match no such file are left out,
    and those before a line that matches all; in which order others name one file each counts for nothing.
    """
    said = [OwnedModels("", ())]
    for pattern, owners in _lines(text):
        if _holds_all(pattern, directory):
            said = [OwnedModels("", owners)]
        elif not _may_hold(pattern, directory):
            continue
        elif _is_anchored(pattern) and not _WILD.search(pattern):
            said[-1].files[pattern.strip("/")] = owners
        else:
            said.append(OwnedModels(pattern, owners))
    return said


def _holds_all(pattern: str, directory: str) -> bool:
    """Return whether a pattern certainly matches every model's file: then only stars can match a name of NUL."""
    return not {"?", "\0"} & {*pattern} and _matches(pattern, f"{directory}/\0{SUFFIX}")


def _may_hold(pattern: str, directory: str) -> bool:
    """Return False only where a pattern that does not match all of the models' files matches none of them."""
    if {"?", "\0"} & {*pattern}:
        return True
    first, last = (_WILD.split(pattern.strip("/"))[at] for at in (0, -1))
    place = f"{directory}/"
    may_start = first.startswith(place) or place.startswith(first) or not _is_anchored(pattern)
    return may_start and not pattern.endswith("/") and (last.endswith(SUFFIX) or SUFFIX.endswith(last))
