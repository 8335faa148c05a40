"""What came to a branch against the gate: as findings, and as one issue that grows until people close it."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from promotebot.comments.comment import contact_names
from promotebot.comments.markdown import code, link
from promotebot.comments.notices import branch_subject, extended_issue, report_issue
from promotebot.findings import Finding, error
from promotebot.gate.origin import Origin
from promotebot.gate.requests import subject
from promotebot.git.branch import FetchedRepository
from promotebot.promotion.contacts import Contacts, Purpose
from promotebot.pulls.context import JobContext
from promotebot.pulls.heads import push_that_brought
from promotebot.registry.names import Stage
from promotebot.remedies import Remedy, comment
from promotebot.text import short_digest

log = logging.getLogger(__name__)
SUBJECT, TITLE = "@merged", "Merged without passing the gate"


def against_gate(origin: Origin, branch: str, repository: FetchedRepository, job: JobContext) -> Finding:
    """Return the finding on an event that the gate did not let through: what, how it came, and how to take it out.

    Raises:
        CouldNotVerify: when GitHub does not answer.
    """
    step, commit = origin.step, origin.commit
    push = push_that_brought(commit, branch, repository, job) if commit else None
    brought = f" with {commit}" if commit else ""
    by = f", by {push.actor}" if push else ""
    stage = step.event.stage or Stage.ACTIVE
    is_active = stage is Stage.ACTIVE
    words = ["/rollback", step.model] if is_active else ["/demote", step.model, stage.value]
    place = "" if is_active else " with a comment on a pull request"  # an issue, where this is read, takes a rollback
    back = comment(*words, "--reason", "merged without passing the gate")
    return error(
        "gate.merged",
        f"{subject(step)}, event {short_digest(step.digest)}, came to {branch}{brought}{by}: {origin.problem}. "
        "It is not announced.",
        where=step.before.at(step.model),
        remedy=Remedy(f"find out who uses it, then remove it{place}: ", back),
    )


def keep_issue(findings: Sequence[Finding], branch: str, contacts: Contacts, job: JobContext) -> None:
    """Open the issue, or add to the open one what it does not say yet; nothing where it says all of it.

    Raises:
        CouldNotVerify: when GitHub does not answer.
    """
    settings = job.settings
    facts = {
        "branch": code(branch),
        "run": link("the run", settings.run_url) if settings.run_url else "",
        "contacts": contact_names(contacts, Purpose.MISMATCH),
    }
    marker, body = report_issue(branch_subject(SUBJECT, branch, job.default_branch), TITLE, findings, facts)
    known = job.github.find_issue(marker, author_login=settings.bot_login)
    if known is None:
        made = job.github.create_issue(f"promotebot: {TITLE.lower()}", body)
        log.info("opened %s", made.html_url)
        return
    extended, added = extended_issue(known.body, findings)
    if added:
        job.github.update_issue(known.number, body=extended, comment=added)
