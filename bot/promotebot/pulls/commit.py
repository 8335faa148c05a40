"""Commit the registry on a pull request's branch, and on the base's side of it where the base moved."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime

from promotebot.errors import BaseMoved, RefChanged
from promotebot.pulls.context import JobContext
from promotebot.pulls.replan import files_of
from promotebot.pulls.snapshot import PullSnapshot, identity
from promotebot.registry.names import GitSha
from promotebot.registry.registry import ModelRegistry

log = logging.getLogger(__name__)
WORKFLOWS = ".github/workflows/"


def commit_registry(
    space: PullSnapshot,
    tools: JobContext,
    registry: ModelRegistry,
    models: Sequence[str],
    *,
    message: str,
    merge: bool,
    now: datetime,
) -> GitSha:
    """Commit these models' files on the head that was validated, and move the branch there.

    Args:
        merge: make it a merge of the base, whose registry files are the computed ones.

    Raises:
        RefChanged: when the branch is no longer where it was read.
        BaseMoved: when the base cannot be merged by the bot; the author has to.
    """
    change, repository = space.change, space.repository
    files = files_of(change, registry, models)
    author = identity(tools.settings)
    if merge:
        tree = _merged(space, set(files))
        parents = [change.head, change.base]
        commit = repository.commit_files(parents, files, tree=tree, message=message, author=author, when=now)
    else:
        commit = repository.commit_files([change.head], files, message=message, author=author, when=now)
    if tools.github.pull(space.pull.number).head_sha != change.head:
        raise RefChanged(f"{space.pull.head_ref} moved away from {change.head[:7]}")
    repository.push(commit, space.pull.head_ref, expected=change.head)
    log.info("pushed %s to %s", commit, space.pull.head_ref)
    return commit


def _merged(space: PullSnapshot, computed: set[str]) -> str:
    """The tree of head and base together; a conflict in anything but the registry is for people."""
    change, base_ref = space.change, space.pull.base_ref
    remedy = f"git fetch origin && git merge origin/{base_ref}, mend it, git push; then ask again in a new comment"
    workflows = [p for p in space.repository.changed_paths(change.fork_point, change.base) if p.startswith(WORKFLOWS)]
    if workflows:
        raise BaseMoved(
            f"the base changed {workflows[0]}, and a token of Actions may not push a change of workflow files",
            remedy=remedy,
        )
    tree, conflicts = space.repository.merged_tree(change.head, change.base)
    others = [path for path in conflicts if path not in computed]
    if others:
        raise BaseMoved(f"the base moved, and merging it conflicts in {', '.join(others[:5])}", remedy=remedy)
    return tree
