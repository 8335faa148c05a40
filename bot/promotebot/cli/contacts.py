"""Whom to call, below a command that failed: the policy's contacts, where it can be read."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Mapping

from promotebot.errors import PromotebotError
from promotebot.promotion.contacts import Contacts, Purpose, contacts_for
from promotebot.text import visible

log = logging.getLogger(__name__)
PURPOSES: Mapping[str, tuple[Purpose, ...]] = {
    "promote": (Purpose.REFUSED,),
    "rollback": (Purpose.REFUSED, Purpose.ROLLBACK),
    "demote": (Purpose.REFUSED, Purpose.ROLLBACK),
    "gate": (Purpose.REFUSED,),
    "verify": (Purpose.MISMATCH,),
}
"""Command → what its failure is; nobody is called for any other one's."""


def log_contacts(options: argparse.Namespace) -> None:
    """Log the contacts of the policy, in one line; nothing where there are none, or no policy reads."""
    purposes = PURPOSES.get(options.command)
    if purposes is None:
        return
    try:
        contacts = _contacts(options)
    except PromotebotError:
        return  # the failure that was told a line above matters, and says it where the policy is the reason
    named = contacts_for(contacts, *purposes)
    if named:
        log.error("Contacts: %s", visible(", ".join(named)))


def _contacts(options: argparse.Namespace) -> Contacts:
    """Return the contacts of the policy at HEAD, or in a deployed copy, where nothing is loaded that needs git."""
    if getattr(options, "without_git", False):
        from promotebot.cli.verify_copy import DeployedCopy

        return DeployedCopy.at(options).policy.contacts
    from promotebot.cli.work_tree import work_tree_of
    from promotebot.planning.committed import read_policy

    repository, work_tree = work_tree_of(options)
    head = repository.resolve("HEAD")
    return read_policy(repository, head, work_tree.policy_path).contacts if head else ()
