"""Base and head compared: the promotions a pull request's registry holds, with no artifact opened."""

from __future__ import annotations

from typing import Protocol

from promotebot.artifact.source import FileSource as Files
from promotebot.findings import Finding, error
from promotebot.promotion.policy import Policy
from promotebot.promotion.replay import Diverged, Replayed, replay
from promotebot.registry.names import ArtifactPath, GitSha
from promotebot.registry.registry import ModelRegistry


class ChangesetLike(Protocol):
    """What the gate asks of a change; `scene.Change` reads it from git objects."""

    @property
    def base(self) -> GitSha: ...

    @property
    def fork_point(self) -> GitSha: ...

    @property
    def registry_path(self) -> str: ...

    @property
    def base_registry(self) -> ModelRegistry | None: ...

    @property
    def head_registry(self) -> ModelRegistry | None: ...

    @property
    def has_conflict(self) -> bool: ...

    @property
    def policy(self) -> Policy:
        """The base's policy."""
        ...

    @property
    def head_files(self) -> Files: ...

    @property
    def changed_artifacts(self) -> frozenset[ArtifactPath]: ...

    def reachable(self, commit: str | None) -> bool | None: ...


def replay_change(changeset: ChangesetLike) -> Replayed | Diverged:
    """The structural half of the gate: no artifact is opened, only the two registries are compared."""
    before, after = changeset.base_registry, changeset.head_registry
    if before is None and after is None:
        return Replayed(())
    if after is None:
        problem = error(
            "gate.replay",
            "The pull request removes the registry.",
            where=changeset.registry_path,
            remedy="restore it from the base branch",
        )
        return Diverged((problem,))
    if before is None:
        problem = error(
            "gate.replay",
            "The base has no registry; a pull request cannot vouch for one.",
            where=changeset.registry_path,
            remedy="a maintainer adds the first registry to the base branch",
        )
        return Diverged((problem,))
    if changeset.has_conflict:
        return Diverged((base_moved(changeset),))
    return replay(before, after)


def base_moved(changeset: ChangesetLike) -> Finding:
    return error(
        "gate.base",
        f"The base's registry changed after this branch left it ({changeset.fork_point[:7]} → {changeset.base[:7]}).",
        where=changeset.registry_path,
        remedy="bring the branch up to date: git fetch origin && git merge origin/<base> && git push",
    )
