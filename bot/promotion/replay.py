"""Is a change of the registry a sequence of promotions? Base plus new events must give the head exactly."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bot.findings import Finding, error
from bot.registry.model import Action, Event
from bot.registry.names import ModelName, Stage
from bot.registry.registry import ModelRegistry


@dataclass(frozen=True)
class Step:
    """One event that head has and base has not, oldest first in a replay."""

    model: ModelName
    event: Event


@dataclass(frozen=True)
class Replayed:
    """Head is base plus these events, and nothing else."""

    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Diverged:
    """Head holds something that no promotion of base produces."""

    findings: tuple[Finding, ...]


def replay(base: ModelRegistry, head: ModelRegistry) -> Replayed | Diverged:
    """Fold head's new events over base and compare, model by model (DESIGN §1, the gate)."""
    findings: list[Finding] = []
    steps: list[Step] = []
    current = base
    for name in sorted({*base, *head}):
        old, new = base.raw_history(name), head.raw_history(name)
        extra = len(new) - len(old)
        if name not in head:
            findings.append(_problem(head, name, "The model is removed; models are only demoted."))
            continue
        if extra < 0 or not _same_events(new[extra:], old):
            findings.append(_problem(head, name, "History of the base is changed or shortened; it only grows."))
            continue
        for index in range(extra - 1, -1, -1):
            event = head.entries[name].history[index]
            stage = event.stage
            if stage is None:
                findings.append(_problem(head, name, f"history[{index}] names no stage."))
                break
            current = current.with_event(name, new[index], _pointer_after(event, new[index]), stage)
            steps.append(Step(name, event))
    findings += _differences(current, head, {f.where for f in findings})
    return Diverged(tuple(findings)) if findings else Replayed(tuple(steps))


def _pointer_after(event: Event, raw: Mapping[str, Any]) -> Mapping[str, Any] | None:
    return None if event.action is Action.DEMOTE else raw["pointer"]


def _same_events(new: list[dict[str, Any]], old: list[dict[str, Any]]) -> bool:
    """Equal but for `previous`, which the first promotion after an older tool adds."""
    return len(new) == len(old) and all(
        _same(after, before)
        or ("previous" not in before and _same({**after, "previous": None}, {**before, "previous": None}))
        for after, before in zip(new, old, strict=True)
    )


def _differences(expected: ModelRegistry, head: ModelRegistry, reported: set[str]) -> Iterator[Finding]:
    stages = [stage.value for stage in Stage]
    for name in head:
        if _where(head, name) in reported:
            continue
        want, have = expected.raw_entry(name), head.raw_entry(name)
        for key in [*stages, *sorted({*want, *have} - set(stages))]:
            if not _same(want.get(key), have.get(key)):
                yield _problem(head, name, f"{key} is not what the events of history produce.")
                break
    for key in sorted({*expected.document, *head.document} - {"models"}):
        if not _same(expected.document.get(key), head.document.get(key)):
            message = f"$.{key} changed; a promotion changes its own model only."
            yield error("gate.replay", message, where=head.where, remedy=_REMEDY)


def _same(one: object, other: object) -> bool:
    """Equal as JSON: to Python, true is 1 and 1.0 is 1; to a reader of the file they differ."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


_REMEDY = "restore the file from the base branch, then ask for the promotion with a comment: /promote <stage>"


def _where(registry: ModelRegistry, name: str) -> str:
    return f"{registry.where} $.models.{name}"


def _problem(head: ModelRegistry, name: str, message: str) -> Finding:
    return error("gate.replay", message, where=_where(head, name), remedy=_REMEDY)
