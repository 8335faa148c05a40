"""An event as the request it answered, and what sets it apart from the event that request produces."""

from __future__ import annotations

from typing import Any

from bot.promotion.append_only import same_json
from bot.promotion.replay import Step
from bot.promotion.request import Actor, Request
from bot.registry.model import Action, Event, ModelEntry, Source
from bot.registry.names import Stage, parse_artifact_path

OF_THE_MOMENT = frozenset({"ts_utc", "registry_git_sha", "policy_digest", "previous"})
"""What another moment, another commit or another policy in force writes otherwise; rules of their own look at it."""


def request_of(step: Step, entry: ModelEntry | None) -> Request:
    """The request that an event answered; `entry` is the model as it stood before."""
    event, pointer = step.event, step.event.pointer
    return Request(
        model=step.model,
        stage=event.stage or Stage.ACTIVE,
        artifact_dir=parse_artifact_path(pointer.artifact_dir),
        artifact_id=pointer.artifact_id,
        actor=Actor(event.actor or "", event.source or Source.CLI),
        action=_action(event, entry),
        dataset_id=pointer.dataset_id,
        git_sha=pointer.git_sha,
        reason=event.reason,
        notes=event.notes,
        new_model=entry is None,
        ref=event.request,
    )


def _action(event: Event, entry: ModelEntry | None) -> Action:
    """A rollback is one because the bytes stood in that stage before, not because the event says so."""
    if event.action is not Action.ROLLBACK:
        return event.action
    pointer, history = event.pointer, entry.history if entry else ()
    stood = [e.pointer for e in history if e.to_stage is event.to_stage]
    same = any(
        p.digest == pointer.digest or (p.digest is None and p.artifact_dir == pointer.artifact_dir) for p in stood
    )
    return Action.ROLLBACK if same else Action.PROMOTE


def differences(written: Event, produced: Event) -> list[str]:
    """The fields of an event that its request does not produce, by their JSON path in the event."""
    one, other = written.model_dump(mode="json"), produced.model_dump(mode="json")
    found = [key for key in _keys(one, other) - OF_THE_MOMENT - {"pointer"} if not _same(one, other, key)]
    mine, theirs = one["pointer"], other["pointer"]
    moment = {"promoted_at_utc"} if written.action is not Action.DEMOTE else set()
    found += [f"pointer.{key}" for key in _keys(mine, theirs) - moment if not _same(mine, theirs, key)]
    if moment and mine.get("promoted_at_utc") != one["ts_utc"]:
        found.append("pointer.promoted_at_utc")
    return sorted(found)


def _keys(one: dict[str, Any], other: dict[str, Any]) -> set[str]:
    return {*one, *other}


def _same(one: dict[str, Any], other: dict[str, Any], key: str) -> bool:
    return same_json(one.get(key), other.get(key))
