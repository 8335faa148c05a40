"""A job started by hand with one command line: a branch and a pull request of its own (rollback at night)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from promotebot.action.promote import PromotionJob
from promotebot.action.reply import Replier, comment_context, refusal_answer
from promotebot.action.requester import Requester
from promotebot.action.result import Answer
from promotebot.action.retry import Attempt, error_answer, report_errors, retry_on_moved_head
from promotebot.errors import CouldNotVerify, PromotebotError
from promotebot.findings import errors_in
from promotebot.gate.admission import people_refusal, sha_refusal
from promotebot.gate.refusal import Reason, Refusal
from promotebot.git.branch import FetchedRepository
from promotebot.github.events import BRANCH, Dispatched
from promotebot.planning.complete import prepare
from promotebot.planning.decide import PromotionContext, decide
from promotebot.planning.legacy_digests import LegacyDigests
from promotebot.promotion.commands import ChangeCommand, InvalidCommand, parse_comment
from promotebot.promotion.infer import IncompleteRequest
from promotebot.promotion.plan import Rejected
from promotebot.promotion.request import Actor, CommandArguments, Request
from promotebot.pulls.changeset import Changeset
from promotebot.pulls.context import JobContext
from promotebot.pulls.facts import facts_on
from promotebot.pulls.snapshot import BASE, identity, remote
from promotebot.registry.model import Source
from promotebot.registry.names import GitSha

_DOING = "starting it for"


def answer_dispatch(event: Dispatched, job: JobContext) -> Answer:
    """Open a pull request that carries what the command asks for, for artifacts that are on the base already.

    A refusal makes no branch and no pull request; with no comment to write, the step summary says why.
    """
    settings, run = job.settings, f"run:{job.settings.run_id or '0'}"
    requester = Requester(0, event.sender, run, settings.run_url or "", run_by=settings.triggering_actor)
    context = comment_context(job.settings, requester)
    try:
        default = job.default_branch
        command = _command(event, default)
        if isinstance(command, Refusal):
            return refusal_answer(command, context)
        opened = _open(command, event, requester, default, job)
    except PromotebotError as problem:
        return error_answer(problem, context)
    return (
        refusal_answer(opened, context) if isinstance(opened, Refusal) else _carry_out(command, opened, requester, job)
    )


def _command(event: Dispatched, default: str) -> ChangeCommand | Refusal:
    """Return the one command; the branch that the job was started on decides whose policy and code it runs by."""
    if event.ref != f"{BRANCH}{default}":
        return Refusal(Reason.WRONG_BASE, f"started on {event.ref}", f"start it on the default branch, {default}")
    commands = parse_comment(event.command.strip())
    if len(commands) == 1 and isinstance(commands[0], ChangeCommand):
        return commands[0]
    invalid = next((command for command in commands if isinstance(command, InvalidCommand)), None)
    return Refusal(
        Reason.UNREADABLE_COMMAND,
        invalid.problem if invalid else "one command is expected: /promote, /rollback or /demote",
        (invalid.remedy if invalid else "") or '/rollback regime_classifier --reason "incident #123"',
    )


def _open(
    command: ChangeCommand, event: Dispatched, requester: Requester, default: str, job: JobContext
) -> _Opened | Refusal:
    """Return the pull request for a legal request; a second run of the job finds the first one's."""
    settings = job.settings
    with FetchedRepository.fetched(remote(settings), {BASE: f"{BRANCH}{default}"}) as repository:
        base = repository.commit_id(BASE)
        changeset = Changeset(repository, base, base, settings.registry_path, settings.policy_path)
        request = _legal(command.arguments, requester, changeset, default, job)
        if isinstance(request, Refusal):
            return request
        head_ref = f"promote/{request.model}/{request.stage.value}/{settings.run_id or 'manual'}"
        # Its name can be foretold, and whoever may push could make it first, with other bytes in it.
        pushers = [push.actor for push in job.github.pushes(head_ref)]
        others = sorted(set(pushers) - {settings.bot_login})
        if others:
            message = f"The branch {head_ref} is not promotebot's alone: {', '.join(others)} changed it."
            return Refusal(Reason.HAND_EDIT, message, "start a new job by hand (running this one again is no new one)")
        head = None
        if not pushers:
            subject = f"chore(ml): Ask for {command.arguments.action.value} of {request.model}"
            message = f"{subject}\n\nRequested-by: {event.sender}\n"
            head = repository.commit_files([base], {}, message=message, author=identity(settings), when=job.clock())
            repository.push_new(head, head_ref)
    return _Opened(_open_pull(head_ref, default, request, event, job), head)


@dataclass(frozen=True)
class _Opened:
    """The pull request of a job, and the commit that the job made on the base; None where an earlier run did."""

    number: int
    head: GitSha | None


def _carry_out(command: ChangeCommand, opened: _Opened, requester: Requester, job: JobContext) -> Answer:
    """Promote on the pull request that was opened, as a comment on it would."""
    requester = replace(requester, pull=opened.number)
    replier = Replier(job.github, job.settings, requester)
    pull = job.github.pull(opened.number)
    replier.set_pull(pull, job.default_branch)

    def work(attempt: Attempt) -> Answer:
        # --sha pinned the base, which was checked; the empty commit on it is what the request is for from here on.
        arguments = replace(command.arguments, sha=opened.head or attempt.snapshot.changeset.head)
        return PromotionJob(attempt, arguments, command.line).run()

    return report_errors(replier, lambda: retry_on_moved_head(requester, job, replier, work, known=pull))


def _legal(
    arguments: CommandArguments, requester: Requester, changeset: Changeset, base_ref: str, job: JobContext
) -> Request | Refusal:
    """Return the completed request when rules and roles allow it on the base as it is; nothing is written."""
    registry, policy = changeset.base_registry, changeset.policy
    if registry is None:
        return Refusal(Reason.NO_REGISTRY, "The base has no registry.", "promotebot init")
    refusal = people_refusal(requester.people, arguments.stage, policy, job.github, _DOING) or sha_refusal(
        arguments, changeset.base, policy
    )
    if refusal:
        return refusal
    legacy = LegacyDigests(changeset.repository, changeset.base, changeset.registry_path, job.examine)
    context = PromotionContext(registry, registry, policy, changeset.head_files, changeset.base, first_digest=legacy)
    actor, reason = Actor(requester.login, Source.GITHUB), "started by hand"
    prepared = prepare(arguments, context, changeset.inference(registry), actor, None, reason, job.examine)
    if isinstance(prepared, IncompleteRequest):
        first = prepared.findings[0]
        return Refusal(Reason.UNCLEAR, first.message, first.remedy, prepared.findings)
    request, _ = prepared
    facts = facts_on(request, changeset, base_ref, job, registry)
    decision = decide(context, request, facts, examine=job.examine, now=job.clock()).decision
    if isinstance(decision, Rejected):
        problems = errors_in(decision.findings)
        message = "; ".join(f"{finding.rule}: {finding.message}" for finding in problems)
        return Refusal(Reason.RULES, message, problems[0].remedy, decision.findings)
    return request


def _open_pull(head_ref: str, base_ref: str, request: Request, event: Dispatched, job: JobContext) -> int:
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
