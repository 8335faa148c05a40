"""Carry out one request on a pull request: read git objects, decide, commit, push, publish the check."""

from __future__ import annotations

import logging
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from promotebot.action.permissions import refusal
from promotebot.action.reply import Replier
from promotebot.action.requester import Requester
from promotebot.action.result import Answer, Outcome, Reason
from promotebot.comments.comment import Rendered
from promotebot.comments.decisions import PlanComment, render_done, render_plan, render_rejected, render_unchanged
from promotebot.comments.refusals import render_failure, render_refused_event, render_unclear
from promotebot.errors import PromotebotError
from promotebot.findings import Finding, errors_in
from promotebot.gate.evaluate import GateResult
from promotebot.gate.judge import evaluate_pull
from promotebot.planning.complete import prepare
from promotebot.planning.decide import Decided, PromotionContext, decide, with_findings
from promotebot.planning.genesis import LegacyDigests
from promotebot.planning.messages import commit_message
from promotebot.promotion.infer import IncompleteRequest
from promotebot.promotion.plan import Plan, Rejected
from promotebot.promotion.replay import Step
from promotebot.promotion.request import Actor, CommandArguments, Request
from promotebot.pulls.changeset import Changeset
from promotebot.pulls.commit import commit_registry
from promotebot.pulls.context import JobContext
from promotebot.pulls.facts import facts_of
from promotebot.pulls.promotions import WITHDRAWN, InvalidPromotions, PendingPromotions, answered, is_void, load_pending
from promotebot.pulls.snapshot import PullSnapshot
from promotebot.registry.model import RequestRef, Source
from promotebot.registry.names import MAX_TEXT, GitSha

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PromotionJob:
    """One request on one state of a pull request."""

    arguments: CommandArguments
    line: int
    requester: Requester
    job: JobContext
    replier: Replier
    snapshot: PullSnapshot
    now: datetime

    @property
    def changeset(self) -> Changeset:
        return self.snapshot.changeset

    @property
    def ref(self) -> RequestRef:
        return self.requester.ref(self.job.settings.repository, self.line, self.changeset.head)

    def run(self) -> Answer:
        """Decide, and commit what is legal.

        Raises:
            RefChanged: when the branch moved meanwhile; read it afresh and run again.
        """
        self.replier.set_head(self.changeset.head, self.changeset.policy.contacts)
        refused = refusal(self.arguments, self.requester.login, self.snapshot, self.job.github)
        if refused:
            answer = Answer(Outcome.REFUSED, refused[0], refused[1])
            return self.replier.post(answer, render_refused_event(refused[1], refused[2], self.replier.context))
        if self.ref.id in self.snapshot.repository.trailers(WITHDRAWN, self.changeset.fork_point, self.changeset.head):
            return self._withdrawn()
        pending = load_pending(self.snapshot, self.job, self.now)
        if isinstance(pending, InvalidPromotions):
            return self._refuse(_reason(pending.findings), pending.findings, pending.model)
        done = answered(pending, self.changeset, self.ref.id)
        if done:
            return self._done(done)
        prepared = self._prepare(self._context(pending))
        if isinstance(prepared, IncompleteRequest):
            return self._refuse(Reason.UNCLEAR, prepared.findings, prepared.model)
        request, remarks = prepared
        renewed = load_pending(self.snapshot, self.job, self.now, without=lambda step: self._renews(request, step))
        if isinstance(renewed, InvalidPromotions):
            return self._refuse(_reason(renewed.findings), renewed.findings, renewed.model)
        return self._decide(renewed, self._context(renewed), request, remarks)

    def _context(self, pending: PendingPromotions) -> PromotionContext:
        changeset = self.changeset
        genesis = LegacyDigests(self.snapshot.repository, changeset.base, changeset.registry_path, self.job.examine)
        return PromotionContext(
            pending.registry, pending.base, changeset.policy, changeset.head_files, changeset.head, first_digest=genesis
        )

    def _renews(self, request: Request, step: Step) -> bool:
        """A promotion that is void, since its bytes changed after it, is replaced by the one asked for now."""
        same_slot = (step.model, step.event.stage) == (request.model, request.stage)
        return same_slot and is_void(step, self.changeset, self.job)

    def _prepare(self, context: PromotionContext) -> tuple[Request, Sequence[Finding]] | IncompleteRequest:
        """The completed request: inferred for a promotion, found in history for a rollback or demotion."""
        arguments, changeset = self.arguments, self.changeset
        actor = Actor(self.requester.login, Source.GITHUB)
        reason = one_line(f"#{self.snapshot.pull.number}: {self.snapshot.pull.title}")
        return prepare(
            arguments, context, changeset.inference(context.registry), actor, self.ref, reason, self.job.examine
        )

    def _decide(
        self, pending: PendingPromotions, context: PromotionContext, request: Request, remarks: Sequence[Finding]
    ) -> Answer:
        facts = facts_of(request, self.snapshot, self.job, context.base)
        decided = with_findings(decide(context, request, facts, examine=self.job.examine, now=self.now), remarks)
        decision = decided.decision
        if isinstance(decision, Rejected):
            rendered = render_rejected(decision, decided.evidence, self.replier.context)
            self.replier.check(self.changeset.head, "failure", rendered.title, rendered)
            answer = Answer(Outcome.REFUSED, Reason.RULES, rendered.title, details=_details(decision.findings))
            return self.replier.post(answer, rendered)
        if isinstance(decision, Plan):
            return self._apply(pending, decision, decided)
        rendered = render_unchanged(decision, self.replier.context)
        self._publish(self.changeset, evaluate_pull(self.snapshot, self.changeset, self.job, self.now), rendered)
        return self.replier.post(Answer(Outcome.UNCHANGED, Reason.NOTHING_TO_CHANGE, rendered.title), rendered)

    def _apply(self, pending: PendingPromotions, decision: Plan, decided: Decided) -> Answer:
        """Commit, review the new head as the gate does, set the check on it, then tell."""
        details = _details(decision.findings)
        if self.arguments.dry_run:
            rendered = self._render(decision, decided)
            answer = Answer(Outcome.PLANNED, Reason.DRY_RUN, rendered.title, details=details)
            return self.replier.post(answer, rendered)
        commit = self._commit(pending, decision)
        after = Changeset(
            self.snapshot.repository,
            self.changeset.base,
            commit,
            self.changeset.registry_path,
            self.changeset.policy_path,
        )
        try:
            found = evaluate_pull(self.snapshot, after, self.job, self.now)
            rendered = self._render(decision, decided, commit, found)
            self._publish(after, found, rendered)
        except PromotebotError as problem:
            answer = Answer(Outcome.FAILED, Reason.COULD_NOT_VERIFY, problem.message, commit, details=details)
            return self.replier.post(answer, render_failure(problem, self.replier.context, commit_sha=commit))
        answer = Answer(Outcome.PROMOTED, Reason.COMMITTED, rendered.title, commit, details=details)
        return self.replier.post(answer, rendered)

    def _render(
        self, decision: Plan, decided: Decided, commit: GitSha | None = None, found: GateResult | None = None
    ) -> Rendered:
        comment = PlanComment(
            plan=decision,
            evidence=decided.evidence,
            today=decided.today,
            now=self.now,
            commit_sha=commit,
            merged_at=decided.facts.merged_at,
            promotions=[(step.model, step.event) for step in found.steps] if found else [],
            gate=errors_in(found.findings) if found else [],
            waiting=found.waiting if found else None,
        )
        return render_plan(comment, self.replier.context)

    def _commit(self, pending: PendingPromotions, decision: Plan) -> GitSha:
        """One commit; a merge of the base where the base changed a file that this one writes."""
        model, registry = decision.request.model, decision.after
        merge = pending.behind or registry.file_of(model) in self.changeset.moved_registry_files
        whole = merge or pending.is_made_anew
        models = sorted({model, *(step.model for step in pending.own)}) if whole else [model]
        ref = self.ref
        trailers = {
            "Promotebot-Request": ref.id,
            "Promotebot-Pull": str(ref.pull),
            "Promotebot-Head": self.changeset.head,
            "Requested-by": ref.login,
        }
        message = commit_message(decision, title=self.snapshot.pull.title, trailers=trailers)
        return commit_registry(self.snapshot, self.job, registry, models, message=message, merge=merge, now=self.now)

    def _publish(self, changeset: Changeset, found: GateResult, rendered: Rendered) -> None:
        self.replier.check(changeset.head, found.conclusion, found.title, rendered)

    def _done(self, step: Step) -> Answer:
        """The job ran before: nothing is written twice, what may have been lost after the push is said again."""
        rendered = render_done(step.event, step.model, self.replier.context)
        self._publish(self.changeset, evaluate_pull(self.snapshot, self.changeset, self.job, self.now), rendered)
        answer = Answer(Outcome.UNCHANGED, Reason.ALREADY_DONE, rendered.title, commit_sha=self.changeset.head)
        return self.replier.post_if_absent(answer, rendered)

    def _withdrawn(self) -> Answer:
        message, remedy = "This request was withdrawn.", "ask again in a new comment if you want it after all"
        answer = Answer(Outcome.UNCHANGED, Reason.WITHDRAWN, message)
        return self.replier.post(answer, render_refused_event(message, remedy, self.replier.context))

    def _refuse(self, reason: Reason, findings: tuple[Finding, ...], model: str | None) -> Answer:
        rendered = render_unclear(findings, model, self.replier.context)
        self.replier.check(self.changeset.head, "failure", rendered.title, rendered)
        answer = Answer(Outcome.REFUSED, reason, rendered.title, details=_details(findings))
        return self.replier.post(answer, rendered)


def _reason(findings: tuple[Finding, ...]) -> Reason:
    rules = {finding.rule for finding in findings}
    if "registry.exists" in rules:
        return Reason.NO_REGISTRY
    return Reason.HAND_EDIT if "gate.replay" in rules else Reason.RULES


def one_line(text: str) -> str:
    """A title as a reason: what people cannot see taken out, cut to the length of a reason."""
    seen = "".join(c for c in text if c.isprintable() and unicodedata.category(c) != "Cf")
    return seen[:MAX_TEXT]


def _details(findings: tuple[Finding, ...]) -> dict[str, object]:
    return {"findings": [finding.model_dump(mode="json") for finding in findings if finding.severity.value != "pass"]}
