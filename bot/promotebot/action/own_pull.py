"""A request without a pull request: one of its own is opened for it, for artifacts that are on the base already.

A job started by hand asks for one, and so does a comment on a plain issue: a rollback at night, with nothing open.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from promotebot.action.own_branch import OwnBranch, OwnPull
from promotebot.action.promote import PromotionJob
from promotebot.action.reply import Replier, comment_context
from promotebot.action.requester import Requester
from promotebot.action.result import Answer
from promotebot.action.retry import report_errors, retry_on_moved_head
from promotebot.comments.own_pull import render_description, render_title
from promotebot.findings import Finding, errors_in
from promotebot.gate.admission import asking_refusal
from promotebot.gate.refusal import Reason, Refusal, incomplete_reason
from promotebot.promotion.commands import ChangeCommand
from promotebot.promotion.infer import IncompleteRequest
from promotebot.promotion.plan import Plan, Unchanged
from promotebot.promotion.request import show_stages
from promotebot.pulls.branch_commands import FIRST_REGISTRY
from promotebot.pulls.changeset import Changeset
from promotebot.pulls.context import JobContext
from promotebot.pulls.request_context import RequestContext
from promotebot.pulls.snapshot import fetch_default_branch

_DOING = "starting it for"


@dataclass(frozen=True)
class OwnPullRequest:
    """One request that gets a pull request of its own."""

    command: ChangeCommand
    requester: Requester
    key: str
    """The last part of the branch's name, the same whenever the same request is answered: a run's or a comment's id."""
    job: JobContext

    def open(self) -> OwnPull | Refusal:
        """Return the pull request for a legal request; a second run of the job finds the first one's.

        A refusal makes no branch and no pull request.

        Raises:
            PromotebotError: where files cannot be read, or GitHub opens no pull request.
        """
        with fetch_default_branch(self.job) as (repository, changeset):
            plan = self._legal(changeset)
            if isinstance(plan, Refusal):
                return plan
            branch = OwnBranch(
                self.job, f"promote/{plan.request.model}/{plan.request.stage.value}/{self.key}", self.job.default_branch
            )
            arguments, tree = self.command.arguments, repository.tree_id(changeset.base)
            subject = f"chore(ml): Ask for {arguments.action.noun} of {arguments.model or 'a model'}"
            message = f"{subject}\n\nRequested-by: {self.requester.login}\n"
            head = branch.make(changeset.base, lambda: tree, message)
        if isinstance(head, Refusal):
            return head
        context = comment_context(self.job.settings, self.requester)
        context = replace(context, base_ref=self.job.default_branch, contacts=changeset.policy.contacts)
        by_hand = f", and comment there: {self.command.text.strip()}"
        number = branch.pull(render_title(plan), render_description(plan, context), by_hand=by_hand)
        return OwnPull(number, head)

    def carry_out(self, opened: OwnPull) -> Answer:
        """Promote on the pull request that was opened, as a comment on it would; errors are answered there."""
        job, requester = self.job, replace(self.requester, pull=opened.number)
        replier = Replier(job.github, job.settings, requester)
        pull = job.github.pull(opened.number)
        replier.set_pull(pull, job.default_branch)
        # --sha pinned the base, which was checked; the empty commit on it is what the request is for from here on.
        arguments, line = replace(self.command.arguments, sha=opened.head), self.command.line
        return report_errors(
            replier,
            lambda: retry_on_moved_head(
                requester, job, replier, lambda attempt: PromotionJob(attempt, arguments, line).run(), known=pull
            ),
        )

    def _legal(self, changeset: Changeset) -> Plan | Refusal:
        """Return what the base's rules and roles make of the request; nothing is written."""
        arguments, requester, job = self.command.arguments, self.requester, self.job
        registry = changeset.base_registry
        if registry is None:
            return Refusal(Reason.NO_REGISTRY, "The base has no registry.", FIRST_REGISTRY)
        refusal = self._refusal(arguments.model, changeset)
        if refusal:
            return refusal
        context = RequestContext(changeset, job.default_branch, registry, registry, job)
        prepared = context.complete(arguments, requester.login, None, "started by hand")
        if isinstance(prepared, IncompleteRequest):
            return _refused(incomplete_reason(prepared.findings), prepared.findings)
        request, remarks = prepared
        refusal = self._refusal(request.model, changeset)
        if refusal:
            return refusal
        decision = context.decide(request, remarks, job.clock()).decision
        if isinstance(decision, Unchanged):
            holds = f"{request.stage.label} of {request.model} holds {decision.pointer.artifact_id} already."
            return Refusal(Reason.NOTHING_TO_CHANGE, holds, show_stages(request.model, request.actor))
        return decision if isinstance(decision, Plan) else _refused(Reason.RULES, decision.findings)

    def _refusal(self, model: str | None, changeset: Changeset) -> Refusal | None:
        arguments, people, github = self.command.arguments, self.requester.people, self.job.github
        return asking_refusal(arguments, model, people, changeset, github, _DOING)


def _refused(reason: Reason, findings: Sequence[Finding]) -> Refusal:
    """Return the refusal of the rules, which names every problem and the first one's remedy."""
    problems = errors_in(findings)
    message = "; ".join(f"{finding.rule}: {finding.message}" for finding in problems)
    return Refusal(reason, message, problems[0].remedy, tuple(findings))
