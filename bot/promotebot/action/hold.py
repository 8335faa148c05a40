"""`/hold` and `/unhold`: the required status of a pull request is red until somebody who may lifts it.

Red comes first, then the record, then red again: a job that turns it green at the same time sees the record when it
looks again (`action.verdict`), or its green is older than the last red.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from promotebot.action.gate import judge_again, publish_gate
from promotebot.action.reply import Replier
from promotebot.action.requester import Requester
from promotebot.action.result import Answer, Outcome
from promotebot.action.retry import Attempt, error_answer
from promotebot.comments.holds import render_held, render_lifted, render_not_held, render_not_lifted
from promotebot.errors import CouldNotVerify, InvalidInput, PromotebotError
from promotebot.gate.admission import who_lacks
from promotebot.gate.hold import (
    LIFTS,
    HoldStatus,
    hold_status,
    is_lifted,
    lift_holds,
    mark_ref,
)
from promotebot.gate.lifting import BY_REMARK, BY_REVIEW, Lifting, times_written
from promotebot.gate.policy import changes_who_may
from promotebot.gate.record import PullRecord
from promotebot.gate.refusal import Reason, Refusal
from promotebot.gate.status import publish_red
from promotebot.github.checks import MAX_DESCRIPTION
from promotebot.promotion.first_words import HOLD_WORDS
from promotebot.promotion.policy import Policy
from promotebot.promotion.safety_words import Hold
from promotebot.promotion.sections import Permission
from promotebot.pulls.context import JobContext
from promotebot.pulls.promotions import carried_steps
from promotebot.pulls.queue import groups_with, queued_groups
from promotebot.pulls.replan import InvalidPromotions
from promotebot.pulls.snapshot import PullSnapshot, fetch_pull, takes_promotions
from promotebot.registry.names import Stage
from promotebot.remedies import Remedy, comment
from promotebot.text import shortened

if TYPE_CHECKING:  # PyGithub is loaded by whoever makes the client
    from promotebot.github.ports import PullRequest

log = logging.getLogger(__name__)
_UNMARKED = (
    "the ref that records this hold could not be created: do not force-push the branch, and check that the merge queue "
    "does not contain this pull request"
)
TRIES = 3
"""Of each status that holds: an answer that is lost once must not leave somebody unheld."""


@dataclass(frozen=True)
class HoldJob:
    """One hold of a pull request, as somebody wrote it."""

    hold: Hold
    pull: PullRequest
    requester: Requester
    job: JobContext
    replier: Replier
    id: str
    """The comment's, or a late hold's: each holds once."""
    may_be_lifted: bool
    """It may have been heard before."""

    def run(self) -> Answer:
        """Hold, and say whether it is held; whatever goes wrong before it stands is said as clearly."""
        try:
            refusal = self._refusal()
            is_marked = refusal is None and self._record(self.pull.head_sha, is_red=self._has_gate())
        except PromotebotError as problem:
            log.warning("not held: %s", problem)
            context = self.replier.failure_context
            return self.replier.answer(
                error_answer(problem, context), render_not_held(problem.message, problem.remedy, context)
            )
        if refusal:
            answer = Answer(Outcome.REFUSED, refusal.reason, f"not held: {refusal.message}")
            if self.id.startswith((BY_REVIEW, BY_REMARK)) and self.replier.has_answered():
                return answer  # every job hears a review again that holds nothing, and says so once
            rendered = render_not_held(refusal.message, refusal.remedy, self.replier.failure_context)
            return self.replier.answer(answer, rendered)
        try:
            role, remarks = self._follow()
        except PromotebotError as problem:
            log.warning("held, and not followed: %s", problem)
            role, remarks = "", [f"not all of the merge queue and the older commits was turned red: {problem.message}"]
        return self._held(role, remarks if is_marked else [*remarks, _UNMARKED])

    def _held(self, role: str, remarks: list[str]) -> Answer:
        if self.hold.word != HOLD_WORDS[0]:
            remarks = [f"`/{self.hold.word}` means `/hold` here.", *remarks]
        rendered = render_held(self.hold.reason, role, remarks, self.replier.context)
        return self.replier.answer(Answer(Outcome.HELD, Reason.HELD, self._words), rendered)

    @property
    def _status(self) -> HoldStatus:
        return hold_status(self.pull.number, self.id, self.requester.login, self.hold.reason)

    @property
    def _words(self) -> str:
        """Who holds and why, as a status may say it."""
        return self._status.description.partition(" ")[2]

    def _has_gate(self) -> bool:
        """Return whether the base has a required status; where that cannot be read, it is turned red all the same."""
        try:
            return takes_promotions(self.pull.base_ref, self.job)
        except PromotebotError as problem:
            log.warning("red, whether or not the base takes promotions: %s", problem)
            return True

    def _refusal(self) -> Refusal | None:
        """Return why this person may not hold it: anybody may who writes, opened it, or asked for a promotion in it.

        Raises:
            CouldNotVerify: when GitHub does not answer, and nothing else permits it.
        """
        github, login, number = self.job.github, self.requester.login, self.pull.number
        if self.pull.merged:
            message = f"#{number} is merged already, so there is nothing left to hold."
            look = "see how to roll back what it promoted, in an open issue or pull request: "
            return Refusal(Reason.PULL_CLOSED, message, Remedy(look, comment("/help")))
        if self.may_be_lifted and self._was_lifted():
            message, again = "This hold was lifted already, and stays lifted.", comment("/hold")
            return Refusal(Reason.ALREADY_DONE, message, Remedy("to hold it again, in a new comment: ", again))
        unknown: CouldNotVerify | None = None
        try:
            role = github.permission(login)
            if role is not None and role >= Permission.WRITE:
                return None
        except CouldNotVerify as problem:
            unknown = problem
        if self._is_own() or self._has_asked():
            return None
        if unknown:
            raise unknown
        message = f"{login} has no write permission, did not open #{number}, and requested no promotion in it."
        asked = Remedy("ask somebody with write permission to comment: ", comment("/hold"))
        return Refusal(Reason.PERMISSION, message, asked)

    def _is_own(self) -> bool:
        """Return whether who asks opened it, from a commit that is no other open pull request's head.

        Whoever may only read can open a pull request of anybody's commit, and would hold that one, too.
        """
        if self.requester.login.lower() != self.pull.author.lower():
            return False
        others = self.job.github.pulls_with(self.pull.head_sha)
        return not any(
            one.state == "open" and one.number != self.pull.number and one.head_sha == self.pull.head_sha
            for one in others
        )

    def _has_asked(self) -> bool:
        with fetch_pull(self.pull.number, self.job, self.pull) as snapshot:
            if snapshot.pull.is_fork:
                return False
            carried = carried_steps(snapshot.changeset)
        steps = () if isinstance(carried, InvalidPromotions) else carried
        return any(step.event.request and step.event.request.login == self.requester.login for step in steps)

    def _was_lifted(self) -> bool:
        with fetch_pull(self.pull.number, self.job, self.pull) as snapshot:
            return is_lifted(PullRecord(snapshot, self.job), self.id)

    def _record(self, sha: str, *, is_red: bool) -> bool:
        """Hold on a commit: red, the record, where it is, and red again; return whether the ref says where it is.

        Args:
            is_red: the pull request goes into a branch that takes promotions; any other one has no required status.
        """
        github, number, status = self.job.github, self.pull.number, self._status
        if is_red:
            self._turn_red(sha)
        self._insist(
            lambda: github.publish_status(sha, context=status.context, state="failure", description=status.description)
        )
        is_marked = True
        try:
            self._insist(lambda: github.git.set_ref(mark_ref(number, self.id), sha))
        except PromotebotError as problem:  # the status says it; a job that judges now may be later than our red
            log.warning("the hold has no mark: %s", problem)
            is_marked = False
        if is_red:
            self._turn_red(sha)
        return is_marked

    def _turn_red(self, sha: str) -> None:
        words = f"{shortened(self._words, MAX_DESCRIPTION - len(LIFTS))}{LIFTS}"
        self._insist(partial(publish_red, self.job.github, sha, self.replier.context.gate, words))

    def _insist(self, write: Callable[[], object]) -> None:
        for attempt in range(TRIES - 1):
            with suppress(CouldNotVerify):
                write()
                return
            self.job.patience.pause(attempt)
        write()

    def _follow(self) -> tuple[str, list[str]]:
        """Hold where git has the branch now, take back every green, and show it; return who may lift it, and remarks.

        Raises:
            PromotebotError: for what could not be read or written; it is held all the same.
        """
        job, replier = self.job, self.replier
        with fetch_pull(self.pull.number, job, self.pull) as snapshot:
            replier.set_head(snapshot.changeset.head, snapshot.changeset.policy.contacts)
            record, takes = PullRecord(snapshot, job), snapshot.takes_promotions
            if snapshot.changeset.head != self.pull.head_sha:
                self._record(snapshot.changeset.head, is_red=takes)
            self._stop_queue(snapshot)  # first: no red of a head stops a group that is green already
            record.revoke_heads(why=f"#{snapshot.pull.number} is {self._words}")
            stage = _highest_stage(record)
            if snapshot.pull.state == "open" and takes and stage:
                publish_gate(Attempt(self.requester, job, replier, snapshot))
            none = f"{snapshot.pull.base_ref} does not accept promotions: no status is set there, only a record"
            return _needed(stage, snapshot.changeset.policy).name.lower(), [] if takes else [none]

    def _stop_queue(self, snapshot: PullSnapshot) -> None:
        """Turn what the merge queue built with this pull request red, so that it is taken out."""
        gate, number = self.replier.context.gate, self.pull.number
        for group in groups_with(number, queued_groups(snapshot.pull.base_ref, snapshot.repository)):
            why = f"#{number} is {self._words}"
            self._insist(partial(publish_red, self.job.github, group.sha, gate, why))


def lift(attempt: Attempt) -> Answer:
    """Lift every hold of a pull request, and have the gate judge it again.

    Raises:
        RefChanged: when the branch moved meanwhile; read it again and lift again.
    """
    snapshot, replier, record = attempt.snapshot, attempt.replier, attempt.record
    replier.set_head(snapshot.changeset.head, snapshot.changeset.policy.contacts)
    refusal = _lifting_refusal(attempt)
    if refusal:
        answer = Answer(Outcome.REFUSED, refusal.reason, f"not lifted: {refusal.message}")
        return replier.answer(answer, render_not_lifted(refusal.message, refusal.remedy, replier.context))
    lifted = [hold.words for hold in lift_holds(record, _lifting(attempt))]
    verdict = _judged_again(attempt)
    reason = Reason.LIFTED if lifted else Reason.NOTHING_TO_CHANGE
    outcome = Outcome.LIFTED if lifted else Outcome.UNCHANGED
    rendered = render_lifted(lifted, verdict, replier.context)
    return replier.answer(Answer(outcome, reason, rendered.title), rendered)


def _lifting(attempt: Attempt) -> Lifting:
    comments, own = attempt.replier.comments, attempt.requester.comment_id or 0
    at = next((one.written_at for one in comments if one.id == own), None)
    return Lifting(attempt.requester.login, own, at, times_written(attempt.snapshot.pull, comments))


def _lifting_refusal(attempt: Attempt) -> Refusal | None:
    needed = _needed(_highest_stage(attempt.record), attempt.snapshot.changeset.policy)
    lacks, role = who_lacks(attempt.requester.people, needed, attempt.job.github), needed.name.lower()
    message = f"{lacks}; lifting a hold of this pull request needs {role}. The hold remains."
    asked = Remedy(f"ask somebody with {role} permission to comment: ", comment("/unhold"))
    return Refusal(Reason.PERMISSION, message, asked) if lacks else None


def _needed(stage: Stage | None, policy: Policy) -> Permission:
    """Return the role that lifts a hold: that of the highest stage which the pull request changes; at least write."""
    if stage is None:
        return Permission.WRITE
    least = Permission.MAINTAIN if stage is Stage.ACTIVE else Permission.WRITE
    return max(least, policy.strictest.stages.permission(stage))


def _highest_stage(record: PullRecord) -> Stage | None:
    """Return the highest stage that the pull request changes; None where it promotes nothing.

    What the branch was forced away from counts, as it could be forced back; what cannot be read, and a change of the
    policy, count as ACTIVE, for which most is asked.
    """
    snapshot = record.snapshot
    changeset = snapshot.changeset
    try:
        if snapshot.pull.is_fork:
            is_ours = bool(changeset.touched_registry_files) or changes_who_may(changeset)
            return Stage.ACTIVE if is_ours else None
        if changes_who_may(changeset):
            return Stage.ACTIVE
        if changeset.base_registry is None and changeset.head_registry is None:
            return None
        carried = carried_steps(changeset)
    except InvalidInput:
        return Stage.ACTIVE
    if isinstance(carried, InvalidPromotions):
        return Stage.ACTIVE
    stages = [step.event.stage or Stage.ACTIVE for step in carried]
    stages += [one.stage for one in record.standing()]
    return max(stages, key=lambda stage: stage.rank, default=None)


def _judged_again(attempt: Attempt) -> str:
    """Return what the gate says now; empty where nothing is judged."""
    pull = attempt.snapshot.pull
    if pull.state != "open" or not attempt.snapshot.takes_promotions:
        return ""
    try:
        return judge_again(attempt).message
    except PromotebotError as problem:
        return f"it could not judge, so that it stays red ({problem.message})"
