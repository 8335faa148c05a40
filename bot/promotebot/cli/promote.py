"""The terminal's door: options to use cases, findings to lines. Results on stdout, everything else on stderr."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from promotebot.cli.output import line
from promotebot.cli.work_tree import work_tree_of
from promotebot.errors import InvalidInput, UsageError
from promotebot.findings import Finding
from promotebot.git.checkout import Checkout
from promotebot.planning.decide import PromotionContext
from promotebot.planning.examiner import Examiner
from promotebot.planning.messages import commit_message
from promotebot.planning.rollback import NoRollbackTarget, prepare_demotion, prepare_rollback
from promotebot.planning.worktree import Prepare, WorkTreePaths, promote_here
from promotebot.promotion.diff import unified_diff
from promotebot.promotion.plan import Plan, Rejected, document
from promotebot.promotion.request import Actor, CommandArguments, Request
from promotebot.registry.model import Action, Source
from promotebot.registry.names import (
    parse_artifact_path,
    parse_git_sha,
    parse_identifier,
    parse_model_name,
    parse_stage,
    parse_text,
)
from promotebot.registry.registry import Layout

log = logging.getLogger(__name__)
_DONE = {Action.PROMOTE: "promoted", Action.ROLLBACK: "rolled back", Action.DEMOTE: "demoted"}


def promote(options: argparse.Namespace, environment: Mapping[str, str], now: datetime) -> int:
    """`promotebot promote`: the diff (or the plan as JSON) on stdout; exit 0 planned or written, 1 refused."""
    repository, work_tree = work_tree_of(options)
    request = _request(options, _actor(environment, repository))
    return _move(options, repository, work_tree, lambda _: (request, ()), now)


def rollback(options: argparse.Namespace, environment: Mapping[str, str], now: datetime) -> int:
    """`promotebot rollback`: back to the last good pointer; says which candidates it passed over and why."""
    repository, work_tree = work_tree_of(options)
    actor, examine = _actor(environment, repository), Examiner()

    def prepare(context: PromotionContext) -> tuple[Request, Sequence[Finding]]:
        return _or_stop(prepare_rollback(_arguments(options, Action.ROLLBACK), context, actor, None, examine=examine))

    return _move(options, repository, work_tree, prepare, now)


def demote(options: argparse.Namespace, environment: Mapping[str, str], now: datetime) -> int:
    """`promotebot demote`: clears a stage, with an event."""
    repository, work_tree = work_tree_of(options)
    actor = _actor(environment, repository)

    def prepare(context: PromotionContext) -> tuple[Request, Sequence[Finding]]:
        found = prepare_demotion(_arguments(options, Action.DEMOTE), context, actor, None)
        return _or_stop(found if isinstance(found, NoRollbackTarget) else (found, ()))

    return _move(options, repository, work_tree, prepare, now)


def _move(
    options: argparse.Namespace, repository: Checkout, work_tree: WorkTreePaths, prepare: Prepare, now: datetime
) -> int:
    """What promote, rollback and demote share: decide, write, show, commit."""
    commits = not options.dry_run and (options.commit or options.branch or options.push)
    if commits:
        repository.check_can_commit(options.branch)
    decided = promote_here(
        repository,
        work_tree,
        prepare,
        examine=Examiner(),
        now=now,
        dry_run=options.dry_run,
        allow_dirty=options.allow_dirty,
    )
    decision = decided.decision
    _log_findings(decision.findings)
    written = isinstance(decision, Plan) and not options.dry_run
    if options.format == "json":
        sys.stdout.write(document(decision, written=written).model_dump_json(indent=2) + "\n")
    what = f"{decision.request.model} → {decision.request.stage.label}"
    if isinstance(decision, Rejected):
        log.error("refused: %s. Nothing was written.", what)
        return 1
    if not isinstance(decision, Plan):
        log.info("unchanged: %s already holds %s", decision.request.stage.label, decision.pointer.artifact_id)
        return _pending(options, repository, work_tree) if commits else 0
    if options.format == "text":
        sys.stdout.write(diff_of(decision))
    if options.dry_run:
        log.info("dry run: %s. Nothing was written.", what)
    elif commits:
        _commit(options, repository, decision)
    else:
        path = decision.after.file_of(decision.request.model)
        log.info("%s: %s. Next: promotebot verify, then git add %s && git commit", _DONE[decision.action], what, path)
    return 0


def _pending(options: argparse.Namespace, repository: Checkout, work_tree: WorkTreePaths) -> int:
    """An earlier run wrote it and could not commit or push it: what is asked for must not be taken for done."""
    folder = str(Path(work_tree.registry_path).parent)
    dirty = [
        path for path in repository.dirty_paths() if path == work_tree.registry_path or path.startswith(f"{folder}/")
    ]
    if dirty:
        log.error("error: it is not committed: %s\nNext: git add --all -- %s && git commit", ", ".join(dirty), folder)
        return 1
    if options.push:
        log.info("pushed to origin %s", repository.push_branch())
    return 0


def _commit(options: argparse.Namespace, repository: Checkout, plan: Plan) -> None:
    """Commit the registry and nothing else, on a new branch where one is named; push where asked."""
    message = commit_message(plan, title=f"{plan.action.value} at a terminal", trailers={})
    path = plan.after.file_of(plan.request.model)
    commit = repository.commit_path(path, message, branch=options.branch)
    log.info("committed %s: %s", commit[:7], message.splitlines()[0])
    if options.push:
        log.info("pushed to origin %s", repository.push_branch())


def diff_of(plan: Plan) -> str:
    """The change of the one file that the plan writes."""
    model = plan.request.model
    before = plan.before.file_bytes(model) if model in plan.before or plan.before.layout is Layout.SINGLE else b""
    return unified_diff(before, plan.after.file_bytes(model), plan.after.file_of(model))


def _or_stop(found: tuple[Request, Sequence[Finding]] | NoRollbackTarget) -> tuple[Request, Sequence[Finding]]:
    if isinstance(found, NoRollbackTarget):
        _log_findings(found.findings[1:])
        first = found.findings[0]
        raise InvalidInput(first.message, where=first.where, remedy=first.remedy)
    return found


def _arguments(options: argparse.Namespace, action: Action) -> CommandArguments:
    """What the flags of rollback and demote say; every flag that is wrong is named at once."""
    parsers = {
        "model": parse_model_name,
        "stage": parse_stage,
        "to": parse_text,
        "reason": parse_text,
        "notes": parse_text,
    }
    values = _parsed(options, {name: parse for name, parse in parsers.items() if hasattr(options, name)})
    return CommandArguments(action=action, **values)


def _actor(environment: Mapping[str, str], repository: Checkout) -> Actor:
    name = environment.get("ML_PROMOTION_ACTOR", "").strip() or repository.user_email()
    if not name:
        raise UsageError(
            "nobody is named as the actor",
            remedy='export ML_PROMOTION_ACTOR="you@example.com", or git config user.email',
        )
    return Actor(parse_text(name), Source.CLI)


def _request(options: argparse.Namespace, actor: Actor) -> Request:
    """The request as the flags say it; every flag that is wrong is named at once."""
    parsers = {
        "model": parse_model_name,
        "stage": parse_stage,
        "artifact_dir": parse_artifact_path,
        "artifact_id": parse_identifier,
        "dataset_id": parse_identifier,
        "git_sha": parse_git_sha,
        "reason": parse_text,
        "notes": parse_text,
    }
    values = _parsed(options, parsers)
    return Request(actor=actor, new_model=options.new_model, **values)


def _parsed(options: argparse.Namespace, parsers: Mapping[str, Callable[[str], Any]]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    problems: list[str] = []
    for name, parse in parsers.items():
        said = getattr(options, name)
        try:
            values[name] = parse(said) if said is not None else None
        except InvalidInput as problem:
            problems.append(f"--{name.replace('_', '-')}: {problem}")
    if problems:
        raise InvalidInput("\n".join(problems))
    return values


def _log_findings(findings: Iterable[Finding]) -> None:
    for finding in findings:
        log.info("%s", line(finding))
