"""Rules about what is there already: promoted bytes and the model's history."""

from __future__ import annotations

from collections.abc import Iterator

from promotebot.findings import Finding, error, passed
from promotebot.promotion.history import check_entry
from promotebot.promotion.rules.case import RuleContext
from promotebot.registry.model import ModelEntry
from promotebot.registry.names import ModelName, Stage
from promotebot.text import short_digest


def bytes_are_pinned(case: RuleContext) -> Iterator[Finding]:
    """A directory that a pointer names must still hold the bytes that were promoted from it."""
    if case.digest is None:
        return
    held = [
        (name, stage, pointer)
        for name, entry in _neighbours(case)
        for stage in Stage
        if (pointer := entry.pointer(stage)) and pointer.artifact_dir == case.request.artifact_dir
    ]
    changed = [(n, s, p) for n, s, p in held if p.digest and p.digest != case.digest and (n, s) != _slot(case)]
    for name, stage, pointer in changed:
        yield error(
            "artifact.pinned",
            f"{name} {stage.label} ({pointer.artifact_id}) was promoted from this directory as "
            f"{short_digest(pointer.digest)}; it now holds {short_digest(case.digest)}.",
            where=case.request.artifact_dir,
            remedy="restore the promoted bytes and put the new ones into a directory of their own",
        )
    if held and not changed:
        yield passed("artifact.pinned", f"bytes unchanged under {len(held)} pointer(s) to {case.request.artifact_dir}")


def _neighbours(case: RuleContext) -> list[tuple[ModelName, ModelEntry]]:
    """The models to ask: all where a directory changed under them, else this one, whose file is read anyway."""
    if case.facts.artifact_changed:
        return list(case.registry.entries.items())
    return [(case.request.model, case.entry)] if case.entry else []


def _slot(case: RuleContext) -> tuple[str, Stage]:
    return case.request.model, case.request.stage


def history_is_whole(case: RuleContext) -> Iterator[Finding]:
    if case.entry is not None:
        yield from check_entry(case.registry, case.request.model, case.now)
