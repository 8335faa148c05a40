"""What a candidate is compared with: today's ACTIVE on the base; where that is empty, what stood there last."""

from __future__ import annotations

from dataclasses import dataclass

from promotebot.registry.model import Action, ModelEntry, Pointer
from promotebot.registry.names import Stage, Timestamp

MAX_LOOKED_AT = 3
"""Artifacts of the history that are looked at for one that can be read, where nothing is ACTIVE."""


@dataclass(frozen=True)
class ActivePointer:
    """A pointer that ACTIVE holds, or held."""

    pointer: Pointer
    until: Timestamp | None = None
    """When it was removed or replaced; None where it is ACTIVE today."""
    is_last: bool = True
    """False where ACTIVE held another artifact after it."""

    @property
    def name(self) -> str:
        """Return what to call it in a sentence: `ACTIVE`, `the last ACTIVE`."""
        if self.until is None:
            return "ACTIVE"
        return "the last ACTIVE" if self.is_last else "an earlier ACTIVE"

    @property
    def former(self) -> str:
        """Return the name of one that is not ACTIVE any more with its last day; empty for today's."""
        return f"{self.name} (until {self.until[:10]})" if self.until else ""

    def __str__(self) -> str:
        return f"{self.pointer.artifact_id}, {self.former or 'which is ACTIVE'}"


def active_pointers(entry: ModelEntry | None) -> list[ActivePointer]:
    """Return what is ACTIVE; where nothing is, the last artifacts that were, the newest first, each directory once."""
    if entry is None:
        return []
    if entry.active:
        return [ActivePointer(entry.active)]
    found: dict[str, ActivePointer] = {}
    newer: Timestamp | None = None
    for event in entry.history:
        if event.stage is not Stage.ACTIVE:
            continue
        ended = event.ts_utc if newer is None or event.action is Action.DEMOTE else newer
        found.setdefault(event.pointer.artifact_dir, ActivePointer(event.pointer, ended, is_last=not found))
        newer = event.ts_utc
        if len(found) == MAX_LOOKED_AT:
            break
    return [*found.values()]
