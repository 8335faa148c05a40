"""The ledger of a branch: which of its states was verified, or announced, last. GitHub keeps it for the bot alone.

A record is a commit status by the bot's own account on the commit. It names the push that brought the branch there, by
its number in GitHub's activity list: a branch that goes back to an older commit does not make that its newest state.

https://docs.github.com/en/rest/repos/repos#list-repository-activities
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from promotebot.errors import CouldNotVerify
from promotebot.pulls.context import JobContext
from promotebot.pulls.heads import MAX_PUSHES, NOTHING, pushes_up_to

VERIFIED, ANNOUNCED = "promotebot/verified", "promotebot/announced"


@dataclass(frozen=True)
class _Stay:
    """A commit at which the branch has been, and the number of the push that brought it there."""

    commit: str
    push: int


@dataclass(frozen=True)
class Ledger:
    """The records of one kind (`VERIFIED` or `ANNOUNCED`) on one branch."""

    branch: str
    context: str
    job: JobContext

    def last(self, tip: str) -> str | None:
        """Return the newest commit with a record, also when it is in no branch any more; None without one.

        Args:
            tip: the commit at which the branch is.

        Raises:
            CouldNotVerify: when GitHub does not answer.
        """
        return next((stay.commit for stay in self._stays(tip) if self._is_recorded(stay)), None)

    def record(self, tip: str) -> None:
        """Record the commit at which the branch is, or was a moment ago, unless a newer one is recorded.

        Raises:
            CouldNotVerify: when GitHub does not take it, or does not list the push of that commit.
        """
        is_newest = True
        for stay in self._stays(tip):
            if stay.commit == tip:
                if is_newest and not self._is_recorded(stay):
                    self._publish(stay)
                return
            is_newest = is_newest and not self._is_recorded(stay)
        raise CouldNotVerify(
            f"cannot set {self.context}: GitHub does not list the push of {tip[:7]} to {self.branch} (yet)",
            remedy="run the job again",
        )

    def _publish(self, stay: _Stay) -> None:
        description = f"push {stay.push} to {self.branch}"
        self.job.github.publish_status(stay.commit, context=self.context, state="success", description=description)

    def _is_recorded(self, stay: _Stay) -> bool:
        """Return what the bot's own newest status for this push says; anybody else's counts for nothing."""
        for status in self.job.github.statuses(stay.commit):
            ours = (status.context, status.creator) == (self.context, self.job.settings.bot_login)
            if ours and status.description.startswith(f"push {stay.push} to "):
                return status.state == "success"
        return False

    def _stays(self, tip: str) -> Iterator[_Stay]:
        """Yield where the branch has been, the newest first; last the state before everything that GitHub lists."""
        before, count = tip, 0
        for push in pushes_up_to(tip, self.branch, self.job):
            before, count = push.before, count + 1
            if push.after != NOTHING:
                yield _Stay(push.after, push.id)
        if before != NOTHING and count < MAX_PUSHES:
            yield _Stay(before, 0)
