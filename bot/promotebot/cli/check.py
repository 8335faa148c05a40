"""`promotebot check`: examine artifacts before anybody promotes them, as a promotion does."""

from __future__ import annotations

import argparse
import os
import sys
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Literal

from promotebot.artifact.manifest import FILE_NAME
from promotebot.artifact.work_tree import WorkTree
from promotebot.cli.options import add_registry_options
from promotebot.cli.output import add_format, add_verbose, report_lines, write_document, write_lines
from promotebot.cli.outputs import CheckOutput, ExaminedArtifact
from promotebot.cli.work_tree import work_tree_of
from promotebot.errors import InvalidInput, UsageError
from promotebot.findings import Finding, Severity
from promotebot.planning.committed import read_policy
from promotebot.planning.complete import manifest_in
from promotebot.planning.examiner import Examine, Examiner
from promotebot.promotion.policy import Policy
from promotebot.registry.names import ArtifactPath, parse_artifact_path
from promotebot.storage.buckets import Buckets
from promotebot.text import counted, visible

FOLDER = "ml/artifacts"
"""Below it every directory is an artifact, also one whose manifest is missing."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `promotebot check`."""
    parser.add_argument("paths", nargs="+", metavar="PATH", help="an artifact's directory, or a file in it")
    add_registry_options(parser)
    add_format(parser)
    add_verbose(parser)


def run(options: argparse.Namespace, _now: datetime) -> int:
    """Examine each artifact that a path is in, by the policy at HEAD, and print what is wrong with it.

    Returns:
        0 where nothing is wrong, 1 where an artifact would be refused, 4 where that is not known.

    Raises:
        InvalidInput: for a path that is in no artifact.
        UsageError: outside of a repository, and for a path outside of it.
        CouldNotVerify: when a file, a store or the runtime does not answer.
    """
    repository, work_tree = work_tree_of(options)
    directories = list(dict.fromkeys(_artifact_of(path, work_tree.root) for path in options.paths))
    head = repository.resolve("HEAD")
    policy = read_policy(repository, head, work_tree.policy_path) if head else Policy()
    files, examine = WorkTree(work_tree.root), Examiner(store=Buckets(options.environment))
    examined = list[ExaminedArtifact]()
    for directory in directories:
        findings = _examined(examine, files, directory, policy)
        examined.append(ExaminedArtifact(artifact_dir=directory, findings=findings))
        if options.format == "text":
            sys.stdout.write(f"{visible(directory)}\n")
            write_lines(f"  {line}" for line in report_lines(findings, verbose=options.verbose))
    gravest = {finding.severity for one in examined for finding in one.findings}
    code: Literal[0, 1, 4] = 1 if Severity.ERROR in gravest else 4 if Severity.UNKNOWN in gravest else 0
    if options.format == "json":
        write_document(CheckOutput(artifacts=tuple(examined), exit_code=code))
    else:
        sys.stdout.write(f"{'refused' if code == 1 else 'examined'}: {counted(len(directories), 'artifact')}\n")
    return code


def _examined(examine: Examine, files: WorkTree, directory: ArtifactPath, policy: Policy) -> tuple[Finding, ...]:
    """Return the findings by what the policy says of the model that the manifest names; else by what it says of all."""
    manifest = manifest_in(files, directory)
    terms = policy.terms_for(manifest.model) if manifest and manifest.model else policy.terms
    return examine(files, directory, terms).findings


def _artifact_of(path: str, root: Path) -> ArtifactPath:
    """Return the artifact that a path is, or is in: the nearest directory with a manifest, or the one of FOLDER."""
    try:
        # As it is written: a link is not followed here, so that it is found and refused below.
        inside = PurePosixPath(Path(os.path.abspath(path)).relative_to(root))  # noqa: PTH100 - `resolve` follows it
    except ValueError:
        raise UsageError(
            "is outside the repository", where=path, remedy="name an artifact of this repository"
        ) from None
    is_directory = (root / inside).is_dir()
    places = [*([inside] if is_directory else []), *inside.parents][:-1]
    found = next((place for place in places if (root / place / FILE_NAME).exists()), None)
    if found is None and FOLDER in map(str, places[1:]):
        found = places[[*map(str, places)].index(FOLDER) - 1]
    if found is None and is_directory:
        found = inside
    if found is None:
        raise InvalidInput("is in no artifact", where=path, remedy=f"name a directory such as {FOLDER}/regime_v2")
    return parse_artifact_path(str(found))
