"""Confirm events: GitHub confirms what came through it; the pull request's author answers for the rest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from promotebot.errors import InvalidInput
from promotebot.findings import Finding, error, passed
from promotebot.gate.pinned_commands import IntentCheck
from promotebot.promotion.commands import ChangeCommand, parse_comment
from promotebot.promotion.labels import parse_label
from promotebot.promotion.policy import Policy
from promotebot.promotion.replay import Step
from promotebot.promotion.request import CommandArguments
from promotebot.registry.model import Action, RequestRef, Source
from promotebot.registry.names import Stage

if TYPE_CHECKING:  # PyGithub is loaded by whoever makes the client
    from promotebot.github.ports import GitHub, PullRequest

_REMEDY = "restore the registry from the base branch, then ask with a comment: /promote <stage>"


def confirm(
    steps: Sequence[Step],
    github: GitHub,
    repo: str,
    pull: PullRequest,
    policy: Policy,
    intent: IntentCheck = lambda _step, _arguments: "",
) -> list[Finding]:
    """Confirm each event of a pull request: somebody asked for it there, and may (docs/architecture.md, Trust).

    Args:
        intent: returns what speaks against an event that a comment's command asks for by its words.

    Raises:
        CouldNotVerify: when GitHub does not answer; an event nobody could confirm is not confirmed.
    """
    return [finding for step in steps for finding in _confirmed(step, github, repo, pull, policy, intent)]


def _confirmed(
    step: Step, github: GitHub, repo: str, pull: PullRequest, policy: Policy, intent: IntentCheck
) -> Iterator[Finding]:
    event, subject = step.event, _subject(step)
    if event.source is Source.GITHUB:
        problem = _problem(step, event.request, github, repo, pull, intent)
        if problem:
            yield error("gate.request", f"{subject}: {problem}.", remedy=_REMEDY)
            return
        yield passed("gate.request", f"{subject}: asked by {event.actor} in this pull request")
    else:
        remark = f"{subject}: its actor {event.actor or 'nobody'} is what the branch says; {pull.author} opened this"
        yield passed("gate.request", remark)
    asker = str(event.actor) if event.source is Source.GITHUB else pull.author
    needed = policy.stages.permission(event.stage or Stage.ACTIVE)
    held = github.permission(asker)
    if held < needed:
        yield error(
            "gate.permission",
            f"{subject}: {asker} has {held.name.lower()} permission; {needed.name.lower()} is needed.",
            remedy=f"somebody with {needed.name.lower()} permission asks for it with a comment",
        )


def _subject(step: Step) -> str:
    stage = step.event.stage.label if step.event.stage else "?"
    return f"{step.event.action.value} of {step.event.pointer.artifact_id} ({step.model} {stage})"


def _problem(
    step: Step, ref: RequestRef | None, github: GitHub, repo: str, pull: PullRequest, intent: IntentCheck
) -> str:
    """Return why an event's request was not made in this pull request; empty when it was."""
    event = step.event
    if ref is None:
        return "it says it came from GitHub and names no request"
    if (ref.repo, ref.pull, ref.login) != (repo, pull.number, event.actor):
        return f"its request is of {ref.login} in {ref.repo}#{ref.pull}, not of {event.actor} in this pull request"
    kind, _, rest = ref.id.partition(":")
    number, _, line = rest.partition("#")
    if not (number.isdecimal() and line.isdecimal()):
        return f"its request {ref.id!r} is none"
    if kind == "comment":
        return _comment_problem(step, int(number), int(line), github, pull, intent)
    if kind == "run":
        return _run_problem(step, ref.login, int(number), github, pull)
    return f"its request {ref.id!r} is none"


def _comment_problem(
    step: Step, comment_id: int, line: int, github: GitHub, pull: PullRequest, intent: IntentCheck
) -> str:
    comment = github.comment(comment_id)
    if comment.author != step.event.actor or comment.pull != pull.number:
        return f"comment {comment_id} is by {comment.author} on #{comment.pull}"
    if comment.updated_at != comment.created_at:
        return f"comment {comment_id} was edited"
    asks = [c.arguments for c in parse_comment(comment.body) if isinstance(c, ChangeCommand) and c.line == line]
    arguments = next((arguments for arguments in asks if _means(arguments, step)), None)
    return intent(step, arguments) if arguments else f"line {line} of comment {comment_id} does not ask for it"


def _run_problem(step: Step, login: str, run_id: int, github: GitHub, pull: PullRequest) -> str:
    """Return why a label, or a job started by hand, does not ask for it.

    GitHub keeps who started a run, but not the command that was typed into it.
    """
    run = github.run(run_id)
    if run.actor != login:
        return f"run {run_id} was started by {run.actor}"
    if run.event == "workflow_dispatch":
        return "" if pull.head_ref.endswith(f"/{run_id}") else f"run {run_id} did not open this pull request"
    if run.event != "pull_request_target":
        return f"run {run_id} was started by {run.event}, which asks for nothing"
    labels = [label.name for label in github.labelings(pull.number) if label.actor == login]
    if not any(_label_means(name, step) for name in labels):
        return f"{login} put no label on it that asks for it"
    return ""


def _label_means(name: str, step: Step) -> bool:
    """Return True when a label asks for the event; one that was misspelt once asks for nothing, ever after."""
    try:
        arguments = parse_label(name)
    except InvalidInput:
        return False
    return arguments is not None and _means(arguments, step)


def _means(arguments: CommandArguments, step: Step) -> bool:
    """Return True when the command can have become this event: promoting bytes that were ACTIVE is a rollback."""
    event = step.event
    actions = {event.action, Action.PROMOTE} if event.action is Action.ROLLBACK else {event.action}
    return (
        arguments.action in actions
        and arguments.stage is event.stage
        and arguments.model in (None, step.model)
        and arguments.artifact_dir in (None, event.pointer.artifact_dir)
        and arguments.artifact_id in (None, event.pointer.artifact_id)
        and arguments.dataset_id in (None, event.pointer.dataset_id)
        and arguments.git_sha in (None, event.pointer.git_sha)
        and arguments.reason in (None, event.reason)
    )
