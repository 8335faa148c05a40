"""Pointers of older tools, which recorded no digest: what their bytes were when they were put there.

See docs/architecture.md, Files.
"""

from __future__ import annotations

from dataclasses import dataclass

from promotebot.artifact.limits import Terms
from promotebot.artifact.source import GitTree
from promotebot.errors import CouldNotVerify, InvalidInput
from promotebot.git.repository import Repository
from promotebot.planning.committed import read_registry
from promotebot.planning.examiner import Examine
from promotebot.registry.model import Pointer
from promotebot.registry.names import Digest, GitSha, Stage


@dataclass(frozen=True)
class LegacyDigests:
    """Looks in git's history for the commit in which a stage first held a pointer."""

    repository: Repository
    head: str | None
    registry_path: str
    examine: Examine

    def __call__(self, name: str, stage: Stage, pointer: Pointer) -> Digest | None:
        """Return the artifact's digest in that commit; None where git cannot say (a shallow or partial clone)."""
        try:
            commit = self._commit(name, stage, pointer)
            tree = GitTree(self.repository, commit) if commit else None
            return self.examine(tree, pointer.artifact_dir, Terms()).digest if tree else None
        except CouldNotVerify:
            return None

    def _commit(self, name: str, stage: Stage, pointer: Pointer) -> GitSha | None:
        """Return the oldest commit of the unbroken row, from now back, in which the pointer stood or was remembered."""
        oldest = None
        for commit in self.repository.commits_of(self.registry_path, self.head) if self.head else ():
            if self._stood(commit, name, stage, pointer):
                oldest = commit
            elif oldest:
                return oldest
        # A shallow clone begins with a commit that seems to put everything there.
        return None if self.repository.is_shallow() else oldest

    def _stood(self, commit: str, name: str, stage: Stage, pointer: Pointer) -> bool:
        try:
            registry = read_registry(self.repository, commit, self.registry_path)
            return registry is not None and registry.get_stage_pointer(name, stage) == pointer
        except InvalidInput:
            return False
