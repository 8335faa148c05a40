"""The commit that still has what was promoted or decided on, where the files do not have it any more."""

from __future__ import annotations

from dataclasses import dataclass, field

from promotebot.artifact.claims import MAX_BYTES, parse_evidence
from promotebot.artifact.limits import Terms
from promotebot.artifact.source import GitTree
from promotebot.errors import CouldNotVerify, InvalidInput
from promotebot.git.repository import Repository
from promotebot.planning.examiner import Examine
from promotebot.registry.names import ArtifactPath, Digest, GitSha
from promotebot.remedies import Remedy, shell

MAX_COMMITS = 20
"""Of those that changed a directory, the newest are looked at: each may have a model to read."""


@dataclass(frozen=True)
class PromotedBytes:
    """Looks in git's history for a directory as it was promoted."""

    repository: Repository
    head: str | None
    examine: Examine
    terms: Terms
    """The policy's: models of older commits are opened as carefully as those of today."""
    _found: dict[tuple[str, Digest, Digest | None], GitSha | None] = field(default_factory=dict)
    """What was looked for before: several findings of one artifact ask for the same."""

    def _commit_with(self, directory: ArtifactPath, digest: Digest, manifest_digest: Digest | None) -> GitSha | None:
        """Return the newest commit whose directory is proven to be what a pointer pins; None where none is known."""
        key = (directory, digest, manifest_digest)
        if key not in self._found:
            self._found[key] = self._look_for(*key)
        return self._found[key]

    def _look_for(self, directory: ArtifactPath, digest: Digest, manifest_digest: Digest | None) -> GitSha | None:
        try:
            commits = self.repository.commits_of(directory, self.head)[:MAX_COMMITS] if self.head else []
            for commit in commits:
                evidence = self.examine(GitTree(self.repository, commit).by_pointers(), directory, self.terms)
                if evidence.digest == digest and manifest_digest in (None, evidence.manifest_digest):
                    return commit
        except CouldNotVerify:  # a shallow or partial clone
            return None
        return None

    def remedy(self, directory: ArtifactPath, digest: Digest | None, manifest_digest: Digest | None) -> Remedy:
        """Return the command that puts the promoted bytes back; words alone where no commit is known to have them."""
        commit = self._commit_with(directory, digest, manifest_digest) if digest else None
        if commit is None:
            return Remedy(f"restore {directory} as it was promoted, from a clone or a backup that has it")
        return Remedy("restore what was promoted: ", shell("git", "checkout", commit[:12], "--", directory))


@dataclass(frozen=True)
class PinnedEvidence:
    """Looks in git's history for a file of claimed evidence as an event pinned it."""

    repository: Repository
    head: str | None

    def remedy(self, path: str, digest: Digest) -> Remedy:
        """Return the command that puts it back; words alone where no commit is known to have it."""
        commit = self._commit_with(path, digest)
        if commit is None:
            return Remedy(f"restore {path} as it was, from a clone or a backup that has it")
        return Remedy("put back what was decided on: ", shell("git", "checkout", commit[:12], "--", path))

    def _commit_with(self, path: str, digest: Digest) -> GitSha | None:
        try:
            commits = self.repository.commits_of(path, self.head)[:MAX_COMMITS] if self.head else []
            return next((commit for commit in commits if self._digest_at(commit, path) == digest), None)
        except CouldNotVerify:  # a shallow or partial clone
            return None

    def _digest_at(self, commit: GitSha, path: str) -> Digest | None:
        try:
            with GitTree(self.repository, commit).open(path) as stream:
                return parse_evidence(stream.read(MAX_BYTES + 1), where=path).digest
        except InvalidInput:
            return None
