"""What the default branch's policy says where no pull request was read: the contacts of a failure."""

from __future__ import annotations

import logging

from promotebot.errors import PromotebotError
from promotebot.git.branch import FetchedRepository
from promotebot.github.events import BRANCH
from promotebot.planning.committed import read_policy
from promotebot.promotion.contacts import Contacts
from promotebot.pulls.context import JobContext
from promotebot.pulls.snapshot import BASE, remote

log = logging.getLogger(__name__)


def default_contacts(job: JobContext) -> Contacts:
    """Return the contacts of the default branch's policy; none where it cannot be read, which is logged.

    A failure is being told already, and must be told whatever becomes of its contacts.
    """
    try:
        refs = {BASE: f"{BRANCH}{job.default_branch}"}
        with FetchedRepository.fetched(remote(job), refs, tips_only=True) as repository:
            return read_policy(repository, repository.commit_id(BASE), job.settings.policy_path).contacts
    except PromotebotError as problem:
        log.warning("no contacts: %s", problem)
        return ()
