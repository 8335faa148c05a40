"""Take back what a pull request promotes, before the merge: the base's registry and what remains.

See docs/architecture.md, Commands.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from promotebot.action.gate import judge_again
from promotebot.action.requester import Requester
from promotebot.action.rest import Rest
from promotebot.action.result import Answer, Outcome
from promotebot.action.retry import Attempt
from promotebot.comments.notices import render_taken_back
from promotebot.comments.refusals import render_unclear
from promotebot.gate.admission import base_refusal, people_refusal, pull_refusal
from promotebot.gate.attestation import Attestation, attestation_context
from promotebot.gate.refusal import Reason, Refusal
from promotebot.promotion.policy import Policy
from promotebot.promotion.replay import Step
from promotebot.pulls.model_owners import policy_for
from promotebot.pulls.promotions import WITHDRAWN, carried_steps, request_id
from promotebot.pulls.replan import InvalidPromotions
from promotebot.registry.model import Source
from promotebot.registry.names import ModelName, Stage
from promotebot.remedies import Remedy, comment


@dataclass(frozen=True)
class Withdrawal:
    """One withdrawal on one state of a pull request: of a model's promotions, of one stage's, or of all."""

    attempt: Attempt
    model: ModelName | None = None
    stage: Stage | None = None
    quiet: bool = False
    """Post nothing where there is nothing to withdraw: a label may outlive what it asked for."""

    def run(self) -> Answer:
        """Commit the registry without them.

        Raises:
            RefChanged: when the branch moved meanwhile; read it again and run again.
        """
        snapshot, replier = self.attempt.snapshot, self.attempt.replier
        changeset = snapshot.changeset
        replier.set_head(changeset.head, changeset.policy.contacts)
        is_closed = snapshot.pull.state != "open" and not snapshot.pull.merged
        refusal = (None if is_closed else pull_refusal(snapshot.pull)) or base_refusal(snapshot)
        if refusal:
            return replier.refuse(refusal)
        if is_closed:
            return self._take_back(())
        carried = carried_steps(changeset)
        if isinstance(carried, InvalidPromotions):
            return self._invalid(carried, Reason.HAND_EDIT)
        chosen = [step for step in carried if self._is_meant(step)]
        if not chosen:
            return self._take_back(carried)
        for step in sorted(chosen, key=lambda step: (step.event.stage or Stage.ACTIVE).rank, reverse=True):
            refusal = self._refusal(step.event.stage or Stage.ACTIVE, policy_for(changeset, step.model))
            if refusal:
                return replier.refuse(refusal)
        return self._withdraw(chosen, carried)

    def _refusal(self, stage: Stage, policy: Policy) -> Refusal | None:
        people = self.attempt.requester.people
        return people_refusal(people, stage, policy, self.attempt.job.github, "withdrawing from")

    def _take_back(self, carried: Sequence[Step]) -> Answer:
        """Take back what was decided and the branch does not carry: it was forced away, and could be forced back."""
        replier, record = self.attempt.replier, self.attempt.record
        kept = {attestation_context(step.digest, self.attempt.snapshot.other_base) for step in carried}
        meant = [one for one in record.standing(kept) if self._is_named(one)]
        if not meant and self.quiet:
            return Answer(Outcome.UNCHANGED, Reason.NOTHING_TO_WITHDRAW)
        if not meant:
            of_model = f"of {self.model} " if self.model else ""
            message = f"This pull request contains no promotion {of_model}that could be withdrawn."
            look = Remedy("see what it contains: ", comment("/status"))
            return replier.refuse(Refusal(Reason.NOTHING_TO_WITHDRAW, message, look))
        # A record cuts long names of models off.
        strictest = self.attempt.snapshot.changeset.policy.strictest
        refusal = self._refusal(max((one.stage for one in meant), key=lambda stage: stage.rank), strictest)
        if refusal:
            return replier.refuse(refusal)
        record.take_back(meant, why="withdrawn")
        record.revoke_heads(why="its promotions were withdrawn")
        head = self.attempt.snapshot.changeset.head
        if carried:  # what the branch carries stands, and its verdict with it
            judge_again(self.attempt)
        rendered = render_taken_back([one.what for one in meant], head, replier.context)
        return replier.post(Answer(Outcome.WITHDRAWN, Reason.WITHDRAWN, rendered.title), rendered)

    def _is_named(self, one: Attestation) -> bool:
        return (self.model is None or one.is_of(self.model)) and self.stage in (None, one.stage)

    def _is_meant(self, step: Step) -> bool:
        """A promotion made at a terminal was asked of nobody here; its author edits the branch."""
        wanted = self.model in (None, step.model) and self.stage in (None, step.event.stage)
        return wanted and step.event.source is Source.GITHUB

    def _withdraw(self, chosen: Sequence[Step], carried: Sequence[Step]) -> Answer:
        rest = Rest(self.attempt, chosen, carried)
        unattested = rest.unattested()
        if unattested:
            return self._invalid(InvalidPromotions(tuple(unattested)), Reason.HAND_EDIT)
        remaining = rest.plan()
        if isinstance(remaining, InvalidPromotions):
            return self._invalid(remaining, Reason.RULES)
        commit = rest.commit(remaining, _message(chosen, self.attempt.requester), self._is_named)
        names = ", ".join(dict.fromkeys(step.event.pointer.artifact_id for step in chosen))
        answer = Answer(Outcome.WITHDRAWN, Reason.WITHDRAWN, f"withdrawn: {names}", commit)
        return rest.publish(remaining, answer, main=chosen[0].model)

    def _invalid(self, pending: InvalidPromotions, reason: Reason) -> Answer:
        replier = self.attempt.replier
        rendered = render_unclear(pending.findings, pending.model, replier.context)
        return replier.answer(Answer(Outcome.REFUSED, reason, rendered.title), rendered)


def _message(chosen: Sequence[Step], requester: Requester) -> str:
    names = ", ".join(dict.fromkeys(step.event.pointer.artifact_id for step in chosen))
    lines = [f"{WITHDRAWN}: {request_id(step)}" for step in chosen if request_id(step)]
    return "\n".join([f"revert(ml): Withdraw {names}", "", *lines, f"Requested-by: {requester.login}", ""])
