"""`promotebot fetch`: copy the artifact that a stage holds, proven against its pointer.

It reads files only, and needs no git: a copy of the repository's files is enough.
"""

from __future__ import annotations

import argparse
import json
import sys
from datetime import datetime

from promotebot.artifact.loading import fetch
from promotebot.cli.options import add_registry_options, duration_of, stage_of
from promotebot.cli.output import add_format, write_document
from promotebot.cli.outputs import FetchOutput
from promotebot.text import counted, visible


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `promotebot fetch`."""
    parser.add_argument("model")
    parser.add_argument("stage", help="shadow, staging or active")
    parser.add_argument("--to", required=True, metavar="DIR", help="a directory that does not exist yet")
    parser.add_argument("--bundle", metavar="FILE", help="what `promotebot bundle` wrote, in place of the registry")
    parser.add_argument("--expect-history-digest", metavar="DIGEST", help="refuse any other newest event")
    parser.add_argument("--max-age", metavar="DURATION", help="refuse a registry that may be older, such as 7d or 12h")
    parser.add_argument("--expect-signature", metavar="FILE", help="refuse a model that takes or gives anything else")
    parser.add_argument("--allow-quarantined", action="store_true", help="copy it although it is in quarantine")
    add_format(parser)
    add_registry_options(parser)


def run(options: argparse.Namespace, _now: datetime) -> int:
    """Copy the artifact, and print where its model is.

    Returns:
        0.

    Raises:
        InvalidInput: for a stage that holds nothing, files that are not what its pointer pins, a registry that is too
            old, a bundle that does not prove itself, and another signature or history than the expected one.
        UsageError: for a value that is no duration, and for a registry and a bundle at once.
        CouldNotVerify: when a file cannot be read or written, or says nothing of its age or signature.
    """
    stage = stage_of(options.stage, options)
    artifact = fetch(
        options.model,
        stage,
        options.to,
        registry=options.registry,
        bundle=options.bundle,
        base_dir=options.base_dir or ".",
        max_age=duration_of("--max-age", options.max_age),
        expect_signature=options.expect_signature,
        expect_history_digest=options.expect_history_digest,
        allow_quarantined=options.allow_quarantined,
    )
    if options.format == "json":
        said = {"model": options.model, "stage": stage.value, "model_path": str(artifact.model_path)}
        write_document(FetchOutput(files=len(artifact.manifest.sha256), digest=artifact.manifest.digest, **said))
        return 0
    files = counted(len(artifact.manifest.sha256), "file")
    sys.stdout.write(f"{visible(str(artifact.model_path))}: {files}, {artifact.manifest.digest}\n")
    model, held, place = map(json.dumps, (options.model, stage.value, options.to))
    sys.stdout.write(f"In Python: promotebot.load({model}, {held}, base_dir={place})\n")
    return 0
