"""The artifact that services use now, which a candidate is compared with: found, and examined like the candidate."""

from __future__ import annotations

from collections.abc import Iterator

from promotebot.artifact.evidence import Evidence
from promotebot.artifact.limits import Terms
from promotebot.artifact.source import FileSource
from promotebot.planning.examiner import Examine
from promotebot.promotion.policy import Policy
from promotebot.promotion.request import Request
from promotebot.promotion.rules.context import Incumbent
from promotebot.registry.model import Action, ModelEntry, Pointer
from promotebot.registry.names import Stage
from promotebot.registry.registry import ModelRegistry

MAX_LOOKED_AT = 3
"""Artifacts of the history that are looked at for one that can be read, where nothing is ACTIVE."""


def incumbents(base: ModelRegistry, model: str, action: Action, policy: Policy) -> list[Pointer]:
    """Return today's ACTIVE on the base, or the last ones where it is empty; none where nothing is to be compared."""
    entry = base.entry(model)
    if entry is None or action not in (Action.PROMOTE, Action.ROLLBACK) or policy.for_model(model).signature == "allow":
        return []
    return [entry.active] if entry.active else list(_last(entry))


def _last(entry: ModelEntry) -> Iterator[Pointer]:
    seen = set[str]()
    for event in entry.history:
        pointer = event.pointer
        if event.stage is Stage.ACTIVE and pointer.artifact_dir not in seen and len(seen) < MAX_LOOKED_AT:
            seen.add(pointer.artifact_dir)
            yield pointer


def find_incumbent(
    pointers: list[Pointer], base: ModelRegistry, request: Request, files: FileSource, examine: Examine, terms: Terms
) -> Incumbent | None:
    """Return the first of these whose bytes are there, else the first one, without its bytes; None for none.

    For a stage below ACTIVE nothing is downloaded for it.

    Raises:
        CouldNotVerify: as the examiner does.
    """
    source = files if request.stage is Stage.ACTIVE else files.by_pointers()
    entry = base.entry(request.model)
    is_active = bool(entry and entry.active)
    for pointer in pointers:
        evidence = _of(pointer, examine(source, pointer.artifact_dir, terms))
        if evidence or is_active:
            return Incumbent(pointer, evidence, is_active)
    # Whoever takes the last ones away, once nothing points to them, must not get rid of the comparison.
    return Incumbent(pointers[0], None, is_active) if pointers else None


def _of(pointer: Pointer, evidence: Evidence) -> Evidence | None:
    """Return the evidence where it is of the pointer's bytes; those of an older tool's pointer are not known."""
    is_same = evidence.digest is not None and pointer.digest in (None, evidence.digest)
    return evidence if is_same else None
