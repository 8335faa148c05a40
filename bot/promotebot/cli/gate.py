"""`promotebot gate`: is one revision another plus legal promotions?"""

from __future__ import annotations

import argparse
import sys
from datetime import datetime

from promotebot.cli.examiner import examiner_of
from promotebot.cli.options import add_registry_options
from promotebot.cli.output import add_format, add_verbose, report_lines, write_document, write_lines
from promotebot.cli.outputs import GateOutput
from promotebot.cli.work_tree import work_tree_of
from promotebot.errors import CouldNotVerify
from promotebot.gate.evaluate import evaluate_gate
from promotebot.pulls.changeset import Changeset


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `promotebot gate`."""
    parser.add_argument("--base", required=True, help="the revision to trust")
    parser.add_argument("--head", default="HEAD", help="the revision to judge (default: HEAD)")
    add_registry_options(parser)
    add_format(parser)
    add_verbose(parser)


def run(options: argparse.Namespace, now: datetime) -> int:
    """Print every finding on what leads from the base to the head, and the verdict.

    Returns:
        0 when everything is valid and verified, 1 when not.

    Raises:
        CouldNotVerify: when neither revision has a registry.
        UsageError: for a revision that names no commit.
    """
    repository, work_tree = work_tree_of(options)
    changeset = Changeset(
        repository,
        repository.commit_id(options.base),
        repository.commit_id(options.head),
        work_tree.registry_path,
        work_tree.policy_path,
    )
    if changeset.base_registry is None and changeset.head_registry is None:
        raise CouldNotVerify(
            f"neither {options.base} nor {options.head} has a registry",
            where=work_tree.registry_path,
            remedy="check the path",
        )
    with (examiner := examiner_of(options)).keeping():
        result = evaluate_gate(changeset, examine=examiner, now=now)
    if options.format == "json":
        said = {"passes": result.passes, "title": result.title, "events": len(result.steps)}
        write_document(GateOutput(base=changeset.base, head=changeset.head, findings=result.findings, **said))
        return 0 if result.passes else 1
    write_lines(report_lines(result.findings, verbose=options.verbose))
    write_lines([f"{'pass' if result.passes else 'FAIL'}: {result.title}"])
    if result.steps:
        sys.stderr.write(
            "Permissions, approvals, labels and other checks are known on GitHub only: see promotebot/gate.\n"
        )
    return 0 if result.passes else 1
