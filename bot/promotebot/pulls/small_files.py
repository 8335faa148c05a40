"""Policy, registry and manifests of the commits that are compared, read with one question instead of a fetch."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping

from promotebot.artifact.manifest import FILE_NAME
from promotebot.artifact.source import Kind, TreeEntry
from promotebot.errors import CouldNotVerify, InvalidInput
from promotebot.git.branch import FetchedRepository
from promotebot.github.ports import MAX_BLOBS
from promotebot.planning.committed import registry_files
from promotebot.pulls.changeset import Changeset
from promotebot.pulls.context import JobContext
from promotebot.pulls.named import is_attributes, is_ours
from promotebot.registry.codec import MAX_BYTES
from promotebot.registry.names import GitSha

log = logging.getLogger(__name__)


def read_our_files(repository: FetchedRepository, commits: Iterable[GitSha], job: JobContext) -> None:
    """Read policy and registry of these commits, which every decision reads.

    In the split layout every model's file is read, as far as one question holds them.
    """
    ours = [_our_files(repository, commit, job) for commit in dict.fromkeys(commits)]
    models = [entry for files in ours for entry in files.values()]
    _read(repository, [*_always(ours, job), *models], job)


def read_changeset_files(
    changeset: Changeset, repository: FetchedRepository, default_head: GitSha, job: JobContext
) -> None:
    """Read what the judgement of a pull request reads, whatever it carries.

    That are policy and registry of both ends, of their fork point and of the default branch, and the manifests of the
    artifacts that the branch touches. In the split layout: the models' files that differ between the commits, and where
    the branch changes anything else, those of the base, whose pointers may name it.
    """
    try:
        fork, paths = changeset.fork_point, changeset.changed_paths
    except InvalidInput:  # there is no fork point, which is told where the change is judged
        fork, paths = changeset.base, ()
    base, *others = (_our_files(repository, commit, job) for commit in (changeset.base, changeset.head, fork))
    default = _our_files(repository, default_head, job) if default_head != changeset.base else {}
    differing = [entry for files in others for path, entry in files.items() if base.get(path) != entry]
    changed = {entry.path for entry in differing}
    differing += [base[path] for path in changed & base.keys()]
    elsewhere = any(not is_ours(path, changeset.registry_path, changeset.policy_path) for path in paths)
    pointers = list(base.values()) if elsewhere else []
    always = _always([base, *others], job) + [e for e in default.values() if e.path == job.settings.policy_path]
    _read(repository, [*always, *_manifests(changeset, paths), *differing, *pointers], job)


def _our_files(repository: FetchedRepository, commit: GitSha, job: JobContext) -> Mapping[str, TreeEntry]:
    """Return policy, registry and the models' files of a commit, by path."""
    settings = job.settings
    policy = repository.list_tree(commit, settings.policy_path, recursive=False)
    return {entry.path: entry for entry in policy} | dict(registry_files(repository, commit, settings.registry_path))


def _always(ours: Iterable[Mapping[str, TreeEntry]], job: JobContext) -> list[TreeEntry]:
    paths = (job.settings.policy_path, job.settings.registry_path)
    return [files[path] for files in ours for path in paths if path in files]


def _manifests(changeset: Changeset, paths: Iterable[str]) -> Iterator[TreeEntry]:
    """Yield the manifests of the directories in which the branch changes something, and every file of attributes."""
    if not paths:
        return
    for entry in changeset.repository.list_tree(changeset.head, "", recursive=True):
        directory, _, name = entry.path.rpartition("/")
        if is_attributes(entry.path) or (name == FILE_NAME and directory in changeset.changed_places):
            yield entry


def _read(repository: FetchedRepository, entries: Iterable[TreeEntry], job: JobContext) -> None:
    """Ask GitHub for these files, in this order as far as one question holds them; the rest comes by git when read."""
    oids = list(dict.fromkeys(entry.oid for entry in entries if entry.kind is Kind.FILE))
    asked = repository.missing(oids[:MAX_BLOBS])
    if asked:
        try:
            repository.add_blobs(job.github.blobs(asked))
        except CouldNotVerify as problem:
            log.info("policy and registry are fetched instead: %s", problem.message)
    repository.expect(repository.missing(oids), max_bytes=MAX_BYTES)
