"""`promotebot verify`: what to look at, the report in the form asked for, and the shards of one put together."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from promotebot.artifact.source import WorkTree
from promotebot.cli.output import line
from promotebot.cli.work_tree import work_tree_of
from promotebot.errors import CouldNotVerify, InvalidInput, UsageError
from promotebot.findings import Finding, Severity, error, passed, warning
from promotebot.git.checkout import Checkout
from promotebot.git.repository import paths_below
from promotebot.planning.committed import read_policy, read_registry
from promotebot.planning.examiner import Examiner
from promotebot.planning.genesis import LegacyDigests
from promotebot.planning.worktree import WorkTreePaths, check_whole
from promotebot.promotion.append_only import check_append_only, same_json
from promotebot.promotion.policy import Policy
from promotebot.registry.files import read_registry_bytes
from promotebot.registry.names import Stage
from promotebot.registry.registry import Layout, ModelRegistry
from promotebot.registry.split import models_directory
from promotebot.registry.store import StoredRegistry
from promotebot.verification.junit import to_junit
from promotebot.verification.report import (
    ModelFinding,
    ReportScope,
    VerifyReport,
    merge_reports,
    read_report,
    report_of,
)
from promotebot.verification.sarif import to_sarif
from promotebot.verification.shards import parse_shard, shard_of
from promotebot.verification.verify import VerificationInput, verify


def verify_command(options: argparse.Namespace, now: datetime) -> int:
    """Print the report; exit 0 verified, 1 does not verify, 4 could not verify."""
    if options.merge and any((options.model, options.since, options.base, options.shard)):
        raise UsageError("--merge takes reports as they are", remedy="leave --model, --since, --base and --shard out")
    report = merged(options.merge) if options.merge else verify_here(options, now)
    if options.format == "json":
        sys.stdout.write(report.model_dump_json(indent=2) + "\n")
    elif options.format == "sarif":
        sys.stdout.write(to_sarif(report))
    elif options.format == "junit":
        sys.stdout.write(to_junit(report))
    else:
        _write_text(report)
    return report.exit_code


def _refuse_odd(options: argparse.Namespace) -> None:
    """An option that says nothing is a variable that was not set: it must not pass for a comparison."""
    for name in ("since", "base", "shard"):
        if getattr(options, name) == "":
            raise UsageError("is empty", where=f"--{name}", remedy=f"give a value, or leave --{name} out")


def merged(paths: Sequence[str]) -> VerifyReport:
    """The reports of all shards as one."""
    return merge_reports([_read(path) for path in paths])


def _read(path: str) -> VerifyReport:
    try:
        if not Path(path).is_file():
            raise CouldNotVerify("is not a file", where=path, remedy="give the JSON reports of all shards")
        return read_report(Path(path).read_bytes(), where=path)
    except OSError as problem:
        raise CouldNotVerify(f"cannot be read: {problem.strerror}", where=path, remedy="run that shard") from None


def verify_here(options: argparse.Namespace, now: datetime) -> VerifyReport:
    """Verify the work tree's registry, or the part of it that the options name."""
    _refuse_odd(options)
    shard = parse_shard(options.shard)
    repository, work_tree = work_tree_of(options)
    head = repository.resolve("HEAD")
    since = repository.commit_id(options.since) if options.since else None
    base = repository.commit_id(options.base) if options.base else None
    about = ReportScope(
        registry=work_tree.registry_path,
        commit=head,
        since=since,
        base=base,
        shard=options.shard,
        only=tuple(sorted(options.model)) if options.model else None,
    )
    check_whole(repository, work_tree)
    read_registry_bytes(work_tree.registry)  # no file to verify is an error; one that does not read, a finding
    try:
        registry = StoredRegistry(work_tree.registry, where=work_tree.registry_path).read(check_models=False)
    except InvalidInput as problem:
        remedy = problem.remedy or "restore the registry from the base branch; only promotebot writes it"
        broken = error("registry.schema", problem.message, where=problem.where, remedy=remedy)
        return report_of(about, (), [ModelFinding(model="", **broken.model_dump())])
    examiner = Examiner()
    subject = VerificationInput(
        registry,
        WorkTree(work_tree.root, repository.tracked_paths, repository.left_out_paths),
        read_policy(repository, head, work_tree.policy_path) if head else Policy(),
        lambda sha: head is not None and repository.is_ancestor(sha, head),
        _registry_at(repository, base, work_tree) if base else None,
        work_tree.datasets_dir,
        LegacyDigests(repository, head, work_tree.registry_path, examiner),
    )
    names = _names(subject, options.model)
    remarks = [*_leftovers(registry, work_tree)]
    if since:
        whole = names
        names, remark = _changed(subject, names, repository, since, work_tree)
        remarks += remark
        others = [name for name in whole if name not in names]
        remarks += check_append_only(subject.base, registry, others) if subject.base else ()
    if shard:
        names, said = shard_of(names, shard, options.shard)
        remarks += said
    with _progress(len(names)) as tell:
        return verify(subject, names, about, examine=examiner, now=now, remarks=remarks, progress=tell)


def _registry_at(repository: Checkout, commit: str, work_tree: WorkTreePaths) -> ModelRegistry:
    registry = read_registry(repository, commit, work_tree.registry_path)
    if registry is None:
        message = f"there is no registry at {commit[:12]}, so nothing can be compared with it"
        raise CouldNotVerify(message, where=work_tree.registry_path, remedy=f"git log -- {work_tree.registry_path}")
    return registry


def _names(subject: VerificationInput, asked: Sequence[str] | None) -> list[str]:
    there = list(dict.fromkeys([*subject.registry, *(subject.base or ())]))
    stray = [name for name in asked or () if name not in there]
    if stray:
        known = ", ".join(there) or "none"
        raise UsageError(
            f"unknown model {', '.join(map(repr, stray))}",
            where="--model",
            remedy=f"known models: {known}",
        )
    return [name for name in there if not asked or name in asked]


def _changed(
    subject: VerificationInput, names: Sequence[str], repository: Checkout, since: str, work_tree: WorkTreePaths
) -> tuple[list[str], list[Finding]]:
    """The models whose entry, artifact or dataset is not what it was; that the others are is looked at, too."""
    earlier = _registry_at(repository, since, work_tree)
    lost = [name for name in earlier if name not in subject.registry]
    if lost:
        message = f"{', '.join(lost[:10])} stood in the registry at {since[:12]} and is gone; models are only demoted."
        return list(names), [
            error("verify.since", message, where=work_tree.registry_path, remedy=f"git diff {since[:12]}")
        ]
    paths = repository.changed_since(since)
    changed = [name for name in names if _differs(subject, earlier, name, paths)]
    same = len(names) - len(changed)
    if not names:
        return [], []
    said = f"{same} model(s) with the same entry, artifacts and datasets as {since[:12]}; {len(changed)} changed"
    return changed, [passed("verify.since", said, where=work_tree.registry_path)]


def _differs(subject: VerificationInput, earlier: ModelRegistry, name: str, paths: Sequence[str]) -> bool:
    registry = subject.registry
    try:
        if name not in earlier or not same_json(earlier.raw_entry(name), registry.raw_entry(name)):
            return True
        pointers = [registry.get_stage_pointer(name, stage) for stage in Stage]
    except InvalidInput:
        return True  # what does not read is looked at
    places: list[str] = [pointer.artifact_dir for pointer in pointers if pointer]
    places += [f"{subject.datasets_dir}/{pointer.dataset_id}" for pointer in pointers if pointer]
    return any(paths_below(paths, directory) for directory in places)


def _leftovers(registry: ModelRegistry, work_tree: WorkTreePaths) -> Iterator[Finding]:
    """Models' own files that nothing reads any more: a conversion was stopped, or undone by hand."""
    directory = models_directory(work_tree.registry_path)
    if registry.layout is Layout.SINGLE and (work_tree.root / directory).is_dir():
        yield warning(
            "registry.layout",
            f"{directory} is there, but {work_tree.registry_path} holds the models: nothing reads that directory.",
            where=directory,
            remedy=f"promotebot registry split, or git rm -r {directory}",
        )


@contextmanager
def _progress(total: int) -> Iterator[Callable[[str], None]]:
    """A bar on a terminal; silence where nobody watches."""
    if not sys.stderr.isatty() or total < 2:
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(file=sys.stderr), transient=True) as bar:
        task = bar.add_task("", total=total)
        count = iter(range(total))
        yield lambda name: bar.update(task, completed=next(count), description=name)


def _write_text(report: VerifyReport) -> None:
    for finding in report.findings:
        sys.stdout.write(line(finding, finding.model) + "\n")
    verdict = {"verified": "verified", "mismatch": "DOES NOT VERIFY", "could_not_verify": "COULD NOT VERIFY"}
    unknowns = report.counts[Severity.UNKNOWN]
    sys.stdout.write(
        f"{verdict[report.verdict]}: {report.about.registry}: {report.counts[Severity.PASS]} passed, "
        f"{report.counts[Severity.WARNING]} warning(s), {report.counts[Severity.ERROR]} error(s)"
        + (f", {unknowns} unknown" if unknowns else "")
        + ("" if report.findings else " (nothing was looked at)")
        + "\n"
    )
