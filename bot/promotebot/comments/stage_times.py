"""The time that an artifact has spent in a stage, by the events of the history, from merge times where known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from promotebot.registry.model import Action, Event, Pointer, Source
from promotebot.registry.names import Stage, to_datetime
from promotebot.text import duration


def before_and_after(*, is_merged: bool) -> tuple[str, str]:
    """Return what heads the columns of a change: what a stage holds without it, and with it."""
    return ("before the merge", "since the merge") if is_merged else ("today", "after merging")


@dataclass(frozen=True)
class Span:
    """A time in a stage; self-asserted where an event made at a terminal is all that tells when it began or ended."""

    length: timedelta
    is_self_asserted: bool

    def __str__(self) -> str:
        return f"{duration(self.length)}{' (self-asserted)' if self.is_self_asserted else ''}"


@dataclass(frozen=True)
class StageTimes:
    """Reads the spans of one model."""

    history: Sequence[Event]
    """Newest first."""
    now: datetime
    merged_at: Mapping[Event, datetime]
    """Event → when GitHub merged it, as far as that is known."""

    def in_every_stage(self, pointer: Pointer) -> str:
        """Return the time in each stage that has held this artifact: `shadow 10 d, staging 1 d 4 h`."""
        return self.in_stages(pointer, tuple(Stage)) or "in no stage yet"

    def in_stages(self, pointer: Pointer, stages: Sequence[Stage]) -> str:
        """Return the time in each of these stages that has held this artifact; empty for none of them."""
        spans = [(stage, self.span(pointer, stage)) for stage in stages]
        return ", ".join(f"{stage.value} {span}" for stage, span in spans if span is not None)

    def in_stage(self, pointer: Pointer, stage: Stage) -> Span | None:
        """Return the time in one stage; None where nothing tells."""
        span = self.span(pointer, stage)
        # A pointer that an older tool wrote may have no event; it says itself when it was promoted.
        if span is None and pointer.promoted_at_utc:
            since = max(self.now - to_datetime(pointer.promoted_at_utc), timedelta(0))
            return Span(since, is_self_asserted=pointer.source is not Source.GITHUB)
        return span

    def span(self, pointer: Pointer, stage: Stage) -> Span | None:
        """Return all the time it was in a stage, each until the stage's next event or now; None for never."""
        events = [event for event in reversed(self.history) if event.stage is stage]
        held = [
            (event, following)
            for event, following in zip(events, [*events[1:], None], strict=False)
            if event.action is not Action.DEMOTE and is_same_artifact(event.pointer, pointer)
        ]
        if not held:
            return None
        # Merge times and event times are mixed, so that a later event can have the earlier time.
        lengths = [
            max((self._since(following) if following else self.now) - self._since(event), timedelta(0))
            for event, following in held
        ]
        claimed = any(self._is_claimed(event) for pair in held for event in pair if event)
        return Span(sum(lengths, timedelta(0)), claimed)

    def _since(self, event: Event) -> datetime:
        # The event's own time is when it was planned; it took effect with the merge.
        return self.merged_at.get(event) or to_datetime(event.ts_utc)

    def _is_claimed(self, event: Event) -> bool:
        return event not in self.merged_at and event.source is not Source.GITHUB


def is_same_artifact(one: Pointer, other: Pointer) -> bool:
    """Return whether two pointers stand for the same artifact.

    Older tools recorded no digest; directory and id are then all there is to compare.
    """
    if one.digest or other.digest:
        return one.is_same_artifact(other)
    return (one.artifact_dir, one.artifact_id) == (other.artifact_dir, other.artifact_id)
