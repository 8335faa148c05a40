"""Rules about the registry as it is: promoted bytes and the model's history."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from promotebot.artifact.manifest import FILE_NAME
from promotebot.findings import Finding, error, passed, warning
from promotebot.promotion.history import check_entry
from promotebot.promotion.places import every_place
from promotebot.promotion.rules.context import RuleContext
from promotebot.registry.model import ModelEntry
from promotebot.registry.names import ModelName, Stage
from promotebot.registry.registry import Layout
from promotebot.text import counted, short_digest


def bytes_are_pinned(context: RuleContext) -> Iterator[Finding]:
    """Check that a directory that pointers name still holds the bytes that were promoted from it.

    The pointer that this request replaces is left out: its new bytes are what is asked for.
    """
    if context.digest is None:
        return
    held = [
        (name, stage, pointer)
        for name, entry in _neighbours(context)
        for stage in Stage
        if (pointer := entry.pointer(stage)) and pointer.artifact_dir == context.request.artifact_dir
    ]
    # A pointer of an older tool has no digest to compare with.
    changed = [(n, s, p) for n, s, p in held if p.digest and p.digest != context.digest and (n, s) != _slot(context)]
    for name, stage, pointer in changed:
        yield error(
            "artifact.pinned",
            f"{name} {stage.label} ({pointer.artifact_id}) was promoted from this directory as "
            f"{short_digest(pointer.digest)}; it now holds {short_digest(context.digest)}.",
            where=context.request.artifact_dir,
            remedy="restore the promoted bytes, and put the new ones into a separate directory",
        )
    same = [(n, s, p) for n, s, p in held if p.digest == context.digest and (n, s) != _slot(context)]
    rewritten = [(n, s, p) for n, s, p in same if not context.evidence.keeps_manifest(p)]
    for name, stage, pointer in rewritten:
        yield error(
            "manifest.changed",
            f"{name} {stage.label} ({pointer.artifact_id}) was promoted from this directory with another manifest: "
            f"{short_digest(pointer.manifest_digest)}, not {short_digest(context.evidence.manifest_digest)}.",
            where=f"{context.request.artifact_dir}/manifest.json",
            remedy="restore the manifest that was promoted, and put the new one into a separate directory",
        )
    if held and not changed and not rewritten:
        under = f"{counted(len(held), 'pointer')} to {context.request.artifact_dir}"
        yield passed("artifact.pinned", f"bytes unchanged under {under}")


def directory_stands_alone(context: RuleContext) -> Iterator[Finding]:
    """Check that the directory neither holds another one that a pointer names, nor lies in one.

    Whatever is put into the inner directory, or beside it, would change what the outer one's pointer means. Where an
    older version let that happen, going back stays possible.
    """
    directory = context.request.artifact_dir
    places = every_place(context.registry, _names(context))
    inner = sorted(place for place in places if place.startswith(f"{directory}/"))
    outer = sorted(place for place in places if directory.startswith(f"{place}/"))
    report = warning if context.is_rollback else error
    if inner:
        more = f" and {len(inner) - 1} more" if len(inner) > 1 else ""
        yield report(
            "artifact.nested",
            f"{directory} holds {inner[0]}{more}, which a pointer names.",
            where=directory,
            remedy="put the artifact into a separate directory with nothing else in it",
        )
    for place in outer:
        yield report(
            "artifact.nested",
            f"{directory} lies in {place}, which a pointer names.",
            where=directory,
            remedy=f"move the artifact out of {place}, or first demote what names {place}",
        )


def _names(context: RuleContext) -> Iterable[ModelName] | None:
    """Return the models whose pointers to look at, None for all; as few files as can be, in the split layout."""
    manifest = context.evidence.manifest
    holds_another = manifest is not None and any(path.endswith(f"/{FILE_NAME}") for path in manifest.sha256)
    if context.registry.layout is Layout.SINGLE or holds_another or context.facts.artifact_changed:
        return None
    return [context.request.model] if context.entry else []


def _neighbours(context: RuleContext) -> list[tuple[ModelName, ModelEntry]]:
    """Return the models to check: all where a directory changed under them, else this one.

    In the split layout each further model is a file to read, and there may be ten thousand.
    """
    if context.facts.artifact_changed:
        return list(context.registry.entries.items())
    return [(context.request.model, context.entry)] if context.entry else []


def _slot(context: RuleContext) -> tuple[str, Stage]:
    return context.request.model, context.request.stage


def history_is_whole(context: RuleContext) -> Iterator[Finding]:
    """Check that the model's history holds together before a new event is put on top of it."""
    if context.entry is not None:
        yield from check_entry(context.registry, context.request.model, context.now)
