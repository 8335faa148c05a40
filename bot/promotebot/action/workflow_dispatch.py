"""A job started by hand with one command line: a branch and a pull request of its own (rollback at night)."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import datetime

from promotebot.action.permissions import sha_refusal
from promotebot.action.promote import PromotionJob
from promotebot.action.reply import Replier
from promotebot.action.requester import Requester
from promotebot.action.result import Answer
from promotebot.action.retry import report_errors, retry_on_moved_head
from promotebot.errors import CouldNotVerify, InvalidInput, UsageError
from promotebot.findings import errors_in
from promotebot.git.branch import FetchedRepository
from promotebot.github.events import BRANCH, Dispatched
from promotebot.planning.complete import prepare
from promotebot.planning.decide import PromotionContext, decide
from promotebot.planning.genesis import LegacyDigests
from promotebot.promotion.commands import ChangeCommand, InvalidCommand, parse_comment
from promotebot.promotion.infer import IncompleteRequest
from promotebot.promotion.plan import Rejected
from promotebot.promotion.request import Actor, CommandArguments, Request
from promotebot.promotion.rules.context import Facts
from promotebot.pulls.changeset import Changeset
from promotebot.pulls.context import JobContext
from promotebot.pulls.facts import merge_times
from promotebot.pulls.snapshot import BASE, PullSnapshot, identity, remote
from promotebot.registry.model import Source
from promotebot.registry.names import parse_git_sha

log = logging.getLogger(__name__)


def dispatch(event: Dispatched, job: JobContext) -> Answer:
    """Open a pull request that carries what the command asks for, for artifacts that are on the base already.

    Raises:
        UsageError: for anything but one command, or another branch than the default one.
        InvalidInput: for a request that is not legal; no branch is made then.
    """
    default = job.github.default_branch()
    if event.ref != f"{BRANCH}{default}":
        raise UsageError(
            f"started on {event.ref}", where="workflow_dispatch", remedy=f"start it on the default branch, {default}"
        )
    ask = _command(event.command)
    settings = job.settings
    head_ref = ""
    with FetchedRepository.fetched(remote(settings), {BASE: f"{BRANCH}{default}"}) as repository:
        base = repository.commit_id(BASE)
        changeset = Changeset(repository, base, base, settings.registry_path, settings.policy_path)
        request = _legal(ask.arguments, event.sender, changeset, job)
        head_ref = f"promote/{request.model}/{request.stage.value}/{settings.run_id or 'manual'}"
        if not job.github.pulls_from(head_ref):
            subject = f"chore(ml): Ask for {ask.arguments.action.value} of {request.model}"
            message = f"{subject}\n\nRequested-by: {event.sender}\n"
            commit = repository.commit_files([base], {}, message=message, author=identity(settings), when=job.clock())
            repository.push_new(commit, head_ref)
    number = _pull(head_ref, default, request, event, job)
    requester = Requester(number, event.sender, f"run:{settings.run_id or '0'}", settings.run_url or "")
    replier = Replier(job.github, settings, requester)
    pull = job.github.pull(number)
    replier.set_pull(pull)
    arguments = replace(
        ask.arguments, sha=parse_git_sha(pull.head_sha)
    )  # what --sha pinned is the base this branch stands on

    def carry_out(snapshot: PullSnapshot, now: datetime) -> Answer:
        return PromotionJob(arguments, ask.line, requester, job, replier, snapshot, now).run()

    return report_errors(replier, lambda: retry_on_moved_head(number, job, replier, carry_out))


def _command(text: str) -> ChangeCommand:
    commands = parse_comment(text.strip())
    if len(commands) != 1 or not isinstance(commands[0], ChangeCommand):
        problem = next((c for c in commands if isinstance(c, InvalidCommand)), None)
        raise UsageError(
            problem.problem if problem else "one command is expected: /promote, /rollback or /demote",
            where="command",
            remedy=(problem.remedy if problem else "") or '/rollback regime_classifier --reason "incident #123"',
        )
    return commands[0]


def _legal(arguments: CommandArguments, sender: str, changeset: Changeset, job: JobContext) -> Request:
    """The completed request, when rules and roles allow it on the base as it is; nothing is written."""
    registry = changeset.base_registry
    if registry is None:
        raise InvalidInput("the base has no registry", where=changeset.registry_path, remedy="promotebot init")
    needed, held = changeset.policy.stages.permission(arguments.stage), job.github.permission(sender)
    if held < needed:
        raise InvalidInput(
            f"{sender} has {held.name.lower()} permission; {arguments.stage.label} needs {needed.name.lower()}",
            remedy=f"ask somebody with {needed.name.lower()} permission to start it",
        )
    pinned = sha_refusal(arguments, changeset.base, changeset.policy)
    if pinned:
        raise InvalidInput(pinned[1], where="command", remedy=pinned[2])
    genesis = LegacyDigests(changeset.repository, changeset.base, changeset.registry_path, job.examine)
    context = PromotionContext(
        registry, registry, changeset.policy, changeset.head_files, changeset.base, first_digest=genesis
    )
    actor, reason = Actor(sender, Source.GITHUB), "started by hand"
    prepared = prepare(arguments, context, changeset.inference(registry), actor, None, reason, job.examine)
    if isinstance(prepared, IncompleteRequest):
        first = prepared.findings[0]
        raise InvalidInput(first.message, where=first.where, remedy=first.remedy)
    request, _ = prepared
    times = merge_times(job, registry, request.model)
    facts = Facts(changeset.reachable(request.git_sha), times, artifact_changed=False)
    decision = decide(context, request, facts, examine=job.examine, now=job.clock()).decision
    if isinstance(decision, Rejected):
        wrong = errors_in(decision.findings)
        said = "; ".join(f"{finding.rule}: {finding.message}" for finding in wrong)
        raise InvalidInput(said, where=f"{request.model} {request.stage.label}", remedy=wrong[0].remedy)
    return request


def _pull(head_ref: str, base_ref: str, request: Request, event: Dispatched, job: JobContext) -> int:
    known = job.github.pulls_from(head_ref)
    if known:
        return known[0]
    verb = request.action.value.capitalize()
    title = f"{verb} {request.artifact_id} ({request.model} {request.stage.label})"
    body = f"Asked by @{event.sender} in a job started by hand. promotebot's comment says what merging does."
    try:
        return job.github.create_pull(head_ref=head_ref, base_ref=base_ref, title=title, body=body)
    except CouldNotVerify as problem:
        settings = job.settings
        url = f"{settings.server_url}/{settings.repository}/compare/{base_ref}...{head_ref}?expand=1"
        raise CouldNotVerify(
            problem.message,
            remedy=f"allow Actions to create pull requests (Settings, Actions, General), or open it by hand: {url}, "
            f"and comment there: {event.command.strip()}",
        ) from None
