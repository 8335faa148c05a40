"""Commit the registry on a pull request's branch, and on the base's side of it where the base moved."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence

from promotebot.errors import BaseMoved, InvalidInput
from promotebot.planning.committed import registry_files
from promotebot.pulls.changeset import Changeset
from promotebot.pulls.context import JobContext
from promotebot.pulls.snapshot import PullSnapshot, identity
from promotebot.registry.codec import MAX_BYTES
from promotebot.registry.names import GitSha
from promotebot.registry.registry import Layout, ModelRegistry

log = logging.getLogger(__name__)
WORKFLOWS = ".github/workflows/"


def commit_registry(
    snapshot: PullSnapshot,
    job: JobContext,
    registry: ModelRegistry,
    models: Sequence[str],
    *,
    message: str,
    merge: bool,
) -> GitSha:
    """Commit these models' files on the head that was validated, and move the branch there.

    Args:
        merge: make it a merge of the base, whose registry files are the computed ones.

    Raises:
        RefChanged: when the branch is no longer where it was read.
        BaseMoved: when the base cannot be merged by the bot; the author has to.
    """
    changeset, repository = snapshot.changeset, snapshot.repository
    if snapshot.is_promoted_into(snapshot.pull.head_ref):  # refused long before; what guards main stands twice
        raise InvalidInput(f"{snapshot.pull.head_ref} is promoted into: only a merge changes it")
    files = _files(changeset, registry, models)
    author = identity(job.settings)
    if merge:
        # After a change of layout on the base, what the branch changed stands in files that hold no model any more.
        files = {**_bases(changeset, changeset.touched_registry_files - files.keys()), **files}
        tree = _merged(snapshot, set(files))
        parents = [changeset.head, changeset.base]
        commit = repository.commit_files(parents, files, tree=tree, message=message, author=author, when=snapshot.now)
    else:
        commit = repository.commit_files([changeset.head], files, message=message, author=author, when=snapshot.now)
    repository.push(commit, snapshot.pull.head_ref, expected=changeset.head)
    log.info("pushed %s to %s", commit, snapshot.pull.head_ref)
    return commit


def _merged(snapshot: PullSnapshot, computed: set[str]) -> str:
    """Return the tree of head and base together; a conflict in anything but the registry is for people."""
    changeset, base_ref = snapshot.changeset, snapshot.pull.base_ref
    remedy = f"git fetch origin && git merge origin/{base_ref}, mend it, git push; then ask again in a new comment"
    workflows = [
        p for p in snapshot.repository.changed_paths(changeset.fork_point, changeset.base) if p.startswith(WORKFLOWS)
    ]
    if workflows:
        raise BaseMoved(
            f"the base changed {workflows[0]}, and a token of Actions may not push a change of workflow files",
            remedy=remedy,
        )
    tree, conflicts = snapshot.repository.merged_tree(changeset.head, changeset.base)
    others = [path for path in conflicts if path not in computed]
    if others:
        raise BaseMoved(f"the base moved, and merging it conflicts in {', '.join(others[:5])}", remedy=remedy)
    return tree


def _files(changeset: Changeset, registry: ModelRegistry, models: Sequence[str]) -> Mapping[str, bytes | None]:
    """Return what to commit so that the branch holds `registry`: path → bytes, None for a file that goes.

    Where a model is the base's again, its file is the base's, byte for byte.
    """
    base = changeset.base_registry
    files: dict[str, bytes | None] = {}
    for name in models:
        path = registry.file_of(name)
        whole = registry.layout is Layout.SINGLE
        unchanged = base is not None and (
            base.document == registry.document if whole else base.raw_entry(name) == registry.raw_entry(name)
        )
        if unchanged:
            files |= _bases(changeset, [path])
        else:
            files[path] = registry.file_bytes(name)
    return files


def _bases(changeset: Changeset, paths: Iterable[str]) -> Mapping[str, bytes | None]:
    """Return files of the registry as the base has them: path → bytes, None for one that it has not."""
    theirs = registry_files(changeset.repository, changeset.base, changeset.registry_path)
    read = changeset.repository.read_entry
    return {path: read(theirs[path], max_bytes=MAX_BYTES) if path in theirs else None for path in paths}
