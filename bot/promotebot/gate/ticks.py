"""The boxes of the runbook's checklist that people ticked: commit statuses by the bot on the commit they looked at.

A status belongs to a commit, so that a new commit has none of them. See docs/architecture.md, Commands.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from promotebot.gate.record import PullRecord
from promotebot.github.ports import CommitStatus
from promotebot.promotion.checklist import NO_TICKS, Tick
from promotebot.registry.names import GitSha

_PREFIX = "promotebot/check/"
_CONTEXT = re.compile(rf"{_PREFIX}(\d{{1,18}})/([1-7])(?: \((.+)\))?", re.ASCII)
_DESCRIPTION = re.compile(r"#\d+ box \d ticked by (\S+)", re.ASCII)


def tick_context(pull: int, box: int, other_base: str) -> str:
    """Return the context of the status that records a tick; a base that is not the default one is named in it."""
    return f"{_PREFIX}{pull}/{box}{f' ({other_base})' if other_base else ''}"


def tick_description(pull: int, box: int, login: str) -> str:
    """Return what the status that records a tick says."""
    return f"#{pull} box {box} ticked by {login}"


def ticks_in(statuses: Iterable[CommitStatus], pull: int, other_base: str, bot: str) -> dict[int, Tick]:
    """Return the boxes that statuses of a commit, newest first, record as ticked for a pull request."""
    ticks: dict[int, Tick] = {}
    for status in statuses:
        context, said = _CONTEXT.fullmatch(status.context), _DESCRIPTION.fullmatch(status.description)
        if not (context and said and (status.creator, status.state) == (bot, "success")):
            continue
        if (int(context[1]), context[3] or "") == (pull, other_base):
            ticks.setdefault(int(context[2]), Tick(said[1], status.created_at))
    return ticks


def read_ticks(record: PullRecord, head: GitSha) -> Mapping[int, Tick]:
    """Return the boxes that people ticked on a head, by what was read with the pull request wherever that suffices.

    Raises:
        CouldNotVerify: when GitHub does not answer.
    """
    snapshot = record.snapshot
    if head != snapshot.changeset.head:  # this job made it a moment ago
        return NO_TICKS
    told = (snapshot.pull.commit_statuses or {}).get(head)
    # Somebody else's status may hide the bot's own of the same context, which are then asked for.
    if told is not None and not any(status.context.startswith(_PREFIX) for status in told):
        return NO_TICKS
    statuses = record.statuses_on(head, again=told is not None)
    return ticks_in(statuses, snapshot.pull.number, snapshot.other_base, record.job.settings.bot_login)
