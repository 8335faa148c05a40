"""The base moved: every open pull request that it concerns is marked as pending, then each is brought up to date.

See docs/architecture.md, Commands.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from datetime import timedelta

from promotebot.action.late_holds import hear_reviews
from promotebot.action.refresh import refresh_pull
from promotebot.action.reply import Replier
from promotebot.action.requester import Requester
from promotebot.action.result import Answer, Outcome
from promotebot.action.retry import error_answer, report_errors, retry_on_moved_head
from promotebot.errors import PromotebotError
from promotebot.gate.refusal import Reason
from promotebot.gate.status import publish_pending
from promotebot.github.checks import gate_context
from promotebot.github.events import Pushed
from promotebot.pulls.affected import AffectedPull, affected_pulls
from promotebot.pulls.context import JobContext
from promotebot.pulls.snapshot import takes_promotions
from promotebot.text import counted

log = logging.getLogger(__name__)
BUDGET = timedelta(minutes=5)
"""For the artifacts of one pull request, so that slow models of one hold up no other."""


def refresh_pulls(event: Pushed, job: JobContext) -> Answer:
    """Bring every open pull request up to date that changes registry, policy, or what a pointer names now.

    What fails in one of them, whatever it is, keeps no other from its turn.

    Raises:
        CouldNotVerify: when neither the list of pull requests nor their commits can be read.
        Exception: a defect of promotebot's own, after all of them had their turn.
    """
    if not takes_promotions(event.branch, job):
        return Answer(Outcome.IGNORED, Reason.OTHER_EVENT, f"{event.branch} does not accept promotions")
    pulls = job.github.open_pulls(event.branch)
    walk = _Walk(event.branch, job)
    try:
        affected = affected_pulls(pulls, event.branch, event.before, job)
    except PromotebotError:  # nobody knows which it concerns: until somebody does, none is merged by what was green
        for pull in pulls:
            walk.mark_pending(AffectedPull(pull, pull.head_sha))
        raise
    for one in affected:  # all of them first: until its turn comes, none is merged by what was green before
        walk.mark_pending(one)
    for one in sorted(affected, key=lambda one: one.pull.is_fork):  # whoever may read can open many from a fork
        walk.refresh(one)
    return walk.answer(len(pulls))


@dataclass
class _Walk:
    """One way through the pull requests that a move of their base concerns, and what came of each."""

    branch: str
    job: JobContext
    answers: list[Answer] = field(default_factory=list)
    failed: dict[int, Answer] = field(default_factory=dict)
    """By number, the first failure of each that did not get all of its turn."""
    defect: Exception | None = None

    def mark_pending(self, affected: AffectedPull) -> None:
        """Take a green of the old base back until the pull request is judged on the new one."""
        number, gate = affected.pull.number, gate_context(self.branch, self.job.default_branch)
        try:
            publish_pending(self.job.github, affected.head, gate, f"{self.branch} moved; judging again")
        except PromotebotError as problem:
            log.warning("#%d is not marked as pending: %s", number, problem)
            self.failed[number] = error_answer(problem, self._replier(affected).context)

    def refresh(self, affected: AffectedPull) -> None:
        """Bring one pull request up to date; whatever goes wrong is kept, and the next one has its turn."""
        number = affected.pull.number
        try:
            replier = self._replier(affected)
            answer = report_errors(replier, lambda: self._refresh(affected, replier))
        except Exception as problem:  # noqa: BLE001 - a defect, raised again by `answer` when all had their turn
            log.warning("#%d: internal error: %s", number, type(problem).__name__)
            self.defect = self.defect or problem
            return
        self.answers.append(answer)
        if answer.outcome is Outcome.FAILED:
            self.failed.setdefault(number, answer)

    def _refresh(self, affected: AffectedPull, replier: Replier) -> Answer:
        pull = affected.pull
        if affected.is_gone:
            pull = self.job.github.pull(pull.number)
            if pull.state != "open":
                return Answer(Outcome.IGNORED, Reason.PULL_CLOSED, "the pull request is closed")
        job = self.job.within(BUDGET, f"#{pull.number}")
        hear_reviews(pull, job)
        return retry_on_moved_head(self._requester(pull.number), job, replier, refresh_pull, known=pull)

    def _replier(self, affected: AffectedPull) -> Replier:
        replier = Replier(self.job.github, self.job.settings, self._requester(affected.pull.number))
        replier.set_pull(affected.pull, self.job.default_branch)
        return replier

    def _requester(self, number: int) -> Requester:
        settings = self.job.settings
        url = settings.run_url or f"{settings.server_url}/{settings.repository}/pull/{number}"
        return Requester(number, settings.bot_login, "", url)

    def answer(self, count: int) -> Answer:
        """Return one answer for all of them: the first failure, if any.

        Args:
            count: how many pull requests are open.

        Raises:
            Exception: the first defect.
        """
        if self.defect:
            raise self.defect
        made = [answer for answer in self.answers if answer.reason is Reason.RECOMPUTED]
        failed = list(self.failed.values())
        summary = "\n\n".join(answer.summary for answer in self.answers if answer.summary)
        message = (
            f"{counted(len(made), 'pull request')} updated for {self.branch}, {len(failed)} failed, of {count} open"
        )
        if failed:
            return replace(failed[0], message=f"{message}: {failed[0].message}", summary=summary)
        return Answer(Outcome.UNCHANGED if not made else Outcome.PROMOTED, Reason.RECOMPUTED, message, summary=summary)
