"""Base and head compared: the promotions a pull request's registry holds, with no artifact opened."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from promotebot.artifact.manifest import FILE_NAME
from promotebot.artifact.source import FileSource
from promotebot.findings import Finding, error
from promotebot.planning.decide import FirstDigest, PromotionContext
from promotebot.planning.examiner import Examine
from promotebot.promotion.policy import Policy
from promotebot.promotion.replay import RESTORE, Described, Diverged, Replayed, replay
from promotebot.promotion.request import Request
from promotebot.pulls.branch_commands import FIRST_REGISTRY, restored
from promotebot.registry.model import Action
from promotebot.registry.names import GitSha
from promotebot.registry.registry import Layout, ModelRegistry
from promotebot.registry.split_layout import models_directory
from promotebot.remedies import Command, Remedy


@dataclass(frozen=True)
class Rebased:
    """What rebasing a branch onto the base gives otherwise than merging it."""

    paths: Sequence[str]
    """What differs, or may."""
    registry: ModelRegistry | None
    """None where there is none, or none that is known."""


class ChangesetLike(Protocol):
    """What the gate asks of a change; `Changeset` reads it from git objects."""

    @property
    def base(self) -> GitSha:
        """The tip of the base branch."""
        ...

    @property
    def fork_point(self) -> GitSha:
        """The commit at which the branch left its base."""
        ...

    @property
    def registry_path(self) -> str:
        """Where the registry is, from the repository's root."""
        ...

    @property
    def policy_path(self) -> str:
        """Where the policy is, from the repository's root."""
        ...

    @property
    def base_registry(self) -> ModelRegistry | None:
        """The base's registry; None where it has none."""
        ...

    @property
    def head_registry(self) -> ModelRegistry | None:
        """The registry that merging gives; None where there is none."""
        ...

    @property
    def has_conflict(self) -> bool:
        """True when both sides changed the same file of the registry."""
        ...

    @property
    def policy(self) -> Policy:
        """The base's policy."""
        ...

    @property
    def head_files(self) -> FileSource:
        """The head's files."""
        ...

    @property
    def base_files(self) -> FileSource:
        """The base's files."""
        ...

    @property
    def fork_files(self) -> FileSource:
        """The files from which the branch started."""
        ...

    @property
    def changed_paths(self) -> Sequence[str]:
        """Every path that the branch changed since it left its base, both names of a rename."""
        ...

    def restored_to(self, commit: GitSha, directory: str) -> Command | None:
        """Return how to put a directory back to what it was at a commit of the branch; None where it still is that."""
        ...

    def merged_paths(self) -> Sequence[str]:
        """Return the files that are there after a merge: the head's, and the base's that the branch left alone."""
        ...

    def converted(self, places: Collection[str]) -> Sequence[str]:
        """Return the files in these places that a checkout may give otherwise than git stores them."""
        ...

    def changes(self, directory: str) -> bool:
        """Return whether the branch changed anything in a directory that the base has."""
        ...

    def carried_into(self, places: Collection[str]) -> str | None:
        """Return a path whose change on one side a merge may carry into one of these places; None for none."""
        ...

    def rebased(self) -> Rebased | None:
        """Return what rebasing the branch gives; None where that is what merging gives, or cannot be done."""
        ...

    def newly_converted(self, places: Collection[str]) -> Sequence[str]:
        """Return the files in these places that a checkout may give otherwise by what the branch changed."""
        ...

    def first_digest(self, examine: Examine) -> FirstDigest:
        """Return what looks up the bytes that the base's pointers of older tools stood for."""
        ...

    def reachable(self, commit: str | None) -> bool | None:
        """Return whether a commit is an ancestor of base or head; None without one, and in a clone that cannot know."""
        ...


def changes_files(changeset: ChangesetLike, request: Request) -> bool:
    """Return whether the branch changed more of an import's directory than its manifest; False for anything else."""
    if request.action is not Action.IMPORTED:
        return False
    inside, manifest = f"{request.artifact_dir}/", f"{request.artifact_dir}/{FILE_NAME}"
    return any(path.startswith(inside) and path != manifest for path in changeset.changed_paths)


def planning_on(
    change: ChangesetLike, registry: ModelRegistry, base: ModelRegistry, legacy: FirstDigest, *, commit: GitSha
) -> PromotionContext:
    """Return what a promotion of this change is decided on: the same at the door, in the gate, and when planned again.

    Args:
        registry: what the promotion changes.
        base: the registry whose history rules trust.
        legacy: what an older tool's pointers stood for, as `first_digest` of the change finds it.
        commit: the one that the event names as where the plan was read.
    """
    return PromotionContext(
        registry,
        base,
        change.policy,
        change.head_files,
        commit,
        first_digest=legacy,
        base_files=change.base_files,
        fork_files=change.fork_files,
    )


def replay_change(changeset: ChangesetLike) -> Replayed | Diverged:
    """Compare the two registries only; no artifact is opened."""
    before, after = changeset.base_registry, changeset.head_registry
    if before is None and after is None:
        return Replayed(())
    if after is None:
        problem = error(
            "gate.replay",
            "The pull request removes the registry.",
            where=changeset.registry_path,
            remedy=Remedy("restore it: ", restored(changeset.fork_point, changeset.registry_path)),
        )
        return Diverged((problem,))
    if before is None:
        problem = error(
            "gate.replay",
            "The base has no registry, so this pull request has nothing to be compared with.",
            where=changeset.registry_path,
            remedy=FIRST_REGISTRY,
        )
        return Diverged((problem,))
    if changeset.has_conflict:
        return Diverged((base_moved(changeset),))
    result = replay(before, after)
    if isinstance(result, Diverged):
        return Diverged(tuple(_with_restore(finding, changeset) for finding in result.findings))
    return result


def check_apart(described: Sequence[Described]) -> Iterator[Finding]:
    """Yield an error where a pull request that promotes also says something else of a model.

    What is planned again on a base that moved, or without a promotion that was withdrawn, is made of events alone: the
    rest would be lost without a word.
    """
    for one in described[:1]:
        yield error(
            "gate.metadata",
            f"This pull request changes {one.words}, so it takes no promotion.",
            where=one.model,
            remedy="use one pull request for what is said of models, and another one for promotions",
        )


def _with_restore(finding: Finding, changeset: ChangesetLike) -> Finding:
    """Return a finding on the registry with the command that puts its file back, where that is the remedy."""
    if not finding.remedy.startswith(RESTORE):
        return finding
    words, *rest = finding.remedy.parts
    line = restored(changeset.fork_point, finding.where.partition(" ")[0])
    remedy = Remedy("restore the file: ", line, str(words).removeprefix(RESTORE), *rest)
    return finding.model_copy(update={"remedy": remedy})


def base_moved(changeset: ChangesetLike) -> Finding:
    """Return the finding that the base's registry changed after the branch left it.

    A merge by git conflicts in the history: an event is made again on the newest one, and never merged as text.
    """
    base, path = changeset.base_registry, changeset.registry_path
    is_split = base is not None and base.layout is Layout.SPLIT
    places = (path, models_directory(path)) if is_split else (path,)
    line = restored(changeset.base, *places, is_here=False, has_more=is_split)
    return error(
        "gate.base",
        f"The base's registry changed after this branch left it ({changeset.fork_point[:7]} → {changeset.base[:7]}).",
        where=path,
        remedy=Remedy(
            "promotebot updates the branch when the base moves; if it did not, take the base's registry: ",
            line,
            "; then request the promotion again",
        ),
    )
