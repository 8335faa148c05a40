"""What a pull request promotes without some of its promotions: planned again, committed and judged."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from promotebot.action.cards import gate_report, post_cards
from promotebot.action.commit import DecidedChange, commit_decided
from promotebot.action.gate import judge_again, judge_left
from promotebot.action.result import Answer
from promotebot.action.retry import Attempt
from promotebot.action.verdict import publish_standing
from promotebot.errors import RefChanged
from promotebot.findings import Finding, errors_in
from promotebot.gate.attestation import Attestation
from promotebot.gate.judge import evaluate_pull
from promotebot.gate.requests import check_attested
from promotebot.promotion.replay import Step
from promotebot.pulls.commit import NOTHING
from promotebot.pulls.replan import InvalidPromotions, PendingPromotions, replan
from promotebot.registry.names import GitSha
from promotebot.remedies import Remedy, comment


@dataclass(frozen=True)
class Rest:
    """The promotions of a pull request that stay when others are taken out of it."""

    attempt: Attempt
    gone: Sequence[Step]
    carried: Sequence[Step]
    """All that it promotes now."""

    @property
    def _kept(self) -> list[Step]:
        return [step for step in self.carried if step not in self.gone]

    def unattested(self) -> list[Finding]:
        """Return why the bot vouches for none of what stays, where it did not decide all of that.

        Raises:
            CouldNotVerify: when GitHub does not answer.
        """
        snapshot = self.attempt.snapshot
        found = check_attested(self._kept, snapshot.pull.number, snapshot.other_base, self.attempt.job)
        return errors_in(found.values())

    def plan(self) -> PendingPromotions | InvalidPromotions:
        """Return what stays, planned again on the base.

        Raises:
            CouldNotVerify: when git or GitHub does not answer.
        """
        remaining = replan(self._kept, self.carried, self.attempt.snapshot, self.attempt.job)
        if not isinstance(remaining, InvalidPromotions):
            return remaining
        remedy = Remedy("withdraw everything, then request again what you want to keep: ", comment("/withdraw"))
        problems = tuple(one.model_copy(update={"remedy": remedy}) for one in errors_in(remaining.findings))
        return InvalidPromotions(problems, remaining.model)

    def commit(
        self,
        remaining: PendingPromotions,
        message: str,
        is_meant: Callable[[Attestation], bool],
        others: Mapping[str, bytes] = NOTHING,
    ) -> GitSha:
        """Commit what stays, and other files with it; see `commit_decided`.

        Raises:
            RefChanged: when the branch moved meanwhile; read it again and run again.
            BaseMoved: when the base cannot be merged by the bot; the author has to.
        """
        change = DecidedChange(
            remaining.registry,
            sorted({step.model for step in remaining.own}) if self.gone else (),
            before=self.carried,
            after=remaining.steps,
            message=message,
            merge=remaining.behind,
            is_meant=is_meant,
            others=others,
        )
        return commit_decided(self.attempt, change)

    def publish(self, remaining: PendingPromotions, answer: Answer, *, main: str) -> Answer:
        """Judge the commit that the answer names, set its status, and bring the cards up to date."""
        attempt, snapshot, job = self.attempt, self.attempt.snapshot, self.attempt.job
        decided = {step.digest for step in remaining.steps}
        committed = replace(snapshot.changeset, head=GitSha(answer.commit_sha))
        result = evaluate_pull(snapshot, committed, job, decided=decided, record=attempt.record)
        try:
            publish_standing(attempt, result, committed, gate_report(attempt, result, committed), is_made_now=True)
        except RefChanged:  # it is committed; what is left is judged as it is now
            judged = judge_again(attempt)
            return replace(answer, comment_url=judged.comment_url, summary=judged.summary)
        told = post_cards(attempt, answer, result, committed, main=main)
        judge_left(attempt, snapshot.changeset.head)
        return told
