"""A branch's policy where no pull request was read: for a failure, its issue, words for stages, and what is due."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from promotebot.errors import InvalidInput, PromotebotError
from promotebot.git.branch import FetchedRepository
from promotebot.git.recent import TIP
from promotebot.github.events import BRANCH
from promotebot.planning.committed import read_policy
from promotebot.promotion.aliases import Aliases
from promotebot.promotion.contacts import Contacts
from promotebot.promotion.policy import Policy
from promotebot.pulls.context import JobContext
from promotebot.pulls.snapshot import BASE, DEFAULT, remote
from promotebot.registry.names import GitSha

log = logging.getLogger(__name__)


def default_policy(job: JobContext) -> Policy:
    """Return the default branch's policy; the defaults where it cannot be read, which is logged.

    Only for what is said about a failure, which must be told whatever becomes of the policy: it decides nothing.
    """
    try:
        refs = {BASE: f"{BRANCH}{job.default_branch}"}
        with FetchedRepository.fetched(remote(job), refs, depth=TIP) as repository:
            return read_policy(repository, repository.commit_id(BASE), job.settings.policy_path)
    except PromotebotError as problem:
        log.warning("no contacts: %s", problem)
        return Policy()


def read_aliases(job: JobContext, branch: str) -> Aliases:
    """Return the words for stages that a branch's policy has. It is read only where a word is no stage.

    Raises:
        InvalidInput: for a policy that does not read.
        CouldNotVerify: when git does not answer.
    """
    with FetchedRepository.fetched(remote(job), {BASE: f"{BRANCH}{branch}"}, depth=TIP) as repository:
        return read_policy(repository, repository.commit_id(BASE), job.settings.policy_path).aliases


def default_contacts(job: JobContext) -> Contacts:
    """Return the contacts of the default branch's policy; none where it cannot be read."""
    return default_policy(job).contacts


def base_policies(job: JobContext) -> Mapping[str, Policy]:
    """Return the policy of every branch that may be promoted into, the default one first, without a request to the API.

    A branch that the default one's policy lists, and that is not there, is left out. One whose own policy does not read
    has the empty one here: nothing turns green there, and whoever may push to it stops no other branch's timer.

    Raises:
        InvalidInput: for a policy of the default branch that does not read.
        CouldNotVerify: when git does not answer.
    """
    path, refs = job.settings.policy_path, {DEFAULT: f"{BRANCH}{job.default_branch}"}
    with FetchedRepository.fetched(remote(job), refs, depth=TIP) as repository:
        first = read_policy(repository, repository.commit_id(DEFAULT), path)
        others = {base: f"{BASE}/{n}" for n, base in enumerate(first.bases) if base != job.default_branch}
        if others:
            repository.fetch({}, optional={ref: f"{BRANCH}{base}" for base, ref in others.items()}, depth=TIP)
        tips = {base: tip for base, ref in others.items() if (tip := repository.resolve(ref))}
        return {job.default_branch: first} | {
            base: _policy_at(repository, base, tip, path) for base, tip in tips.items()
        }


def _policy_at(repository: FetchedRepository, base: str, tip: GitSha, path: str) -> Policy:
    try:
        return read_policy(repository, tip, path)
    except InvalidInput as problem:
        log.warning("the policy of %s does not read: %s", base, problem)
        return Policy()
