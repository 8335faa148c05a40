"""Carry out one request on a pull request: read git objects, decide, commit, push, publish the check."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from promotebot.action.cards import gate_report, planned, post_cards
from promotebot.action.commit import DecidedChange, commit_decided
from promotebot.action.confirmation import confirmation
from promotebot.action.gate import judge_again, judge_left
from promotebot.action.reply import Replier
from promotebot.action.result import Answer, Outcome, finding_details
from promotebot.action.retry import Attempt
from promotebot.action.verdict import publish_standing
from promotebot.comments.decisions import render_plan, render_rejected, render_unchanged
from promotebot.comments.refusals import render_failure, render_refused_event, render_unclear
from promotebot.errors import PromotebotError, RefChanged
from promotebot.findings import Finding, errors_in, errors_with
from promotebot.gate.admission import DOING, asking_refusal, request_refusal
from promotebot.gate.attestation import Attestation
from promotebot.gate.evaluate import GateResult
from promotebot.gate.judge import evaluate_pull
from promotebot.gate.refusal import Reason, Refusal, incomplete_reason
from promotebot.gate.requests import check_attested
from promotebot.planning.decide import Decided, expect_artifacts
from promotebot.planning.messages import commit_message
from promotebot.promotion.infer import IncompleteRequest
from promotebot.promotion.plan import Plan, Rejected
from promotebot.promotion.replay import Step, artifacts_of
from promotebot.promotion.request import CommandArguments, Request
from promotebot.pulls.changeset import Changeset
from promotebot.pulls.promotions import answered, carried_steps, is_void, load_pending, without
from promotebot.pulls.replan import InvalidPromotions, PendingPromotions, replan
from promotebot.pulls.request_context import RequestContext, title_reason
from promotebot.pulls.snapshot import PullSnapshot
from promotebot.registry.model import RequestRef
from promotebot.registry.names import GitSha
from promotebot.remedies import Remedy, comment


@dataclass(frozen=True)
class PromotionJob:
    """One request on one state of a pull request."""

    attempt: Attempt
    arguments: CommandArguments
    line: int
    """The 1-based line of the comment that asks; part of the request's id."""
    label: str = ""
    """The label that asks; empty for a comment."""

    @property
    def snapshot(self) -> PullSnapshot:
        """The pull request as it was read."""
        return self.attempt.snapshot

    @property
    def changeset(self) -> Changeset:
        """Its base and head."""
        return self.attempt.snapshot.changeset

    @property
    def replier(self) -> Replier:
        """Where the answer goes."""
        return self.attempt.replier

    @property
    def ref(self) -> RequestRef:
        """The request as the event of history records it."""
        repository = self.attempt.job.settings.repository
        return self.attempt.requester.ref(repository, self.line, self.changeset.head)

    def run(self) -> Answer:
        """Decide, and commit what is legal.

        Raises:
            RefChanged: when the branch moved meanwhile; read it again and run again.
        """
        job, changeset = self.attempt.job, self.changeset
        self.replier.set_head(changeset.head, changeset.policy.contacts)
        refusal = request_refusal(self.arguments, self.attempt.requester.people, self.snapshot, job.github)
        if refusal:
            return self.replier.refuse(refusal)
        pending = self._load()
        if isinstance(pending, InvalidPromotions):
            return self._refuse(_reason(pending.findings), pending.findings, pending.model)
        # The gate proves them again on the commit that is made, so they come along with what is asked for now.
        expect_artifacts(changeset.head_files, artifacts_of(pending.own), changeset.policy.limits)
        unattested = self._unattested(pending)
        done = answered(pending, changeset, self.ref)
        if done and done not in unattested:
            return self._done(done)
        decided = self.attempt.record.of_request(self.ref.id)
        if decided:
            return self._decided_before(decided)
        reason = title_reason(self.snapshot.pull)
        prepared = self._context(pending).complete(self.arguments, self.attempt.requester.login, self.ref, reason)
        if isinstance(prepared, IncompleteRequest):
            return self._refuse(incomplete_reason(prepared.findings), prepared.findings, prepared.model)
        request, remarks = prepared
        refusal = self._may_ask(request.model) if self.arguments.model != request.model else None
        if refusal:
            return self.replier.refuse(refusal)
        replaced = [step for step in pending.own if _is_same_slot(request, step)]
        others = [finding for step, finding in unattested.items() if step not in replaced]
        if others:
            return self._refuse(Reason.HAND_EDIT, tuple(others), None)
        stale = [step for step in replaced if step in unattested or is_void(step, changeset, job)]
        kept = self._without(stale, pending)
        if isinstance(kept, Answer):
            return kept
        return self._decide(kept, request, remarks, [step for step in replaced if step not in stale])

    def _may_ask(self, model: str, *, again: bool = False) -> Refusal | None:
        """Return why these people may not ask for a model; None where they may. One that was named was asked about.

        Args:
            again: GitHub is asked anew for their roles.
        """
        people, changeset, github = self.attempt.requester.people, self.changeset, self.attempt.job.github
        for login in people if again else ():
            github.expect_permission(login, again=True)
        return asking_refusal(self.arguments, model, people, changeset, github, DOING[self.arguments.action])

    def _load(self) -> PendingPromotions | InvalidPromotions:
        """Return what the pull request promotes, without what the request replaces where that is not legal any more.

        A promotion that the base's new state forbids (a rollback was merged, a freeze has begun) must not stand in the
        way of the one that is asked for in its place.
        """
        job = self.attempt.job
        pending = load_pending(self.snapshot, job)
        if not isinstance(pending, InvalidPromotions) or pending.model is None:
            return pending
        own = carried_steps(self.changeset)
        if isinstance(own, InvalidPromotions) or self.arguments.model != pending.model:
            return pending
        slot = (pending.model, self.arguments.stage)
        kept = [step for step in own if step.event.request is None or (step.model, step.event.stage) != slot]
        return pending if len(kept) == len(own) else replan(kept, own, self.snapshot, job)

    def _unattested(self, pending: PendingPromotions) -> Mapping[Step, Finding]:
        """Return the events of the branch that the bot did not decide, with what speaks against each."""
        found = check_attested(pending.own, self.snapshot.pull.number, self.snapshot.other_base, self.attempt.job)
        return {step: finding for step, finding in found.items() if errors_in([finding])}

    def _without(self, dropped: Sequence[Step], pending: PendingPromotions) -> PendingPromotions | Answer:
        kept = without(dropped, pending, self.snapshot, self.attempt.job)
        if isinstance(kept, InvalidPromotions):
            return self._refuse(_reason(kept.findings), _rest_on(dropped, kept), kept.model)
        return kept

    def _context(self, pending: PendingPromotions) -> RequestContext:
        base_ref = self.snapshot.pull.base_ref
        return RequestContext(self.changeset, base_ref, pending.registry, pending.base, self.attempt.job)

    def _decide(
        self, pending: PendingPromotions, request: Request, remarks: Sequence[Finding], replaced: Sequence[Step]
    ) -> Answer:
        """Decide on what the branch promotes; where that changes something, decide without what it replaces."""
        decided = self._context(pending).decide(request, remarks, self.snapshot.now)
        decision = decided.decision
        if isinstance(decision, Plan) and replaced:
            kept = self._without(replaced, pending)
            return kept if isinstance(kept, Answer) else self._decide(kept, request, remarks, ())
        if isinstance(decision, Rejected):
            rendered = render_rejected(decision, decided.evidence, self.replier.context, decided.facts)
            details = finding_details(decision.findings)
            return self.replier.answer(Answer(Outcome.REFUSED, Reason.RULES, rendered.title, details=details), rendered)
        if isinstance(decision, Plan):
            return self._apply(pending, decision, decided)
        if {step.event.request for step in pending.own} - {step.event.request for step in pending.steps}:
            model = request.model
            message = (
                f"On the base the stage already holds {request.artifact_id}; this pull request promotes something else."
            )
            remedy = Remedy("withdraw that: ", comment("/withdraw", model))
            return self.replier.refuse(Refusal(Reason.NOTHING_TO_CHANGE, message, remedy))
        rendered = render_unchanged(decision, self.replier.context)
        answer = Answer(Outcome.UNCHANGED, Reason.NOTHING_TO_CHANGE, rendered.title)
        self._publish_as_it_is(answer, request.model)
        return self.replier.answer(answer, rendered)

    def _apply(self, pending: PendingPromotions, decision: Plan, decided: Decided) -> Answer:
        """Commit, evaluate the new head as the gate does, set the check on it, then reply."""
        details = finding_details(decision.findings)
        if self.arguments.dry_run:
            rendered = render_plan(planned(decision, decided, self.snapshot.now), self.replier.context)
            answer = Answer(Outcome.PLANNED, Reason.DRY_RUN, rendered.title, details=details)
            return self.replier.answer(answer, rendered)
        plan, model = planned(decision, decided, self.snapshot.now), decision.request.model
        refusal = confirmation(self.attempt, plan, self.label, lambda: self._may_ask(model, again=True))
        if refusal:
            return self.replier.refuse(refusal)
        steps = [*pending.steps, Step(decision.request.model, decision.event, decision.before, decision.digest)]
        commit = self._commit(pending, decision, steps)
        committed = replace(self.changeset, head=commit)
        model, stage = decision.request.model, decision.request.stage.label
        answer = Answer(Outcome.PROMOTED, Reason.COMMITTED, "", commit, details=details)
        try:
            result = self._evaluate(committed, steps)
            report = gate_report(self.attempt, result, committed)
            publish_standing(self.attempt, result, committed, report, is_made_now=True)
        except RefChanged:  # the promotion is made; what its check says is another job's or this one's again
            judged = judge_again(self.attempt)
            message = f"{model} → {stage}: committed; {judged.message}"
            return replace(answer, message=message, comment_url=judged.comment_url, summary=judged.summary)
        except PromotebotError as problem:
            answer = Answer(Outcome.FAILED, Reason.COULD_NOT_VERIFY, problem.message, commit, details=details)
            return self.replier.answer(answer, render_failure(problem, self.replier.context, commit_sha=commit))
        answer = replace(answer, message=f"{model} → {stage}: committed; {result.title}")
        told = post_cards(self.attempt, answer, result, committed, main=model)
        judge_left(self.attempt, self.changeset.head)
        return told

    def _evaluate(self, changeset: Changeset, decided: Sequence[Step] = ()) -> GateResult:
        """Evaluate a head as the gate does; what this job decided, or found attested, is not asked about again."""
        return evaluate_pull(
            self.snapshot,
            changeset,
            self.attempt.job,
            decided={step.digest for step in decided},
            record=self.attempt.record,
        )

    def _commit(self, pending: PendingPromotions, decision: Plan, steps: Sequence[Step]) -> GitSha:
        """Make one commit; a merge of the base where the base changed a file that this one writes."""
        model, registry = decision.request.model, decision.after
        merge = pending.behind or registry.file_of(model) in self.changeset.moved_registry_files
        whole = merge or pending.needs_replan
        models = sorted({model, *(step.model for step in pending.own)}) if whole else [model]
        ref = self.ref
        trailers = {
            "Promotebot-Request": ref.id,
            "Promotebot-Pull": str(ref.pull),
            "Promotebot-Head": self.changeset.head,
            "Requested-by": ref.login,
        }
        message = commit_message(decision, title=self.snapshot.pull.title, trailers=trailers)
        change = DecidedChange(
            registry,
            models,
            before=pending.own,
            after=steps,
            message=message,
            merge=merge,
            is_meant=lambda one: one.is_of(model) and one.stage is decision.request.stage,
        )
        return commit_decided(self.attempt, change)

    def _done(self, step: Step) -> Answer:
        """The job ran before: write nothing twice, and post again what may have been lost after the push."""
        message = f"{step.about}: this request was carried out before"
        answer = Answer(Outcome.UNCHANGED, Reason.ALREADY_DONE, message, self.changeset.head)
        return self._publish_as_it_is(answer, step.model)

    def _publish_as_it_is(self, answer: Answer, model: str) -> Answer:
        """Publish verdict and cards of a branch that this request does not change: any of them may have got lost."""
        result = self._evaluate(self.changeset)
        report = gate_report(self.attempt, result, self.changeset)
        publish_standing(self.attempt, result, self.changeset, report)
        return post_cards(self.attempt, answer, result, self.changeset, main=model)

    def _decided_before(self, decided: Attestation) -> Answer:
        """The branch does not carry it any more, so it was withdrawn, replaced, or forced away; once is enough."""
        message = "This request was withdrawn." if not decided.stands else "This request was answered before."
        remedy = "to request it again, repeat the command in a new comment"
        answer = Answer(Outcome.UNCHANGED, Reason.ALREADY_DONE if decided.stands else Reason.WITHDRAWN, message)
        return self.replier.answer(answer, render_refused_event(message, remedy, self.replier.context))

    def _refuse(self, reason: Reason, findings: tuple[Finding, ...], model: str | None) -> Answer:
        """Refuse the request. The verdict belongs to the head, and a refused request changes nothing about it."""
        rendered = render_unclear(findings, model, self.replier.context)
        answer = Answer(Outcome.REFUSED, reason, rendered.title, details=finding_details(findings))
        return self.replier.answer(answer, rendered)


def _is_same_slot(request: Request, step: Step) -> bool:
    """Return whether an event of this pull request, asked for on GitHub, is replaced by what is asked for now."""
    return step.event.request is not None and (step.model, step.event.stage) == (request.model, request.stage)


def _rest_on(dropped: Sequence[Step], kept: InvalidPromotions) -> tuple[Finding, ...]:
    """Return why the rest of the pull request cannot stand without what a request replaces."""
    gone = ", ".join(f"{e.stage.label if e.stage else '?'} {e.pointer.artifact_id}" for e in (s.event for s in dropped))
    start = f"Without {gone}, which this request replaces, another promotion of this pull request is refused: "
    remedy = Remedy("withdraw, then request every stage again in order: ", comment("/withdraw", kept.model or ""))
    told = (f.model_copy(update={"message": start + f.message}) for f in errors_in(kept.findings))
    return errors_with(told, remedy)


def _reason(findings: tuple[Finding, ...]) -> Reason:
    rules = {finding.rule for finding in findings}
    if "registry.exists" in rules:
        return Reason.NO_REGISTRY
    return Reason.HAND_EDIT if "gate.replay" in rules else Reason.RULES
