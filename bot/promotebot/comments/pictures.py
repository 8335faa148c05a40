"""Mermaid drawings for comments: what merging moves between the stages, and the newest events of a model.

Both return the source of one diagram; a comment folds it away: `details(summary, fence(source, "mermaid"))`. Both are
flowcharts. Mermaid's `gantt` and `timeline` were tried: on a phone their words lie on each other or are too small, and
in a dark page some cannot be seen.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from promotebot.comments.stage_times import before_and_after
from promotebot.registry.model import Action, Event, ModelEntry, Pointer
from promotebot.registry.names import Stage, to_datetime
from promotebot.text import duration, visible

MAX_DRAWN = 6
"""Events in the timeline; the history's table shows more."""
MAX_NAME = 24
"""Characters of an id or a directory: what fits into a box without a break. The comment's table shows it whole."""
NOTHING = "nothing"
# Each colour carries its own text colour, or none at all, so that it can be read on a light and on a dark page:
# GitHub draws with the theme of the reader. https://github.com/mermaid-js/mermaid/blob/develop/docs/syntax/flowchart.md
_CLASSES = {
    "held": "fill:none,stroke:#818b98",
    "empty": "fill:none,stroke:#818b98,stroke-dasharray:4",
    "leaves": "fill:#59636e,stroke:#818b98,color:#ffffff",
    "arrives": "fill:#1a7f37,stroke:#2da44e,color:#ffffff",
    "waits": "fill:none,stroke:#2da44e,stroke-width:2px,stroke-dasharray:4",
    "vacant": "fill:#cf222e,stroke:#fa4549,color:#ffffff",
}
_MOVES = {Action.PROMOTE: "promote", Action.ROLLBACK: "roll back", Action.DEMOTE: "demote", Action.IMPORTED: "import"}
DONE = {
    Action.PROMOTE: "promoted to",
    Action.ROLLBACK: "rolled back in",
    Action.DEMOTE: "removed from",
    Action.IMPORTED: "imported into",
}
# Kept as they are: what can begin no entity, quote, link, list, emphasis or directive.
_PLAIN = re.compile(r"[A-Za-z0-9 ]|(?<=[A-Za-z0-9])[_/-](?=[A-Za-z0-9])|(?<=\d)[.:](?=\d)")

# Icons (`fa:fa-…`), formulas (`$$…$$`), `\n` and Mermaid's own marks for entities (`ﬂ°°…¶ß`) are looked for after the
# entities are resolved: a sign that has no width and joins words takes these apart and looks the same.
_JOINED, _JOINER = frozenset(":$\\ﬂ°¶"), "#8288;"


def render_stage_flow(today: ModelEntry | None, events: Sequence[Event], *, is_merged: bool = False) -> str:
    """Return what each stage holds today, and what merging moves, as the source of a Mermaid flowchart.

    Args:
        today: the model's entry on the base; None for a model that is new. For one plan: `plan.before.entry(model)`.
        events: the model's events that merging adds, oldest first. For one plan: `[plan.event]`.
        is_merged: whether they are merged, so that `today` is what the base held before.
    """
    before, after = before_and_after(is_merged=is_merged)
    lines = [_held(stage, before, today.pointer(stage) if today else None, events) for stage in Stage]
    changed: dict[Stage, str] = {}  # stage → the box of what it holds after merging
    for number, event in enumerate(events):
        if event.stage is None:
            continue
        box, demotes = f"after{number}", event.action is Action.DEMOTE
        stage, pointer = event.stage, event.pointer
        vacant = "vacant" if stage is Stage.ACTIVE else "empty"
        holds = (NOTHING,) if demotes else (name(pointer.artifact_id), _digest(pointer))
        kind = vacant if demotes else "arrives"
        lines.append(_node(box, kind, f"{stage.label} {after}", *holds))
        replaced = changed.get(stage) or (stage.value if today and today.pointer(stage) else "")
        if demotes:
            lines += [_edge(replaced, "demote", box)] if replaced else []
        else:
            source, drawn = _source(event, number, changed)
            lines += [*drawn, _edge(source, _MOVES[event.action], box)]
            lines += [f"  {replaced} -. replaced .-> {box}"] if replaced else []
        changed[stage] = box
    return _flowchart("LR", f"What each stage holds {before} and {after}", lines)


def render_timeline(
    events: Sequence[Event],
    now: datetime,
    *,
    merged_at: Mapping[Event, datetime] | None = None,
    pending: Collection[Event] = (),
    limit: int = MAX_DRAWN,
) -> str:
    """Return the newest events of one model, newest on top, each with the time that its stage stayed so.

    Args:
        events: the model's history, newest first, as `ModelEntry.history` has it.
        now: the moment (UTC) up to which what a stage holds today is counted.
        merged_at: event → when it was merged, as far as that is known; an event's own time is when it was planned.
        pending: the events among them that only merging brings.
        limit: how many events are drawn; one box more says how many are not.
    """
    merged, shown = merged_at or {}, events[:limit]
    boxes = []
    for number, (event, span) in enumerate(zip(shown, _spans(events, now, merged, pending), strict=False)):
        waits = event in pending
        when = "when this is merged" if waits else f"{_moment(event, merged):%Y-%m-%d %H:%M} UTC"
        done = f"{DONE[event.action]} {event.stage.label if event.stage else 'no stage'}"
        kind = "waits" if waits else _kind(event, events, pending)
        boxes.append(_node(f"e{number}", kind, when, done, name(event.pointer.artifact_id), "" if waits else span))
    if len(events) > len(shown):
        boxes.append(_node("older", "empty", f"{len(events) - len(shown)} before"))
    names = [box.split("[", 1)[0].strip() for box in boxes]
    chain = [f"  {newer} --- {older}" for newer, older in pairwise(names)]
    return _flowchart("TB", "The newest events of this model, newest on top", [*boxes, *chain])


def name(value: str) -> str:
    """Return an id or a path in one short line; nothing is escaped yet.

    Versions and dates stand at the end of a name, so that what does not fit is left out of its middle.
    """
    shown = re.sub(" +", " ", visible(value)).strip() or "?"
    tail = MAX_NAME // 3
    return shown if len(shown) <= MAX_NAME else f"{shown[: MAX_NAME - tail - 1]}…{shown[-tail:]}"


def label(line: str) -> str:
    """Return a line as a part of a quoted label that Mermaid shows as it is.

    All but letters, digits and what stands harmless between them becomes a numeric entity.
    https://mermaid.js.org/syntax/flowchart.html#special-characters-that-break-syntax
    """
    kept = {match.start() for match in _PLAIN.finditer(line)}
    return "".join(c if i in kept else f"#{ord(c)};{_JOINER if c in _JOINED else ''}" for i, c in enumerate(line))


def _held(stage: Stage, when: str, pointer: Pointer | None, events: Iterable[Event]) -> str:
    """Return the box of what a stage holds before the events; one that merging replaces or takes out stands out."""
    if pointer is None:
        return _node(stage.value, "empty", f"{stage.label} {when}", NOTHING)
    kind = "leaves" if any(event.stage is stage for event in events) else "held"
    return _node(stage.value, kind, f"{stage.label} {when}", name(pointer.artifact_id), _digest(pointer))


def _source(event: Event, number: int, changed: Mapping[Stage, str]) -> tuple[str, list[str]]:
    """Return the box that the artifact comes from, and the line that draws it where no stage holds the artifact."""
    if event.from_stage:
        return changed.get(event.from_stage, event.from_stage.value), []
    box = f"from{number}"
    words = "held before" if event.action is Action.ROLLBACK else "in no stage yet"
    return box, [_node(box, "held", words, name(event.pointer.artifact_dir))]


def _spans(
    events: Sequence[Event], now: datetime, merged_at: Mapping[Event, datetime], pending: Collection[Event]
) -> list[str]:
    """Return for each event how long its stage stayed as it left it: `for 41 d`, or `41 d until` the day of `now`."""
    until: dict[Stage | None, datetime] = {}
    spans = []
    for event in events:
        since = _moment(event, merged_at)
        following = until.get(event.stage)
        # Merge times and event times are mixed, so that a later event can have the earlier time.
        span = duration(max((following or now) - since, timedelta(0)))
        spans.append(f"for {span}" if following else f"{span} until {now:%Y-%m-%d}")
        # What waits for its merge has ended nothing yet.
        if event not in pending:
            until[event.stage] = since
    return spans


def _moment(event: Event, merged_at: Mapping[Event, datetime]) -> datetime:
    return merged_at.get(event) or to_datetime(event.ts_utc)


def _kind(event: Event, events: Sequence[Event], pending: Collection[Event]) -> str:
    """Return the class of an event's box: only ACTIVE serves users, so its present and its past stand out."""
    if event.stage is not Stage.ACTIVE:
        return "held"
    newest = next(other for other in events if other.stage is Stage.ACTIVE and other not in pending)
    if event is not newest:
        return "leaves"
    return "vacant" if event.action is Action.DEMOTE else "arrives"


def _digest(pointer: Pointer) -> str:
    """Return the first digits of the digest: one id can stand for two artifacts."""
    return pointer.digest[len("sha256:") :][:8] if pointer.digest else ""


def _flowchart(direction: str, title: str, lines: Iterable[str]) -> str:
    classes = [f"  classDef {name} {style}" for name, style in _CLASSES.items()]
    return "\n".join([f"flowchart {direction}", f"  accTitle: {title}", *lines, *classes])


def _node(box: str, kind: str, *words: str) -> str:
    return f'  {box}["{"<br>".join(label(line) for line in words if line)}"]:::{kind}'


def _edge(source: str, word: str, target: str) -> str:
    return f"  {source} -- {word} --> {target}"
