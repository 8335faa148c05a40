"""`promotebot bundle`: write what a stage holds as a small file that proves itself without the repository.

It reads files only, and needs no git; make it where the default branch was just checked out.
"""

from __future__ import annotations

import argparse
import sys
from datetime import datetime
from pathlib import Path

from promotebot.artifact.bundle import read_bundle
from promotebot.artifact.loading import make_bundle
from promotebot.cli.options import add_registry_options, stage_of
from promotebot.cli.output import add_format, write_document, write_file
from promotebot.cli.outputs import BundleOutput
from promotebot.registry.chain import event_digest
from promotebot.text import counted, visible


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `promotebot bundle`."""
    parser.add_argument("model")
    parser.add_argument("stage", help="shadow, staging or active")
    parser.add_argument("--out", metavar="FILE", help="the file to write; without it, the bundle is printed")
    add_format(parser)
    add_registry_options(parser)


def run(options: argparse.Namespace, now: datetime) -> int:
    """Write the bundle, and print the digest that its history ends with; without --out, print the bundle alone.

    Returns:
        0.

    Raises:
        InvalidInput: for a stage that holds nothing, files that are not what its pointer pins, and a history that is
            no whole chain.
        UsageError: when the directory takes no file.
        CouldNotVerify: when a file cannot be read.
    """
    stage = stage_of(options.stage, options)
    data = make_bundle(options.model, stage, now=now, registry=options.registry, base_dir=options.base_dir or ".")
    if options.out is None:
        sys.stdout.write(data.decode("utf-8"))
        return 0
    write_file(Path(options.out), data)
    registry, _ = read_bundle(Path(options.out), options.model, stage)
    events = registry.raw_history(options.model)
    if options.format == "json":
        said = {"file": options.out, "model": options.model, "stage": stage.value, "events": len(events)}
        write_document(BundleOutput(history_digest=event_digest(events[0]), **said))
        return 0
    what = f"{stage.label} of {options.model}, {counted(len(events), 'event')}"
    sys.stdout.write(visible(f"wrote {options.out}: {what}, the newest {event_digest(events[0])}") + "\n")
    return 0
