"""Which pointer to go back to: the last good one in history, and why others are passed over."""

from __future__ import annotations

from dataclasses import dataclass

from promotebot.registry.model import Action, Event, ModelEntry, Pointer
from promotebot.registry.names import Stage

SUFFIX = "_rollback"


@dataclass(frozen=True)
class SkippedCandidate:
    """A pointer of history that is not gone back to, and why."""

    pointer: Pointer
    why: str


@dataclass(frozen=True)
class Candidates:
    """Pointers to try, the newest first, and those ruled out before anything was opened."""

    pointers: tuple[Pointer, ...]
    passed_over: tuple[SkippedCandidate, ...]


def candidates(entry: ModelEntry, stage: Stage, *, to: str | None = None) -> Candidates:
    """The earlier pointers of a stage, newest first, each artifact once.

    Passed over: the bytes in use, and what the stage was last brought away from, by a rollback or a demotion, and has
    not been put back since. `to` chooses among the others.
    """
    today = entry.pointer(stage)
    left = _left_behind(entry, stage)
    chosen: list[Pointer] = []
    passed: list[SkippedCandidate] = []
    seen: set[str] = set()
    for event in entry.history:
        pointer = event.pointer
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
    """What tells two artifacts apart: the digest; for an older tool's pointer, its directory."""
    return pointer.digest or pointer.artifact_dir


def _left_behind(entry: ModelEntry, stage: Stage) -> dict[str, str]:
    """What the stage was brought away from and has not been put back to since, with how."""
    left: dict[str, str] = {}
    standing: Pointer | None = None
    for event in reversed([event for event in entry.history if event.stage is stage]):
        if event.action is Action.DEMOTE:
            left[_bytes(event.pointer)] = f"it was taken out at {event.ts_utc}"
            standing = None
            continue
        if event.action is Action.ROLLBACK and standing and not _is_forward(event, entry, stage):
            left[_bytes(standing)] = f"an earlier rollback went away from it at {event.ts_utc}"
        left.pop(_bytes(event.pointer), None)
        standing = event.pointer
    return left


def _is_forward(event: Event, entry: ModelEntry, stage: Stage) -> bool:
    """Whether a rollback only took an earlier rollback back: to the bytes that stood just before that one.

    Promoting bytes again that have been ACTIVE is recorded as a rollback too; nothing was broken then.
    """
    before = [e for e in entry.history[entry.history.index(event) + 1 :] if e.stage is stage]
    if len(before) < 2 or before[0].action is not Action.ROLLBACK:
        return False
    return _bytes(before[1].pointer) == _bytes(event.pointer)


def rollback_id(artifact_id: str) -> str:
    """`regime_v1_prod` → `regime_v1_prod_rollback`; going back twice does not pile up suffixes."""
    return artifact_id.removesuffix(SUFFIX) + SUFFIX
