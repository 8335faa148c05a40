"""A registry of many models, as promotebot writes it: for what costs with its size."""

from __future__ import annotations

import subprocess
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from promotebot.registry.chain import sealed
from promotebot.registry.codec import stored_json

EVENTS = 20
"""Of each model."""


def write_registry(directory: Path, models: int, *, split: bool = False, events: int = EVENTS) -> Path:
    """Write a registry with this many models, each with a history; return the path of `models.json`."""
    entries = {f"model_{number:05}": _entry(number, events) for number in range(models)}
    head: dict[str, Any] = {"schema_version": "v1", "generated_at_utc": "2026-01-01T00:00:00Z"}
    registry = directory / "models.json"
    registry.parent.mkdir(parents=True, exist_ok=True)
    if not split:
        registry.write_bytes(stored_json({**head, "models": entries}))
        return registry
    registry.write_bytes(stored_json({**head, "layout": "split"}))
    (directory / "models").mkdir()
    for name, entry in entries.items():
        (directory / "models" / f"{name}.json").write_bytes(stored_json(entry))
    return registry


def written(directory: Path, models: int, *, split: bool = False, events: int = EVENTS) -> Path:
    """Do the same in a process of its own: a process counts the memory of the one that started it as its own."""
    arguments = [str(directory), str(models), str(int(split)), str(events)]
    subprocess.run([sys.executable, __file__, *arguments], check=True)
    return directory / "models.json"


def _entry(model: int, count: int) -> dict[str, Any]:
    events = [_event(model, number) for number in reversed(range(count))]
    history, digest = sealed(events)
    pointers = {stage: events[index]["pointer"] for index, stage in enumerate(("active", "staging", "shadow"))}
    return {stage: pointers[stage] for stage in reversed(pointers)} | {"history": history, "history_digest": digest}


def _event(model: int, number: int) -> dict[str, Any]:
    stage = ("shadow", "staging", "active")[number % 3]
    moment = f"{datetime(2020, 1, 1, 9, tzinfo=timezone.utc) + timedelta(hours=number):%Y-%m-%dT%H:%M:%SZ}"
    pointer = {
        "artifact_dir": f"ml/artifacts/model_{model:05}_v{number // 3}",
        "artifact_id": f"model_{model:05}_v{number // 3}",
        "git_sha": f"{model:08x}{number // 3:032x}",
        "dataset_id": f"market_data_2026_q{number % 4 + 1}",
        "promoted_at_utc": moment,
        "actor": "alice@example.com",
        "source": "cli",
        "digest": f"sha256:{model:032x}{number // 3:032x}",
        "manifest_digest": f"sha256:{model:032x}{number // 3 + 1:032x}",
    }
    return {
        "ts_utc": moment,
        "action": "promote",
        "from_stage": {"shadow": None, "staging": "shadow", "active": "staging"}[stage],
        "to_stage": stage,
        "pointer": pointer,
        "actor": "alice@example.com",
        "source": "cli",
        "reason": "the weekly training, evaluated on the holdout set",
        "request": None,
    }


if __name__ == "__main__":
    place, *numbers = sys.argv[1:]
    amount, is_split, many = map(int, numbers)
    write_registry(Path(place), amount, split=bool(is_split), events=many)
