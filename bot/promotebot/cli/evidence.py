"""`promotebot evidence`: write the metrics that somebody measured of an artifact, where promotions look for them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from promotebot.artifact.claims import EvidenceFile, evidence_path, parse_evidence
from promotebot.artifact.work_tree import WorkTree
from promotebot.cli.change import actor_of
from promotebot.cli.json_schemas import schema_reference
from promotebot.cli.options import add_registry_options
from promotebot.cli.output import add_format, write_document, write_file
from promotebot.cli.outputs import EvidenceOutput
from promotebot.cli.work_tree import work_tree_of
from promotebot.errors import InvalidInput, UsageError
from promotebot.files import read_given
from promotebot.foreign.metrics import MAX_BYTES, metrics_of
from promotebot.planning.complete import manifest_in
from promotebot.registry.codec import stored_json
from promotebot.registry.names import parse_artifact_path
from promotebot.remedies import Remedy, shell
from promotebot.text import counted


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `promotebot evidence`."""
    parser.add_argument("directory", metavar="DIR", help="the artifact's directory, with its manifest")
    parser.add_argument(
        "--from",
        dest="files",
        action="append",
        default=[],
        metavar="FILE",
        help="metrics as CSV, JSON, or a run that MLflow exported; may be repeated",
    )
    parser.add_argument(
        "--metric", action="append", default=[], metavar="NAME=VALUE", help="one more metric; may be repeated"
    )
    parser.add_argument("--dataset", help="what they were measured on, where the file does not say")
    parser.add_argument("--slice", help="the part of it, such as a country, where the file does not say")
    parser.add_argument("--start", metavar="DATE", help="the time over which they were measured: 2026-02-01")
    parser.add_argument("--end", metavar="DATE", help="its end: 2026-02-15, or 2026-02-15T09:00:00Z")
    parser.add_argument("--rows", type=int, metavar="N", help="how many rows they were measured on")
    parser.add_argument("--claimed-by", metavar="NAME", help="who says so (default: who promotes here)")
    parser.add_argument("--source", metavar="TEXT", help="where the numbers come from")
    parser.add_argument("--replace", action="store_true", help="replace evidence that is there")
    add_registry_options(parser)
    add_format(parser)


def run(options: argparse.Namespace, _now: datetime) -> int:
    """Write `ml/evidence/<digest>.json` of the artifact.

    Returns:
        0.

    Raises:
        InvalidInput: for an artifact without a manifest, for metrics that do not read, and where evidence is there.
        UsageError: without metrics, outside of a repository, and where nobody is named who claims them.
    """
    repository, work_tree = work_tree_of(options)
    root = work_tree.root
    directory = parse_artifact_path(_relative(Path(options.directory), root))
    manifest = manifest_in(WorkTree(root), directory)
    if manifest is None:
        remedy = Remedy("write it: ", shell("promotebot", "manifest", directory))
        raise InvalidInput(f"There is no manifest in {directory} that reads", where=directory, remedy=remedy)
    metrics, source = _metrics(options)
    path = evidence_path(manifest.digest)
    document = {
        "$schema": schema_reference(path, "evidence"),
        "schema_version": "v1",
        "artifact": manifest.digest,
        "claimed_by": options.claimed_by or actor_of(options, repository).name,
        **({"source": options.source or source} if options.source or source else {}),
        "metrics": metrics,
    }
    file = parse_evidence(stored_json(document), where=path)
    target = root / path
    if target.exists() and not options.replace:
        _check_same(target, file, path)
    target.parent.mkdir(parents=True, exist_ok=True)
    write_file(target, stored_json(document))
    if options.format == "json":
        write_document(EvidenceOutput(evidence=path, digest=file.digest, metrics=len(file.metrics)))
    else:
        sys.stdout.write(f"wrote {path}: {counted(len(file.metrics), 'metric')}, {file.claimant}\n")
    return 0


def _relative(directory: Path, root: Path) -> str:
    try:
        return directory.resolve().relative_to(root).as_posix()
    except ValueError:
        raise UsageError("the artifact is outside the repository", where=str(directory)) from None


def _check_same(target: Path, file: EvidenceFile, path: str) -> None:
    """Raise InvalidInput where other evidence is there: somebody may have decided by it."""
    try:
        is_same = parse_evidence(target.read_bytes(), where=path).digest == file.digest
    except InvalidInput:
        is_same = False
    if not is_same:
        raise InvalidInput("other evidence of this artifact is there", where=path, remedy="replace it with --replace")


def _metrics(options: argparse.Namespace) -> tuple[list[dict[str, Any]], str]:
    """Return the metrics of the command line and of the files, completed by the flags, and where they come from."""
    rows: list[dict[str, Any]] = []
    sources = []
    for name in options.files:
        data = read_given(Path(name), max_bytes=MAX_BYTES, remedy="name a file of metrics")
        found, source = metrics_of(data, where=name)
        rows += found
        sources += [source] if source else []
    for text in options.metric:
        name, sign, value = text.rpartition("=")
        if not sign or not name:
            raise UsageError(f"--metric {text} is not NAME=VALUE", remedy="write --metric accuracy=0.93")
        rows.append({"name": name, "value": value})
    if not rows:
        raise UsageError("no metrics are given", remedy="give --from FILE, or --metric NAME=VALUE")
    given = {key: getattr(options, key) for key in ("dataset", "slice", "start", "end", "rows")}
    return [_completed(row, given) for row in rows], ", ".join(dict.fromkeys(sources))


def _completed(row: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    whole = {**{key: value for key, value in given.items() if value is not None}, **row}
    ends = {key: whole.pop(key) for key in ("start", "end") if key in whole}
    return {**whole, **({"period": ends} if ends else {})}
