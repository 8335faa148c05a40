"""Models' own files beside a registry that holds all models in one file: nothing reads them there.

Git sees no conflict between a pull request that joins the registry and another one that adds a model in the split
layout. Whichever is merged last, the new model's file is left over, and the model is lost.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from promotebot.errors import InvalidInput
from promotebot.findings import Finding, error, warning
from promotebot.promotion.append_only import rewritten, same_json
from promotebot.registry.names import is_model_name
from promotebot.registry.registry import ModelRegistry
from promotebot.registry.split_layout import SUFFIX, ModelFiles, RawEntry, model_file, models_directory, read_model
from promotebot.remedies import Command, Remedy, shell
from promotebot.text import counted

RULE = "registry.orphan"
JOIN = Remedy("take it into the registry: ", shell("promotebot", "registry", "join"))


@dataclass(frozen=True)
class Orphan:
    """A model's file with something in it that the registry does not hold."""

    name: str
    path: str
    message: str
    remedy: Remedy = JOIN
    entry: RawEntry | None = None
    """What joining takes into the registry; None where people have to decide."""


def check_orphans(registry: ModelRegistry, base: ModelRegistry | None = None) -> Iterator[Finding]:
    """Yield an error for each orphan, and a warning where the files beside the registry are merely of no use.

    Args:
        base: what the registry is merged into. An orphan that stands there already is a warning: whoever rolls
            another model back cannot wait until it is mended.
    """
    try:
        files, known = _files(registry), _files(base) if base else {}
    except InvalidInput as problem:
        yield error(RULE, problem.message, where=problem.where, remedy=problem.remedy)
        return
    orphans = find_orphans(registry)
    for orphan in orphans:
        fingerprint = files[f"{orphan.name}{SUFFIX}"]
        is_known = fingerprint is not None and known.get(f"{orphan.name}{SUFFIX}") == fingerprint
        make = warning if is_known else error
        yield make(RULE, orphan.message, where=orphan.path, remedy=orphan.remedy)
    if files and not orphans:
        directory = models_directory(registry.where)
        message = f"{registry.where} holds all models, so the files in {directory} are not used."
        yield warning(
            "registry.layout",
            message,
            where=directory,
            remedy=Remedy("remove them: ", shell("git", "rm", "-r", "--", directory)),
        )


def with_orphans(registry: ModelRegistry) -> ModelRegistry:
    """Return the registry with the models and events that only the files beside it hold.

    Raises:
        InvalidInput: for a file that does not read, or that holds other events than the registry.
    """
    whole = registry
    for orphan in find_orphans(registry):
        if orphan.entry is None:
            raise InvalidInput(orphan.message, where=orphan.path, remedy=orphan.remedy)
        whole = whole.with_entry(orphan.name, orphan.entry)
    return whole


def with_lost(base: ModelRegistry, head: ModelRegistry) -> ModelRegistry:
    """Return the base with what its orphans hold, but for those that the head leaves as they are.

    Whoever takes them into the registry brings back what the base had; whoever deletes them removes a model.
    """
    left = {orphan.name for orphan in find_orphans(head)}
    for orphan in find_orphans(base):
        if orphan.entry is not None and orphan.name not in left:
            base = base.with_entry(orphan.name, orphan.entry)
    return base


def find_orphans(registry: ModelRegistry) -> list[Orphan]:
    """Return the models' files beside a registry in one file that hold more, or something else, than it does."""
    beside = registry.beside
    if beside is None:
        return []
    names = [file.removesuffix(SUFFIX) for file in sorted(beside.names()) if file.endswith(SUFFIX)]
    return [orphan for name in names if is_model_name(name) and (orphan := _orphan(registry, beside, name))]


def _files(registry: ModelRegistry) -> dict[str, str | None]:
    """Return what stands beside a registry in one file, by file name; empty in the split layout, where it is read."""
    return dict(registry.beside.names()) if registry.beside else {}


def _orphan(registry: ModelRegistry, beside: ModelFiles, name: str) -> Orphan | None:
    path, where = model_file(registry.where, name), registry.where
    try:
        entry = _read(registry, beside, name)
    except InvalidInput as problem:
        remedy = Remedy("see what it was, and restore it: ", _older(path), "; or remove it: ", _removed(path))
        return Orphan(
            name, path, f"The file of {name} is not part of the registry, and is not valid: {problem.message}", remedy
        )
    if name not in registry:
        message = f"The model {name} and its history exist only in {path}; the registry is {where}, and has no {name}."
        return Orphan(name, path, message, entry=entry)
    ours, theirs = registry.raw_history(name), list(entry.get("history", []))
    if same_json(entry, registry.raw_entry(name)) or (len(theirs) < len(ours) and not any(rewritten(theirs, ours))):
        return None
    if len(theirs) > len(ours) and not any(rewritten(ours, theirs)):
        more = len(theirs) - len(ours)
        return Orphan(
            name, path, f"{counted(more, 'event')} of {name} only in {path}; the registry is {where}.", entry=entry
        )
    remedy = Remedy("compare them: ", _older(path), "; promote again what is missing, then remove it: ", _removed(path))
    return Orphan(name, path, f"{path} holds another history of {name} than {where}.", remedy)


def _older(path: str) -> Command:
    return shell("git", "log", "--patch", "--", path)


def _removed(path: str) -> Command:
    return shell("git", "rm", "--", path)


def _read(registry: ModelRegistry, beside: ModelFiles, name: str) -> RawEntry:
    """Return the entry in a model's file. Raises InvalidInput where it is no model's, or the registry's own is none."""
    entry = read_model(beside, registry.where, name)
    for each in (registry, registry.with_entry(name, entry)):
        each.entry(name)
    return entry
