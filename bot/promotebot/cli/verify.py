"""`promotebot verify`: the registry and every artifact it points to proven, or the reports of all shards joined."""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from promotebot.cli.options import add_registry_options
from promotebot.cli.output import add_verbose, report_lines, write_lines
from promotebot.errors import CouldNotVerify, UsageError
from promotebot.findings import Severity
from promotebot.remedies import Remedy, again
from promotebot.text import counted
from promotebot.verification.junit import to_junit
from promotebot.verification.report import VerifyReport, merge_reports, read_report
from promotebot.verification.sarif import to_sarif


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `promotebot verify`."""
    parser.add_argument("--model", action="append", metavar="NAME", help="only this model; may be repeated")
    parser.add_argument("--stage", action="append", metavar="STAGE", help="only what this stage holds; may be repeated")
    parser.add_argument("--since", metavar="REV", help="only models that changed since this revision")
    parser.add_argument("--base", metavar="REV", help="require that the history only grew since this revision")
    parser.add_argument("--shard", metavar="I/N", help="only this part of the models; N parts are even by bytes")
    parser.add_argument(
        "--without-git", action="store_true", help="verify a deployed copy; name what was not looked at"
    )
    parser.add_argument("--merge", nargs="+", metavar="FILE", help="merge the JSON reports of all shards")
    parser.add_argument("--format", choices=("text", "json", "sarif", "junit"), default="text")
    parser.add_argument("--datasets-dir", help="where the datasets are (default: ml/datasets)")
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
    narrowed = (options.model, options.stage, options.since, options.base, options.shard, options.without_git)
    if options.merge and any(narrowed):
        raise UsageError("--merge takes reports as they are", remedy="give nothing else but --format and -v")
    report = _merged(options.merge) if options.merge else _verify(options, now)
    if options.format == "json":
        sys.stdout.write(report.model_dump_json(indent=2) + "\n")
    elif options.format == "sarif":
        sys.stdout.write(to_sarif(report))
    elif options.format == "junit":
        sys.stdout.write(to_junit(report))
    else:
        _write_text(report, verbose=options.verbose)
    return report.exit_code


def _verify(options: argparse.Namespace, now: datetime) -> VerifyReport:
    """Return the report on the checkout, or on the deployed copy. Without git nothing is loaded that needs it."""
    _refuse_empty(options)
    if options.without_git:
        from promotebot.cli.verify_copy import verify_copy

        return verify_copy(options, now)
    if shutil.which("git") is None:
        remedy = Remedy("install git; or verify what can be checked without git: ", again(without_git=True))
        raise UsageError("git is not installed here", remedy=remedy)
    from promotebot.cli.verify_checkout import verify_checkout

    return verify_checkout(options, now)


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


def _write_text(report: VerifyReport, *, verbose: bool) -> None:
    write_lines(report_lines(report.findings, verbose=verbose))
    write_lines(f"not looked at: {one.rule}: {one.message}" for one in report.not_looked_at)
    verified = "verified without git" if report.about.without_git else "verified"
    verdict = {"verified": verified, "mismatch": "DOES NOT VERIFY", "could_not_verify": "COULD NOT VERIFY"}
    unknowns = report.counts[Severity.UNKNOWN]
    said = (
        f"{verdict[report.verdict]}: {report.about.registry}: {counted(report.counts[Severity.PASS], 'check')} passed, "
        f"{counted(report.counts[Severity.WARNING], 'warning')}, {counted(report.counts[Severity.ERROR], 'error')}"
        + (f", {unknowns} unknown" if unknowns else "")
        + (f", {len(report.not_looked_at)} not looked at" if report.not_looked_at else "")
        + ("" if report.findings else " (nothing was looked at)")
        + (" (no model)" if report.exit_code == 0 and not report.models else "")
    )
    write_lines([said])
