"""The hash chain over a model's history: compute it, and find where it is broken."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from promotebot.registry.codec import canonical_json
from promotebot.registry.names import Digest

RawEvent = Mapping[str, Any]


def event_digest(event: RawEvent) -> Digest:
    """Return the sha256 of an event's canonical JSON as stored, unknown keys and `previous` included.

    See docs/architecture.md, Files.
    """
    return Digest("sha256:" + hashlib.sha256(canonical_json(event)).hexdigest())


def sealed(events: Sequence[RawEvent]) -> tuple[list[dict[str, Any]], Digest | None]:
    """Return the same events, newest first, each with `previous`; and the digest of the newest, None without events.

    An event whose `previous` is right already is returned unchanged.
    """
    result: list[dict[str, Any]] = []
    # Oldest first: each digest covers `previous`, and through it every event below.
    below: Digest | None = None
    for event in reversed(events):
        link = {**event, "previous": below}
        result.append(link)
        below = event_digest(link)
    return result[::-1], below


def chain_breaks(events: Sequence[RawEvent], history_digest: str | None) -> list[tuple[int, str]]:
    """Return where the chain does not hold: (index into history, the difference in words), newest first.

    Empty for a whole chain. Index 0 is the newest event.
    """
    breaks: list[tuple[int, str]] = []
    expected: str | None = history_digest
    # From the newest down, each expectation comes from the event above as stored, so that one edit is one break.
    for index, event in enumerate(events):
        digest = event_digest(event)
        if digest != expected:
            named_by = "history_digest" if index == 0 else f"previous of history[{index - 1}]"
            breaks.append((index, f"{named_by} is {expected}, the event's digest is {digest}"))
        expected = event.get("previous")
    # The oldest event has nothing below it; a digest there shows that older events were cut off.
    if events and expected is not None:
        breaks.append((len(events) - 1, f"the oldest event names a previous event {expected} that is not there"))
    if not events and history_digest is not None:
        breaks.append((0, f"history_digest is {history_digest}, but history is empty"))
    return breaks
