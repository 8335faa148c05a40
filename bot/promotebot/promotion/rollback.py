"""The pointers that a rollback can go back to, newest first, what speaks against the others, and held stages.

Everything here is known from a model's history alone, so that the door, the gate and the terminal say the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from promotebot.registry.model import Action, Event, ModelEntry, Pointer
from promotebot.registry.names import Stage

SUFFIX = "_rollback"
MIN_DIGEST = len("sha256:") + 8
"""Characters of a shortened digest: as many as people are shown (`text.short_digest`)."""


@dataclass(frozen=True)
class Removal:
    """What was taken out of a stage and not put back since."""

    pointer: Pointer
    event: Event
    """The demotion or the rollback that took it out."""

    @property
    def by_rollback(self) -> bool:
        """True where a rollback went away from it; False for a demotion."""
        return self.event.action is Action.ROLLBACK

    def __str__(self) -> str:
        event = self.event
        stage = event.stage.label if event.stage else "its stage"
        what = "was rolled back" if self.by_rollback else f"was removed from {stage}"
        by = f" by {event.actor}" if event.actor else ""
        return f"{what} on {event.ts_utc}{by}{f': {event.reason}' if event.reason else ''}"


@dataclass(frozen=True)
class SkippedCandidate:
    """A pointer of history that a rollback does not go back to."""

    pointer: Pointer
    reason: str
    is_current: bool = False
    """It stands in the stage now, which is no reason to worry."""


@dataclass(frozen=True)
class Candidates:
    """Pointers to try, the newest first, and those ruled out before anything was opened."""

    pointers: tuple[Pointer, ...]
    skipped: tuple[SkippedCandidate, ...]


def candidates(entry: ModelEntry, stage: Stage) -> Candidates:
    """Return the earlier pointers of a stage, newest first, each artifact once.

    Skipped are the artifact that stands there now, and those that a rollback or a demotion took out and nothing has put
    back since: somebody had a reason. Where the stage is empty, what the last demotion took out comes first: it is what
    stood there last, and `--reason` says why it is wanted again.
    """
    today, removed = entry.pointer(stage), removals(entry.history, stage)
    last = _last_demoted(entry, stage)
    chosen: list[Pointer] = [last] if last else []
    skipped: list[SkippedCandidate] = []
    for pointer in _artifacts(entry, stage):
        removal = next((one for one in reversed(removed) if is_same(one.pointer, pointer)), None)
        if today and is_same(pointer, today):
            skipped.append(SkippedCandidate(pointer, f"currently {stage.label}", is_current=True))
        elif last and is_same(pointer, last):
            continue
        elif removal:
            skipped.append(SkippedCandidate(pointer, str(removal)))
        else:
            chosen.append(pointer)
    return Candidates(tuple(chosen), tuple(skipped))


def named(entry: ModelEntry, stage: Stage, to: str) -> list[Pointer]:
    """Return the artifacts of a stage's history that a name stands for: the newest pointer of each, newest first.

    Args:
        to: an artifact id, or a digest of bytes or of a manifest, whole or as its first eight digits and more.
    """
    return list(_artifacts(entry, stage, lambda one: is_named(one, to)))


def named_elsewhere(entry: ModelEntry, stage: Stage, to: str) -> Event | None:
    """Return the newest event that put what a name stands for into another stage; None where there is none."""
    others = (event for event in entry.history if event.to_stage not in (None, stage))
    return next((event for event in others if is_named(event.pointer, to)), None)


def is_named(pointer: Pointer, to: str) -> bool:
    """Return whether a name stands for a pointer: its artifact id, or one of its digests."""
    if to.startswith("sha256:"):
        start = to.rstrip("…")
        digests = (pointer.digest, pointer.manifest_digest)
        return len(start) >= MIN_DIGEST and any(digest and digest.startswith(start) for digest in digests)
    return pointer.artifact_id == to


def is_same(one: Pointer, other: Pointer) -> bool:
    """Return whether two pointers stand for one artifact; those of older tools are told apart by directory."""
    if one.digest is None and other.digest is None:
        return one.artifact_dir == other.artifact_dir
    return one.is_same_artifact(other)


def _artifacts(
    entry: ModelEntry, stage: Stage, wanted: Callable[[Pointer], bool] = lambda _: True
) -> Iterator[Pointer]:
    """Yield the pointers that a stage has held, newest first, each artifact once."""
    seen: dict[str, list[Pointer]] = {}
    for event in entry.history:
        pointer = event.pointer
        if event.to_stage is not stage or not wanted(pointer):
            continue
        # One artifact may have had several ids; its bytes and its manifest are what a rollback would bring back.
        known = seen.setdefault(pointer.digest or pointer.artifact_dir, [])
        if not any(is_same(one, pointer) for one in known):
            known.append(pointer)
            yield pointer


def _last_demoted(entry: ModelEntry, stage: Stage) -> Pointer | None:
    """Return what the last demotion took out of a stage that is empty now."""
    if entry.pointer(stage) is not None:
        return None
    return next((e.pointer for e in entry.history if e.stage is stage and e.action is Action.DEMOTE), None)


def removals(history: Sequence[Event], stage: Stage) -> list[Removal]:
    """Return what was taken out of the stage and not put back since, oldest first.

    A rollback that only undoes the one just before it takes out nothing: what stood there meanwhile was good enough to
    go back to, and nothing was broken in it. Promoting again what has been ACTIVE is recorded as a rollback, too.
    """
    left: list[Removal] = []
    current: Pointer | None = None
    last: Event | None = None
    # Oldest first: a later promotion of the same artifact clears what an earlier event held against it.
    for event in reversed([event for event in history if event.stage is stage]):
        if event.action is Action.DEMOTE:
            left.append(Removal(event.pointer, event))
            current, last = None, event
            continue
        undoes = any(one.event is last and one.by_rollback and is_same(one.pointer, event.pointer) for one in left)
        if event.action is Action.ROLLBACK and current and not undoes:
            left.append(Removal(current, event))
        left = [removal for removal in left if not is_same(removal.pointer, event.pointer)]
        current, last = event.pointer, event
    return left


def holding_rollback(history: Sequence[Event], stage: Stage) -> Event | None:
    """Return the rollback after which a stage is still held; None where nothing holds it.

    A hold ends with the first event that lifts it, and with the first promotion of another artifact, which a policy
    without the hold, or an older version, let through. What only puts the same artifact there again, or takes it out,
    ends nothing.
    """
    above: Pointer | None = None
    for event in history:
        if event.to_stage is not stage:
            continue
        if event.lifts_hold or (above and not is_same(above, event.pointer)):
            return None
        if event.action is Action.ROLLBACK:
            return event
        above = event.pointer
    return None


def rollback_id(artifact_id: str) -> str:
    """Return the artifact id of a rollback: `regime_v1_prod` → `regime_v1_prod_rollback`, never two suffixes."""
    return artifact_id.removesuffix(SUFFIX) + SUFFIX
