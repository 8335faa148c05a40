"""The parts of a verification at a terminal that are the same with git and without it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from promotebot.errors import InvalidInput, UsageError
from promotebot.findings import Finding, error
from promotebot.planning.examiner import Examine
from promotebot.registry.files import ModelDirectory, read_registry_bytes
from promotebot.registry.names import Stage, parse_stage
from promotebot.registry.registry import ModelRegistry
from promotebot.text import listed
from promotebot.verification.report import ModelFinding, ReportScope, VerifyReport, report_of
from promotebot.verification.shards import parse_shard, shard_of
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
    asked = {parse_stage(text) for text in options.stage or ()}
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
    chosen, more = shard_of(names, parse_shard(options.shard), options.shard)
    with _progress(len(chosen)) as progress:
        return verify(subject, chosen, about, examine=examine, now=now, remarks=[*remarks, *more], progress=progress)


@contextmanager
def _progress(total: int) -> Iterator[Callable[[str], None]]:
    """Yield what is told each model's name: a bar on a terminal, silence where nobody watches."""
    if not sys.stderr.isatty() or total < 2:
        yield lambda _: None
        return
    from rich.console import Console  # costs a while to load; only a terminal pays it
    from rich.progress import Progress

    with Progress(console=Console(file=sys.stderr), transient=True) as bar:
        task = bar.add_task("", total=total)
        count = iter(range(total))
        yield lambda name: bar.update(task, completed=next(count), description=name)
