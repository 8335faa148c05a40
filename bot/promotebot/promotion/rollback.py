"""The pointers that a rollback can go back to, newest first, and the reasons against the others."""

from __future__ import annotations

from collections.abc import Sequence
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

    Passed over are the artifact in use, and those that a rollback or a demotion took out and nothing has put back
    since: somebody had a reason to take them out.

    Args:
        to: the artifact id to go back to; None leaves all of them.
    """
    today = entry.pointer(stage)
    left = _left_behind(entry, stage)
    chosen: list[Pointer] = []
    passed: list[SkippedCandidate] = []
    seen: dict[str, list[Pointer]] = {}
    for event in entry.history:
        pointer = event.pointer
        # One artifact may have had several ids; its bytes and its manifest are what a rollback would bring back.
        known = seen.setdefault(pointer.digest or pointer.artifact_dir, [])
        if event.to_stage is not stage or _is_among(known, pointer) or (to and pointer.artifact_id != to):
            continue
        known.append(pointer)
        reason = next((reason for other, reason in reversed(left) if _is_same(other, pointer)), "")
        if today and _is_same(pointer, today):
            passed.append(SkippedCandidate(pointer, "it is in use now"))
        elif reason:
            passed.append(SkippedCandidate(pointer, f"{reason}; if it is meant, promote it again"))
        else:
            chosen.append(pointer)
    return Candidates(tuple(chosen), tuple(passed))


def _is_same(one: Pointer, other: Pointer) -> bool:
    """Return whether two pointers stand for one artifact; those of older tools are told apart by directory."""
    if one.digest is None and other.digest is None:
        return one.artifact_dir == other.artifact_dir
    return one.is_same_artifact(other)


def _is_among(known: Sequence[Pointer], pointer: Pointer) -> bool:
    return any(_is_same(other, pointer) for other in known)


def _left_behind(entry: ModelEntry, stage: Stage) -> list[tuple[Pointer, str]]:
    """Return what was taken out of the stage and not put back since, each with how that happened, oldest first."""
    left: list[tuple[Pointer, str]] = []
    current: Pointer | None = None
    # Oldest first: a later promotion of the same artifact clears what an earlier event held against it.
    for event in reversed([event for event in entry.history if event.stage is stage]):
        if event.action is Action.DEMOTE:
            left.append((event.pointer, f"it was taken out at {event.ts_utc}"))
            current = None
            continue
        if event.action is Action.ROLLBACK and current and not _is_forward(event, entry, stage):
            left.append((current, f"an earlier rollback went away from it at {event.ts_utc}"))
        left = [(pointer, reason) for pointer, reason in left if not _is_same(pointer, event.pointer)]
        current = event.pointer
    return left


def _is_forward(event: Event, entry: ModelEntry, stage: Stage) -> bool:
    """Return whether a rollback only undid an earlier rollback, to what was there just before that one.

    Promoting again what has been ACTIVE is recorded as a rollback too; nothing was broken then.
    """
    before = [e for e in entry.history[entry.history.index(event) + 1 :] if e.stage is stage]
    if len(before) < 2 or before[0].action is not Action.ROLLBACK:
        return False
    return _is_same(before[1].pointer, event.pointer)


def rollback_id(artifact_id: str) -> str:
    """Return the artifact id of a rollback: `regime_v1_prod` → `regime_v1_prod_rollback`, never two suffixes."""
    return artifact_id.removesuffix(SUFFIX) + SUFFIX
