"""The record of a pull request: every head it has had, what was green there, and what the bot decided for it.

A branch can be forced back to any commit that it had. What it carries now is therefore not all that somebody could
merge: GitHub's activity list tells the heads, and their statuses what the bot said.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from promotebot.errors import CouldNotVerify
from promotebot.gate.attestation import PREFIX, Attestation, attestation_context
from promotebot.github.checks import gate_context, is_gate
from promotebot.github.ports import BranchPush, CommitStatus
from promotebot.pulls.codeowners import PLACES
from promotebot.pulls.context import JobContext
from promotebot.pulls.heads import NOTHING, every_push, heads_of
from promotebot.pulls.named import evaluation_places
from promotebot.pulls.promotions import requests_in
from promotebot.pulls.snapshot import PullSnapshot
from promotebot.registry.split_layout import models_directory

log = logging.getLogger(__name__)


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

    def _each_head(self) -> Iterator[str]:
        """Yield the present head, and then every other one, so that a list that is too long hides not this one.

        Raises:
            CouldNotVerify: when GitHub does not answer, or after the present head, when it lists too many.
        """
        head = self.snapshot.changeset.head
        yield head
        yield from (sha for sha in self.heads if sha != head)

    def of_request(self, request_id: str) -> Attestation | None:
        """Return what the bot said of a request that it carried out already; None for every other one.

        Only a run that is run again can have done so before: each run has its requests to itself.

        It was carried out when the bot moved the branch to a commit with its event. A job that was killed before, or
        came too late with its push, has decided without doing anything.

        Raises:
            CouldNotVerify: when git or GitHub does not answer.
        """
        if self.job.settings.is_first_attempt:
            return None
        changeset = self.snapshot.changeset
        for push in self._pushes:
            if push.actor != self.job.settings.bot_login or push.after == NOTHING:
                continue
            commit = self.snapshot.repository.fetch_commit(push.after)
            for digest, ref in requests_in(commit, changeset):
                if ref.id == request_id:
                    context = attestation_context(digest, self.snapshot.other_base)
                    decided = (one for one in self._attestations_on(ref.head_sha) if one.context == context)
                    return next(decided, Attestation(ref.head_sha, context, False, request_id, "not attested"))
        return None

    @property
    def has_decisions(self) -> bool:
        """True when the bot has moved the branch: only then can older heads carry what it decided.

        A branch that was only ever added to still holds each commit by which it did so, and each of them changed the
        registry: where none did, GitHub need not be asked where the branch has been.

        Raises:
            CouldNotVerify: when GitHub does not answer.
        """
        path = self.job.settings.registry_path
        is_untouched = self.snapshot.never_changed([path, models_directory(path)])
        return not is_untouched and any(push.actor == self.job.settings.bot_login for push in self._pushes)

    def is_by_bot(self, sha: str) -> bool:
        """Return whether the bot moved the branch to a commit; False where GitHub does not tell, as of a fork."""
        if self.snapshot.pull.is_fork:
            return False
        try:
            return any((push.actor, push.after) == (self.job.settings.bot_login, sha) for push in self._pushes)
        except CouldNotVerify as problem:
            log.warning("nobody knows who made %s: %s", sha[:7], problem)
            return False

    def attestations(self) -> Iterator[Attestation]:
        """Yield what the bot decided for this pull request on any of its heads, standing or taken back.

        Where it never moved the branch, only a job that was killed before its push can have left something: on a commit
        that the branch still has, if it was only ever added to.
        """
        pull = self.snapshot.pull
        is_all = pull.only_added_to and pull.commit_statuses is not None and not self.has_decisions
        here = [self.snapshot.changeset.head, *(pull.commit_statuses or ())]
        for sha in dict.fromkeys(here) if is_all else self.heads:
            yield from self._attestations_on(sha)

    def revoke_heads(self, *, why: str, keep: str = "") -> int:
        """Turn the required status red on every head that the pull request has had and that is green by our account.

        A status belongs to a commit: whoever may push could otherwise bring back what was withdrawn, or judged by an
        older policy, and merge it before a job has looked again. Every base's status is meant: the pull request may
        have had another one, and could get it back. A head that the base holds is the base's own, and left alone.

        Args:
            why: in a few words, for the status's description.
            keep: the head that stays as it is.

        Returns:
            the number of heads that were green.

        Raises:
            CouldNotVerify: when GitHub does not answer, or does not take a status.
        """
        self._read.clear()  # a job that judges at the same time may have made one green since it was read
        revoked = 0
        for sha in self._each_head():
            # What the base holds is the base's own. Asked last: a commit that was pushed away has to be fetched first.
            green = [] if sha == keep else self._green(sha)
            if not green or self._is_of_base(sha):
                continue
            for context in sorted(green):
                self.job.github.publish_status(sha, context=context, state="failure", description=why)
            log.info("%s is green no longer: %s", sha[:7], why)
            revoked += 1
        return revoked

    def revoke_older(self, *, why: str) -> None:
        """Turn older heads red that may be green for promotions or the policy, and that are no other pull request's.

        Raises:
            CouldNotVerify: when GitHub does not answer, or does not take a status.
        """
        changeset, path = self.snapshot.changeset, self.job.settings.registry_path
        ours = [path, models_directory(path), changeset.policy_path, *PLACES, *evaluation_places(changeset.policy)]
        if not self.snapshot.never_changed(ours):
            self._revoke_alone((sha for sha in self.heads if sha != changeset.head), why=why)

    def turn_red(self, sha: str, *, why: str) -> None:
        """Turn the required status red on a head that the branch has left, whatever GitHub lists there.

        Raises:
            CouldNotVerify: when GitHub does not take the status.
        """
        if not self._is_of_base(sha):
            self.job.github.publish_status(sha, context=self._gate, state="failure", description=why)

    def revoke_other_bases(self, *, everywhere: bool = False) -> None:
        """Turn the present head's verdict red for each base that no pull request from it goes into any more.

        When such a base moves nothing judges the head again, and the pull request could get that base back, still
        green.

        Args:
            everywhere: do so on every head that the pull request has had, as any of them could be forced back.

        Raises:
            CouldNotVerify: when GitHub does not answer, or does not take a status.
        """
        if not (everywhere or self.snapshot.other_base or self.snapshot.trusted.bases):
            return  # nothing is green for another base
        self._read.clear()  # what was read with the pull request shows the newest status only, whoever posted it
        pull, heads = self.snapshot.pull, self._each_head() if everywhere else (self.snapshot.changeset.head,)
        why = f"#{pull.number} now targets {pull.base_ref}"
        for sha in heads:
            for context in self._green(sha):
                if context != self._gate:
                    self.job.github.publish_status(sha, context=context, state="failure", description=why)

    def revoke_closed(self) -> int:
        """Turn every head red that is green by our account and that no other open pull request into the base is at.

        While a pull request is closed, nothing judges it again, and whoever opens it again could merge it before a job
        looks. Opening it has it judged. A merge leaves such heads, too: what was squashed or rebased, and what the
        branch was forced away from, is on no base, and could come there in a new pull request.

        Returns:
            the number of heads that were green.

        Raises:
            CouldNotVerify: when GitHub does not answer, or does not take a status.
        """
        pull, head = self.snapshot.pull, self.snapshot.changeset.head
        if pull.merged and pull.only_added_to == head and self._is_of_base(head):
            return 0  # and with it every older one
        how = "merged; a new pull request" if pull.merged else "closed; reopening it"
        return self._revoke_alone(self._each_head(), why=f"#{pull.number} was {how} starts the check again")

    def revoke_left(self, before: str) -> None:
        """Turn the head red that a fork's branch has left: nobody tells it later, and any writer could push it here.

        Raises:
            CouldNotVerify: when GitHub does not answer, or does not take a status.
        """
        pull, head = self.snapshot.pull, self.snapshot.changeset.head
        if pull.is_fork and before != head:
            self._revoke_alone((before,), why=f"#{pull.number} went on to {head[:7]}")

    def _revoke_alone(self, heads: Iterable[str], *, why: str) -> int:
        pull, github, revoked = self.snapshot.pull, self.job.github, 0
        self._read.clear()  # what was read with the pull request shows the newest status only, whoever posted it
        for sha in heads:
            if not any(s.context == self._gate and s.state == "success" for s in self.statuses_on(sha)):
                continue
            # A fork's pull request carries no promotion, and whoever may only read could open one.
            others = [
                p
                for p in github.pulls_with(sha)
                if (p.head_sha, p.base_ref, p.state) == (sha, pull.base_ref, "open") and (pull.is_fork or not p.is_fork)
            ]
            if any(p.number != pull.number for p in others) or self._is_of_base(sha):
                continue
            github.publish_status(sha, context=self._gate, state="failure", description=why)
            revoked += 1
        return revoked

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
        branch, head = self.snapshot.pull.head_ref, self.snapshot.changeset.head
        return self.job.patience.ask_until(
            lambda: tuple(every_push(branch, self.job.github)),
            lambda pushes: any(push.after == head for push in pushes),  # GitHub may not list it yet
        )

    @cached_property
    def _read(self) -> dict[str, tuple[CommitStatus, ...]]:
        told = self.snapshot.pull.commit_statuses or {}
        return {sha: self._by_bot(statuses) for sha, statuses in told.items()}

    def _by_bot(self, statuses: Iterable[CommitStatus]) -> tuple[CommitStatus, ...]:
        """Return the newest status of each context that the bot posted; somebody else's hides none."""
        newest = dict[str, CommitStatus]()
        for status in statuses:
            if status.creator == self.job.settings.bot_login:
                newest.setdefault(status.context, status)
        return tuple(newest.values())

    def statuses_on(self, sha: str, *, again: bool = False) -> tuple[CommitStatus, ...]:
        """Return the newest status of each context that the bot posted on a commit.

        Args:
            again: ask GitHub, whatever was read before.

        Raises:
            CouldNotVerify: when GitHub does not answer.
        """
        if again or sha not in self._read:
            self._read[sha] = self._by_bot(self.job.github.statuses(sha))
        return self._read[sha]

    def _attestations_on(self, sha: str) -> Iterator[Attestation]:
        for status in self.statuses_on(sha):
            number, _, rest = status.description.partition(" ")
            if status.context.startswith(PREFIX) and number == f"#{self.snapshot.pull.number}":
                request_id, _, what = rest.partition(" ")
                yield Attestation(sha, status.context, status.state == "success", request_id, what)

    @property
    def _gate(self) -> str:
        return gate_context(self.snapshot.pull.base_ref, self.snapshot.default_branch)

    def _green(self, sha: str) -> list[str]:
        """Return the green verdicts on a commit, by context, but for those on which another pull request stands."""
        green = [s.context for s in self.statuses_on(sha) if is_gate(s.context) and s.state == "success"]
        if set(green) <= {self._gate}:
            return green
        number, default = self.snapshot.pull.number, self.snapshot.default_branch
        with_it = self.job.github.pulls_with(sha)
        others = [p for p in with_it if p.head_sha == sha and p.number != number and not p.is_fork]
        theirs = {gate_context(p.base_ref, default) for p in others if p.merged or p.state == "open"}
        return [context for context in green if context == self._gate or context not in theirs]

    def _is_of_base(self, sha: str) -> bool:
        changeset = self.snapshot.changeset
        return changeset.repository.is_ancestor(sha, changeset.base)
