"""`promotebot verify`: the registry and every artifact it points to proven, or the reports of all shards joined."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from promotebot.artifact.work_tree import WorkTree
from promotebot.cli.options import add_registry_options
from promotebot.cli.output import add_verbose, report_lines
from promotebot.cli.work_tree import work_tree_of
from promotebot.errors import CouldNotVerify, InvalidInput, UsageError
from promotebot.findings import Finding, Severity, error, passed
from promotebot.git.checkout import Checkout
from promotebot.git.repository import paths_below
from promotebot.planning.committed import read_policy, read_registry
from promotebot.planning.examiner import Examiner
from promotebot.planning.legacy_digests import LegacyDigests
from promotebot.planning.restore import PromotedBytes
from promotebot.planning.worktree import WorkTreePaths, check_whole
from promotebot.promotion.append_only import check_append_only, same_json
from promotebot.promotion.orphans import check_orphans
from promotebot.promotion.policy import Policy
from promotebot.registry.files import read_registry_bytes
from promotebot.registry.names import Stage
from promotebot.registry.registry import ModelRegistry
from promotebot.registry.store import StoredRegistry
from promotebot.remedies import Remedy, shell
from promotebot.text import counted
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


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `promotebot verify`."""
    parser.add_argument("--model", action="append", metavar="NAME", help="only this model; may be given again")
    parser.add_argument("--since", metavar="REV", help="only models that changed since this revision")
    parser.add_argument("--base", metavar="REV", help="require that the history only grew since this revision")
    parser.add_argument("--shard", metavar="I/N", help="only every N-th model, starting with the I-th")
    parser.add_argument("--merge", nargs="+", metavar="FILE", help="merge the JSON reports of all shards")
    parser.add_argument("--format", choices=("text", "json", "sarif", "junit"), default="text")
    parser.add_argument("--datasets-dir", help="where the datasets are (ml/datasets)")
    add_registry_options(parser, "--path")
    add_verbose(parser)


def run(options: argparse.Namespace, now: datetime) -> int:
    """Print the report in the form asked for.

    Returns:
        0 verified, 1 does not verify, 4 could not verify.

    Raises:
        UsageError: for options that contradict each other or name nothing.
        CouldNotVerify: when the registry is not all here, or a report of a shard is missing.
        InvalidInput: when there is no registry, or a file is no report.
    """
    if options.merge and any((options.model, options.since, options.base, options.shard)):
        raise UsageError("--merge takes reports as they are", remedy="omit --model, --since, --base and --shard")
    report = _merged(options.merge) if options.merge else verify_here(options, now)
    if options.format == "json":
        sys.stdout.write(report.model_dump_json(indent=2) + "\n")
    elif options.format == "sarif":
        sys.stdout.write(to_sarif(report))
    elif options.format == "junit":
        sys.stdout.write(to_junit(report))
    else:
        _write_text(report, verbose=options.verbose)
    return report.exit_code


def _refuse_empty(options: argparse.Namespace) -> None:
    """Raise UsageError for an option without a value: a variable was not set, and it must not pass for a comparison."""
    for name in ("since", "base", "shard"):
        if getattr(options, name) == "":
            raise UsageError("is empty", where=f"--{name}", remedy=f"give a value, or omit --{name}")


def _merged(paths: Sequence[str]) -> VerifyReport:
    """Return the reports of all shards as one."""
    return merge_reports([_read(path) for path in paths])


def _read(path: str) -> VerifyReport:
    try:
        if not Path(path).is_file():
            raise CouldNotVerify("is not a file", where=path, remedy="give the JSON reports of all shards")
        return read_report(Path(path).read_bytes(), where=path)
    except OSError as problem:
        raise CouldNotVerify(f"cannot be read: {problem.strerror}", where=path, remedy="run that shard") from None


def verify_here(options: argparse.Namespace, now: datetime) -> VerifyReport:
    """Return the report on the work tree's registry, or on the part of it that the options name.

    A registry that does not read is a finding of the report; that there is none is an error.
    """
    _refuse_empty(options)
    shard = parse_shard(options.shard)
    repository, work_tree = work_tree_of(options)
    scope = _scope(options, repository, work_tree)
    check_whole(repository, work_tree)
    read_registry_bytes(work_tree.registry)
    try:
        registry = StoredRegistry(work_tree.registry, where=work_tree.registry_path).read(check_models=False)
    except InvalidInput as problem:
        remedy = problem.remedy or "restore the registry from the base branch; only promotebot writes it"
        broken = error("registry.schema", problem.message, where=problem.where, remedy=remedy)
        return report_of(scope, (), [ModelFinding(model="", **broken.model_dump())])
    examiner = Examiner()
    subject = _subject(registry, repository, work_tree, scope, examiner)
    names = _names(subject, options.model)
    remarks = [*check_orphans(registry)]
    if scope.since:
        changed, more = _changed(subject, names, repository, scope.since, work_tree)
        others = [name for name in names if name not in changed]
        remarks += [*more, *(check_append_only(subject.base, registry, others) if subject.base else ())]
        names = changed
    if shard:
        names, more = shard_of(names, shard, options.shard)
        remarks += more
    with _progress(len(names)) as progress:
        return verify(subject, names, scope, examine=examiner, now=now, remarks=remarks, progress=progress)


def _scope(options: argparse.Namespace, repository: Checkout, work_tree: WorkTreePaths) -> ReportScope:
    """Return what the report is about, every revision as its commit. Raises UsageError for one that names none."""
    return ReportScope(
        registry=work_tree.registry_path,
        commit=repository.resolve("HEAD"),
        since=repository.commit_id(options.since) if options.since else None,
        base=repository.commit_id(options.base) if options.base else None,
        shard=options.shard,
        only=tuple(sorted(options.model)) if options.model else None,
    )


def _subject(
    registry: ModelRegistry, repository: Checkout, work_tree: WorkTreePaths, scope: ReportScope, examiner: Examiner
) -> VerificationInput:
    """Return what is verified: the files of the work tree, judged by HEAD's policy and history."""
    head = scope.commit
    policy = read_policy(repository, head, work_tree.policy_path) if head else Policy()
    return VerificationInput(
        registry,
        WorkTree(work_tree.root, repository.tracked_paths, repository.left_out_paths),
        policy,
        lambda sha: head is not None and repository.is_ancestor(sha, head),
        _registry_at(repository, scope.base, work_tree) if scope.base else None,
        work_tree.datasets_dir,
        LegacyDigests(repository, head, work_tree.registry_path, examiner),
        PromotedBytes(repository, head, examiner, policy.terms).remedy,
    )


def _registry_at(repository: Checkout, commit: str, work_tree: WorkTreePaths) -> ModelRegistry:
    """Return the registry at a commit. Raises CouldNotVerify where there was none."""
    registry = read_registry(repository, commit, work_tree.registry_path)
    if registry is None:
        message = f"there is no registry at {commit[:12]}, so nothing can be compared with it"
        look = shell("git", "log", "--", work_tree.registry_path)
        raise CouldNotVerify(message, where=work_tree.registry_path, remedy=Remedy("see which commits have it: ", look))
    return registry


def _names(subject: VerificationInput, asked: Sequence[str] | None) -> list[str]:
    """Return the models asked for, or all, those of the base included. Raises UsageError for an unknown one."""
    known = list(dict.fromkeys([*subject.registry, *(subject.base or ())]))
    stray = [name for name in asked or () if name not in known]
    if stray:
        raise UsageError(
            f"unknown model {', '.join(map(repr, stray))}",
            where="--model",
            remedy=f"known models: {', '.join(known) or 'none'}",
        )
    return [name for name in known if not asked or name in asked]


def _changed(
    subject: VerificationInput, names: Sequence[str], repository: Checkout, since: str, work_tree: WorkTreePaths
) -> tuple[list[str], list[Finding]]:
    """Return the models whose entry, artifact or dataset is not what it was at `since`, and a finding on the others.

    Where a model is gone since then, all are returned, with that error.
    """
    earlier = _registry_at(repository, since, work_tree)
    lost = [name for name in earlier if name not in subject.registry]
    if lost:
        message = (
            f"{', '.join(lost[:10])} was in the registry at {since[:12]} and was removed; a model may only be demoted."
        )
        return list(names), [
            error("verify.since", message, where=work_tree.registry_path, remedy=f"git diff {since[:12]}")
        ]
    paths = repository.changed_since(since)
    changed = [name for name in names if _differs(subject, earlier, name, paths)]
    same = len(names) - len(changed)
    if not names:
        return [], []
    message = (
        f"{counted(same, 'model')} with the same entry, artifacts and datasets as {since[:12]}; {len(changed)} changed"
    )
    return changed, [passed("verify.since", message, where=work_tree.registry_path)]


def _differs(subject: VerificationInput, earlier: ModelRegistry, name: str, paths: Sequence[str]) -> bool:
    """Tell whether a model is not what it was; one that does not read counts as changed, so that it is looked at."""
    registry = subject.registry
    try:
        if name not in earlier or not same_json(earlier.raw_entry(name), registry.raw_entry(name)):
            return True
        pointers = [registry.get_stage_pointer(name, stage) for stage in Stage]
    except InvalidInput:
        return True
    places: list[str] = [pointer.artifact_dir for pointer in pointers if pointer]
    places += [f"{subject.datasets_dir}/{pointer.dataset_id}" for pointer in pointers if pointer]
    return any(paths_below(paths, directory) for directory in places)


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


def _write_text(report: VerifyReport, *, verbose: bool) -> None:
    for told in report_lines(report.findings, verbose=verbose):
        sys.stdout.write(f"{told}\n")
    verdict = {"verified": "verified", "mismatch": "DOES NOT VERIFY", "could_not_verify": "COULD NOT VERIFY"}
    unknowns = report.counts[Severity.UNKNOWN]
    sys.stdout.write(
        f"{verdict[report.verdict]}: {report.about.registry}: {report.counts[Severity.PASS]} passed, "
        f"{counted(report.counts[Severity.WARNING], 'warning')}, {counted(report.counts[Severity.ERROR], 'error')}"
        + (f", {unknowns} unknown" if unknowns else "")
        + ("" if report.findings else " (nothing was looked at)")
        + "\n"
    )
