"""Answers that are late: GitHub shows a change some seconds after it happened, and its own clients see that, too.

The hub's clock decides, so that a test passes the time: `hub.pass_time(10)`. `hub.late = NEVER_LATE` is the kindness.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.fake_github.records import Issue, Label
    from tests.fake_github.state import HubState, Pull


@dataclass(frozen=True)
class Lateness:
    """How many seconds after a change reads show it."""

    heads: float = 10.0
    """`GET /pulls/N` and `refs/pull/N/head`; a branch's own ref is never late."""
    reads: float = 3.0
    """Lists of comments, statuses, labels and activity, also for whoever wrote into them."""


NEVER_LATE = Lateness(0.0, 0.0)


def is_shown(hub: HubState, happened: datetime) -> bool:
    """Tell whether reads show by now what happened at a moment."""
    return happened + timedelta(seconds=hub.late.reads) <= hub.instant()


def shown_labels(hub: HubState, issue: Issue) -> list[Label]:
    """Return the labels that reads show by now: what came or went since is undone."""
    labels = list(issue.labels)
    for event in reversed(issue.events):
        if not is_shown(hub, event.created_at):
            labels = [label for label in labels if label != event.label]
            labels += [event.label] if event.event == "unlabeled" else []
    return labels


def shown_head(pull: Pull) -> str:
    """Return the head that reads of a pull request show by now."""
    hub = pull.base.hub
    due = hub.instant() - timedelta(seconds=hub.late.heads)
    return next((sha for moved, sha in reversed(pull.heads) if moved <= due), pull.heads[0][1])


def show_heads(hub: HubState) -> None:
    """Move `refs/pull/N/head` to where reads show it by now."""
    for repo in hub.repositories.values():
        for pull in repo.pulls.values():
            if len(pull.heads) > 1 and pull.shown_ref != (head := shown_head(pull)):
                repo.git.set_ref(f"refs/pull/{pull.number}/head", head)
                pull.shown_ref = head
