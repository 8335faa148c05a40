"""What a decision is made from, read from git objects: registries, policy, touched artifacts, facts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import PurePosixPath

from bot.artifact.manifest import Manifest, parse_manifest
from bot.artifact.source import GitTree
from bot.errors import InvalidInput
from bot.git import Repository
from bot.promotion import policy as policies
from bot.promotion.policy import Policy
from bot.registry.names import ArtifactPath, GitSha, Stage, parse_artifact_path
from bot.registry.registry import ModelRegistry

MANIFEST_BYTES = 4 * 1024 * 1024
REGISTRY_BYTES = 100 * 1024 * 1024


@dataclass(frozen=True)
class Change:
    """A pull request's two ends, as commits in one repository; each file is read at most once."""

    repository: Repository
    base: GitSha
    head: GitSha
    registry_path: str
    policy_path: str

    @cached_property
    def fork_point(self) -> GitSha:
        return self.repository.merge_base(self.base, self.head)

    @cached_property
    def base_registry(self) -> ModelRegistry | None:
        return read_registry(self.repository, self.base, self.registry_path)

    @cached_property
    def head_registry(self) -> ModelRegistry | None:
        return read_registry(self.repository, self.head, self.registry_path)

    @cached_property
    def policy(self) -> Policy:
        """The base's policy; the pull request's own copy is never read."""
        return read_policy(self.repository, self.base, self.policy_path)

    @property
    def base_registry_moved(self) -> bool:
        """Whether the base's registry changed since the branch left it."""
        paths = self.repository.changed_paths(self.fork_point, self.base)
        return self.registry_path in paths

    @cached_property
    def head_files(self) -> GitTree:
        return GitTree(self.repository, self.head)

    @cached_property
    def touched_artifacts(self) -> tuple[ArtifactPath, ...]:
        """Artifact directories in which the pull request changes a file, sorted."""
        changed = self.repository.changed_paths(self.fork_point, self.head)
        entries = self.repository.list_tree(self.head, "", recursive=True)
        manifests = {str(PurePosixPath(e.path).parent) for e in entries if e.path.endswith("/manifest.json")}
        owners = {owner for path in changed if (owner := _nearest(path, manifests))}
        return tuple(parse_artifact_path(owner) for owner in sorted(owners) if self._is_artifact(owner))

    def _is_artifact(self, directory: str) -> bool:
        """Not every manifest.json is a model's: this one names a model file, cannot be read, or is pointed to."""
        if self.base_registry and directory in pointed_directories(self.base_registry):
            return True
        data = self.repository.read_file(self.head, f"{directory}/manifest.json", max_bytes=MANIFEST_BYTES)
        try:
            document = json.loads(data or b"")
        except (ValueError, RecursionError):
            return True
        return isinstance(document, dict) and "model_file" in document

    def manifest_of(self, directory: ArtifactPath) -> Manifest | None:
        """The manifest at the head, None where it is missing or unreadable: evidence says why."""
        path = f"{directory}/manifest.json"
        try:
            data = self.repository.read_file(self.head, path, max_bytes=MANIFEST_BYTES)
            return parse_manifest(data, where=path) if data is not None else None
        except InvalidInput:
            return None

    def reachable(self, commit: str | None) -> bool | None:
        """Whether a training commit is an ancestor of the base or the head."""
        if commit is None:
            return None
        return any(self.repository.is_ancestor(commit, end) for end in (self.base, self.head))


def read_registry(repository: Repository, commit: str, path: str) -> ModelRegistry | None:
    data = repository.read_file(commit, path, max_bytes=REGISTRY_BYTES)
    return ModelRegistry.parse(data, where=path) if data is not None else None


def read_policy(repository: Repository, commit: str, path: str) -> Policy:
    data = repository.read_file(commit, path, max_bytes=policies.MAX_BYTES)
    return policies.parse_policy(data, where=path)


def pointed_directories(registry: ModelRegistry) -> set[str]:
    """Every directory that a stage of any model points to."""
    return {
        pointer.artifact_dir
        for entry in registry.entries.values()
        for stage in Stage
        if (pointer := entry.pointer(stage))
    }


def relevant_pulls(registry: ModelRegistry, model: str, repo: str) -> list[int]:
    """Pull requests of this repository whose merge time the soak rules ask for."""
    entry = registry.entry(model)
    events = entry.history if entry else ()
    asked = [e.request for e in events if e.request and e.to_stage in (Stage.SHADOW, Stage.STAGING)]
    return sorted({request.pull for request in asked if request.repo == repo})


MergeTimes = Mapping[int, datetime]


def _nearest(path: str, directories: set[str]) -> str | None:
    parents = (str(parent) for parent in PurePosixPath(path).parents)
    return next((parent for parent in parents if parent in directories), None)
