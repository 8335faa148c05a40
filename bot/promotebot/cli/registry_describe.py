"""`promotebot registry describe`: say who answers for a model, what it is, and where more is said of it."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Mapping
from typing import Any

from promotebot.cli.again import Typed
from promotebot.cli.change import committed
from promotebot.cli.output import write_document
from promotebot.cli.outputs import DescribeOutput
from promotebot.errors import InvalidInput, UsageError
from promotebot.planning.worktree import WorkTreePaths
from promotebot.promotion.diff import unified_diff
from promotebot.registry.files import registry_lock
from promotebot.registry.metadata import KEYS, metadata_problems, read_metadata
from promotebot.registry.names import ModelName, parse_model_name
from promotebot.registry.registry import ModelRegistry
from promotebot.registry.store import StoredRegistry
from promotebot.remedies import Remedy

log = logging.getLogger(__name__)
_FLAGS = {"owner": "--owner", "description": "--description", "tags": "--tag", "links": "--link"}


def add_describe_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `describe`."""
    parser.add_argument("--owner", metavar="WHO", help="describe: who answers for the model; empty removes it")
    parser.add_argument("--description", metavar="TEXT", help="describe: what it is, in one line; empty removes it")
    parser.add_argument(
        "--tag", action="append", help="describe: a tag; it replaces all, and an empty one removes them"
    )
    parser.add_argument(
        "--link", action="append", metavar="LABEL=URL", help="describe: an address; all are replaced, too"
    )


def describe(options: argparse.Namespace, work_tree: WorkTreePaths) -> int:
    """Write what the options say of a model; no event is made, and no stage is touched.

    Returns:
        0, also where the registry says the same already.

    Raises:
        InvalidInput: for an unknown model, and for a value that may not be there; nothing is written then.
        UsageError: where no model is named, or nothing is said of it.
    """
    if not options.model:
        raise UsageError("describe needs a model", remedy="name it with --model")
    name, said = parse_model_name(options.model), _said(options)
    with registry_lock(work_tree.registry):
        stored = StoredRegistry(work_tree.registry, where=work_tree.registry_path)
        registry = stored.read(check_models=False)
        registry.check_known(name)
        after = registry.with_entry(name, _described(registry.raw_entry(name), said))
        _check(after, name, said)
        written = registry.raw_entry(name) != after.raw_entry(name) and not options.dry_run
        if written:
            stored.write(after, name)
    _tell(options, registry, after, name, written=written)
    return 0


def _said(options: argparse.Namespace) -> dict[str, Any]:
    """Return key → its new value; None for one that is removed. Raises UsageError where nothing is said."""
    said: dict[str, Any] = {
        key: value or None
        for key, value in (("owner", options.owner), ("description", options.description))
        if value is not None
    }
    if options.tag is not None:
        said["tags"] = [tag for tag in options.tag if tag] or None
    if options.link is not None:
        said["links"] = dict(_link(text) for text in options.link if text) or None
    if not said:
        flags = ", ".join(_FLAGS.values())
        raise UsageError("nothing is said of the model", remedy=f"give one of: {flags}")
    return said


def _link(text: str) -> tuple[str, str]:
    label, equals, url = text.partition("=")
    if not (label and equals and url):
        raise UsageError(f"{text!r} is no link", where="--link", remedy="write it like this: --link runbook=https://…")
    return label, url


def _described(entry: Mapping[str, Any], said: Mapping[str, Any]) -> dict[str, Any]:
    """Return an entry with what is said of it first: below a history of hundreds of lines nobody reads it."""
    new = {**{key: entry[key] for key in KEYS if key in entry}, **said}
    words = {key: new[key] for key in KEYS if new.get(key) is not None}
    return {**words, **{key: value for key, value in entry.items() if key not in KEYS}}


def _check(after: ModelRegistry, name: ModelName, said: Mapping[str, Any]) -> None:
    problems = metadata_problems(after.raw_entry(name), said)
    if problems:
        lines = [f"{_FLAGS[key]}: {problem}" for key, problem in problems.items()]
        raise InvalidInput("\n".join(lines), where=name, remedy="docs/terminal.md says what each may hold")


def _tell(
    options: argparse.Namespace, before: ModelRegistry, after: ModelRegistry, name: ModelName, *, written: bool
) -> None:
    typed, path = Typed(options.arguments), after.file_of(name)
    if options.format == "json":
        said = read_metadata(after.raw_entry(name))
        write_document(DescribeOutput(written=written, model=name, metadata=said))
    else:
        sys.stdout.write(unified_diff(before.file_bytes(name), after.file_bytes(name), path))
    if before.raw_entry(name) == after.raw_entry(name):
        log.info("unchanged: the registry says the same of %s already", name)
    elif options.dry_run:
        log.info("dry run: nothing was written.")
    else:
        line = committed(path, f"docs(ml): Describe {name}")
        log.info("described: %s. Next: %s", name, typed.here(Remedy(line)))
