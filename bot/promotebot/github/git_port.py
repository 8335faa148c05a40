"""The operations that write git objects through GitHub's API, in the bot's own words; `git_data` answers them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class MadeCommit:
    """A commit as GitHub has it."""

    sha: str
    tree: str
    parents: tuple[str, ...]


@dataclass(frozen=True)
class TreeChange:
    """One path that differs between a tree and the one to make from it; without object id and content it goes away.

    https://docs.github.com/en/rest/git/trees#create-a-tree
    """

    path: str
    mode: str
    oid: str | None = None
    """A blob, or a submodule's commit, that the repository has already."""
    content: str | None = None
    """A file's whole text, where the repository has no blob of it yet."""


@dataclass(frozen=True)
class BranchRules:
    """What a branch's rules say of a pull request into it."""

    merge_methods: frozenset[str]
    """Those of merge, squash and rebase that the repository and every rule allow."""
    dismisses_approvals: bool | None
    """True where a push to the pull request makes older approvals count no longer; None where GitHub does not say."""


class GitData(Protocol):
    """The operations that write git objects and move branches. Commits made so are signed by GitHub, for an App.

    Each raises CouldNotVerify when GitHub refuses, or does not answer.
    """

    def commit_on_branch(
        self, branch: str, *, expected: str, message: str, files: Mapping[str, bytes | None]
    ) -> MadeCommit:
        """Commit files (None: taken out) on a branch that stands at `expected`, and move it there; all or nothing.

        Raises:
            RefChanged: when the branch stands elsewhere.
        """

    def create_tree(self, base_tree: str, changes: Sequence[TreeChange]) -> str:
        """Make a tree that differs from another one in these paths; return its object id."""

    def create_commit(self, message: str, *, tree: str, parents: Sequence[str]) -> MadeCommit:
        """Make a commit; no branch moves."""

    def create_branch(self, branch: str, sha: str) -> None:
        """Make a branch.

        Raises:
            RefChanged: when there is one of that name.
        """

    def set_ref(self, ref: str, sha: str | None) -> None:
        """Make a ref, which stays as it is where it is there already; None takes it away, if it is there."""

    def move_branch(self, branch: str, sha: str, *, expected: str, force: bool = False) -> None:
        """Move a branch that stands at `expected`.

        Args:
            force: also to a commit that does not continue it.

        Raises:
            RefChanged: when the branch stands elsewhere.
        """

    def tip(self, branch: str) -> MadeCommit:
        """Return the commit that a branch stands at."""

    def rules(self, branch: str) -> BranchRules:
        """Return what the branch's rules say of a pull request into it."""
