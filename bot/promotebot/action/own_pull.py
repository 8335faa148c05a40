"""A request without a pull request: one of its own is opened for it, for artifacts that are on the base already.

A job started by hand asks for one, and so does a comment on a plain issue: a rollback at night, with nothing open.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from promotebot.action.promote import PromotionJob
from promotebot.action.reply import Replier, comment_context
from promotebot.action.requester import Requester
from promotebot.action.result import Answer
from promotebot.action.retry import report_errors, retry_on_moved_head
from promotebot.comments.own_pull import render_description, render_title
from promotebot.errors import CouldNotVerify
from promotebot.findings import Finding, errors_in
from promotebot.gate.admission import asking_refusal
from promotebot.gate.refusal import Reason, Refusal, incomplete_reason
from promotebot.git.branch import FetchedRepository
from promotebot.promotion.commands import ChangeCommand
from promotebot.promotion.infer import IncompleteRequest
from promotebot.promotion.plan import Plan, Unchanged
from promotebot.promotion.policy import Policy
from promotebot.promotion.request import show_stages
from promotebot.pulls.branch_commands import FIRST_REGISTRY
from promotebot.pulls.changeset import Changeset
from promotebot.pulls.context import JobContext
from promotebot.pulls.request_context import RequestContext
from promotebot.pulls.snapshot import fetch_default_branch
from promotebot.registry.names import GitSha, parse_git_sha

_DOING = "starting it for"


@dataclass(frozen=True)
class OwnPull:
    """The pull request of a request, and the commit to which the bot alone has brought its branch."""

    number: int
    head: GitSha


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
            head_ref = f"promote/{plan.request.model}/{plan.request.stage.value}/{self.key}"
            head = self._branch(head_ref, changeset.base, repository)
        if isinstance(head, Refusal):
            return head
        return OwnPull(self._pull(head_ref, plan, changeset.policy), head)

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
        return asking_refusal(arguments, model, people, changeset.base, changeset.policy, github, _DOING)

    def _branch(self, head_ref: str, base: GitSha, repository: FetchedRepository) -> GitSha | Refusal:
        """Return the head of the request's branch, which is made with one empty commit where it is not there yet."""
        job, arguments = self.job, self.command.arguments
        # Its name can be foretold, and whoever may push could make it first, with other bytes in it.
        pushes = list(job.github.pushes(head_ref))
        others = sorted({push.actor for push in pushes} - {job.settings.bot_login})
        if others:
            message = f"The branch {head_ref} was also changed by {', '.join(others)}."
            return Refusal(Reason.HAND_EDIT, message, "start a new run by hand (running this job again is not enough)")
        if pushes:
            return parse_git_sha(pushes[0].after)
        subject = f"chore(ml): Ask for {arguments.action.noun} of {arguments.model or 'a model'}"
        message = f"{subject}\n\nRequested-by: {self.requester.login}\n"
        made = job.github.git.create_commit(message, tree=repository.tree_id(base), parents=[base])
        job.github.git.create_branch(head_ref, made.sha)
        return GitSha(made.sha)

    def _pull(self, head_ref: str, plan: Plan, policy: Policy) -> int:
        job, base_ref = self.job, self.job.default_branch
        known = job.github.pulls_from(head_ref)
        if known:
            return known[0]
        context = comment_context(job.settings, self.requester)
        context = replace(context, base_ref=base_ref, contacts=policy.contacts)
        title, body = render_title(plan), render_description(plan, context)
        try:
            return job.github.create_pull(head_ref=head_ref, base_ref=base_ref, title=title, body=body)
        except CouldNotVerify as problem:
            settings = job.settings
            url = f"{settings.server_url}/{settings.repository}/compare/{base_ref}...{head_ref}?expand=1"
            raise CouldNotVerify(
                problem.message,
                remedy="allow Actions to create pull requests (Settings, Actions, General), or open it by hand: "
                f"{url}, and comment there: {self.command.text.strip()}",
            ) from None


def _refused(reason: Reason, findings: Sequence[Finding]) -> Refusal:
    """Return the refusal of the rules, which names every problem and the first one's remedy."""
    problems = errors_in(findings)
    message = "; ".join(f"{finding.rule}: {finding.message}" for finding in problems)
    return Refusal(reason, message, problems[0].remedy, tuple(findings))
