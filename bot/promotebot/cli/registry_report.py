"""The parts of a verification at a terminal that are the same with git and without it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from promotebot.artifact.manifest import FILE_NAME, MAX_BYTES
from promotebot.cli.options import stage_of
from promotebot.errors import InvalidInput, PromotebotError, UsageError
from promotebot.findings import Finding, error
from promotebot.planning.examiner import Examine
from promotebot.registry.files import ModelDirectory, read_registry_bytes
from promotebot.registry.names import Stage
from promotebot.registry.registry import ModelRegistry
from promotebot.text import listed
from promotebot.verification.report import ModelFinding, ReportScope, VerifyReport, report_of
from promotebot.verification.shards import parse_shard, shard_of, stored_sizes
from promotebot.verification.verify import VerificationInput, verify


def read_or_report(file: Path, where: str, about: ReportScope) -> ModelRegistry | VerifyReport:
    """Return a registry, or the report that it does not read.

    Raises:
        InvalidInput: when there is none.
        CouldNotVerify: when the disk does not answer.
    """
    data = read_registry_bytes(file)
    try:
        return ModelRegistry.parse(data, where=where, files=ModelDirectory(file), check_models=False)
    except InvalidInput as problem:
        remedy = problem.remedy or "restore the registry from the base branch; only promotebot writes it"
        broken = error("registry.schema", problem.message, where=problem.where, remedy=remedy)
        return report_of(about, (), [ModelFinding(model="", **broken.model_dump())])


def names_of(subject: VerificationInput, asked: Sequence[str] | None) -> list[str]:
    """Return the models asked for, or all, those of the base included. Raises UsageError for an unknown one."""
    known = list(dict.fromkeys([*subject.registry, *(subject.base or ())]))
    stray = [name for name in asked or () if name not in known]
    if stray:
        raise UsageError(
            f"unknown model {', '.join(map(repr, stray))}",
            where="--model",
            remedy=f"known models: {listed(known)}",
        )
    return [name for name in known if not asked or name in asked]


def stages_of(options: argparse.Namespace) -> tuple[Stage, ...] | None:
    """Return the stages asked for, lowest first; None for all. Raises InvalidInput for one that does not exist."""
    asked = {stage_of(text, options) for text in options.stage or ()}
    return tuple(stage for stage in Stage if stage in asked) or None


def report_on(
    subject: VerificationInput,
    names: Sequence[str],
    options: argparse.Namespace,
    about: ReportScope,
    *,
    examine: Examine,
    now: datetime,
    remarks: Sequence[Finding],
) -> VerifyReport:
    """Return the report on these models, or on those of them that the shard of the options has."""
    chosen, more = shard_of(names, parse_shard(options.shard), options.shard, lambda name: size_of(subject, name))
    scope = about.model_copy(update={"dealt": len(names)}) if options.shard else about
    with _progress(lambda: {name: size_of(subject, name) for name in chosen}, len(chosen)) as progress:
        return verify(subject, chosen, scope, examine=examine, now=now, remarks=[*remarks, *more], progress=progress)


def size_of(subject: VerificationInput, name: str) -> int:
    """Return the bytes of the artifacts that a model's stages hold; 0 where that is not known."""
    try:
        held = subject.registry.pointers(name)
        places = {pointer.artifact_dir for stage in subject.stages if (pointer := held[stage])}
        return sum(sum(_sizes(subject, place).values()) for place in places)
    except PromotebotError:  # what does not read is found when it is verified
        return 0


def _sizes(subject: VerificationInput, directory: str) -> Mapping[str, int]:
    """Return path → bytes of an artifact's files, of those outside of git by its manifest."""
    sizes = {entry.path: entry.size or 0 for entry in subject.files.walk(directory)}
    manifest = f"{directory}/{FILE_NAME}"
    if not subject.policy.storage or not subject.files.fetches_stored or manifest not in sizes:
        return sizes
    with subject.files.open(manifest) as stream:
        return stored_sizes(directory, stream.read(MAX_BYTES + 1)) | sizes


@contextmanager
def _progress(sizes: Callable[[], Mapping[str, int]], total: int) -> Iterator[Callable[[str], None]]:
    """Yield what is told each model's name: bytes and the time left on a terminal, silence where nobody watches."""
    if not sys.stderr.isatty() or total < 2:
        yield lambda _: None
        return
    from rich.console import Console  # costs a while to load; only a terminal pays it
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(file=sys.stderr), transient=True) as bar:
        known, done = sizes(), list[int]()
        task = bar.add_task("", total=sum(known.values()))

        def told(name: str) -> None:
            bar.update(task, completed=sum(done), description=name)
            done.append(known[name])

        yield told
