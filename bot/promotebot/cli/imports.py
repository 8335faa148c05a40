"""`promotebot import`: take over what another tool's registry says is in each stage."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from promotebot.cli.again import Typed
from promotebot.cli.change import actor_of
from promotebot.cli.examiner import examiner_of
from promotebot.cli.json_schemas import empty_registry
from promotebot.cli.options import add_registry_options, stage_of
from promotebot.cli.output import add_format, add_verbose
from promotebot.cli.taking_over import (
    TargetRegistry,
    base_registry,
    carry_out,
    tell_plan,
    work_context,
    write_imports,
)
from promotebot.cli.work_tree import work_tree_of
from promotebot.errors import InvalidInput, UsageError
from promotebot.foreign.found import Found, Remark
from promotebot.foreign.read import read_foreign
from promotebot.foreign.resolve import Resolver
from promotebot.foreign.tags import GtoRepository
from promotebot.git.checkout import Checkout
from promotebot.planning.complete import manifest_in
from promotebot.planning.decide import PromotionContext
from promotebot.planning.examiner import Examiner
from promotebot.planning.imports import ImportPlan, plan_imports
from promotebot.planning.worktree import WorkTreePaths, check_whole
from promotebot.registry.codec import stored_json
from promotebot.registry.files import read_registry_bytes, registry_lock
from promotebot.registry.names import (
    ArtifactPath,
    Stage,
    parse_artifact_path,
    parse_model_name,
    to_timestamp,
)
from promotebot.registry.registry import ModelRegistry
from promotebot.registry.stage_words import NO_STAGE, plain, stage_like_keys
from promotebot.registry.store import StoredRegistry
from promotebot.remedies import Remedy, shell
from promotebot.text import counted, listed, visible

log = logging.getLogger(__name__)
_STAGE_FORM, _ARTIFACT_FORM = "WORD=STAGE", "MODEL/STAGE=DIR"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `promotebot import`."""
    parser.add_argument("file", metavar="FILE", help="the other tool's registry: a file, or a folder of MLflow")
    parser.add_argument("--model", metavar="NAME", help="the name of the only model, where the file does not say one")
    parser.add_argument(
        "--stage",
        metavar=_STAGE_FORM,
        action="append",
        default=[],
        help="what a word for a stage means, such as canary=staging; =none leaves it out",
    )
    parser.add_argument(
        "--artifact",
        metavar=_ARTIFACT_FORM,
        action="append",
        default=[],
        help="the directory of an artifact that the file names by an address elsewhere",
    )
    parser.add_argument("--timezone", default="UTC", help="of times that name none (default: UTC)")
    parser.add_argument("--partial", action="store_true", help="import the rest although something cannot be mapped")
    parser.add_argument("--dry-run", action="store_true", help="print the diff, write nothing")
    add_format(parser)
    add_registry_options(parser)
    add_verbose(parser)


def run(options: argparse.Namespace, now: datetime) -> int:
    """Write an event `imported` for each pointer that the file has, or say line by line what stands against it.

    Returns:
        0 when all of it is imported, or would be; 1 when something cannot be mapped. Nothing is written then, but for
        the rest with --partial.

    Raises:
        InvalidInput: for a file that does not read, or is no registry; nothing is changed.
        UsageError: for an option that does not read.
    """
    repository, work_tree = work_tree_of(options)
    check_whole(repository, work_tree)
    choices = _Choices.of(options)
    actor_of(options, repository)  # before anything is looked at
    if not options.dry_run:
        work_tree.registry.parent.mkdir(parents=True, exist_ok=True)
    with registry_lock(work_tree.registry) if work_tree.registry.parent.is_dir() else nullcontext():
        return _import(options, choices, repository, work_tree, now)


@dataclass(frozen=True)
class _Choices:
    """What the options decide that the file leaves open."""

    model: str
    words: Mapping[str, Stage | None]
    zone: ZoneInfo
    artifacts: Mapping[str, ArtifactPath]

    @classmethod
    def of(cls, options: argparse.Namespace) -> _Choices:
        """Return what the options say. Raises UsageError and InvalidInput for what does not read."""
        words = {
            plain(word): _stage_or_none(stage, options) for word, stage in _pairs("--stage", _STAGE_FORM, options.stage)
        }
        artifacts = {
            slot: parse_artifact_path(text.removeprefix("./").rstrip("/"))
            for slot, text in _pairs("--artifact", _ARTIFACT_FORM, options.artifact)
        }
        try:
            zone = ZoneInfo(options.timezone)
        except (ZoneInfoNotFoundError, ValueError):
            message, remedy = f"{options.timezone!r} is no time zone", "give one such as Europe/Berlin"
            raise UsageError(message, where="--timezone", remedy=remedy) from None
        return cls(parse_model_name(options.model) if options.model else "", words, zone, artifacts)


def _pairs(flag: str, form: str, texts: Sequence[str]) -> Iterator[tuple[str, str]]:
    for text in texts:
        left, equals, right = text.partition("=")
        if not (left and equals and right):
            raise UsageError(f"{text!r} is no pair", where=flag, remedy=f"write {flag} {form}")
        yield left, right


def _stage_or_none(text: str, options: argparse.Namespace) -> Stage | None:
    return None if plain(text) in NO_STAGE else stage_of(text, options)


def _import(
    options: argparse.Namespace, choices: _Choices, repository: Checkout, work_tree: WorkTreePaths, now: datetime
) -> int:
    file, typed = Path(options.file), Typed(options.arguments)
    target = _target(repository, work_tree, file, now)
    if target is None:
        return _nothing_to_import(options, work_tree)
    git = GtoRepository(repository)
    found = read_foreign(file, git, model=choices.model, words=choices.words)
    examiner = examiner_of(options)
    context = work_context(repository, work_tree, target, examiner)
    name = _named(file, work_tree.root)
    resolver = Resolver(
        root=work_tree.root,
        file=name,
        folder=file.parent,
        format=found.format,
        actor=actor_of(options, repository),
        zone=choices.zone,
        now=now,
        commit_of=repository.resolve,
        tree_of=partial(git.tree_of, repository.resolve("HEAD")),
        manifest_of=partial(manifest_in, context.files),
        chosen=choices.artifacts,
    )
    plan, remarks = _planned(found, resolver, context, examiner, now)
    _tell(remarks)
    tell_plan(plan, typed, verbose=options.verbose)
    open_ends = sum(one.is_blocking for one in remarks) + len(plan.rejected)
    is_taken = bool(plan.plans) and (options.partial or not open_ends)
    if is_taken:
        title = f"feat(ml): Import the {found.format} registry {name}"
        carry_out(plan, target, work_tree, typed, title=title, dry_run=options.dry_run)
    if options.format == "json":
        written = is_taken and not options.dry_run
        write_imports(plan, remarks, written=written, exit_code=1 if open_ends else 0)
    return _verdict(options, plan, open_ends)


def _nothing_to_import(options: argparse.Namespace, work_tree: WorkTreePaths) -> int:
    log.info("nothing to import: promotebot reads %s as it is", work_tree.registry_path)
    if options.format == "json":
        registry = StoredRegistry(work_tree.registry, where=work_tree.registry_path).read()
        write_imports(ImportPlan(registry, registry, ()), (), written=False, exit_code=0)
    return 0


def _planned(
    found: Found, resolver: Resolver, context: PromotionContext, examiner: Examiner, now: datetime
) -> tuple[ImportPlan, list[Remark]]:
    requests = [request for one in found.pointers if (request := resolver.request(one))]
    plan = plan_imports(context, requests, examine=examiner, now=now)
    return plan, [*found.remarks, *resolver.remarks]


def _verdict(options: argparse.Namespace, plan: ImportPlan, open_ends: int) -> int:
    if options.dry_run and plan.plans and not open_ends:
        log.info("dry run: %s would be imported. Nothing was written.", counted(len(plan.plans), "pointer"))
    if not open_ends and not plan.plans:
        log.info("nothing to import: the registry says the same already")
    if not open_ends:
        return 0
    what = f"{counted(open_ends, 'line')} above cannot be imported as {'it is' if open_ends == 1 else 'they are'}"
    if options.partial and plan.plans and not options.dry_run:
        log.error("%s; the rest is written.", what)
    else:
        log.error("%s. Nothing was written.", what)
        if plan.plans and not options.partial:
            log.error(
                "Next: do what they say; or import the rest: %s", Typed(options.arguments).line({"partial": True})
            )
    return 1


def _tell(remarks: Sequence[Remark]) -> None:
    """Log each remark, those that stand in the way last, where people look."""
    for remark in sorted(remarks, key=lambda one: one.is_blocking):
        log.info("%s %s", "cannot map" if remark.is_blocking else "note      ", visible(str(remark)))


def _target(repository: Checkout, work_tree: WorkTreePaths, file: Path, now: datetime) -> TargetRegistry | None:
    """Return the registry that is written; None where it is the very file, and promotebot reads that as it is.

    Raises:
        InvalidInput: for a registry that does not read and is not the file that is imported, or that holds models of
            promotebot's own beside what it does not read; and for a file that only this machine has.
    """
    path, where = work_tree.registry, work_tree.registry_path
    empty = ModelRegistry.parse(stored_json(empty_registry(where, to_timestamp(now))), where=where)
    if not path.exists():
        return TargetRegistry(empty, base_registry(repository, work_tree, empty), None, None)
    in_place = file.exists() and file.resolve() == path.resolve()
    stored = StoredRegistry(path, where=where)
    try:
        registry = stored.read()
    except InvalidInput:
        if not in_place:
            raise
        registry = None
    data = read_registry_bytes(path)
    if not in_place and registry is not None:
        return TargetRegistry(registry, base_registry(repository, work_tree, registry), stored, data)
    if registry is not None and not any(stage_like_keys(entry) for entry in registry.models.values()):
        return None
    own = [name for name in registry or () if registry and registry.raw_entry(name).get("history_digest")]
    if own:
        message = f"{listed(own)} in it are promotebot's own, so that the file is not replaced"
        raise InvalidInput(
            message, where=where, remedy="move what is not promotebot's into another file, and import that"
        )
    if where in repository.dirty_paths():
        message = "is not committed, and importing it in place would lose what it says"
        line = shell("git", "add", "--", where).then("git", "commit", "--message", "chore(ml): The registry as it is")
        raise InvalidInput(message, where=where, remedy=Remedy("commit it first: ", line))
    return TargetRegistry(empty, empty, None, data)


def _named(file: Path, root: Path) -> str:
    """Return how the history names the file: by its path from the root, or by its name where it is elsewhere."""
    try:
        return file.resolve().relative_to(root.resolve()).as_posix()
    except ValueError:
        return file.name
