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
from promotebot.comments.decisions import render_done, render_plan, render_rejected, render_unchanged
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

    asked: CommandArguments
    line: int
    petition: Requester
    tools: JobContext
    teller: Replier
    space: PullSnapshot
    now: datetime

    @property
    def change(self) -> Changeset:
        return self.space.change

    @property
    def ref(self) -> RequestRef:
        return self.petition.ref(self.tools.settings.repository, self.line, self.change.head)

    def run(self) -> Answer:
        """Decide, and commit what is legal.

        Raises:
            RefChanged: when the branch moved meanwhile; read it afresh and run again.
        """
        self.teller.at(self.change.head, self.change.policy.contacts)
        refused = refusal(self.asked, self.petition.login, self.space, self.tools.github)
        if refused:
            answer = Answer(Outcome.REFUSED, refused[0], refused[1])
            return self.teller.say(answer, render_refused_event(refused[1], refused[2], self.teller.setting))
        if self.ref.id in self.space.repository.trailers(WITHDRAWN, self.change.fork_point, self.change.head):
            return self._withdrawn()
        standing = load_pending(self.space, self.tools, self.now)
        if isinstance(standing, InvalidPromotions):
            return self._refuse(_reason(standing.findings), standing.findings, standing.model)
        done = answered(standing, self.change, self.ref.id)
        if done:
            return self._done(done)
        prepared = self._prepare(self._ground(standing))
        if isinstance(prepared, IncompleteRequest):
            return self._refuse(Reason.UNCLEAR, prepared.findings, prepared.model)
        request, remarks = prepared
        renewed = load_pending(self.space, self.tools, self.now, without=lambda step: self._renews(request, step))
        if isinstance(renewed, InvalidPromotions):
            return self._refuse(_reason(renewed.findings), renewed.findings, renewed.model)
        return self._decide(renewed, self._ground(renewed), request, remarks)

    def _ground(self, standing: PendingPromotions) -> PromotionContext:
        change = self.change
        genesis = LegacyDigests(self.space.repository, change.base, change.registry_path, self.tools.examine)
        return PromotionContext(
            standing.registry, standing.base, change.policy, change.head_files, change.head, first_digest=genesis
        )

    def _renews(self, request: Request, step: Step) -> bool:
        """A promotion that is void, since its bytes changed after it, is replaced by the one asked for now."""
        same_slot = (step.model, step.event.stage) == (request.model, request.stage)
        return same_slot and is_void(step, self.change, self.tools)

    def _prepare(self, ground: PromotionContext) -> tuple[Request, Sequence[Finding]] | IncompleteRequest:
        """The completed request: inferred for a promotion, found in history for a rollback or demotion."""
        asked, change = self.asked, self.change
        actor = Actor(self.petition.login, Source.GITHUB)
        reason = one_line(f"#{self.space.pull.number}: {self.space.pull.title}")
        return prepare(asked, ground, change.inference(ground.registry), actor, self.ref, reason, self.tools.examine)

    def _decide(
        self, standing: PendingPromotions, ground: PromotionContext, request: Request, remarks: Sequence[Finding]
    ) -> Answer:
        facts = facts_of(request, self.space, self.tools, ground.base)
        decided = with_findings(decide(ground, request, facts, examine=self.tools.examine, now=self.now), remarks)
        decision = decided.decision
        if isinstance(decision, Rejected):
            rendered = render_rejected(decision, decided.evidence, self.teller.setting)
            self.teller.check(self.change.head, "failure", rendered.title, rendered)
            answer = Answer(Outcome.REFUSED, Reason.RULES, rendered.title, details=_details(decision.findings))
            return self.teller.say(answer, rendered)
        if isinstance(decision, Plan):
            return self._apply(standing, decision, decided)
        rendered = render_unchanged(decision, self.teller.setting)
        self._publish(self.change, evaluate_pull(self.space, self.change, self.tools, self.now), rendered)
        return self.teller.say(Answer(Outcome.UNCHANGED, Reason.NOTHING_TO_CHANGE, rendered.title), rendered)

    def _apply(self, standing: PendingPromotions, decision: Plan, decided: Decided) -> Answer:
        """Commit, review the new head as the gate does, set the check on it, then tell."""
        details = _details(decision.findings)
        if self.asked.dry_run:
            rendered = self._render(decision, decided)
            answer = Answer(Outcome.PLANNED, Reason.DRY_RUN, rendered.title, details=details)
            return self.teller.say(answer, rendered)
        commit = self._commit(standing, decision)
        after = Changeset(
            self.space.repository, self.change.base, commit, self.change.registry_path, self.change.policy_path
        )
        try:
            found = evaluate_pull(self.space, after, self.tools, self.now)
            rendered = self._render(decision, decided, commit, found)
            self._publish(after, found, rendered)
        except PromotebotError as problem:
            answer = Answer(Outcome.FAILED, Reason.COULD_NOT_VERIFY, problem.message, commit, details=details)
            return self.teller.say(answer, render_failure(problem, self.teller.setting, commit_sha=commit))
        answer = Answer(Outcome.PROMOTED, Reason.COMMITTED, rendered.title, commit, details=details)
        return self.teller.say(answer, rendered)

    def _render(
        self, decision: Plan, decided: Decided, commit: GitSha | None = None, found: GateResult | None = None
    ) -> Rendered:
        return render_plan(
            decision,
            decided.evidence,
            decided.today,
            self.teller.setting,
            commit_sha=commit,
            dry_run=commit is None,
            now=self.now,
            merged_at=decided.facts.merged_at,
            promotions=[(step.model, step.event) for step in found.steps] if found else [],
            gate=errors_in(found.findings) if found else [],
            waiting=found.waiting if found else None,
        )

    def _commit(self, standing: PendingPromotions, decision: Plan) -> GitSha:
        """One commit; a merge of the base where the base changed a file that this one writes."""
        model, registry = decision.request.model, decision.after
        merge = standing.behind or registry.file_of(model) in self.change.moved_registry_files
        whole = merge or standing.is_made_anew
        models = sorted({model, *(step.model for step in standing.own)}) if whole else [model]
        ref = self.ref
        trailers = {
            "Promotebot-Request": ref.id,
            "Promotebot-Pull": str(ref.pull),
            "Promotebot-Head": self.change.head,
            "Requested-by": ref.login,
        }
        message = commit_message(decision, title=self.space.pull.title, trailers=trailers)
        return commit_registry(self.space, self.tools, registry, models, message=message, merge=merge, now=self.now)

    def _publish(self, change: Changeset, found: GateResult, rendered: Rendered) -> None:
        self.teller.check(change.head, found.conclusion, found.title, rendered)

    def _done(self, step: Step) -> Answer:
        """The job ran before: nothing is written twice, what may have been lost after the push is said again."""
        rendered = render_done(step.event, step.model, self.teller.setting)
        self._publish(self.change, evaluate_pull(self.space, self.change, self.tools, self.now), rendered)
        answer = Answer(Outcome.UNCHANGED, Reason.ALREADY_DONE, rendered.title, commit_sha=self.change.head)
        return self.teller.say_once(answer, rendered)

    def _withdrawn(self) -> Answer:
        message, remedy = "This request was withdrawn.", "ask again in a new comment if you want it after all"
        answer = Answer(Outcome.UNCHANGED, Reason.WITHDRAWN, message)
        return self.teller.say(answer, render_refused_event(message, remedy, self.teller.setting))

    def _refuse(self, reason: Reason, findings: tuple[Finding, ...], model: str | None) -> Answer:
        rendered = render_unclear(findings, model, self.teller.setting)
        self.teller.check(self.change.head, "failure", rendered.title, rendered)
        answer = Answer(Outcome.REFUSED, reason, rendered.title, details=_details(findings))
        return self.teller.say(answer, rendered)


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
