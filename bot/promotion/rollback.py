"""Which pointer to go back to: the last good one in history, and why others are passed over."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from bot.registry.model import Action, ModelEntry, Pointer
from bot.registry.names import Stage

SUFFIX = "_rollback"


@dataclass(frozen=True)
class PassedOver:
    """A pointer of history that is not gone back to, and why."""

    pointer: Pointer
    why: str


@dataclass(frozen=True)
class Candidates:
    """Pointers to try, the newest first, and those ruled out before anything was opened."""

    pointers: tuple[Pointer, ...]
    passed_over: tuple[PassedOver, ...]


def candidates(entry: ModelEntry, stage: Stage, *, to: str | None = None) -> Candidates:
    """The earlier pointers of a stage, newest first, each artifact once.

    Passed over: the bytes in use, what an earlier rollback went away from, and pointers without a
    digest unless `to` names them (nothing proves what their bytes were).
    """
    today = entry.pointer(stage)
    broken = _rolled_back_from(entry, stage)
    chosen: list[Pointer] = []
    passed: list[PassedOver] = []
    seen: set[tuple[str | None, str]] = set()
    for event in entry.history:
        pointer = event.pointer
        key = (pointer.digest, pointer.artifact_dir)
        if event.to_stage is not stage or key in seen or (to and pointer.artifact_id != to):
            continue
        seen.add(key)
        why = _why_not(pointer, today, broken, to)
        if why:
            passed.append(PassedOver(pointer, why))
        else:
            chosen.append(pointer)
    return Candidates(tuple(chosen), tuple(passed))


def _why_not(pointer: Pointer, today: Pointer | None, broken: set[str], to: str | None) -> str:
    if today and (pointer.digest, pointer.artifact_dir) == (today.digest, today.artifact_dir):
        return "it is in use now"
    if pointer.digest is None:
        return "" if to else "no digest was recorded (older tool), so its bytes cannot be proven; name it with --to"
    if pointer.digest in broken:
        return "an earlier rollback went away from it"
    return ""


def _rolled_back_from(entry: ModelEntry, stage: Stage) -> set[str]:
    """Digests that stood in the stage just before a rollback."""
    events = [event for event in entry.history if event.stage is stage]
    pairs = pairwise(events)
    return {below.pointer.digest for event, below in pairs if event.action is Action.ROLLBACK and below.pointer.digest}


def rollback_id(artifact_id: str) -> str:
    """`regime_v1_prod` → `regime_v1_prod_rollback`; going back twice does not pile up suffixes."""
    return artifact_id.removesuffix(SUFFIX) + SUFFIX
