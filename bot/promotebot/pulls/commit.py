"""Commit the registry on a pull request's branch, and on the base's side of it where the base moved."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from promotebot.errors import BaseMoved, InvalidInput
from promotebot.planning.committed import registry_files
from promotebot.pulls.branch_commands import DIGITS
from promotebot.pulls.changeset import Changeset
from promotebot.pulls.context import JobContext
from promotebot.pulls.publish import Draft, Published, publish
from promotebot.pulls.snapshot import PullSnapshot, identity
from promotebot.registry.codec import MAX_BYTES
from promotebot.registry.names import Stage
from promotebot.registry.registry import Layout, ModelRegistry
from promotebot.remedies import Command, Remedy, shell

WORKFLOWS = ".github/workflows/"
NOTHING: Mapping[str, bytes] = {}


def commit_registry(
    snapshot: PullSnapshot,
    job: JobContext,
    registry: ModelRegistry,
    models: Sequence[str],
    *,
    message: str,
    merge: bool,
    others: Mapping[str, bytes] = NOTHING,
) -> Published:
    """Commit these models' files on the head that was validated, and move the branch there.

    Args:
        others: what else is written: path → bytes.
        merge: make it a merge of the base, whose registry files are the computed ones. Where no merge commit can be
            merged afterwards, it is one commit on the base instead, with the same tree.

    Raises:
        RefChanged: when the branch is no longer where it was read.
        BaseMoved: when the base cannot be merged by the bot; the author has to.
    """
    changeset, repository = snapshot.changeset, snapshot.repository
    if snapshot.is_promoted_into(snapshot.pull.head_ref):  # refused long before; what guards main stands twice
        raise InvalidInput(f"{snapshot.pull.head_ref} is a base for promotions: only a merge may change it")
    files = _files(changeset, registry, models)
    parents, tree = [changeset.head], None
    if merge:
        # After a change of layout on the base, what the branch changed stands in files that hold no model any more.
        files = {**_bases(changeset, changeset.touched_registry_files - files.keys()), **files}
        takes_merges = _takes_merges(snapshot, job)
        tree = _merged(snapshot, {*files, *others}, by="merge" if takes_merges else "rebase")
        if not takes_merges:
            _check_kept(changeset, registry, models)
        parents = [changeset.head, changeset.base] if takes_merges else [changeset.base]
    author = identity(job.settings)
    files = {**files, **others}
    commit = repository.commit_files(parents, files, tree=tree, message=message, author=author, when=snapshot.now)
    draft = Draft(repository, commit, parents, message, branch=snapshot.pull.head_ref, expected=changeset.head)
    return publish(draft, job.github.git)


def _takes_merges(snapshot: PullSnapshot, job: JobContext) -> bool:
    """Return whether a pull request with a merge commit on its branch can be merged into the base.

    Rebasing drops merge commits, and what they resolved with them; a squash takes any branch:
    https://docs.github.com/en/pull-requests/collaborating-with-pull-requests/incorporating-changes-from-a-pull-request/about-pull-request-merges
    """
    return job.github.git.rules(snapshot.pull.base_ref).merge_methods != {"rebase"}


def _check_kept(changeset: Changeset, registry: ModelRegistry, models: Sequence[str]) -> None:
    """Refuse to replace the branch's commits where one of them trained what becomes ACTIVE: the rules ask for it."""
    is_ancestor = changeset.repository.is_ancestor
    for model in models:
        pointer = registry.get_stage_pointer(model, Stage.ACTIVE)
        sha = pointer.git_sha if pointer else None
        if sha and is_ancestor(sha, changeset.head) and not is_ancestor(sha, changeset.base):
            raise BaseMoved(
                f"the base allows only rebase merges, and a rebase would lose commit {sha[:7]}, which trained "
                f"the ACTIVE model of {model}",
                remedy="merge that commit first in a separate pull request, or allow squash merges",
            )


def _merged(snapshot: PullSnapshot, computed: set[str], *, by: str) -> str:
    """Return the tree of head and base together; a conflict in anything but the registry is for people.

    Args:
        by: what its author does about it, merge or rebase.
    """
    changeset, base_ref = snapshot.changeset, snapshot.pull.base_ref
    push = shell("git", "push") if by == "merge" else shell("git", "push", "--force-with-lease")
    then = "; solve conflicts in other files; then: "
    remedy = Remedy(
        "in the branch: ", _updated(changeset, by, base_ref), then, push, "; then repeat the command in a new comment"
    )
    workflows = [
        p for p in snapshot.repository.changed_paths(changeset.fork_point, changeset.base) if p.startswith(WORKFLOWS)
    ]
    if workflows:
        raise BaseMoved(
            f"the base changed {workflows[0]}, and the Actions token may not push changes to workflow files",
            remedy=remedy,
        )
    tree, conflicts = snapshot.repository.merged_tree(changeset.head, changeset.base)
    others = [path for path in conflicts if path not in computed]
    if others:
        raise BaseMoved(f"the base moved, and merging it conflicts in {', '.join(others[:5])}", remedy=remedy)
    return tree


def _updated(changeset: Changeset, by: str, base_ref: str) -> Command:
    """Return the line that brings the base into the branch; what the branch promotes is asked for again after that.

    A registry that both sides changed is the base's, or git would have people merge a history as text.
    """
    line, places = (
        shell("git", "fetch", "origin"),
        sorted(changeset.touched_registry_files & changeset.moved_registry_files),
    )
    if by == "merge" and places:
        line = line.then("git", "checkout", changeset.base[:DIGITS], "--", *places)
        line = line.then("git", "commit", "--message", "fix(ml): Restore the registry", "--", *places)
    return line.then("git", by, *(["--no-edit"] if by == "merge" else []), f"origin/{base_ref}")


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
