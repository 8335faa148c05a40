"""`promotebot schemas`: write the JSON schemas of every file, or compare them with what stands there."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from promotebot.cli.json_schemas import DIRECTORY, MODELS, generate
from promotebot.cli.output import add_format, write_document, write_file
from promotebot.cli.outputs import SchemasOutput
from promotebot.errors import InvalidInput
from promotebot.registry.codec import stored_json
from promotebot.remedies import Remedy, shell
from promotebot.text import counted


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `promotebot schemas`."""
    parser.allow_abbrev = True  # its flags could be shortened from the start, and scripts may do so
    parser.add_argument("directory", type=Path, nargs="?", default=Path(DIRECTORY), metavar="DIR")
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    add_format(parser)


def run(options: argparse.Namespace, _now: datetime) -> int:
    """Write every schema into the directory, or with --check write nothing.

    Returns:
        0.

    Raises:
        InvalidInput: with --check, naming every file that is there and not what the models say.
        UsageError: when the directory takes no file.
    """
    stale: list[str] = []
    schemas = generate()
    if options.check:
        schemas = _that_are_there(schemas, options.directory)
    for name, schema in schemas.items():
        path, data = options.directory / f"{name}.schema.json", stored_json(schema)
        if not options.check:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_file(path, data)
            if options.format == "text":
                sys.stdout.write(f"wrote {path}\n")
        elif path.read_bytes() != data:
            stale.append(str(path))
    if stale:
        raise InvalidInput(f"not up to date: {', '.join(stale)}", remedy=_writing(options.directory))
    if options.format == "json":
        files = tuple(str(options.directory / f"{name}.schema.json") for name in schemas)
        write_document(SchemasOutput(files=files, written=not options.check))
    elif options.check:
        more = len(MODELS) - len(schemas)
        others = f"; {counted(more, 'other')} are not there" if more else ""
        sys.stdout.write(f"up to date: {counted(len(schemas), 'schema')} in {options.directory}{others}\n")
    return 0


def _that_are_there(schemas: Mapping[str, Any], directory: Path) -> dict[str, Any]:
    """Return the schemas that a directory has: `init` writes only those of files that people write themselves.

    Raises:
        InvalidInput: where it has none.
    """
    found = {name: schema for name, schema in schemas.items() if (directory / f"{name}.schema.json").is_file()}
    if not found:
        raise InvalidInput(f"not up to date: no schema is in {directory}", remedy=_writing(directory))
    return found


def _writing(directory: Path) -> Remedy:
    return Remedy("write them: ", shell("promotebot", "schemas", str(directory)))
