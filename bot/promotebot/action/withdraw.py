"""Take back what a pull request promotes, before the merge: the base's registry and what remains.

See docs/architecture.md, Commands.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from promotebot.action.permissions import permission_refusal, pull_refusal
from promotebot.action.reply import Replier
from promotebot.action.requester import Requester
from promotebot.action.result import Answer, Outcome, Reason
from promotebot.comments import notices as notes
from promotebot.comments.refusals import render_refused_event, render_unclear
from promotebot.gate.judge import evaluate_pull
from promotebot.promotion.replay import Step
from promotebot.pulls.commit import commit_registry
from promotebot.pulls.context import JobContext
from promotebot.pulls.promotions import WITHDRAWN, InvalidPromotions, load_pending, request_id
from promotebot.pulls.snapshot import PullSnapshot
from promotebot.registry.names import ModelName, Stage


@dataclass(frozen=True)
class Withdrawal:
    """One withdrawal on one state of a pull request: of a model's promotions, of one stage's, or of all."""

    requester: Requester
    job: JobContext
    replier: Replier
    snapshot: PullSnapshot
    now: datetime
    model: ModelName | None = None
    stage: Stage | None = None
    quiet: bool = False
    """Say nothing where there is nothing to withdraw: a label may outlive what it asked for."""

    def run(self) -> Answer:
        """Commit the registry without them.

        Raises:
            RefChanged: when the branch moved meanwhile; read it afresh and run again.
        """
        changeset = self.snapshot.changeset
        self.replier.set_head(changeset.head, changeset.policy.contacts)
        refused = pull_refusal(self.snapshot.pull)
        if refused:
            return self._refuse(*refused)
        pending = load_pending(self.snapshot, self.job, self.now)
        if isinstance(pending, InvalidPromotions):
            rendered = render_unclear(pending.findings, pending.model, self.replier.context)
            return self.replier.post(Answer(Outcome.REFUSED, Reason.HAND_EDIT, rendered.title), rendered)
        chosen = [step for step in pending.own if self._is_meant(step)]
        if not chosen:
            what = f"of {self.model} " if self.model else ""
            if self.quiet:
                return Answer(Outcome.UNCHANGED, Reason.NOTHING_TO_WITHDRAW)
            message = f"This pull request carries no promotion {what}that could be withdrawn."
            return self._refuse(Reason.NOTHING_TO_WITHDRAW, message, "`/status` shows what it carries")
        highest = max((step.event.stage or Stage.ACTIVE for step in chosen), key=lambda stage: stage.rank)
        refused = permission_refusal(self.requester.login, highest, self.snapshot, self.job.github, "withdrawing from")
        return self._refuse(*refused) if refused else self._withdraw(chosen)

    def _is_meant(self, step: Step) -> bool:
        """A promotion made at a terminal has no request to take back; its author edits the branch."""
        wanted = self.model in (None, step.model) and self.stage in (None, step.event.stage)
        return wanted and bool(request_id(step))

    def _withdraw(self, chosen: Sequence[Step]) -> Answer:
        remaining = load_pending(self.snapshot, self.job, self.now, without=lambda step: step in chosen)
        if isinstance(remaining, InvalidPromotions):
            rendered = render_unclear(remaining.findings, remaining.model, self.replier.context)
            return self.replier.post(Answer(Outcome.REFUSED, Reason.RULES, rendered.title), rendered)
        models = sorted({step.model for step in remaining.own})
        commit = commit_registry(
            self.snapshot,
            self.job,
            remaining.registry,
            models,
            message=_message(chosen, self.requester),
            merge=remaining.behind,
            now=self.now,
        )
        after = replace(self.snapshot.changeset, head=commit)
        found = evaluate_pull(self.snapshot, after, self.job, self.now)
        answer = Answer(Outcome.WITHDRAWN, Reason.WITHDRAWN, commit_sha=commit)
        for model in dict.fromkeys(step.model for step in chosen):
            mine = [step for step in chosen if step.model == model]
            rendered = notes.render_withdrawn(model, mine, commit, self.replier.context)
            self.replier.check(commit, found.conclusion, found.title, rendered)
            answer = self.replier.post(replace(answer, message=rendered.title), rendered)
        return answer

    def _refuse(self, reason: Reason, message: str, remedy: str) -> Answer:
        answer = Answer(Outcome.REFUSED, reason, message)
        return self.replier.post(answer, render_refused_event(message, remedy, self.replier.context))


def _message(chosen: Sequence[Step], requester: Requester) -> str:
    names = ", ".join(dict.fromkeys(step.event.pointer.artifact_id for step in chosen))
    lines = [f"{WITHDRAWN}: {request_id(step)}" for step in chosen]
    return "\n".join([f"revert(ml): Withdraw {names}", "", *lines, f"Requested-by: {requester.login}", ""])
