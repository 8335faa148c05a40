"""The invariants of one model's entry: the chain, the order of events, every pointer its newest event's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from promotebot.findings import Finding, error, passed, warning
from promotebot.registry.chain import RawEvent, chain_breaks
from promotebot.registry.metadata import metadata_problems
from promotebot.registry.model import Action, Event, ModelEntry, Pointer
from promotebot.registry.names import CLOCK_TOLERANCE, ModelName, Stage, to_datetime, to_timestamp
from promotebot.registry.registry import ModelRegistry
from promotebot.registry.stage_words import OWN, stage_like_keys
from promotebot.remedies import Remedy, shell
from promotebot.text import counted

_RESTORE = "restore the registry from the base branch: history is never edited"


def check_entry(registry: ModelRegistry, name: ModelName, now: datetime) -> Iterator[Finding]:
    """Check every invariant of one model's history and pointers. See docs/rules.md, history."""
    entry = registry.entries[name]
    where = registry.at(name)
    yield from other_stages(registry.raw_entry(name), registry.file_of(name), registry.json_path(name), own=OWN)
    yield from _metadata(registry, name, where)
    yield from _chain(registry, name, entry, where)
    yield from _events(entry, where)
    yield from _order(entry, where, now)
    for stage in Stage:
        yield from _pointer(entry, stage, where)


def _metadata(registry: ModelRegistry, name: ModelName, where: str) -> Iterator[Finding]:
    """Warn of a description that no program reads, because it has another form."""
    for key, problem in metadata_problems(registry.raw_entry(name)).items():
        yield warning(
            "registry.metadata",
            f"{name}: {key} has another form than it may have, so it is not shown: {problem}.",
            where=where,
            remedy="correct it in a pull request; docs/terminal.md says what each of these keys may hold",
        )


def other_stages(
    members: Mapping[str, Any], where: str, path: str, *, own: frozenset[str] = frozenset()
) -> Iterator[Finding]:
    """Yield an error for each key that looks like a stage, and is none that anything verifies.

    Args:
        members: of a model's entry, or of the registry's top level.
        where: the file that they are in.
        path: their JSON path.
        own: the stages that promotebot reads there.
    """
    for key in stage_like_keys(members, own):
        yield error(
            "registry.stage",
            f"{path}.{key} looks like a stage. promotebot reads shadow, staging and active alone: nothing verifies it.",
            where=where,
            remedy=Remedy("take over what it says: ", shell("promotebot", "import", where)),
        )


def _chain(registry: ModelRegistry, name: ModelName, entry: ModelEntry, where: str) -> Iterator[Finding]:
    history = registry.raw_history(name)
    # An older tool's history has no chain at all; half a chain is a damaged one.
    if entry.history_digest is None and not any(_was_chained(event) for event in history):
        if entry.history:
            yield warning(
                "history.chain",
                "History has no hash chain yet (written by an older tool).",
                where=where,
                remedy="nothing to do: the next promotion starts the chain over all of it",
            )
        return
    breaks = chain_breaks(history, entry.history_digest)
    for index, problem in breaks:
        yield error("history.chain", f"history[{index}]: {problem}.", where=where, remedy=_RESTORE)
    if not breaks:
        yield passed("history.chain", f"{counted(len(entry.history), 'event')}, hash chain intact", where=where)


def _was_chained(event: RawEvent) -> bool:
    """Return whether an event was part of a chain: no older tool wrote a digest, or the key `previous`, null or not.

    Taking off the chain must not make a history look like an older tool's, which is only warned of.
    """
    return "previous" in event or event["pointer"].get("digest") is not None


def _events(entry: ModelEntry, where: str) -> Iterator[Finding]:
    """Check that each event names the stage it changed, in the form of its action.

    See docs/architecture.md, Files.
    """
    wrong = False
    # Digests were recorded from some event on; whatever is newer than the first one must be complete.
    newest_digest = max((i for i, event in enumerate(entry.history) if event.pointer.digest), default=-1)
    for index, event in enumerate(entry.history):
        if event.action is not Action.DEMOTE:
            problem = f"a {event.action.value} names no to_stage" if event.to_stage is None else ""
        elif event.from_stage is None:
            problem = "a demotion names no from_stage"
        else:
            problem = "a demotion has no to_stage" if event.to_stage else ""
        problem = problem or _missing_fields(event, required=index <= newest_digest)
        if problem:
            wrong = True
            yield error("history.event", f"history[{index}]: {problem}.", where=where, remedy=_RESTORE)
    if entry.history and not wrong:
        yield passed("history.event", "every event names the stage it changed", where=where)


def _missing_fields(event: Event, *, required: bool) -> str:
    """Return which required fields an event's pointer lacks; empty for an event of an older tool.

    Older tools wrote less; their events are those below the first one with a digest.

    See docs/architecture.md, Older files.
    """
    if not required or event.action is Action.DEMOTE:
        return ""
    if event.action is Action.IMPORTED:  # it says itself what nobody knows
        return "" if event.pointer.digest and event.imported else "an import names its source and a digest"
    wanted = ["actor", "digest"] + (["git_sha", "dataset_id"] if event.to_stage is Stage.ACTIVE else [])
    missing = [name for name in wanted if not getattr(event.pointer, name)]
    return f"its pointer lacks {', '.join(missing)}" if missing else ""


def _order(entry: ModelEntry, where: str, now: datetime) -> Iterator[Finding]:
    times = [to_datetime(event.ts_utc) for event in entry.history]
    backwards = [i for i in range(len(times) - 1) if times[i] < times[i + 1]]
    for index in backwards:
        yield error(
            "history.order",
            f"history[{index}] ({entry.history[index].ts_utc}) is older than the event below it "
            f"({entry.history[index + 1].ts_utc}).",
            where=where,
            remedy=_RESTORE,
        )
    # History is newest first, so only its first event can be the latest.
    future = bool(times) and times[0] - now > CLOCK_TOLERANCE
    if future:
        yield error(
            "history.clock",
            f"The newest event is from {entry.history[0].ts_utc}; the clock here says {to_timestamp(now)}.",
            where=where,
            remedy="set this machine's clock, or wait",
        )
    if times and not backwards and not future:
        yield passed("history.order", "newest first, none in the future", where=where)


def _pointer(entry: ModelEntry, stage: Stage, where: str) -> Iterator[Finding]:
    """Check that a pointer is its newest event's.

    A pointer without any event was written before there was a history: warned of, not refused.
    """
    pointer = entry.pointer(stage)
    newest = next((event for event in entry.history if event.stage is stage), None)
    # After a demotion the stage is empty.
    expected = newest.pointer if newest and newest.action is not Action.DEMOTE else None
    if newest is None and pointer is None:
        return
    if newest is None and pointer is not None and pointer.digest is None:
        yield warning("history.pointer", f"{stage.label} has no event (written by an older tool).", where=where)
    elif _same(pointer, expected):
        yield passed("history.pointer", f"{stage.label} is what its newest event says", where=where)
    else:
        yield error(
            "history.pointer",
            f"{stage.label} holds {_name(pointer)}, "
            f"its newest event says {_name(expected)}{_field(pointer, expected)}.",
            where=where,
            remedy=_RESTORE,
        )


def _same(one: Pointer | None, other: Pointer | None) -> bool:
    return (one and one.model_dump()) == (other and other.model_dump())


def _field(one: Pointer | None, other: Pointer | None) -> str:
    """Return the first field in which two different pointers differ, in words."""
    if one is None or other is None:
        return ""
    ours, theirs = one.model_dump(), other.model_dump()
    first = next(key for key in {**ours, **theirs} if ours.get(key) != theirs.get(key))
    return f" ({first} differs)"


def _name(pointer: Pointer | None) -> str:
    return pointer.artifact_id if pointer else "nothing"
