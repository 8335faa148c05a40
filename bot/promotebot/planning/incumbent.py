"""The artifact that services use now, or used last, which a candidate is compared with: found, and examined like it."""

from __future__ import annotations

from collections.abc import Sequence

from promotebot.artifact.evidence import Evidence
from promotebot.artifact.source import FileSource
from promotebot.planning.examiner import Examine
from promotebot.promotion.last_active import ActivePointer, active_pointers
from promotebot.promotion.policy import Policy
from promotebot.promotion.request import Request
from promotebot.promotion.rules.context import Incumbent
from promotebot.registry.model import Action, Pointer
from promotebot.registry.names import Stage
from promotebot.registry.registry import ModelRegistry


def incumbents(base: ModelRegistry, model: str, action: Action) -> list[ActivePointer]:
    """Return today's ACTIVE on the base, or the last ones where it is empty; none where nothing is to be compared."""
    return active_pointers(base.entry(model)) if action in (Action.PROMOTE, Action.ROLLBACK) else []


def find_incumbent(
    pointers: Sequence[ActivePointer],
    request: Request,
    policy: Policy,
    files: FileSource,
    examine: Examine,
    base_files: FileSource | None = None,
) -> Incumbent | None:
    """Return the first of these whose bytes are there, else the first one, without its bytes; None for none.

    The same one counts for the signature, for the outputs and for claimed evidence. Where no signature is compared,
    and for a stage below ACTIVE, nothing is downloaded for it.

    Args:
        base_files: where those are looked for that are not ACTIVE any more. Nothing points to them, so a branch may
            delete them; which of them counts must not depend on that.

    Raises:
        CouldNotVerify: as the examiner does.
    """
    is_free = policy.for_model(request.model).signature == "allow"
    is_whole = request.stage is Stage.ACTIVE and not is_free
    for held in pointers:
        is_today = held.until is None
        if is_today and is_free:
            return Incumbent(held, None)
        there = files if is_today or base_files is None else base_files
        source = there if is_whole else there.by_pointers()
        evidence = _of(held.pointer, examine(source, held.pointer.artifact_dir, policy.terms_for(request.model)))
        if evidence or is_today:
            return Incumbent(held, evidence)
    # Whoever took the last ones away, once nothing pointed to them, must not get rid of the comparison.
    return Incumbent(pointers[0], None) if pointers else None


def _of(pointer: Pointer, evidence: Evidence) -> Evidence | None:
    """Return the evidence where it is of the pointer's bytes; those of an older tool's pointer are not known."""
    is_same = evidence.digest is not None and pointer.digest in (None, evidence.digest)
    return evidence if is_same else None
