"""What the open pull requests into a branch promote: one question to GitHub, and one fetch of all their heads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from promotebot.errors import InvalidInput
from promotebot.git.branch import FetchedRepository
from promotebot.promotion.replay import Step
from promotebot.promotion.standing import OpenPromotion, OpenPromotions
from promotebot.pulls.changeset import Changeset
from promotebot.pulls.context import JobContext
from promotebot.pulls.promotions import carried_steps
from promotebot.pulls.replan import InvalidPromotions
from promotebot.pulls.small_files import read_our_files
from promotebot.pulls.snapshot import BASE, HEAD, MARKS, fetched_marks, remote, remote_head
from promotebot.registry.names import GitSha

if TYPE_CHECKING:  # PyGithub is loaded by whoever makes the client
    from promotebot.github.ports import PullRequest

MAX_PULLS = 50
"""Pull requests that are looked into, the newest of them: an answer must not cost what a repository has of them."""


def open_promotions(base_ref: str, job: JobContext, *, but: int = 0) -> OpenPromotions:
    """Return what the open pull requests into a branch promote, the newest first; a fork's cannot promote.

    Args:
        but: the number of a pull request that is left out.

    Raises:
        CouldNotVerify: when GitHub or git does not answer.
    """
    pulls = [pull for pull in job.github.open_pulls(base_ref) if pull.number != but and not pull.is_fork]
    shown = pulls[:MAX_PULLS]
    if not shown:
        return OpenPromotions(())
    heads = {f"{HEAD}/{pull.number}": remote_head(pull) for pull in shown}
    refs = {BASE: f"refs/heads/{base_ref}"}
    for pull in shown:
        refs |= fetched_marks(pull.number)
    with FetchedRepository.fetched(remote(job), refs, optional=heads) as repository:
        base = repository.commit_id(BASE)
        read_our_files(repository, [base], job)
        read = [_carried(pull, base, repository, job) for pull in shown]
        held = {name.partition("/")[0] for name in repository.refs_below(MARKS)}
    found = tuple(
        OpenPromotion(pull.number, steps, is_held=str(pull.number) in held)
        for pull, steps in zip(shown, read, strict=True)
        if steps
    )
    return OpenPromotions(found, unread=len(pulls) - len(shown) + read.count(None))


def _carried(
    pull: PullRequest, base: GitSha, repository: FetchedRepository, job: JobContext
) -> tuple[Step, ...] | None:
    """Return what a pull request promotes; None where its branch is gone or does not read."""
    head = repository.resolve(f"{HEAD}/{pull.number}")
    if head is None:
        return None
    changeset = Changeset(
        repository, base, head, job.settings.registry_path, job.settings.policy_path, job.settings.base_dir
    )
    try:
        steps = carried_steps(changeset) if changeset.touched_registry_files else ()
    except InvalidInput:
        return None
    return None if isinstance(steps, InvalidPromotions) else steps
