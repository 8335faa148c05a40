"""A clone of the newest commits only; the older ones are fetched when an answer depends on them.

https://git-scm.com/docs/shallow
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from promotebot.errors import CouldNotVerify
from promotebot.git.partial import PartialRepository
from promotebot.registry.names import GitSha, is_git_sha

TIP, RECENT, WHOLE = 1, 100, 0
"""Commits behind each ref that a fetch brings: the ref's own, what most questions need, and all of them."""
_REFS = "refs/promotebot/"


class RecentRepository(PartialRepository):
    """A partial clone whose history may end early. Every answer is the one that the whole history gives."""

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self._settled: set[tuple[str, str]] = set()
        """Pairs of commits whose common history is known to be whole here."""

    def is_shallow(self) -> bool:
        """Tell whether older commits of the history are not here."""
        return bool(self._ends())

    def reaches(self, ancestor: str, descendant: str) -> bool:
        """Tell whether `ancestor` is in the history of `descendant`, which can always be fetched."""
        return self.is_ancestor(ancestor, descendant)

    def is_ancestor(self, ancestor: str, descendant: str) -> bool:
        """Tell whether `ancestor` is `descendant` or in its history; for a no, as much of it is fetched as it takes."""
        if super().is_ancestor(ancestor, descendant):
            return True
        if not self.is_shallow() or (self.has_commit(ancestor) and self._is_settled(ancestor, descendant)):
            return False
        self._deepen()
        return super().is_ancestor(ancestor, descendant)

    def find_commit(self, sha: str) -> GitSha | None:
        """Return a commit by its id, fetched where it is not here; None where the remote does not give it."""
        if self.is_shallow() and not self.has_commit(sha):
            self._deepen()
        try:
            return self.fetch_commit(sha)
        except CouldNotVerify:
            return None

    def commits_of(self, path: str, head: str) -> list[GitSha]:
        """Return the commits in a whole history that changed a file, the newest first."""
        if self.is_shallow():
            self._deepen()
        return super().commits_of(path, head)

    def mainline_commits(
        self, head: str, paths: Sequence[str], *, ends: Callable[[GitSha], bool] | None = None
    ) -> Iterator[GitSha]:
        """Yield the commits of a branch itself that changed one of some files, as far back as they are asked for."""
        known = list(super().mainline_commits(head, paths))
        first = GitSha(self._run("rev-list", "--first-parent", "--max-parents=0", "--end-of-options", head).strip())
        if first not in self._ends():
            yield from known
            return
        known = [commit for commit in known if commit != first]  # which seems to bring everything that it has
        yield from known
        if ends is not None and ends(first):
            return
        self._deepen()
        yield from list(super().mainline_commits(head, paths))[len(known) :]

    def _reach_back(self, one: str, other: str) -> None:
        if self.is_shallow() and not self._is_settled(one, other):
            self._deepen()

    def _is_settled(self, one: str, other: str) -> bool:
        """Return whether two commits have the same common history here as in the whole history.

        They do if this clone ends only behind every fork point, where a commit that only one of them has was made on a
        commit that both have. Proof: say X seems to be in the history of `one` alone, and is behind an end E of the
        history of `other`. No history of X ends before a fork point, so X is before some fork point F. E is behind F,
        so E is behind X, and X behind E: no commit is behind itself. The same holds for two fork points.
        """
        if (one, other) in self._settled:
            return True
        first = {*self._run("rev-list", "--max-parents=0", "--end-of-options", one, other).split()}
        ends = first & self._ends()
        listed = self._run("rev-list", "--boundary", "--end-of-options", f"{one}...{other}").split()
        forks = [line[1:] for line in listed if line.startswith("-")]
        is_settled = not ends or not listed or (first.isdisjoint(listed) and self._are_behind(ends, forks))
        if is_settled and len(forks) > 1 and ends:  # merging then takes the fork points of fork points
            is_settled = len(self._run("merge-base", "--all", one, other).split()) == 1
        if is_settled and is_git_sha(one) and is_git_sha(other):
            self._settled.add((one, other))
        return is_settled

    def _are_behind(self, ends: set[str], forks: Sequence[str]) -> bool:
        """Return whether all of some commits are in the history of each of others, of which there has to be one."""
        return bool(forks) and not any(self._any_beside(ends, fork) for fork in forks)

    def _any_beside(self, ends: set[str], fork: str) -> bool:
        with tempfile.TemporaryFile() as names:
            self._name([*ends, f"^{fork}"], names)
            return bool(self._run("rev-list", "-n1", "--stdin", stdin=names))

    def _ends(self) -> set[str]:
        """Return the commits whose parents are not here."""
        try:
            return {*Path(self._repo.git_dir, "shallow").read_text("ascii").split()}
        except FileNotFoundError:
            return set()

    def _deepen(self) -> None:
        """Fetch the rest of the history, as commits and trees.

        Raises:
            CouldNotVerify: when the remote does not give it.
        """
        refs = {f"{_REFS}{name}": sha for name, sha in self.refs_below(_REFS).items()}
        if self._fetch(refs, ("--unshallow",)) or self.is_shallow():
            raise CouldNotVerify("the remote does not give its whole history", remedy="run the job again")
