"""What trees of commits hold, as far as git has said it before: a commit's tree never changes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence

from promotebot.artifact.source import TreeEntry
from promotebot.registry.names import is_git_sha

MAX_ENTRIES = 200_000
"""Of all listings together; the one that was asked for longest ago goes first."""
_TREE, _SUBMODULE = "040000", "160000"
_ODD = {"", ".", ".."}
"""Parts of a path that git reads in a way of its own."""


class Listings:
    """Answers of `git ls-tree` by commit id, path and depth. The listing of a whole commit answers for every path."""

    def __init__(self) -> None:
        self._listings: OrderedDict[tuple[str, str, bool], _Listing] = OrderedDict()
        self._entries = 0

    def keep(self, commit: str, path: str, recursive: bool, entries: Sequence[TreeEntry]) -> None:
        """Remember an answer, unless a name was asked about that may name another commit tomorrow."""
        question = (commit, path, recursive)
        if question in self._listings or not is_git_sha(commit) or len(entries) > MAX_ENTRIES:
            return
        self._listings[question] = _Listing(entries)
        self._entries += len(entries) + 1
        while self._entries > MAX_ENTRIES + 1:
            _, oldest = self._listings.popitem(last=False)
            self._entries -= len(oldest.entries) + 1

    def find(self, commit: str, path: str, recursive: bool) -> list[TreeEntry] | None:
        """Return what git would answer, None where it has to be asked."""
        for question in ((commit, path, recursive), (commit, "", True)):
            if question in self._listings:
                self._listings.move_to_end(question)
                listing = self._listings[question]
                return [*listing.entries] if question[1:] == (path, recursive) else listing.find(path, recursive)
        return None


class _Listing:
    """The entries that git listed, in its order: a directory comes before all that it holds."""

    def __init__(self, entries: Sequence[TreeEntry]) -> None:
        self.entries = tuple(entries)
        self._places = {entry.path: place for place, entry in enumerate(self.entries)}

    def find(self, path: str, recursive: bool) -> list[TreeEntry] | None:
        """Return what git lists at a path, or below it, of a whole tree; None for what it reads in another way."""
        if not path:
            return [entry for entry in self.entries if "/" not in entry.path]
        if len(self._places) < len(self.entries):  # a tree that holds a name twice, which git itself never writes
            return None
        bare = path.removesuffix("/")
        parts = bare.split("/")
        if _ODD & {*parts}:
            return None
        found = self._at(bare)
        if path != bare:
            if recursive or found is None or found.mode == _SUBMODULE:
                return None
            return [entry for entry in self._below(bare) if "/" not in entry.path[len(path) :]]
        if not recursive:
            return [found] if found else []
        # git names the directories on the way as well, as far as there are any.
        above = filter(None, (self._at("/".join(parts[:depth])) for depth in range(1, len(parts))))
        return [*(entry for entry in above if entry.mode == _TREE), *([found] if found else []), *self._below(bare)]

    def _at(self, path: str) -> TreeEntry | None:
        place = self._places.get(path)
        return None if place is None else self.entries[place]

    def _below(self, directory: str) -> Iterator[TreeEntry]:
        for place in range(self._places.get(directory, len(self.entries)) + 1, len(self.entries)):
            if not self.entries[place].path.startswith(f"{directory}/"):
                return
            yield self.entries[place]
