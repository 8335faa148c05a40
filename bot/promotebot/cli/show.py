"""`promotebot history`, `show` and `status`: what the registry holds, as a table or JSON.

They read the registry's files only, and need no git: a copy of the files is enough.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime, time, timezone
from pathlib import Path
from typing import Any

from promotebot.cli.options import add_registry_options, root_of, stage_of
from promotebot.errors import UsageError
from promotebot.registry.metadata import Metadata, read_metadata
from promotebot.registry.model import Event, Pointer
from promotebot.registry.names import Stage, to_datetime
from promotebot.registry.registry import DEFAULT_PATH, ModelRegistry
from promotebot.registry.text_spans import no_collector
from promotebot.text import short_digest, visible

MANY = 500
"""Rows from which a terminal gets plain lines, as a pipe does, which no width limits."""
MAX_WIDTH = 100_000
"""Columns, more than any table has."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of one of the three commands: the parser's default for `command` says which."""
    command = parser.get_default("command")
    if command == "history":
        parser.add_argument("--model", help="only this model (default: all)")
        parser.add_argument("--stage", help="only events into this stage or out of it")
        parser.add_argument("--by", metavar="ACTOR", help="only events by this person")
        parser.add_argument("--since", metavar="DATE", help="only events from this day on (UTC), such as 2026-02-01")
        parser.add_argument("-n", "--limit", type=int, metavar="N", help="the newest N events of each model")
        parser.add_argument("--skip", type=int, default=0, metavar="N", help="leave out the newest N of them first")
    elif command == "show":
        parser.add_argument("--model", required=True)
    else:
        parser.add_argument("--model", help="only this model (default: all)")
        parser.add_argument("--stage", help="only what this stage holds")
        parser.add_argument("-v", "--verbose", action="store_true", help="also owner, description, tags and links")
    parser.add_argument("--format", choices=("text", "json"), default="text")
    add_registry_options(parser)


def run(options: argparse.Namespace, _now: datetime) -> int:
    """Print the events (`history`), or what every stage of one model (`show`) or of all (`status`) holds.

    Returns:
        0.

    Raises:
        InvalidInput: for a registry that does not read, or a model or stage that there is not.
        UsageError: for a limit below 1.
    """
    with no_collector():
        _show(options)
    return 0


def _show(options: argparse.Namespace) -> None:
    base = Path(options.base_dir) if options.base_dir else root_of()
    registry = ModelRegistry.load(options.registry or base / DEFAULT_PATH)
    names = _names(registry, getattr(options, "model", None))
    asked = getattr(options, "stage", None)
    stage = stage_of(asked, options) if asked else None
    if options.command == "history":
        first, last = _page(options)
        is_shown = _filter(stage, options.by, options.since)
        shown = {name: [event for event in registry.history.get(name, ()) if is_shown(event)] for name in names}
        rows = [(name, event) for name, events in shown.items() for event in events[first:last]]
        _write(options, "events", rows, _event_json, _EVENT_HEAD, _event_row)
    else:
        # First, so that each file is read once.
        said = _metadata(registry, names) if getattr(options, "verbose", True) else {}
        held = [(name, one, pointer) for name in names for one, pointer in registry.pointers(name).items()]
        held = [row for row in held if stage in (None, row[1])]
        if options.format == "text":
            sys.stdout.writelines(_described(said))
        more = {"metadata": {name: one.model_dump(mode="json") for name, one in said.items()}} if said else {}
        _write(options, "stages", held, _pointer_json, _POINTER_HEAD, _pointer_row, more)


def _metadata(registry: ModelRegistry, names: Sequence[str]) -> dict[str, Metadata]:
    """Return model → what the registry says of it beside its stages, where it says anything."""
    said = {name: read_metadata(registry.raw_entry(name)) for name in names}
    return {name: one for name, one in said.items() if not one.is_empty}


def _described(said: Mapping[str, Metadata]) -> Iterator[str]:
    """Yield the lines on each model that anything is said of, and an empty one behind each."""
    for name, one in said.items():
        links = [f"{label}: {url}" for label, url in one.links.items()]
        rows = (("model", name), ("owner", one.owner), ("description", one.description), ("tags", ", ".join(one.tags)))
        yield from (f"{title:<11}  {visible(text)}\n" for title, text in rows if text)
        yield from (f"{'link':<11}  {visible(link)}\n" for link in links)
        yield "\n"


def _page(options: argparse.Namespace) -> tuple[int, int | None]:
    """Return the first event that is shown and the one behind the last. Raises UsageError for a page of nothing."""
    if options.limit is not None and options.limit < 1:
        raise UsageError(f"-n {options.limit} shows nothing", remedy="give a number from 1")
    if options.skip < 0:
        raise UsageError(f"--skip {options.skip} is less than nothing", remedy="give a number from 0")
    return options.skip, None if options.limit is None else options.skip + options.limit


def _filter(stage: Stage | None, actor: str | None, since: str | None) -> Callable[[Event], bool]:
    """Return whether an event is asked for. Raises UsageError for a day that is none."""
    first = _day(since) if since else None

    def is_shown(event: Event) -> bool:
        if (stage is not None and event.stage is not stage) or (actor is not None and event.actor != actor):
            return False
        return first is None or to_datetime(event.ts_utc) >= first

    return is_shown


def _day(text: str) -> datetime:
    try:
        return datetime.combine(date.fromisoformat(text), time(), timezone.utc)
    except ValueError:
        raise UsageError(f"{text!r} is not a day", where="--since", remedy="give a day such as 2026-02-01") from None


def _names(registry: ModelRegistry, model: str | None) -> list[str]:
    """Return the model asked for, or all. Raises InvalidInput for one that the registry has not."""
    if model is None:
        return list(registry)
    registry.check_known(model)
    return [model]


_EVENT_HEAD = ("when (UTC)", "model", "what", "from → to", "artifact", "bytes", "by", "reason")
_POINTER_HEAD = ("model", "stage", "artifact", "directory", "bytes", "trained at", "dataset", "since (UTC)", "by")


def _event_row(name: str, event: Event) -> Sequence[str]:
    move = f"{event.from_stage.value if event.from_stage else '—'} → {event.to_stage.value if event.to_stage else '—'}"
    pointer = event.pointer
    return (
        event.ts_utc, name, event.action.value, move, _named(pointer), short_digest(pointer.digest),
        event.actor or "—", event.reason or "—",
    )  # fmt: skip


def _named(pointer: Pointer) -> str:
    return f"{pointer.artifact_id} ({pointer.share})" if pointer.share else pointer.artifact_id


def _pointer_row(name: str, stage: Stage, pointer: Pointer | None) -> Sequence[str]:
    if pointer is None:
        return (name, stage.value, "nothing", *["—"] * (len(_POINTER_HEAD) - 3))
    return (
        name, stage.value, _named(pointer), pointer.artifact_dir, short_digest(pointer.digest),
        (pointer.git_sha or "—")[:12], pointer.dataset_id or "—", pointer.promoted_at_utc or "—", pointer.actor or "—",
    )  # fmt: skip


def _event_json(name: str, event: Event) -> dict[str, Any]:
    return {"model": name, **event.model_dump(mode="json")}


def _pointer_json(name: str, stage: Stage, pointer: Pointer | None) -> dict[str, Any]:
    return {"model": name, "stage": stage.value, "pointer": pointer.model_dump(mode="json") if pointer else None}


def _write(
    options: argparse.Namespace,
    name: str,
    items: Sequence[tuple[Any, ...]],
    to_json: Callable[..., Any],
    head: Sequence[str],
    to_row: Callable[..., Sequence[str]],
    more: Mapping[str, Any] = {},
) -> None:
    """Print the items as JSON, or as the rows of a table.

    Every cell is shown as plain characters: nothing in a registry can move a terminal's cursor.
    """
    if options.format == "json":
        document = {"schema_version": "v1", name: [to_json(*item) for item in items], **more}
        sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
        return
    rows = [to_row(*item) for item in items]
    if sys.stdout.isatty() and len(rows) <= MANY:
        _print_table(head, rows)
    else:
        sys.stdout.writelines(_lines([head, *rows]))
    if not rows:
        sys.stdout.write("nothing yet\n")


def _lines(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield each row as one line, its cells below each other; laying out ten thousand would take rich half a minute."""
    shown = [[visible(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*shown, strict=True)]
    for row in shown:
        yield "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() + "\n"


def _block(head: Sequence[str], row: Sequence[str]) -> str:
    """Return a row as lines of `title  cell`, without the cells that say nothing."""
    wide = max(map(len, head))
    cells = ((title, visible(cell)) for title, cell in zip(head, row, strict=True) if cell != "—")
    return "".join(f"{title:<{wide}}  {cell}\n" for title, cell in cells)


def _print_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows as a table, where each fits into a line of the terminal; else each is a block of lines."""
    from rich.console import Console  # a pipe needs none of it
    from rich.table import Table
    from rich.text import Text

    console = Console(file=sys.stdout, highlight=False)
    is_plain = bool(os.environ.get("NO_COLOR"))  # https://no-color.org
    table = Table(box=None, pad_edge=False, header_style="" if is_plain else "bold")
    for title in head:
        table.add_column(title, no_wrap=True)
    for row in rows:
        table.add_row(*(Text(visible(cell)) for cell in row))
    whole = console.options.update(width=MAX_WIDTH, max_width=MAX_WIDTH)
    if console.measure(table, options=whole).maximum > console.width:
        sys.stdout.write("\n".join(_block(head, row) for row in rows))
    else:
        console.print(table)
