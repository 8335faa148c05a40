"""Bring a commit that was made here to its branch: GitHub makes it again and signs it; what is too large is pushed."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from promotebot.errors import CouldNotVerify, RefChanged
from promotebot.git.branch import ChangedEntry, FetchedRepository
from promotebot.github.git_port import GitData, MadeCommit, TreeChange
from promotebot.registry.names import GitSha

log = logging.getLogger(__name__)
MAX_CONTENT = 18 * 1024 * 1024
"""Bytes of new content in one request, 24 MiB as base64. GitHub documents no limit, and ends what takes it too long."""
MAX_PATHS = 1000
"""Changed paths in one request, for the same reason."""
_REMEDY = "check what the last commit of the branch changes, revert it with a push, and report this bug"


@dataclass(frozen=True)
class Draft:
    """A commit that was made here, and the branch that is to be moved to it."""

    repository: FetchedRepository
    commit: GitSha
    parents: Sequence[GitSha]
    message: str
    branch: str
    expected: GitSha
    """Where the branch stands."""

    @property
    def continues(self) -> bool:
        """True when the branch only moves forward."""
        return self.expected in self.parents


@dataclass(frozen=True)
class Published:
    """The commit that a branch was moved to."""

    sha: GitSha
    by_github: bool
    """GitHub made it, and signs it; False for one that was pushed."""


def publish(draft: Draft, git: GitData) -> Published:
    """Move a branch from where it stands to a commit with the draft's tree, parents and message.

    Author, time and signature are GitHub's, and so is the commit's id. The repository reads that id as the draft from
    here on, so that nothing has to be fetched and the gate evaluates what GitHub is told about.

    Raises:
        RefChanged: when the branch is no longer where it was read.
        CouldNotVerify: when GitHub refuses, or makes another tree.
    """
    repository = draft.repository
    entries = repository.changed_entries(draft.parents[-1], draft.commit)
    contents = _contents(draft, entries)
    if contents is None:
        log.warning("pushing to %s, unsigned: the commit is more than GitHub's API takes", draft.branch)
        repository.push(draft.commit, draft.branch, expected=draft.expected, force=not draft.continues)
        return Published(draft.commit, by_github=False)
    try:
        made = _make(draft, entries, contents, git)
    except CouldNotVerify:
        landed = _landed(draft, git)
        if landed is None:
            raise
        made = landed
    _check_tree(draft, made.tree)
    if made.parents != tuple(draft.parents):
        raise CouldNotVerify(f"GitHub made {made.sha[:7]} for {draft.branch} on another commit", remedy=_REMEDY)
    repository.read_as(made.sha, draft.commit)
    log.info("%s stands at %s", draft.branch, made.sha)
    return Published(GitSha(made.sha), by_github=True)


def _contents(draft: Draft, entries: Sequence[ChangedEntry]) -> Mapping[str, bytes] | None:
    """Return path → bytes of every file that GitHub has not: it is neither the branch's nor that of the last parent.

    Beside the registry, those are texts that git merged from both sides. None where the API does not take them all.
    """
    differing = {entry.path for entry in draft.repository.changed_entries(draft.expected, draft.commit)}
    contents, left = {}, MAX_CONTENT
    if len(entries) > MAX_PATHS:
        return None
    for entry in entries:
        if entry.path not in differing or entry.is_gone:
            continue
        with draft.repository.open_blob(entry.oid) as stream:
            data = stream.read(left + 1)
        left -= len(data)
        if left < 0 or not _is_text(data):
            return None
        contents[entry.path] = data
    return contents


def _is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _make(draft: Draft, entries: Sequence[ChangedEntry], contents: Mapping[str, bytes], git: GitData) -> MadeCommit:
    """Have GitHub make the commit and move the branch; with one request where the commit only adds to the branch."""
    if draft.parents == [draft.expected] and all(entry.is_plain for entry in entries):
        files = {entry.path: contents.get(entry.path) for entry in entries}
        return git.commit_on_branch(draft.branch, expected=draft.expected, message=draft.message, files=files)
    tree = draft.repository.tree_id(draft.parents[-1])
    if entries:
        tree = git.create_tree(tree, [_change(entry, contents.get(entry.path)) for entry in entries])
    _check_tree(draft, tree)
    made = git.create_commit(draft.message, tree=tree, parents=draft.parents)
    git.move_branch(draft.branch, made.sha, expected=draft.expected, force=not draft.continues)
    return made


def _change(entry: ChangedEntry, content: bytes | None) -> TreeChange:
    if entry.is_gone:
        return TreeChange(entry.path, entry.old_mode)
    if content is None:
        return TreeChange(entry.path, entry.mode, oid=entry.oid)
    return TreeChange(entry.path, entry.mode, content=content.decode())


def _landed(draft: Draft, git: GitData) -> MadeCommit | None:
    """Return what the branch stands at where that is the draft: an answer that is lost does not say what was done.

    Raises:
        RefChanged: when the branch has moved elsewhere.
    """
    try:
        tip = git.tip(draft.branch)
    except CouldNotVerify:
        return None
    if (tip.tree, tip.parents) == (draft.repository.tree_id(draft.commit), tuple(draft.parents)):
        return tip
    if tip.sha != draft.expected:
        raise RefChanged(
            f"{draft.branch} moved away from {draft.expected[:7]}", remedy="repeat the request on the new head"
        )
    return None


def _check_tree(draft: Draft, tree: str) -> None:
    planned = draft.repository.tree_id(draft.commit)
    if tree != planned:
        raise CouldNotVerify(
            f"GitHub made the tree {tree[:7]} for {draft.branch}, and {planned[:7]} was planned",
            remedy=_REMEDY,
        )
