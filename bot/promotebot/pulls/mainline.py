"""The commits of a branch itself, as they follow one another: which of them brought an event."""

from __future__ import annotations

from dataclasses import dataclass, field

from promotebot.errors import InvalidInput
from promotebot.git.branch import FetchedRepository
from promotebot.planning.committed import read_registry
from promotebot.promotion.replay import Step
from promotebot.registry.chain import event_digest
from promotebot.registry.names import GitSha
from promotebot.registry.registry import ModelRegistry
from promotebot.registry.split_layout import model_file


@dataclass(frozen=True)
class Mainline:
    """A branch at its tip; a registry that was read once is not read again."""

    repository: FetchedRepository
    name: str
    tip: GitSha
    registry_path: str
    announced: GitSha | None = None
    """Its last announced state; None where there is none."""
    registries: dict[GitSha, ModelRegistry | None] = field(default_factory=dict)
    """By commit; None where there is none, or none that reads."""

    def commit_that_brought(self, step: Step) -> GitSha | None:
        """Return the oldest of the newest commits that all have the event: a merge, a squash, or a rebased commit."""
        files, found = [self.registry_path, model_file(self.registry_path, step.model)], None

        def lacks(commit: GitSha) -> bool:
            return not self._has(commit, step)

        for commit in self.repository.mainline_commits(self.tip, files, ends=lacks):
            if lacks(commit):
                break
            found = commit
        return found

    def is_at(self, commit: str, step: Step) -> bool:
        """Return whether the event is in its model's history at any commit of the repository.

        Raises:
            CouldNotVerify: when the commit cannot be fetched.
        """
        return self._has(self.repository.fetch_commit(commit), step)

    def _has(self, commit: GitSha, step: Step) -> bool:
        try:
            if commit not in self.registries:
                self.registries[commit] = read_registry(self.repository, commit, self.registry_path)
            registry = self.registries[commit]
            events = registry.raw_history(step.model) if registry and step.model in registry else ()
            return any(event_digest(event) == step.digest for event in events)
        except InvalidInput:  # what does not read holds no event
            self.registries[commit] = None
            return False
