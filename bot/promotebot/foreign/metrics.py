"""Metrics as other tools write them: tables (CSV), JSON, and the runs that MLflow exports."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from typing import Any

from promotebot.errors import InvalidInput
from promotebot.registry.codec import parse_json

MAX_BYTES = 4 * 1024 * 1024
COLUMNS = ("name", "value", "dataset", "slice", "start", "end", "rows")
"""Of a table; the first two are needed."""


def metrics_of(data: bytes, *, where: str) -> tuple[list[dict[str, Any]], str]:
    """Return what a file says of each metric, by the names of COLUMNS, and where that comes from, in words.

    JSON is an object of numbers, a list of objects with these names, or a run of MLflow; anything else is a table.

    Raises:
        InvalidInput: for a file that is none of them.
    """
    if len(data) > MAX_BYTES:
        raise InvalidInput(f"file is over {MAX_BYTES:,} bytes", where=where, remedy="name a file of metrics")
    if data.lstrip()[:1] not in (b"{", b"["):
        return _table(data, where), ""
    document = parse_json(data, where=where, exact=True)
    run = _run(document)
    if run is not None:
        return _logged(run, where), _named(run)
    if isinstance(document, dict):
        return [{"name": name, "value": value} for name, value in document.items()], ""
    if not all(isinstance(row, dict) for row in document):
        raise InvalidInput("is not a list of objects", where=where, remedy=_FORMS)
    return [_row(row, where) for row in document], ""


_FORMS = 'write {"accuracy": 0.93}, or [{"name": "accuracy", "value": 0.93, "rows": 1000}]'


def _row(row: Mapping[str, Any], where: str) -> dict[str, Any]:
    unknown = [key for key in row if key not in COLUMNS]
    if unknown:
        raise InvalidInput(f"{unknown[0]!r} is not known", where=where, remedy=f"keep these: {', '.join(COLUMNS)}")
    return {key: value for key, value in row.items() if value not in (None, "")}


def _table(data: bytes, where: str) -> list[dict[str, Any]]:
    try:
        reader = csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True)
        rows = list(reader)
    except (UnicodeDecodeError, csv.Error) as problem:
        raise InvalidInput(f"is not a table: {problem}", where=where, remedy="save it as CSV, in UTF-8") from None
    columns = reader.fieldnames or []
    if not {"name", "value"} <= set(columns):
        first = "name,value,dataset,slice,start,end,rows"
        raise InvalidInput("has no columns name and value", where=where, remedy=f"begin it with the line {first}")
    for number, row in enumerate(rows, start=2):
        if None in row or None in row.values():
            raise InvalidInput(f"line {number} has not as many values as columns", where=where, remedy="correct it")
    found = [_row(row, where) for row in rows]
    return [{**row, **({"rows": _count(row["rows"], where)} if "rows" in row else {})} for row in found]


def _count(text: str, where: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise InvalidInput(f"rows is {text[:40]!r}, which is no number of rows", where=where, remedy="correct it")
    return int(text)


def _run(document: Any) -> Mapping[str, Any] | None:
    """Return the run of an export: https://mlflow.org/docs/latest/rest-api.html#get-run; None for something else."""
    run = document.get("run", document) if isinstance(document, dict) else None
    return run if isinstance(run, dict) and isinstance(run.get("info"), dict) and "data" in run else None


def _logged(run: Mapping[str, Any], where: str) -> list[dict[str, Any]]:
    """Return the newest value of each metric: a list of records, or, as `mlflow runs describe` prints it, an object."""
    data = run["data"]
    metrics = data.get("metrics", []) if isinstance(data, dict) else None
    if isinstance(metrics, dict):
        return [{"name": name, "value": value} for name, value in metrics.items()]
    newest: dict[str, tuple[tuple[int, int], Any]] = {}
    for one in metrics if isinstance(metrics, list) else [None]:
        if not isinstance(one, dict) or not isinstance(one.get("key"), str) or "value" not in one:
            raise InvalidInput("is not a run as MLflow exports it", where=where, remedy=_EXPORT)
        at = _whole(one.get("step")), _whole(one.get("timestamp"))
        if one["key"] not in newest or newest[one["key"]][0] <= at:
            newest[one["key"]] = (at, one["value"])
    return [{"name": name, "value": value} for name, (_, value) in newest.items()]


def _whole(value: Any) -> int:
    """Return a step or a time as MLflow exports it: a number, or its text."""
    text = str(value)
    return int(text) if text.isascii() and text.removeprefix("-").isdigit() and len(text) < 20 else 0


_EXPORT = "export it: mlflow runs describe --run-id ID > run.json"


def _named(run: Mapping[str, Any]) -> str:
    info = run["info"]
    name = info.get("run_id") or info.get("run_uuid") or info.get("run_name")
    return f"MLflow run {name}" if isinstance(name, str) else "a run of MLflow"
