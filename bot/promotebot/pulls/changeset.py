"""A change as two commits, read from git objects: registries, policy, touched artifacts."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath

from promotebot.artifact.manifest import Manifest, parse_manifest
from promotebot.artifact.source import GitTree, Kind, TreeEntry
from promotebot.errors import ForeignRegistry, InvalidInput
from promotebot.git.branch import FetchedRepository
from promotebot.git.repository import Repository
from promotebot.planning.committed import (
    open_registry,
    pointed_directories,
    read_policy,
    read_registry,
    registry_files,
)
from promotebot.planning.decide import FirstDigest
from promotebot.planning.examiner import Examine
from promotebot.planning.legacy_digests import LegacyDigests
from promotebot.promotion.infer import InferenceContext
from promotebot.promotion.policy import Policy
from promotebot.pulls.attributes import CONVERTING, LINE_ENDINGS, converting
from promotebot.pulls.branch_commands import bring_up_to_date, restored
from promotebot.pulls.compare import Rebased
from promotebot.pulls.named import is_ours, places_of
from promotebot.pulls.reach import is_for, registries_in
from promotebot.registry.lfs import POINTER_BYTES, parse_pointer
from promotebot.registry.names import ArtifactPath, GitSha, parse_artifact_path
from promotebot.registry.registry import ModelRegistry
from promotebot.remedies import Command, Remedy, shell

MANIFEST_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True)
class Changeset:
    """A pull request's two ends, as commits in one repository; each file is read at most once."""

    repository: Repository
    base: GitSha
    head: GitSha
    registry_path: str
    policy_path: str
    base_dir: str = ""
    """The folder that the registry is for; empty for all of the repository."""

    @cached_property
    def fork_point(self) -> GitSha:
        """The commit at which the branch left its base.

        Raises:
            InvalidInput: where there is none, or more than one: a merge then starts from a tree that no commit has.
        """
        bases = self.repository.merge_bases(self.base, self.head)
        if len(bases) > 1:
            raise InvalidInput(
                f"the branch and its base have {len(bases)} merge bases ({', '.join(base[:7] for base in bases[:5])}), "
                "so no commit says what the branch changed",
                remedy=bring_up_to_date(self.base),
            )
        return bases[0]

    @cached_property
    def base_registry(self) -> ModelRegistry | None:
        """The base's registry; None where it has none.

        Raises:
            InvalidInput: for one that does not read; for another tool's, with the order in which it is taken over.
        """
        try:
            return open_registry(self.repository, self._files(self.base), self.registry_path)
        except ForeignRegistry as problem:
            # Nothing says what a change of it means, so that no pull request is green, that of the import included.
            words = "merge its import while the gate is not required yet, and require the gate then: "
            problem.remedy = Remedy(words, shell("promotebot", "import", self.registry_path))
            raise

    @cached_property
    def head_registry(self) -> ModelRegistry | None:
        """The registry that merging gives: a file that only the base changed since the fork is the base's."""
        fork, base, head = self._files(self.fork_point), self._files(self.base), self._files(self.head)
        merged = {
            path: base.get(path) if head.get(path) == fork.get(path) else head.get(path) for path in {**base, **head}
        }
        present = {path: entry for path, entry in merged.items() if entry}
        return open_registry(self.repository, present, self.registry_path)

    @cached_property
    def touched_registry_files(self) -> frozenset[str]:
        """The registry's files that the pull request changes, and that differ from the base's."""
        fork, base, head = self._files(self.fork_point), self._files(self.base), self._files(self.head)
        own = {path for path in {**fork, **head} if head.get(path) != fork.get(path)}
        return frozenset(path for path in own if head.get(path) != base.get(path))

    @cached_property
    def moved_registry_files(self) -> frozenset[str]:
        """The registry's files that the base changed since the branch left it."""
        fork, base = self._files(self.fork_point), self._files(self.base)
        return frozenset(path for path in {**fork, **base} if base.get(path) != fork.get(path))

    @property
    def has_conflict(self) -> bool:
        """True when both sides changed one file, or one of them the index that says where the models are."""
        ours, theirs = self.touched_registry_files, self.moved_registry_files
        return bool(ours & theirs) or (bool(ours and theirs) and self.registry_path in ours | theirs)

    def _files(self, commit: GitSha) -> Mapping[str, TreeEntry]:
        known: dict[str, Mapping[str, TreeEntry]] = self._listed
        if commit not in known:
            known[commit] = registry_files(self.repository, commit, self.registry_path)
        return known[commit]

    @cached_property
    def _listed(self) -> dict[str, Mapping[str, TreeEntry]]:
        return {}

    @cached_property
    def policy(self) -> Policy:
        """The base's policy; the pull request's own copy is never read."""
        return read_policy(self.repository, self.base, self.policy_path)

    @cached_property
    def head_files(self) -> GitTree:
        """The head's tree."""
        return GitTree(self.repository, self.head)

    @cached_property
    def base_files(self) -> GitTree:
        """The base's tree."""
        return GitTree(self.repository, self.base)

    @cached_property
    def fork_files(self) -> GitTree:
        """The tree from which the branch started."""
        return GitTree(self.repository, self.fork_point)

    @cached_property
    def changed_paths(self) -> tuple[str, ...]:
        """Every path that the branch changed since it left its base, both names of a rename."""
        return tuple(self.repository.changed_paths(self.fork_point, self.head))

    @cached_property
    def changed_places(self) -> frozenset[str]:
        """The changed paths, and every directory above them."""
        return places_of(self.changed_paths)

    def changes(self, directory: str) -> bool:
        """Return whether the branch changed anything in a directory that the base has: others may point to it."""
        return directory in self.changed_places and self.base_files.kind(directory) is not None

    def restored_to(self, commit: GitSha, directory: str) -> Command | None:
        """Return how to put a directory back to what it was at a commit of the branch; None where it still is that."""
        repository, place = self.repository, f"{directory}/"
        if isinstance(repository, FetchedRepository) and not repository.has_commit(commit):
            return None  # anybody can write any commit into an event, and it is not looked for
        if not repository.is_ancestor(commit, self.head):
            return None
        changed, new = (
            any(path.startswith(place) for path in repository.changed_paths(commit, self.head, kind))
            for kind in ("", "A")
        )
        return restored(commit, directory, has_more=new) if changed else None

    def carried_into(self, places: Collection[str]) -> str | None:
        """Return a path that one side changed and the other took away, while it put files into one of these places.

        A merge takes that for a rename, and carries the change to the new name: https://git-scm.com/docs/git-merge
        """
        fork, changed = self.fork_point, self.repository.changed_paths
        if fork == self.base:
            return None
        ends = ((self.base, self.base_files), (self.head, self.head_files))
        for (mover, there), (other, here) in (ends, reversed(ends)):
            if places_of(changed(fork, mover, "A")).isdisjoint(places):
                continue
            both = places_of(changed(fork, mover, "D")) & places_of(changed(fork, other))
            for place in sorted(both, key=lambda place: (-place.count("/"), place)):  # the files before the directories
                if there.kind(place) is None and here.kind(place) is not None:
                    return place
        return None

    def rebased(self) -> Rebased | None:
        """Return what *Rebase and merge* gives; None where that is what merging gives, or cannot be done.

        Each commit is applied for itself, and merges are left out. So what one commit does and the next one undoes is
        nothing to a merge, and undoes what the base did meanwhile in the same words.
        """
        repository, base, head = self.repository, self.base, self.head
        if not isinstance(repository, FetchedRepository):
            return None  # a terminal's gate makes no commit in somebody's repository
        forks = [fork for fork in repository.fork_points(base, head) if fork != base]
        moved = {path for fork in forks for path in repository.changed_paths(fork, base)}
        both = moved.intersection(repository.paths_of_commits(base, head, merges=False) if moved else ())
        if not both:
            return None
        try:
            tree = repository.rebased_tree(head, base)
        except InvalidInput:
            return Rebased(sorted(both), None)
        if tree is None:
            return None
        paths = repository.changed_paths(repository.merged_tree(base, head)[0], tree)
        return Rebased(paths, read_registry(repository, tree, self.registry_path)) if paths else None

    def newly_converted(self, places: Collection[str]) -> Sequence[str]:
        """Return the files in these places that a checkout may give otherwise since the branch left its base.

        Line endings change what an artifact's bytes are, and nothing of what registry and policy mean.
        """
        entries = self.repository.list_tree(self.head, "", recursive=True)
        files = [entry.path for entry in entries if entry.kind is Kind.FILE]
        paths = [path for path in files if not places_of([path]).isdisjoint(places)]
        before = self.repository.attributes(self.fork_point, paths, CONVERTING)
        after = self.repository.attributes(self.head, paths, CONVERTING)
        pointers = self._lfs_pointers(
            path for path in paths if "lfs" in (before[path]["filter"], after[path]["filter"])
        )

        def is_converted(path: str) -> bool:
            free = LINE_ENDINGS if is_ours(path, self.registry_path, self.policy_path) else ()
            names = [name for name in CONVERTING if name not in free and after[path][name] != before[path][name]]
            if path in pointers and "filter" in names:  # a checkout gives the content only where Git LFS filters it
                return after[path]["filter"] != "lfs" or bool(converting(after[path], [*{*names} - {"filter"}]))
            return bool(converting(after[path], names))

        return [path for path in paths if is_converted(path)]

    def merged_paths(self) -> Sequence[str]:
        """Return the files that are there after a merge: the head's, and the base's that the branch left alone."""
        head, base = (self._files_of(commit) for commit in (self.head, self.base))
        return sorted(head | (base - set(self.changed_paths)))

    def _files_of(self, commit: str) -> set[str]:
        entries = self.repository.list_tree(commit, "", recursive=True)
        return {entry.path for entry in entries if entry.kind is not Kind.DIRECTORY}

    def converted(self, places: Collection[str]) -> Sequence[str]:
        """Return the files in these places that a checkout of the head may give otherwise than git stores them."""
        entries = (entry for place in places for entry in self.repository.list_tree(self.head, place, recursive=True))
        paths = sorted({entry.path for entry in entries if entry.kind is Kind.FILE})
        # Merging gives the attributes of either end, or both together.
        ends = [self.repository.attributes(end, paths, CONVERTING) for end in dict.fromkeys((self.head, self.base))]
        pointers = self._lfs_pointers(path for path in paths if any(found[path]["filter"] == "lfs" for found in ends))

        def is_converted(path: str, found: Mapping[str, str]) -> bool:
            is_content = path in pointers and found["filter"] == "lfs"  # which the pointer proves
            return bool(converting(found, [name for name in CONVERTING if not (is_content and name == "filter")]))

        return [path for path in paths if any(is_converted(path, found[path]) for found in ends)]

    def _lfs_pointers(self, tracked: Iterable[str]) -> set[str]:
        """Return those of some files of the head that are Git LFS pointers."""
        paths = {*tracked}
        if not paths:
            return set()
        oids = {e.path: e.oid for e in self.repository.list_tree(self.head, "", recursive=True) if e.path in paths}
        # The first that is larger than a pointer ends the reading: it is none, and neither counts what follows.
        blobs = self.repository.read_blobs(sorted({*oids.values()}), max_bytes=len(oids) * POINTER_BYTES)
        return {path for path, oid in oids.items() if parse_pointer(blobs.get(oid, b""))}

    @cached_property
    def touched_artifacts(self) -> tuple[ArtifactPath, ...]:
        """The artifact directories in which the pull request changes a file, sorted."""
        entries = self.repository.list_tree(self.head, "", recursive=True)
        manifests = {str(PurePosixPath(e.path).parent) for e in entries if e.path.endswith("/manifest.json")}
        owners = {owner for path in self.changed_paths if (owner := _nearest(path, manifests))}
        owners = {owner for owner in owners if is_for(owner, self.base_dir, registries_in(e.path for e in entries))}
        return tuple(parse_artifact_path(owner) for owner in sorted(owners) if self._is_artifact(owner))

    def _is_artifact(self, directory: str) -> bool:
        """Return True where the manifest is a model's: by its model file, by a pointer, or unreadable."""
        data = self.repository.read_file(self.head, f"{directory}/manifest.json", max_bytes=MANIFEST_BYTES)
        try:
            document = json.loads(data or b"")
        except (ValueError, RecursionError):
            return True
        if isinstance(document, dict) and "model_file" in document:
            return True
        return self.base_registry is not None and directory in pointed_directories(self.base_registry)

    def manifest_of(self, directory: ArtifactPath) -> Manifest | None:
        """Return the manifest at the head; None where it is missing or unreadable, which the evidence explains."""
        path = f"{directory}/manifest.json"
        try:
            data = self.repository.read_file(self.head, path, max_bytes=MANIFEST_BYTES)
            return parse_manifest(data, where=path) if data is not None else None
        except InvalidInput:
            return None

    def inference(self, registry: ModelRegistry) -> InferenceContext:
        """Return what a command that leaves something unsaid is completed from."""
        return InferenceContext(registry, self.touched_artifacts, self.manifest_of)

    def first_digest(self, examine: Examine) -> FirstDigest:
        """Return what looks up the bytes that the base's pointers of older tools stood for."""
        return LegacyDigests(self.repository, self.base, self.registry_path, examine)

    def reachable(self, commit: str | None) -> bool | None:
        """Return whether a commit is an ancestor of base or head; None without one, and in a clone that cannot know."""
        if commit is None:
            return None
        answers = {self.repository.reaches(commit, end) for end in (self.base, self.head)}
        return True in answers or (None if None in answers else False)


def _nearest(path: str, directories: set[str]) -> str | None:
    parents = (str(parent) for parent in PurePosixPath(path).parents)
    return next((parent for parent in parents if parent in directories), None)
