"""The pointers that a rollback can go back to, newest first, and the reasons against the others."""

from __future__ import annotations

from dataclasses import dataclass

from promotebot.registry.model import Action, Event, ModelEntry, Pointer
from promotebot.registry.names import Stage

SUFFIX = "_rollback"


@dataclass(frozen=True)
class SkippedCandidate:
    """A pointer of history that a rollback does not go back to."""

    pointer: Pointer
    reason: str


@dataclass(frozen=True)
class Candidates:
    """Pointers to try, the newest first, and those ruled out before anything was opened."""

    pointers: tuple[Pointer, ...]
    skipped: tuple[SkippedCandidate, ...]


def candidates(entry: ModelEntry, stage: Stage, *, to: str | None = None) -> Candidates:
    """Return the earlier pointers of a stage, newest first, each artifact once.

    Passed over are the bytes in use, and those that a rollback or a demotion took out and nothing has put back since:
    somebody had a reason to take them out.

    Args:
        to: the artifact id to go back to; None leaves all of them.
    """
    today = entry.pointer(stage)
    left = _left_behind(entry, stage)
    chosen: list[Pointer] = []
    passed: list[SkippedCandidate] = []
    seen: set[str] = set()
    for event in entry.history:
        pointer = event.pointer
        # One artifact may have had several ids; its bytes are what a rollback would bring back.
        key = _bytes(pointer)
        if event.to_stage is not stage or key in seen or (to and pointer.artifact_id != to):
            continue
        seen.add(key)
        if today and key == _bytes(today):
            passed.append(SkippedCandidate(pointer, "it is in use now"))
        elif key in left:
            passed.append(SkippedCandidate(pointer, f"{left[key]}; if it is meant, promote it again"))
        else:
            chosen.append(pointer)
    return Candidates(tuple(chosen), tuple(passed))


def _bytes(pointer: Pointer) -> str:
    """Return what tells two artifacts apart: the digest; for an older tool's pointer, its directory."""
    return pointer.digest or pointer.artifact_dir


def _left_behind(entry: ModelEntry, stage: Stage) -> dict[str, str]:
    """Return the bytes that were taken out of the stage and not put back since, each with how that happened."""
    left: dict[str, str] = {}
    current: Pointer | None = None
    # Oldest first: a later promotion of the same bytes clears what an earlier event held against them.
    for event in reversed([event for event in entry.history if event.stage is stage]):
        if event.action is Action.DEMOTE:
            left[_bytes(event.pointer)] = f"it was taken out at {event.ts_utc}"
            current = None
            continue
        if event.action is Action.ROLLBACK and current and not _is_forward(event, entry, stage):
            left[_bytes(current)] = f"an earlier rollback went away from it at {event.ts_utc}"
        left.pop(_bytes(event.pointer), None)
        current = event.pointer
    return left


def _is_forward(event: Event, entry: ModelEntry, stage: Stage) -> bool:
    """Return whether a rollback only undid an earlier rollback, to the bytes that were there just before that one.

    Promoting bytes again that have been ACTIVE is recorded as a rollback too; nothing was broken then.
    """
    before = [e for e in entry.history[entry.history.index(event) + 1 :] if e.stage is stage]
    if len(before) < 2 or before[0].action is not Action.ROLLBACK:
        return False
    return _bytes(before[1].pointer) == _bytes(event.pointer)


def rollback_id(artifact_id: str) -> str:
    """Return the artifact id of a rollback: `regime_v1_prod` → `regime_v1_prod_rollback`, never two suffixes."""
    return artifact_id.removesuffix(SUFFIX) + SUFFIX
