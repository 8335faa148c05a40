"""`/reject`: an artifact's digest, proposed for `quarantine` on the pull request's branch, or in one of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from promotebot.action.rejection import Rejection
from promotebot.action.requester import Requester
from promotebot.action.rest import Rest
from promotebot.action.result import Answer, Outcome
from promotebot.action.retry import Attempt
from promotebot.comments.comment import CommentContext, Rendered
from promotebot.comments.markdown import code
from promotebot.comments.notices import step_line
from promotebot.comments.rejected import Proposed, render_done, render_known, render_proposed
from promotebot.gate.admission import base_refusal, pull_refusal, rejecting_refusal
from promotebot.gate.refusal import Reason, Refusal
from promotebot.planning.reject import is_held_by, known_entry
from promotebot.promotion.policy import parse_policy
from promotebot.promotion.quarantine_edit import with_entry
from promotebot.promotion.reject import Reject, RejectedArtifact
from promotebot.promotion.replay import Step
from promotebot.pulls.context import JobContext
from promotebot.pulls.model_owners import policy_for
from promotebot.pulls.promotions import carried_steps
from promotebot.pulls.replan import InvalidPromotions, PendingPromotions
from promotebot.pulls.snapshot import fetch_default_branch
from promotebot.registry.model import Action, Source
from promotebot.text import listed


def answer_reject(command: Reject, attempt: Attempt) -> Answer:
    """Carry out a rejection that was asked for on a pull request.

    Raises:
        RefChanged: when the branch moved meanwhile; read it again and run again.
        PromotebotError: for what cannot be read or written.
    """
    snapshot, replier, changeset = attempt.snapshot, attempt.replier, attempt.snapshot.changeset
    replier.set_head(changeset.head, changeset.policy.contacts)
    refusal = None if snapshot.takes_promotions else base_refusal(snapshot)
    if refusal:
        return replier.refuse(refusal)
    carried = () if snapshot.pull.merged else carried_steps(changeset)
    steps = () if isinstance(carried, InvalidPromotions) else carried
    base_ref, requester, job = snapshot.pull.base_ref, attempt.requester, attempt.job
    rejection = Rejection(command, requester, job, snapshot.repository, changeset, base_ref, steps)
    rejected = rejection.find()
    if isinstance(rejected, Refusal):
        return replier.refuse(rejected)
    known = _known(rejection, rejected, replier.context) or _done(rejection, rejected, replier.context)
    if known:
        return replier.answer(*known)
    on_branch = _OnBranch(rejection, rejected, attempt)
    elsewhere = "What it promotes cannot be told." if carried is not steps else on_branch.obstacle()
    if not elsewhere:
        return on_branch.carry_out()
    if on_branch.caught:
        elsewhere += " It still promotes the artifact: its check turns red once the other one is merged."
    proposed = rejection.propose(rejected, replier.context, f"It got a pull request of its own. {elsewhere}")
    return (
        replier.refuse(proposed) if isinstance(proposed, Refusal) else replier.answer(*_told(proposed, replier.context))
    )


def reject_elsewhere(
    command: Reject, requester: Requester, job: JobContext, context: CommentContext
) -> tuple[Answer, Rendered] | Refusal:
    """Carry out a rejection that was asked for where there is no pull request, in one of its own.

    Raises:
        PromotebotError: for what cannot be read or written.
    """
    with fetch_default_branch(job) as (repository, changeset):
        rejection = Rejection(command, requester, job, repository, changeset, job.default_branch)
        rejected = rejection.find()
        if isinstance(rejected, Refusal):
            return rejected
        known = _known(rejection, rejected, context) or _done(rejection, rejected, context)
        if known:
            return known
        proposed = rejection.propose(rejected, context, "")
    return proposed if isinstance(proposed, Refusal) else _told(proposed, context)


def _known(rejection: Rejection, rejected: RejectedArtifact, context: CommentContext) -> tuple[Answer, Rendered] | None:
    """Return the answer where the base has it in quarantine already."""
    changeset = rejection.changeset
    entry = known_entry(changeset.policy.quarantine, rejected)
    if entry is None:
        return None
    rendered = render_known(rejected, entry, f"{code(changeset.policy_path)} on {code(rejection.base_ref)}", context)
    return Answer(Outcome.UNCHANGED, Reason.ALREADY_DONE, rendered.title), rendered


def _done(rejection: Rejection, rejected: RejectedArtifact, context: CommentContext) -> tuple[Answer, Rendered] | None:
    """Return the answer where this very request was carried out before, whatever became of it since."""
    done = rejection.done_in(rejected)
    if done is None:
        return None
    rendered = render_done(rejected, done, context)
    return Answer(Outcome.UNCHANGED, Reason.ALREADY_DONE, rendered.title), rendered


def _told(proposed: Proposed, context: CommentContext) -> tuple[Answer, Rendered]:
    rendered = render_proposed(proposed, context)
    message = f"{rendered.title}: #{proposed.pull}"
    if proposed.is_known:
        return Answer(Outcome.UNCHANGED, Reason.ALREADY_DONE, message), rendered
    return Answer(Outcome.PROPOSED, Reason.QUARANTINE, message, proposed.commit), rendered


@dataclass(frozen=True)
class _OnBranch:
    """A rejection that is committed on the branch of the pull request itself."""

    rejection: Rejection
    rejected: RejectedArtifact
    attempt: Attempt

    @property
    def caught(self) -> list[Step]:
        """What the pull request promotes, of whatever model, that the entry catches; a demotion takes it out anyway."""
        files, made = self.rejection.changeset.head_files, (step for step in self.rejection.carried)
        return [
            step
            for step in made
            if step.event.action is not Action.DEMOTE and is_held_by(step.event.pointer, self.rejected, files)
        ]

    def obstacle(self) -> str:
        """Return why it is not committed on this branch; empty where it is.

        Raises:
            CouldNotVerify: when git or GitHub does not answer.
        """
        snapshot, changeset, caught = self.attempt.snapshot, self.rejection.changeset, self.caught
        refusal = pull_refusal(snapshot.pull) or base_refusal(snapshot)
        if refusal:
            return refusal.message
        if not caught and self.rejected.artifact_dir not in changeset.touched_artifacts:
            return "This one neither promotes nor changes the artifact."
        if others := self._not_theirs(caught):
            return f"It has the artifact for {listed(others)}, whose artifacts you may not reject."
        if any(step.event.source is not Source.GITHUB for step in caught):
            return "It was promoted at a terminal here, which only the branch's author takes back."
        if len({self.rejection.policy_bytes(files) for files in (changeset.fork_files, changeset.base_files)}) > 1:
            return "The policy changed on the base since this branch left it."
        if caught and (self._rest.unattested() or isinstance(self._rest.plan(), InvalidPromotions)):
            return "Other promotions of this one cannot stay without it."
        return ""

    def _not_theirs(self, caught: Sequence[Step]) -> list[str]:
        """Return the other models that it is promoted or meant for, whose artifacts this person may not reject.

        Raises:
            CouldNotVerify: when GitHub does not answer; an error never permits.
        """
        rejection, changeset = self.rejection, self.rejection.changeset
        manifest = changeset.manifest_of(self.rejected.artifact_dir)
        meant = {manifest.model} if manifest and manifest.model else set[str]()
        others = {str(step.model) for step in caught} | meant
        people, github = rejection.requester.people, rejection.job.github
        return [
            name
            for name in sorted(others - {self.rejected.model})
            if rejecting_refusal(people, policy_for(changeset, name), github)
        ]

    @property
    def _rest(self) -> Rest:
        return Rest(self.attempt, self.caught, self.rejection.carried)

    def carry_out(self) -> Answer:
        """Commit the entry, and the registry without what it catches; then judge the new head."""
        rejection, rejected, changeset = self.rejection, self.rejected, self.rejection.changeset
        replier, rest, caught = self.attempt.replier, self._rest, self.caught
        path = changeset.policy_path
        data = rejection.policy_bytes(changeset.head_files)
        entry = known_entry(parse_policy(data, where=path).quarantine, rejected)
        if entry and not caught:
            rendered = render_known(rejected, entry, f"{code(path)} on this branch", replier.context)
            return replier.answer(Answer(Outcome.UNCHANGED, Reason.ALREADY_DONE, rendered.title), rendered)
        others = {} if entry else {path: with_entry(data, rejected.entry, where=path)}
        remaining = rest.plan() if caught else self._as_it_is()
        if isinstance(remaining, InvalidPromotions):  # `obstacle` planned it a moment ago
            return replier.refuse(Refusal(Reason.RULES, remaining.findings[0].message, remaining.findings[0].remedy))
        holders = rejection.holders(rejected)
        models = {step.model for step in caught}
        commit = rest.commit(
            remaining, rejection.message(rejected, caught), lambda one: any(map(one.is_of, models)), others
        )
        proposed = Proposed(
            rejected,
            path,
            self.attempt.snapshot.pull.number,
            holders,
            commit,
            withdrawn=[step_line(step) for step in caught],
            is_in_branch=changeset.base_files.kind(rejected.artifact_dir) is None,
        )
        answer, rendered = _told(proposed, replier.context)
        main = caught[0].model if caught else rejected.model
        judged = rest.publish(remaining, answer, main=main)
        told = replier.answer(answer, render_proposed(proposed, replier.context))
        return told if told.comment_url else judged

    def _as_it_is(self) -> PendingPromotions | InvalidPromotions:
        """Return what the pull request promotes, where nothing of it is taken out."""
        changeset, carried = self.rejection.changeset, tuple(self.rejection.carried)
        base, head = changeset.base_registry, changeset.head_registry
        if base is None or head is None:
            return InvalidPromotions(())
        return PendingPromotions(head, base, carried, False, carried)
