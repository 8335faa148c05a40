"""The base moved: which of the open pull requests have to be judged again, by git alone."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from promotebot.errors import InvalidInput, PromotebotError
from promotebot.git.branch import FetchedRepository
from promotebot.planning.committed import read_policy, read_registry
from promotebot.promotion.places import every_place
from promotebot.pulls.changeset import Changeset
from promotebot.pulls.context import JobContext
from promotebot.pulls.heads import every_push, heads_of
from promotebot.pulls.named import evaluation_places, is_attributes, is_ours, our_places, places_of
from promotebot.pulls.small_files import read_our_files
from promotebot.pulls.snapshot import BASE, HEAD, remote, remote_head
from promotebot.pulls.twins import twins
from promotebot.registry.names import GitSha

if TYPE_CHECKING:  # PyGithub is loaded by whoever makes the client
    from promotebot.github.ports import PullRequest

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class AffectedPull:
    """A pull request that has to be judged again."""

    pull: PullRequest
    head: str
    """Its head as git has it, which GitHub may show later; where the branch is gone, as GitHub shows it."""
    is_gone: bool = False
    """True when git has no such branch: the pull request may be closed by now."""
    left: tuple[str, ...] = ()
    """Heads that its branch has left and that change such a thing, too; only where the base did not move."""


def open_pulls(bases: Iterable[str], job: JobContext) -> list[PullRequest]:
    """Return the open pull requests into some branches, in the order of their turn: the newest first, forks last."""
    found = (pull for base in bases for pull in job.github.open_pulls(base))
    return sorted(found, key=lambda pull: (pull.is_fork, -pull.number))


def affected_pulls(
    pulls: Sequence[PullRequest], base_ref: str, before: str | None, job: JobContext
) -> list[AffectedPull]:
    """Return those of the open pull requests into a branch that change something the gate looks at, or once did.

    One fetch brings the base and every head. A pull request whose head is not there, or cannot be read, is affected:
    judged alone, it says why.

    Args:
        before: the commit at which the base was before it moved; None where it did not. Then the heads that the
            branches have left are named, too, of which any may be forced back; none of a fork's, which GitHub hides.

    Raises:
        CouldNotVerify: when git does not answer.
    """
    if not pulls:
        return []
    heads = {f"{HEAD}/{pull.number}": remote_head(pull) for pull in pulls}
    refs = {BASE: f"refs/heads/{base_ref}"}
    with FetchedRepository.fetched(remote(job), refs, optional=heads) as repository:
        base = repository.commit_id(BASE)
        read_our_files(repository, [base], job)
        named = _Named(repository, base, before or base, job)
        affected = []
        for pull in pulls:
            head = repository.resolve(f"{HEAD}/{pull.number}")
            left = named.left(pull, head) if head and before is None else ()
            if head is None or left or named.concern(head) or named.concerned_once(pull, head):
                affected.append(AffectedPull(pull, head or pull.head_sha, is_gone=head is None, left=left))
        return affected


@dataclass(frozen=True)
class _Named:
    """Registry, policy and what the base's pointers name, read once, however many pull requests are open."""

    repository: FetchedRepository
    base: GitSha
    before: str
    job: JobContext

    def concern(self, head: GitSha) -> bool:
        """Return whether a branch changes registry, policy or what a pointer names, or whether that is unknown."""
        settings = self.job.settings
        changeset = Changeset(
            self.repository, self.base, head, settings.registry_path, settings.policy_path, settings.base_dir
        )
        try:
            paths = changeset.changed_paths
            # Also what one commit does and the next one undoes: rebasing applies each for itself (`Changeset.rebased`).
            own = self.repository.paths_of_commits(self.base, head, merges=False)
            return (
                not self._places.isdisjoint(changeset.changed_places | places_of(own))
                or any(map(is_attributes, paths))
                or any(twins(self._places, paths))
                or changeset.carried_into(self._places) is not None
            )
        except PromotebotError:  # what cannot be read is no pass, and the gate says why
            return True

    def concerned_once(self, pull: PullRequest, head: GitSha) -> bool:
        """Return whether an older head changed such a thing: green by the base of then, it could be pushed back."""
        if pull.is_fork or not (self._is_outdated or self._added):
            return False  # GitHub does not tell the heads of a fork's branch
        try:
            if pull.only_added_to and self._never_concerned(pull.only_added_to, head):
                return False  # so that GitHub need not be asked where each branch has been
            heads = list(heads_of(every_push(pull.head_ref, self.job.github)))
            self.repository.fetch_commits(heads)
            return any(self.concern(head) for head in heads if self._is_outdated or self._takes_in(head))
        except PromotebotError:
            return True

    def left(self, pull: PullRequest, head: GitSha) -> tuple[str, ...]:
        """Return the older heads that change such a thing, or may do so; none where GitHub does not tell them."""
        try:
            if pull.is_fork or (pull.only_added_to and self._never_concerned(pull.only_added_to, head)):
                return ()
            heads = [one for one in heads_of(every_push(pull.head_ref, self.job.github)) if one != head]
        except PromotebotError as problem:
            log.warning("nobody knows where %s has been: %s", pull.head_ref, problem)
            return ()
        try:
            self.repository.fetch_commits(heads)
        except PromotebotError:  # what is not there is not known to change nothing
            return tuple(heads)
        return tuple(one for one in heads if self.concern(one))

    def _never_concerned(self, known: str, head: GitSha) -> bool:
        """Return whether no commit of a branch that was only ever added to can be a head that changed such a thing."""
        repository = self.repository
        if not repository.is_ancestor(known, head):
            return False
        paths = repository.paths_of_commits(self.base, head)
        fork = repository.merge_base(self.base, head)
        gone = places_of(repository.changed_paths(fork, self.base, "D"))  # a merge may carry a change of these along
        return (
            (self._places | gone).isdisjoint(places_of(paths))
            and not any(map(is_attributes, paths))
            and not any(twins(self._places, paths))
        )

    @cached_property
    def _is_outdated(self) -> bool:
        """True when what verdicts are made by changed on the base: registry, policy, or what a manifest lists."""
        repository, settings = self.repository, self.job.settings
        try:
            repository.fetch_commit(self.before)  # here already, unless the base was forced away from it
        except PromotebotError:
            return True  # the branch was created again: nobody knows what that changed
        paths = repository.changed_paths(self.before, self.base)
        if any(is_ours(path, settings.registry_path, settings.policy_path) for path in paths):
            return True
        return not (self._artifacts(self.before) | self._artifacts(self.base)).isdisjoint(places_of(paths))

    @cached_property
    def _added(self) -> list[str]:
        return self.repository.changed_paths(self.before, self.base, "A")

    @cached_property
    def _added_places(self) -> frozenset[str]:
        return places_of(self._added)

    def _takes_in(self, head: str) -> bool:
        """Return whether a new file of the base belongs, in some spelling, to an artifact that a branch alone has."""
        directories = self._artifacts(head)
        return not directories.isdisjoint(self._added_places) or any(twins(directories, self._added))

    def _artifacts(self, commit: str) -> set[str]:
        listed = (entry.path for entry in self.repository.list_tree(commit, "", recursive=True))
        return {path.removesuffix("/manifest.json") for path in listed if path.endswith("/manifest.json")}

    @cached_property
    def _places(self) -> frozenset[str]:
        settings = self.job.settings
        ours = our_places(settings.registry_path, settings.policy_path)
        registry = read_registry(self.repository, self.base, settings.registry_path)
        with suppress(InvalidInput):  # a policy that does not read refuses whatever concerns it
            ours |= evaluation_places(read_policy(self.repository, self.base, settings.policy_path))
        return ours | every_place(registry) if registry else ours
