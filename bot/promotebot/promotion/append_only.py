"""History only grows: the base's events must be there unchanged below the head's new ones.

See docs/architecture.md, Files.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from promotebot.findings import Finding, error, passed
from promotebot.registry.model import ModelEntry
from promotebot.registry.names import Stage
from promotebot.registry.registry import ModelRegistry
from promotebot.text import counted

RawEvent = Mapping[str, Any]
_RESTORE = "restore the history from the base branch: it only grows"


def check_append_only(base: ModelRegistry, head: ModelRegistry, names: Iterable[str]) -> Iterator[Finding]:
    """Check that each model's base history is a suffix of its head history, event by event in canonical form.

    A chain that was computed again over edited events is whole; only this comparison finds the edit.
    """
    for name in names:
        where = head.at(name)
        if name not in base:
            added = len(head.raw_history(name))
            yield passed("history.append_only", f"new since the base, {counted(added, 'event')}", where=where)
        elif name not in head:
            message = f"The model {name} was removed; a model may only be demoted."
            yield error("history.append_only", message, where=where, remedy=_RESTORE)
        # Equal object ids of git spare the reading of files that a pull request does not touch.
        elif not head.is_stored_alike(name, base):
            yield from _compared(base, head, name, where)
        else:
            yield passed("history.append_only", "the base's file, unchanged", where=where)


def _compared(base: ModelRegistry, head: ModelRegistry, name: str, where: str) -> Iterator[Finding]:
    old, new = base.raw_history(name), head.raw_history(name)
    before, after = base.entry(name), head.entry(name)
    moved = _moved_genesis(before, after) if before and after else ()
    problems = [*rewritten(old, new), *moved]
    for message in problems:
        yield error("history.append_only", message, where=where, remedy=_RESTORE)
    if not problems:
        message = f"the base's {counted(len(old), 'event')} unchanged, {len(new) - len(old)} added"
        yield passed("history.append_only", message, where=where)


def rewritten(old: list[dict[str, Any]], new: list[dict[str, Any]]) -> Iterator[str]:
    """Yield a message for each change of the base's events, losses first, then the oldest; none where all are equal.

    Computing a chain again changes `previous` in every event above an edit; that is reported once, with the edit.
    """
    # Histories are newest first, so the base's event i is the head's event i + extra.
    extra, edited = len(new) - len(old), False
    if extra < 0:
        yield f"History holds {counted(len(new), 'event')}, the base's holds {len(old)}."
    for index in reversed(range(max(0, -extra), len(old))):
        after, before = new[index + extra], old[index]
        fields = _differing(after, before)
        if not fields or (edited and fields == ["previous"]):
            continue
        edited = True
        yield f"history[{index + extra}] is not the base's history[{index}]: {', '.join(fields[:5])} changed."


def same_json(one: object, other: object) -> bool:
    """Return whether two values are equal as JSON: to Python, true is 1 and 1.0 is 1; in the file they differ."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def _differing(after: RawEvent, before: RawEvent) -> list[str]:
    """Return the fields that differ.

    Older tools wrote no `previous`; the first promotion after them adds it to every event, which is no edit.
    """
    keys = [key for key in {**before, **after} if not (key == "previous" and key not in before)]
    return [key for key in keys if (key in after) != (key in before) or not same_json(after.get(key), before.get(key))]


def _moved_genesis(old: ModelEntry, new: ModelEntry) -> Iterator[str]:
    """Yield a message for each pointer without an event that changed: no comparison of events would show it."""
    for stage in Stage:
        if old.pointer(stage) != new.pointer(stage) and not any(event.stage is stage for event in new.history):
            yield f"{stage.label} changed since the base without an event."
