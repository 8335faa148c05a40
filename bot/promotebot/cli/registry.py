"""`promotebot registry split|join|adopt`: one file for all models or one for each, in an order a kill cannot break."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from promotebot.cli.again import Typed
from promotebot.cli.change import committed
from promotebot.cli.options import add_registry_options
from promotebot.cli.output import add_format, write_document
from promotebot.cli.outputs import RegistryOutput
from promotebot.cli.registry_adopt import add_adopt_options, adopt
from promotebot.cli.registry_describe import add_describe_options, describe
from promotebot.cli.work_tree import work_tree_of
from promotebot.errors import CouldNotVerify, InvalidInput, UsageError
from promotebot.planning.worktree import WorkTreePaths, check_whole
from promotebot.promotion.orphans import with_orphans
from promotebot.registry.convert import joined_bytes, split_files
from promotebot.registry.files import ModelDirectory, read_registry_bytes, registry_lock, replace_registry
from promotebot.registry.names import Timestamp, to_timestamp
from promotebot.registry.registry import Layout, ModelRegistry
from promotebot.registry.split_layout import SUFFIX, models_directory
from promotebot.registry.store import StoredRegistry
from promotebot.remedies import Command, Remedy, shell
from promotebot.text import counted


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `promotebot registry`."""
    parser.add_argument(
        "layout",
        metavar="{split,join,adopt,describe}",
        choices=("split", "join", "adopt", "describe"),
        help="split: one file per model; join: all in one; adopt: complete the pointers that an older tool wrote; "
        "describe: say who owns a model, and what it is",
    )
    add_format(parser)
    add_registry_options(parser)
    add_adopt_options(parser)
    add_describe_options(parser)


def run(options: argparse.Namespace, now: datetime) -> int:
    """Convert the registry of the work tree to the layout asked for; joining takes in what stands beside it only.

    Returns:
        0, also where it has that layout already; of `adopt`, 1 where something cannot be completed.

    Raises:
        UsageError: for a dry run of a conversion, which has none.
        InvalidInput: for a registry that does not read, or a file in the way; nothing is changed then.
        CouldNotVerify: when a part of the registry is not here, or the new files do not say what the old ones did.
    """
    if options.dry_run and options.layout in ("split", "join"):
        remedy = "omit --dry-run: nothing is committed, and git shows and restores what was there"
        raise UsageError(f"{options.layout} has no dry run", where="--dry-run", remedy=remedy)
    repository, work_tree = work_tree_of(options)
    check_whole(repository, work_tree)
    if options.layout == "adopt":
        return adopt(options, repository, work_tree, now)
    if options.layout == "describe":
        return describe(options, work_tree)
    wanted = Layout.SPLIT if options.layout == "split" else Layout.SINGLE
    with registry_lock(work_tree.registry):
        stored = StoredRegistry(work_tree.registry, where=work_tree.registry_path)
        registry = stored.read()
        _ = dict(registry.entries)  # what does not read is not moved about
        whole = with_orphans(registry) if wanted is Layout.SINGLE else registry
        if registry.layout is wanted and whole is registry:
            return _tell(options, work_tree, whole, wanted, written=False)
        if wanted is Layout.SPLIT:
            _split(work_tree, registry, to_timestamp(now))
        else:
            # What was joined already keeps its time: no other key of the file changes then.
            data = joined_bytes(whole, to_timestamp(now)) if registry.layout is Layout.SPLIT else whole.to_bytes()
            replace_registry(work_tree.registry, data, expected=read_registry_bytes(work_tree.registry))
            _remove_models(work_tree, whole)
        _compare(whole, StoredRegistry(work_tree.registry, where=work_tree.registry_path).read())
    return _tell(options, work_tree, whole, wanted, written=True)


def _tell(
    options: argparse.Namespace, work_tree: WorkTreePaths, whole: ModelRegistry, wanted: Layout, *, written: bool
) -> int:
    events = sum(len(whole.raw_history(name)) for name in whole)
    if options.format == "json":
        said = {"layout": wanted.value, "models": len(whole.models), "events": events}
        write_document(RegistryOutput(written=written, **said))
        return 0
    if not written:
        sys.stdout.write(f"unchanged: the layout of {work_tree.registry_path} is {wanted.value} already\n")
        return 0
    line = committed(str(Path(work_tree.registry_path).parent), f"chore(ml): {options.layout.title()} the registry")
    sys.stdout.write(
        f"{options.layout}: {counted(len(whole.models), 'model')}, {counted(events, 'event')}\n"
        f"Next: {Typed(options.arguments).here(Remedy(line))}\n"
    )
    return 0


def _split(work_tree: WorkTreePaths, registry: ModelRegistry, now: Timestamp) -> None:
    before = read_registry_bytes(work_tree.registry)
    index, files = split_files(registry, now)
    _write_models(work_tree, files)
    replace_registry(work_tree.registry, index, expected=before)


def _write_models(work_tree: WorkTreePaths, files: Mapping[str, bytes]) -> None:
    """Write the models' own files; the index comes after them, and until it stands the single file is the registry.

    Raises:
        InvalidInput: when other files, or a link, are in the way; nothing is written then.
    """
    directory = models_directory(work_tree.registry_path)
    strangers = sorted(ModelDirectory(work_tree.registry).names().keys() - {Path(path).name for path in files})
    in_the_way = [path for path, data in files.items() if _other_content(work_tree.root / path, data)]
    if in_the_way or strangers:
        names = ", ".join([*in_the_way, *(f"{directory}/{name}" for name in strangers)][:10])
        raise InvalidInput(
            "files are in the way of the models' own",
            where=names,
            remedy=Remedy("move them to another place; see what git knows of them: ", shell("git", "status")),
        )
    for path, data in files.items():
        if not (work_tree.root / path).exists():
            replace_registry(work_tree.root / path, data, expected=None)


def _other_content(path: Path, data: bytes) -> bool:
    """Tell whether a file holds other bytes. A conversion that was stopped leaves the same; others are somebody's."""
    return (path.exists() or path.is_symlink()) and read_registry_bytes(path) != data


def _remove_models(work_tree: WorkTreePaths, registry: ModelRegistry) -> None:
    """Remove the models' own files, which nothing reads once the joined file stands, and their empty directory."""
    directory = work_tree.root / models_directory(work_tree.registry_path)
    for name in registry:
        (directory / f"{name}{SUFFIX}").unlink(missing_ok=True)
    if directory.is_dir() and not any(directory.iterdir()):
        directory.rmdir()


def _compare(before: ModelRegistry, after: ModelRegistry) -> None:
    """Raise CouldNotVerify unless every model's entry is the same in both."""
    different = [name for name in {*before, *after} if before.raw_entry(name) != after.raw_entry(name)]
    if different:
        raise CouldNotVerify(
            f"{', '.join(sorted(different)[:10])} would be changed by the conversion",
            where=after.where,
            remedy=Remedy("restore the registry, and report this bug: ", _put_back(after.where)),
        )


def _put_back(registry_path: str) -> Command:
    """Return the line that makes the registry what git has; what git does not know of it goes."""
    line = shell("git", "checkout", "HEAD", "--", str(Path(registry_path).parent))
    return line.then("git", "clean", "-d", "--force", "--", models_directory(registry_path))
