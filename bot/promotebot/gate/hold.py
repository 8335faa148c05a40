"""Holds: what keeps a pull request from being merged until somebody who may lifts it.

A hold is a commit status by the bot on a head of the pull request, with a context of its own, and a ref that names
that commit. The status says who holds and why; it is red while the hold stands, and green once it was lifted. The ref
says where to look: GitHub's lists show a status some seconds late, and a fork's older heads not at all.

https://docs.github.com/en/rest/commits/statuses
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone

from promotebot.errors import CouldNotVerify
from promotebot.findings import Finding, error
from promotebot.gate.lifting import Lifting
from promotebot.gate.record import PullRecord
from promotebot.github.checks import MAX_DESCRIPTION
from promotebot.github.ports import CommitStatus, GitHub
from promotebot.pulls.snapshot import marks_of
from promotebot.remedies import Remedy, comment
from promotebot.text import shortened, visible

log = logging.getLogger(__name__)
RULE = "gate.hold"
LIFTS = "; /unhold lifts it"
_PREFIX = "promotebot/hold/"
_CONTEXT = re.compile(rf"{_PREFIX}(\d{{1,18}})/(.+)", re.ASCII)
_DESCRIPTION = re.compile(r"#\d+ held by (\S+)(?:: (.*))?", re.DOTALL)
_AT_ONCE, _MAX_MARKS = 100, 100
_Recorded = Mapping[tuple[int, str], Sequence[tuple[str, CommitStatus]]]
"""Pull request and id of a hold → commits that record it, with their newest status."""


@dataclass(frozen=True)
class StandingHold:
    """A hold that nobody lifted, with the commits on which it is recorded."""

    pull: int
    id: str
    """The id of the comment that asked for it; `review-`, `remark-` or `edit-` stands before a late one's."""
    login: str
    """Empty where the record is not there to be read."""
    reason: str = ""
    since: datetime | None = None
    shas: tuple[str, ...] = ()
    description: str = ""
    """Of its status, as it was posted."""

    @property
    def words(self) -> str:
        """Who holds, since when and why, in one line."""
        since = f" since {self.since.astimezone(timezone.utc):%Y-%m-%d %H:%M} UTC" if self.since else ""
        if not self.login:
            return f"held, as {marks_of(self.pull)}{self.id} says; GitHub does not show by whom"
        return f"held by {self.login}{since}{f': {self.reason}' if self.reason else ''}"


@dataclass(frozen=True)
class HoldStatus:
    """The status that records a hold."""

    context: str
    description: str


def hold_status(pull: int, hold_id: str, login: str, reason: str) -> HoldStatus:
    """Return the status that records a hold; of a long reason it has the beginning.

    Characters that take four bytes are left out: GitHub does not take them everywhere, and a hold must not fail by one.
    """
    said = "".join(c if ord(c) <= 0xFFFF else "?" for c in visible(reason))
    words = f"#{pull} held by {login}{f': {said}' if said else ''}"
    return HoldStatus(_context(pull, hold_id), shortened(words, MAX_DESCRIPTION))


def mark_ref(pull: int, hold_id: str) -> str:
    """Return the name of the ref that names the commit on which a hold is recorded."""
    return f"{marks_of(pull)}{hold_id}"


def standing_holds(record: PullRecord) -> list[StandingHold]:
    """Return the holds that keep this pull request from being merged, the oldest first.

    Those of the pull request itself stand wherever its branch has been. Those of another one count where they are
    recorded on this very head: a verdict belongs to the commit, so that a green here would be green there.

    Raises:
        CouldNotVerify: when it cannot be known whether one stands.
    """
    return _standing_of(_recorded(record), record)


def _standing_of(said: _Recorded, record: PullRecord) -> list[StandingHold]:
    number, holds = record.snapshot.pull.number, []
    for (pull, hold_id), statuses in said.items():
        if not any(status.state == "success" for _, status in statuses):
            holds.append(_standing(pull, hold_id, statuses))
    unrecorded = [hold_id for hold_id in record.snapshot.marks if (number, hold_id) not in said]
    holds += [StandingHold(number, hold_id, "") for hold_id in unrecorded]
    return sorted(holds, key=lambda hold: (hold.pull != number, hold.since is None, hold.since, hold.id))


def is_recorded(record: PullRecord, hold_id: str) -> bool:
    """Return whether a hold of this pull request was made before, also where it was lifted since.

    Anybody who may write can make, and delete, a ref of its name: that alone records nothing.

    Raises:
        CouldNotVerify: when GitHub does not answer.
    """
    return (record.snapshot.pull.number, hold_id) in _recorded(record)


def is_lifted(record: PullRecord, hold_id: str) -> bool:
    """Return whether a hold of this pull request was lifted: each comment holds once.

    Raises:
        CouldNotVerify: when GitHub does not answer.
    """
    statuses = _recorded(record).get((record.snapshot.pull.number, hold_id), ())
    return any(status.state == "success" for _, status in statuses)


def lift_holds(record: PullRecord, lifting: Lifting) -> list[StandingHold]:
    """Lift the holds of this pull request that a comment's author could know of, and return those that stood.

    Every record of them turns green, and their marks go away; the records stay. What was written later stands.

    Raises:
        CouldNotVerify: when GitHub does not answer, or does not take a status.
    """
    number, github, marks = record.snapshot.pull.number, record.job.github, record.snapshot.marks
    said = _recorded(record)
    own = {hold_id: statuses for (pull, hold_id), statuses in said.items() if pull == number}
    known = {hold_id for hold_id in {*own, *marks} if lifting.knew(hold_id, _since(own.get(hold_id, ())))}
    # Anybody who may write can make a mark of anything; what has a record is a commit, wherever the branch is now.
    places = {
        (sha, hold_id)
        for hold_id, sha in marks.items()
        if hold_id not in own and record.snapshot.repository.has_commit(sha)
    }
    for hold_id, statuses in own.items():
        places |= {(sha, hold_id) for sha, status in statuses if status.state != "success"}
    description = f"#{number} lifted by {lifting.login}"
    for sha, hold_id in sorted(places):
        if hold_id in known:
            github.publish_status(sha, context=_context(number, hold_id), state="success", description=description)
    for hold_id in marks:
        if hold_id in known:
            _forget(mark_ref(number, hold_id), github)
    return [hold for hold in _standing_of(said, record) if hold.pull == number and hold.id in known]


def _since(statuses: Sequence[tuple[str, CommitStatus]]) -> datetime | None:
    """Return when a hold was recorded first, as far as its newest statuses tell."""
    return min((status.created_at for _, status in statuses if status.created_at), default=None)


def _forget(ref: str, github: GitHub) -> None:
    """Take a mark away; where that fails, the records say all the same that the hold was lifted."""
    try:
        github.git.set_ref(ref, None)
    except CouldNotVerify as problem:
        log.warning("a mark of a lifted hold stays: %s", problem)


def carry_holds(holds: Iterable[StandingHold], record: PullRecord, head: str) -> None:
    """Record the pull request's standing holds on a head, too, where they are not.

    So a hold stays where people look, and another pull request from the same commit meets it.

    Raises:
        CouldNotVerify: when GitHub does not take a status.
    """
    for hold in holds:
        if hold.pull == record.snapshot.pull.number and hold.login and head not in hold.shas:
            context = _context(hold.pull, hold.id)
            record.job.github.publish_status(head, context=context, state="failure", description=hold.description)


def hold_findings(holds: Sequence[StandingHold], pull: int) -> list[Finding]:
    """Return an error for each hold, as the gate on a pull request reports it."""
    return [_finding(hold, pull) for hold in holds]


def _finding(hold: StandingHold, pull: int) -> Finding:
    if hold.pull != pull:
        message = f"This commit is the head of #{hold.pull}, too, which is {hold.words}."
        lifted = Remedy(f"push another commit, or somebody who may comments in #{hold.pull}: ", comment("/unhold"))
        return error(RULE, message, remedy=lifted)
    return error(RULE, f"{hold.words[0].upper()}{hold.words[1:]}", remedy=Remedy(comment("/unhold")))


def _standing(pull: int, hold_id: str, statuses: Sequence[tuple[str, CommitStatus]]) -> StandingHold:
    first = min(statuses, key=lambda one: (one[1].created_at is None, one[1].created_at))[1]
    found = _DESCRIPTION.fullmatch(first.description)
    login, reason = (found[1].rstrip(":"), found[2] or "") if found else ("somebody", "")
    shas = tuple(sha for sha, _ in statuses)
    return StandingHold(pull, hold_id, login, reason, first.created_at, shas, first.description)


def _recorded(record: PullRecord) -> dict[tuple[int, str], list[tuple[str, CommitStatus]]]:
    """Return what the bot recorded on the heads: pull request and id of a hold → commits with their newest status."""
    snapshot = record.snapshot
    number, head, marks = snapshot.pull.number, str(snapshot.changeset.head), snapshot.marks
    if len(marks) > _MAX_MARKS:
        remedy = f"delete the refs below {marks_of(number)} that nobody needs, and run the job again"
        raise CouldNotVerify(f"#{number} has more than {_MAX_MARKS} marks of holds", remedy=remedy)
    said: dict[tuple[int, str], list[tuple[str, CommitStatus]]] = {}
    told, marked = _told(record), set(marks.values())
    for sha in dict.fromkeys([head, *told, *marked]):
        # What a mark names is asked for by itself: what was told may be older than the mark.
        for pull, hold_id, status in _holds_on(sha, record, None if sha in marked else told.get(sha)):
            if number == pull or sha == head:
                said.setdefault((pull, hold_id), []).append((sha, status))
    for hold_id, sha in marks.items():
        if (number, hold_id) not in said:  # GitHub may not show it yet
            found = record.job.patience.ask_until(
                lambda sha=sha: list(_holds_on(sha, record, None)),  # type: ignore[misc]
                lambda held, hold_id=hold_id: any(one[:2] == (number, hold_id) for one in held),  # type: ignore[misc]
            )
            own = [(sha, status) for pull, found_id, status in found if (pull, found_id) == (number, hold_id)]
            said |= {(number, hold_id): own} if own else {}
    return said


def _told(record: PullRecord) -> Mapping[str, Sequence[CommitStatus]]:
    """Return what were heads of the pull request, as far as it is known, with the newest status of each context.

    The pull request's marks tell of the rest. A branch that was only ever added to still has all of its heads; of any
    other one GitHub's list of pushes tells, and one question brings the statuses of a hundred.
    """
    snapshot, github = record.snapshot, record.job.github
    pull, changeset, repository = snapshot.pull, snapshot.changeset, snapshot.repository
    told = dict(pull.commit_statuses or {})
    if pull.commit_statuses is not None and pull.only_added_to:
        if pull.only_added_to == changeset.head:
            return told
        if repository.is_ancestor(pull.only_added_to, changeset.head):
            later = repository.commits_since(pull.only_added_to, changeset.head, limit=_AT_ONCE)
            if len(later) < _AT_ONCE:
                return {**told, **github.look_again(pull.number, later).statuses}
    heads = [] if pull.is_fork else [sha for sha in record.heads if sha not in told]
    for start in range(0, len(heads), _AT_ONCE):
        told.update(github.look_again(pull.number, heads[start : start + _AT_ONCE]).statuses)
    return told


def _holds_on(
    sha: str, record: PullRecord, told: Sequence[CommitStatus] | None
) -> Iterator[tuple[int, str, CommitStatus]]:
    """Yield pull request, id and newest status by the bot of each hold that a commit records.

    Args:
        told: the newest status of each context, whoever posted it; where one is a hold's, the bot's own are asked for,
            which another one may hide, and which this job may have written a moment ago.
    """
    if told is not None and not any(status.context.startswith(_PREFIX) for status in told):
        return
    for status in record.statuses_on(sha, again=True):
        found = _CONTEXT.fullmatch(status.context)
        if found:
            yield int(found[1]), found[2], status


def _context(pull: int, hold_id: str) -> str:
    return f"{_PREFIX}{pull}/{hold_id}"
