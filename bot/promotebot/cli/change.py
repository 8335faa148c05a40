"""The shared part of promote, rollback and demote: decide a change of the registry, show it and write it.

Results go to stdout, everything else is logged to stderr.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from promotebot.cli.again import Typed
from promotebot.cli.commit import add_commit_options, commit_file, readied
from promotebot.cli.examiner import examiner_of
from promotebot.cli.options import add_registry_options, stage_of
from promotebot.cli.output import add_verbose, report_lines, write_document
from promotebot.cli.pull_request import Proposal
from promotebot.cli.work_tree import work_tree_of
from promotebot.errors import InvalidInput, UsageError
from promotebot.findings import Finding, errors_in
from promotebot.git.checkout import Checkout
from promotebot.planning.complete import prepare
from promotebot.planning.decide import PromotionContext
from promotebot.planning.messages import commit_message
from promotebot.planning.worktree import Prepare, WorkTreePaths, promote_here
from promotebot.promotion.diff import unified_diff
from promotebot.promotion.evaluation_report import evaluation_lines
from promotebot.promotion.infer import IncompleteRequest, InferenceContext
from promotebot.promotion.plan import Plan, Rejected, document
from promotebot.promotion.request import Actor, CommandArguments, Request
from promotebot.registry.model import Action, Source
from promotebot.registry.names import is_text, parse_model_name, parse_text
from promotebot.registry.registry import Layout
from promotebot.remedies import Command, Remedy, shell
from promotebot.text import visible

log = logging.getLogger(__name__)
_DONE = {
    Action.PROMOTE: "promoted",
    Action.ROLLBACK: "rolled back",
    Action.DEMOTE: "demoted",
    Action.IMPORTED: "imported",
}


def add_change_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of every command that writes the registry."""
    parser.add_argument("--dry-run", action="store_true", help="print the diff, write nothing")
    parser.add_argument("--allow-dirty", action="store_true", help="continue although the work tree is not clean")
    parser.add_argument("--format", choices=("text", "json"), default="text", help="the diff, or the plan as JSON")
    add_commit_options(parser, "the registry")
    parser.add_argument("--datasets-dir", help="where the datasets are (default: ml/datasets), verified for active")
    add_registry_options(parser)
    add_verbose(parser)


def apply_change(
    options: argparse.Namespace, repository: Checkout, work_tree: WorkTreePaths, prepare: Prepare, now: datetime
) -> int:
    """Plan the change that `prepare` makes a request for; show it, write it and commit it as the options say.

    Returns:
        0 when it is planned, written or there already, 1 when it is refused or an earlier change is not committed.

    Raises:
        PromotebotError: as `promote_here` and the commit do.
    """
    commits, proposal = readied(options, repository, work_tree)
    with (examiner := examiner_of(options)).keeping():  # a candidate, and what it is compared with
        decided = promote_here(
            repository,
            work_tree,
            prepare,
            examine=examiner,
            now=now,
            dry_run=options.dry_run,
            allow_dirty=options.allow_dirty,
        )
    typed = Typed(options.arguments)
    decision = replace(decided.decision, findings=typed.findings(decided.decision.findings))
    _log_findings(decision.findings, verbose=options.verbose)
    for line in evaluation_lines(decided.evidence.evaluation):
        log.info("%s", line)
    _log_origins(decision.request)
    written = isinstance(decision, Plan) and not options.dry_run
    if isinstance(decision, Plan):
        _finish(options, repository, decision, proposal, commits=commits)
    # Last, so that what cannot be committed leaves one document: the error.
    if options.format == "json":
        write_document(document(decision, written=written, evaluation=decided.evidence.evaluation))
    if isinstance(decision, Plan):
        return 0
    if isinstance(decision, Rejected):
        return _refused(decision, typed)
    log.info("unchanged: %s already holds %s", decision.request.stage.label, decision.pointer.artifact_id)
    return _finish_earlier(options, repository, work_tree, proposal) if commits else 0


def apply_from_history(options: argparse.Namespace, action: Action, now: datetime) -> int:
    """Roll back or demote as the options say: what is asked for is found in the history, and nothing is inferred.

    Returns and raises as `apply_change` does.
    """
    repository, work_tree = work_tree_of(options)
    actor, arguments = actor_of(options, repository), command_arguments(options, action)

    def request(context: PromotionContext) -> tuple[Request, Sequence[Finding]]:
        nothing = InferenceContext(context.registry, (), lambda _: None)
        prepared = prepare(arguments, context, nothing, actor, None, "", examiner_of(options))
        return request_or_stop(prepared, Typed(options.arguments))

    return apply_change(options, repository, work_tree, request, now)


def _target(request: Request) -> str:
    if request.action is Action.DEMOTE:
        return f"{request.model}: {request.stage.label} → nothing"
    return f"{request.model} → {request.stage.label}"


def _refused(decision: Rejected, typed: Typed) -> int:
    log.error("refused: %s. Nothing was written.", _target(decision.request))
    again = typed.try_again(finding.remedy for finding in errors_in(decision.findings))
    if again:
        log.error("%s", again)
    return 1


def _finish(
    options: argparse.Namespace, repository: Checkout, plan: Plan, proposal: Proposal | None, *, commits: bool
) -> None:
    """Show the diff of a plan that is legal, and commit it or say how."""
    if options.format == "text":
        sys.stdout.write(diff_of(plan))
    if options.dry_run:
        log.info("dry run: %s. Nothing was written.", _target(plan.request))
    elif commits:
        message = commit_message(plan, title=f"{plan.action.value} at a terminal", trailers={})
        commit_file(options, repository, plan.after.file_of(plan.request.model), message, proposal)
    else:
        title = commit_message(plan, title="", trailers={}).splitlines()[0]
        line = committed(plan.after.file_of(plan.request.model), title)
        after = Typed(options.arguments).here(Remedy(line))
        log.info("%s: %s. Next: %s", _DONE[plan.action], _target(plan.request), after)


def _finish_earlier(
    options: argparse.Namespace, repository: Checkout, work_tree: WorkTreePaths, proposal: Proposal | None
) -> int:
    """Push what an earlier run committed; return 1 where it could not commit, which must not be taken for done."""
    folder = str(Path(work_tree.registry_path).parent)
    dirty = [
        path for path in repository.dirty_paths() if path == work_tree.registry_path or path.startswith(f"{folder}/")
    ]
    if dirty:
        line = committed(folder, "feat(ml): Change the registry")
        log.error(
            "error: it is not committed: %s\nNext: %s", ", ".join(dirty), Typed(options.arguments).here(Remedy(line))
        )
        return 1
    if options.branch:
        log.info("the branch %s was not made: there is nothing to commit on it", options.branch)
    elif options.push:
        branch = repository.push_branch()
        log.info("pushed to origin %s", branch)
        if proposal:
            proposal.open(branch, repository.message("HEAD"))
    return 0


def committed(path: str, message: str) -> Command:
    """Return the line that verifies the registry, and commits what stands at a path and nothing else."""
    line = shell("promotebot", "verify").then("git", "add", "--all", "--", path)
    return line.then("git", "commit", "--message", message, "--", path)


def diff_of(plan: Plan) -> str:
    """Return the unified diff of the one file that the plan writes; of a new file, all of it."""
    model = plan.request.model
    before = plan.before.file_bytes(model) if model in plan.before or plan.before.layout is Layout.SINGLE else b""
    return unified_diff(before, plan.after.file_bytes(model), plan.after.file_of(model))


def request_or_stop(
    prepared: tuple[Request, Sequence[Finding]] | IncompleteRequest, typed: Typed
) -> tuple[Request, Sequence[Finding]]:
    """Return the request with its findings.

    Raises:
        InvalidInput: where none could be made, with the first finding's words; the others are logged.
    """
    if isinstance(prepared, IncompleteRequest):
        _log_findings(typed.findings(prepared.findings[1:]), verbose=True)
        first = prepared.findings[0]
        raise InvalidInput(first.message, where=first.where, remedy=first.remedy)
    return prepared


def command_arguments(options: argparse.Namespace, action: Action) -> CommandArguments:
    """Return what the flags of rollback or demote ask for.

    Raises:
        InvalidInput: naming every flag that does not read.
    """
    parsers: dict[str, Callable[[str], Any]] = {
        "model": parse_model_name,
        "stage": partial(stage_of, options=options),
        "to": parse_text,
        "reason": parse_text,
        "notes": parse_text,
    }
    values = parsed_options(options, {name: parse for name, parse in parsers.items() if hasattr(options, name)})
    return CommandArguments(action=action, **values)


def actor_of(options: argparse.Namespace, repository: Checkout) -> Actor:
    """Return who promotes: who the environment names, else git's user.email.

    Raises:
        UsageError: when neither names anybody.
    """
    name = options.actor or repository.user_email()
    if not name:
        raise UsageError(
            "no actor: neither ML_PROMOTION_ACTOR nor git config user.email names one", remedy=_name_yourself(options)
        )
    return Actor(parse_text(name), Source.CLI)


def _name_yourself(options: argparse.Namespace) -> Remedy:
    """Return how to name the actor: with the name of this machine's account, where the environment has one."""
    words, line = "set ML_PROMOTION_ACTOR to your address, or git's user.email", Typed(options.arguments).line({})
    account = options.environment.get("LOGNAME") or options.environment.get("USER") or ""
    if not account.strip() or not all(map(is_text, account)):
        return Remedy(words)
    named = Command(line.door, ((f"ML_PROMOTION_ACTOR={account}", *line.steps[0]),))
    return Remedy(f"{words}; by the name of this account: ", named)


def parsed_options(options: argparse.Namespace, parsers: Mapping[str, Callable[[str], Any]]) -> dict[str, Any]:
    """Return each named option as its parser reads it, None where it was not given.

    Raises:
        InvalidInput: naming every flag that does not read, not only the first.
    """
    values: dict[str, Any] = {}
    problems: dict[str, InvalidInput] = {}
    for name, parse in parsers.items():
        given = getattr(options, name)
        try:
            values[name] = parse(given) if given is not None else None
        except InvalidInput as problem:
            problems[f"--{name.replace('_', '-')}"] = problem
    if len(problems) == 1:  # its remedy may be a whole line
        [(flag, only)] = problems.items()
        raise InvalidInput(f"{flag}: {only.message}", where=only.where, remedy=only.remedy)
    if problems:
        raise InvalidInput("\n".join(f"{flag}: {problem}" for flag, problem in problems.items()))
    return values


def _log_origins(request: Request) -> None:
    """Say of every value that was inferred where it came from."""
    for name, origin in request.origins.items():
        log.info("inferred: --%s %s (%s)", name.replace("_", "-"), visible(str(getattr(request, name))), origin)


def _log_findings(findings: Sequence[Finding], *, verbose: bool) -> None:
    for told in report_lines(findings, verbose=verbose):
        log.info("%s", told)
