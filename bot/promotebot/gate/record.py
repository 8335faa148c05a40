"""The record of a pull request: every head it has had, what was green there, and what the bot decided for it.

A branch can be forced back to any commit that it had. What it carries now is therefore not all that somebody could
merge: GitHub's activity list tells the heads, and their statuses what the bot said.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property

from promotebot.gate.attestation import PREFIX
from promotebot.github.checks import gate_context, is_gate
from promotebot.github.ports import BranchPush, CommitStatus
from promotebot.pulls.context import JobContext
from promotebot.pulls.heads import heads_of, recent_pushes
from promotebot.pulls.snapshot import PullSnapshot
from promotebot.registry.names import Stage

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Attestation:
    """What the bot said last of one event, on the commit that its request was made on."""

    sha: str
    context: str
    stands: bool
    request_id: str
    what: str
    """Model and stage while it stands, such as `regime_classifier → ACTIVE`; why it was taken back afterwards."""

    @property
    def model(self) -> str:
        """The event's model."""
        return self.what.partition(" ")[0]

    @property
    def stage(self) -> Stage:
        """The event's stage; ACTIVE, for which most is asked, where the words tell none."""
        label = self.what.rpartition(" ")[2]
        return next((stage for stage in Stage if stage.label == label), Stage.ACTIVE)


@dataclass(frozen=True)
class PullRecord:
    """Reads, and takes back, what the bot said on the heads of one pull request; nothing is read before it is needed.

    GitHub does not tell the heads of a fork's branch, so that such a pull request has no record.
    """

    snapshot: PullSnapshot
    job: JobContext

    @cached_property
    def heads(self) -> tuple[str, ...]:
        """Each commit that the branch has stood at, newest first; none for a fork, whose pushes GitHub does not tell.

        Raises:
            CouldNotVerify: when GitHub does not answer.
        """
        if self.snapshot.pull.is_fork:
            return ()
        # The present one first: GitHub may not list it yet.
        return tuple(dict.fromkeys([self.snapshot.changeset.head, *heads_of(self._pushes)]))

    def of_request(self, request_id: str) -> Attestation | None:
        """Return what the bot said of a request that it carried out already; None for every other one.

        It was carried out when the bot moved the branch away from the commit that it was made on. A job that was
        killed before, or came too late with its push, has decided without doing anything.
        """
        on = [sha for sha in self.heads if sha in self._moved_from]
        decided = (one for sha in on for one in self._attestations_on(sha))
        return next((one for one in decided if one.request_id == request_id), None)

    @property
    def has_decisions(self) -> bool:
        """True when the bot has moved the branch: only then can older heads carry what it decided."""
        return bool(self._moved_from)

    def attestations(self) -> Iterator[Attestation]:
        """Yield what the bot decided for this pull request on any of its heads, standing or taken back."""
        for sha in self.heads:
            yield from self._attestations_on(sha)

    def revoke_heads(self, *, why: str, keep: str = "", surely: str = "") -> int:
        """Turn the required status red on every head that the pull request has had and that is green by our account.

        A status belongs to a commit: whoever may push could otherwise bring back what was withdrawn, or judged by an
        older policy, and merge it before a job has looked again. Every base's status is meant: the pull request may
        have had another one, and could get it back. A head that the base holds is the base's own, and left alone.

        Args:
            why: in a few words, for the status's description.
            keep: the head that stays as it is.
            surely: the head that is turned red in any case: GitHub may list what another job just said there late.

        Returns:
            the number of heads that were green.

        Raises:
            CouldNotVerify: when GitHub does not answer, or does not take a status.
        """
        self._read.clear()  # a job that judges at the same time may have made one green since it was read
        revoked = 0
        for sha in self.heads:
            # What the base holds is the base's own. Asked last: a commit that was pushed away has to be fetched first.
            green = {*([] if sha == keep else self._green(sha)), *([self._gate] if sha == surely else [])}
            if not green or self._is_of_base(sha):
                continue
            for context in sorted(green):
                self.job.github.publish_status(sha, context=context, state="failure", description=why)
            log.info("%s is green no longer: %s", sha[:7], why)
            revoked += 1
        return revoked

    def turn_red(self, sha: str, *, why: str) -> None:
        """Turn the required status red on a head that the branch has left, whatever GitHub lists there.

        Raises:
            CouldNotVerify: when GitHub does not take the status.
        """
        if not self._is_of_base(sha):
            self.job.github.publish_status(sha, context=self._gate, state="failure", description=why)

    def revoke_other_bases(self) -> None:
        """Turn the present head's verdict red for each base that no pull request from it goes into any more.

        When such a base moves nothing judges the head again, and the pull request could get that base back, still
        green.

        Raises:
            CouldNotVerify: when GitHub does not answer, or does not take a status.
        """
        if not self.snapshot.other_base and not self.snapshot.trusted.bases:
            return  # nothing is green for another base
        pull, head = self.snapshot.pull, self.snapshot.changeset.head
        why = f"#{pull.number} goes into {pull.base_ref} now"
        for context in self._green(head):
            if context != self._gate:
                self.job.github.publish_status(head, context=context, state="failure", description=why)

    def standing(self, keep: Collection[str] = ()) -> list[Attestation]:
        """Return what the bot decided for this pull request, wherever its branch has been, and did not take back.

        Args:
            keep: contexts of events to leave out.
        """
        return [one for one in self.attestations() if one.stands and one.context not in keep]

    def take_back(self, attestations: Collection[Attestation], *, why: str) -> None:
        """Take these events back.

        Args:
            why: in a few words, for the statuses' descriptions.

        Raises:
            CouldNotVerify: when GitHub does not take a status.
        """
        for one in attestations:
            description = f"#{self.snapshot.pull.number} {one.request_id} {why}"
            self.job.github.publish_status(one.sha, context=one.context, state="failure", description=description)

    @cached_property
    def _pushes(self) -> tuple[BranchPush, ...]:
        return tuple(recent_pushes(self.snapshot.pull.head_ref, self.job.github))

    @cached_property
    def _moved_from(self) -> frozenset[str]:
        """The commits that the bot moved the branch away from: those on which it carried out what was asked."""
        return frozenset(push.before for push in self._pushes if push.actor == self.job.settings.bot_login)

    @cached_property
    def _read(self) -> dict[str, tuple[CommitStatus, ...]]:
        return {}

    def _ours(self, sha: str) -> tuple[CommitStatus, ...]:
        """Return the newest status of each context that the bot posted on a commit; somebody else's hides none."""
        if sha not in self._read:
            login, newest = self.job.settings.bot_login, dict[str, CommitStatus]()
            for status in self.job.github.statuses(sha):
                if status.creator == login:
                    newest.setdefault(status.context, status)
            self._read[sha] = tuple(newest.values())
        return self._read[sha]

    def _attestations_on(self, sha: str) -> Iterator[Attestation]:
        for status in self._ours(sha):
            number, _, rest = status.description.partition(" ")
            if status.context.startswith(PREFIX) and number == f"#{self.snapshot.pull.number}":
                request_id, _, what = rest.partition(" ")
                yield Attestation(sha, status.context, status.state == "success", request_id, what)

    @property
    def _gate(self) -> str:
        return gate_context(self.snapshot.pull.base_ref, self.snapshot.default_branch)

    def _green(self, sha: str) -> list[str]:
        """Return the green verdicts on a commit, by context, but for those on which another pull request stands."""
        green = [s.context for s in self._ours(sha) if is_gate(s.context) and s.state == "success"]
        if set(green) <= {self._gate}:
            return green
        number, default = self.snapshot.pull.number, self.snapshot.default_branch
        others = [p for p in self.job.github.pulls_with(sha) if p.head_sha == sha and p.number != number]
        theirs = {gate_context(p.base_ref, default) for p in others if p.merged or p.state == "open"}
        return [context for context in green if context == self._gate or context not in theirs]

    def _is_of_base(self, sha: str) -> bool:
        changeset = self.snapshot.changeset
        return changeset.repository.is_ancestor(sha, changeset.base)
