"""Registry and policy as a commit holds them, read from git objects."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from promotebot.artifact.source import Kind, TreeEntry
from promotebot.git.repository import Repository
from promotebot.promotion import policy as policies
from promotebot.promotion.policy import Policy
from promotebot.registry.codec import MAX_BYTES
from promotebot.registry.names import Stage
from promotebot.registry.registry import Layout, ModelRegistry
from promotebot.registry.split_layout import models_directory

Known = tuple[bytes, ModelRegistry]
"""The bytes of an index, and the registry that they hold, as it was read."""
FEW, CHUNK = 16, 2000
"""Files of models that are read one by one, and how many are read at once from then on."""
AHEAD_BYTES = 64 * 1024 * 1024
"""Of what is read ahead together; a branch may hold files of any size, and those are refused one by one."""


def registry_files(repository: Repository, commit: str, path: str) -> Mapping[str, TreeEntry]:
    """Return what is at the registry's path and in the directory of its models, by path."""
    listed = [
        *repository.list_tree(commit, path, recursive=False),
        *repository.list_tree(commit, f"{models_directory(path)}/", recursive=False),
    ]
    return {entry.path: entry for entry in listed}


def open_registry(
    repository: Repository,
    files: Mapping[str, TreeEntry],
    path: str,
    *,
    check_models: bool = True,
    known: Known | None = None,
) -> ModelRegistry | None:
    """Return the registry that a set of git objects holds; None where there is no index.

    Args:
        check_models: False leaves the check of each model to its first use.
        known: what was read already; an index of the same bytes that holds all models is not decoded again.
    """
    if path not in files:
        return None
    beside = CommittedModels(repository, files, path)
    if known and known[1].layout is Layout.SINGLE and _is_blob(files[path], known[0]):
        return ModelRegistry(known[1].document, where=path, beside=beside, text=known[1].text)
    data = repository.read_entry(files[path], max_bytes=MAX_BYTES)
    return ModelRegistry.parse(data, where=path, files=beside, check_models=check_models)


def _is_blob(entry: TreeEntry, data: bytes) -> bool:
    """Return whether a git object is a file of these bytes: https://git-scm.com/book/en/v2/Git-Internals-Git-Objects"""
    kind = "sha1" if len(entry.oid) == 40 else "sha256"
    digest = hashlib.new(kind, f"blob {len(data)}\0".encode(), usedforsecurity=False)
    digest.update(data)
    return entry.kind is Kind.FILE and digest.hexdigest() == entry.oid


def read_registry(
    repository: Repository, commit: str, path: str, *, check_models: bool = True, known: Known | None = None
) -> ModelRegistry | None:
    """Return the registry at a commit, as `open_registry` does; None where there is none."""
    files = registry_files(repository, commit, path)
    return open_registry(repository, files, path, check_models=check_models, known=known)


class CommittedModels:
    """The models' files as git objects (`promotebot.registry.split_layout.ModelFiles`).

    Each file costs a process, and in a partial clone a request. Whoever has read some of them gets to read all, so
    from then on they are read ahead.
    """

    def __init__(self, repository: Repository, files: Mapping[str, TreeEntry], registry_path: str) -> None:
        self._repository = repository
        start = f"{models_directory(registry_path)}/"
        self._files = {path.removeprefix(start): entry for path, entry in files.items() if path.startswith(start)}
        self._asked: set[str] = set()
        self._ahead: dict[str, bytes] = {}

    def names(self) -> Mapping[str, str | None]:
        """Return file name → mode and object id."""
        return {name: f"{entry.mode} {entry.oid}" for name, entry in self._files.items()}

    def read(self, file_name: str) -> bytes:
        """Return the bytes of one model's file."""
        entry = self._files[file_name]
        self._asked.add(file_name)
        if len(self._asked) > FEW and entry.oid not in self._ahead and entry.kind is Kind.FILE:
            waiting = [e.oid for name, e in self._files.items() if name not in self._asked and e.kind is Kind.FILE]
            self._ahead = self._repository.read_blobs([entry.oid, *waiting[:CHUNK]], max_bytes=AHEAD_BYTES)
        data = self._ahead.pop(entry.oid, None)
        return self._repository.read_entry(entry, max_bytes=MAX_BYTES) if data is None else data


def read_policy(repository: Repository, commit: str, path: str) -> Policy:
    """Return the policy at a commit; no file means the default policy."""
    data = repository.read_file(commit, path, max_bytes=policies.MAX_BYTES)
    return policies.parse_policy(data, where=path)


def pointed_directories(registry: ModelRegistry) -> set[str]:
    """Return every directory that a stage of any model points to."""
    return {
        pointer.artifact_dir
        for entry in registry.entries.values()
        for stage in Stage
        if (pointer := entry.pointer(stage))
    }
