"""`promotebot registry adopt`: complete the pointers that an older tool wrote, by an event that says so."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Iterator
from datetime import datetime

from promotebot.artifact.source import FileSource
from promotebot.cli.again import Typed
from promotebot.cli.change import actor_of, parsed_options
from promotebot.cli.examiner import examiner_of
from promotebot.cli.output import add_verbose
from promotebot.cli.taking_over import (
    TargetRegistry,
    base_registry,
    carry_out,
    tell_plan,
    work_context,
    write_imports,
)
from promotebot.errors import UsageError
from promotebot.findings import errors_in
from promotebot.git.checkout import Checkout
from promotebot.planning.complete import manifest_in
from promotebot.planning.imports import ImportPlan, plan_imports
from promotebot.planning.worktree import WorkTreePaths
from promotebot.promotion.request import ADOPTED, Actor, FoundPointer, Request
from promotebot.promotion.rules.imports import lacks_something
from promotebot.promotion.standing import newest_event
from promotebot.registry.files import read_registry_bytes, registry_lock
from promotebot.registry.model import Action, Import, Pointer
from promotebot.registry.names import (
    GitSha,
    ModelName,
    Stage,
    Timestamp,
    parse_git_sha,
    parse_identifier,
    parse_model_name,
    parse_text,
    parse_timestamp,
)
from promotebot.registry.registry import ModelRegistry
from promotebot.registry.store import StoredRegistry
from promotebot.remedies import again, choices

log = logging.getLogger(__name__)


def add_adopt_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `adopt`."""
    parser.add_argument("--model", help="adopt: of this model alone; describe: of this model")
    parser.add_argument("--git-sha", help="adopt: the commit of the training code of what is ACTIVE")
    parser.add_argument("--dataset-id", help="adopt: its training dataset")
    parser.add_argument("--promoted-at", metavar="TIME", help="adopt: since when it is ACTIVE, 2026-02-16T09:00:00Z")
    parser.add_argument("--reason", help="adopt: how you know that the bytes are the right ones, where git does not")
    parser.add_argument("--dry-run", action="store_true", help="adopt, describe: print the diff, write nothing")
    add_verbose(parser)


def adopt(options: argparse.Namespace, repository: Checkout, work_tree: WorkTreePaths, now: datetime) -> int:
    """Write an event for each pointer that lacks a digest, and for what is ACTIVE without commit, dataset or time.

    What the pointer says stays; what it lacks comes from the options, the manifest and the history.

    Returns:
        0, also where nothing lacks anything; 1 where something cannot be completed: nothing is written then.

    Raises:
        InvalidInput: for a registry or an option that does not read, and for an unknown model.
        UsageError: for values of one pointer where there are several.
    """
    actor, typed = actor_of(options, repository), Typed(options.arguments)
    with registry_lock(work_tree.registry):
        stored = StoredRegistry(work_tree.registry, where=work_tree.registry_path)
        registry = stored.read()
        data = read_registry_bytes(work_tree.registry)
        target = TargetRegistry(registry, base_registry(repository, work_tree, registry), stored, data)
        examiner = examiner_of(options)
        context = work_context(repository, work_tree, target, examiner)
        requests = list(_requests(options, registry, context.files, actor))
        if not requests:
            log.info("unchanged: no pointer lacks anything")
            if options.format == "json":
                write_imports(ImportPlan(registry, registry, ()), (), written=False, exit_code=0)
            return 0
        plan = plan_imports(context, requests, examine=examiner, now=now)
        tell_plan(plan, typed, verbose=options.verbose)
        if plan.rejected:
            if options.format == "json":
                write_imports(plan, (), written=False, exit_code=1)
            return _refused(plan, typed)
        title = "feat(ml): Complete the pointers of an older tool"
        carry_out(plan, target, work_tree, typed, title=title, dry_run=options.dry_run)
    if options.format == "json":
        write_imports(plan, (), written=not options.dry_run, exit_code=0)
    if options.dry_run:
        log.info("dry run: nothing was written.")
    return 0


def _refused(plan: ImportPlan, typed: Typed) -> int:
    log.error("refused. Nothing was written.")
    models = list(dict.fromkeys(one.request.model for one in plan.rejected))
    if len(models) > 1:
        log.error("Next: %s", choices("complete one after the other", [typed.line({"model": name}) for name in models]))
        return 1
    try_again = typed.try_again(finding.remedy for one in plan.rejected for finding in errors_in(one.findings))
    if try_again:
        log.error("%s", try_again)
    return 1


def _requests(
    options: argparse.Namespace, registry: ModelRegistry, files: FileSource, actor: Actor
) -> Iterator[Request]:
    names = [parse_model_name(options.model)] if options.model else list(registry)
    for name in names:
        registry.check_known(name)
    given = _given(options)
    if any(given) and len(names) > 1:
        lines = [again(model=name) for name in names[:5]]
        raise UsageError("these values are of one model", remedy=choices("name it", lines))
    for name in names:
        for stage, pointer in registry.pointers(name).items():
            if pointer is not None and lacks_something(pointer, stage):
                yield _request(name, stage, pointer, options, registry, files, actor)


def _given(options: argparse.Namespace) -> tuple[GitSha | None, str | None, Timestamp | None]:
    """Return commit, dataset and time as the options give them. Raises InvalidInput for what does not read."""
    parsers = {"git_sha": parse_git_sha, "dataset_id": parse_identifier, "promoted_at": parse_timestamp}
    values = parsed_options(options, parsers)
    return values["git_sha"], values["dataset_id"], values["promoted_at"]


def _request(
    name: ModelName,
    stage: Stage,
    pointer: Pointer,
    options: argparse.Namespace,
    registry: ModelRegistry,
    files: FileSource,
    actor: Actor,
) -> Request:
    manifest = manifest_in(files, pointer.artifact_dir)
    git_sha, dataset, moment = _given(options) if stage is Stage.ACTIVE else (None, None, None)
    event = newest_event(registry, name, stage)
    since = event.ts_utc if event and event.pointer == pointer and event.action is not Action.IMPORTED else None
    place = f"{registry.json_path(name)}.{stage.value}"
    return Request(
        model=name,
        stage=stage,
        artifact_dir=pointer.artifact_dir,
        artifact_id=pointer.artifact_id,
        actor=actor,
        action=Action.IMPORTED,
        dataset_id=pointer.dataset_id or dataset or (manifest.dataset_id if manifest else None),
        git_sha=pointer.git_sha or git_sha or (GitSha(manifest.git_sha) if manifest and manifest.git_sha else None),
        reason=parse_text(options.reason) if options.reason else None,
        notes=pointer.notes,
        found=FoundPointer(
            Import(file=registry.file_of(name), format=ADOPTED, place=place),
            pointer.promoted_at_utc or moment or since,
            pointer.actor,
        ),
    )
