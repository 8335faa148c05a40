"""From an event back to the request it answered, and the differences to the event that this request produces."""

from __future__ import annotations

from typing import Any

from promotebot.promotion.append_only import same_json
from promotebot.promotion.replay import Step
from promotebot.promotion.request import Actor, FoundPointer, Request
from promotebot.registry.model import Action, Event, ModelEntry, RequestRef, Source
from promotebot.registry.names import Stage, is_git_sha, parse_artifact_path, to_datetime, to_timestamp

OF_THE_MOMENT = frozenset({"ts_utc", "registry_git_sha", "policy_digest", "previous"})
"""Fields that another moment, commit or policy in force changes; other rules check them."""


def request_of(step: Step, entry: ModelEntry | None) -> Request:
    """Return the request that an event answered.

    Args:
        entry: the model before the event; None for a model that it added.
    """
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
        lift_hold=event.lifts_hold,
        allow_signature_change=event.allows_signature_change,
        override=event.override,
        share=pointer.share,
        confirmed=event.confirmed is True,
        found=_found(event),
        ref=_ref(event),
    )


def _found(event: Event) -> FoundPointer | None:
    if event.action is not Action.IMPORTED or event.imported is None:
        return None
    return FoundPointer(event.imported, event.pointer.promoted_at_utc, event.pointer.actor)


def _ref(event: Event) -> RequestRef | None:
    """Return the GitHub request of an event; only one that came through GitHub has one, without any further keys."""
    if event.request is None or event.source is not Source.GITHUB:
        return None
    return RequestRef.model_validate(event.request.model_dump(include=set(RequestRef.model_fields)))


def _action(event: Event, entry: ModelEntry | None) -> Action:
    """Return the action: a rollback only where the artifact was in that stage before, whatever the event claims."""
    if event.action is not Action.ROLLBACK:
        return event.action
    pointer, history = event.pointer, entry.history if entry else ()
    earlier = [e.pointer for e in history if e.to_stage is event.to_stage]
    # Older tools recorded no digest; their bytes are known by the directory alone.
    same = any(
        p.pins(pointer.digest, pointer.manifest_digest) or (p.digest is None and p.artifact_dir == pointer.artifact_dir)
        for p in earlier
    )
    return Action.ROLLBACK if same else Action.PROMOTE


def differences(written: Event, produced: Event) -> list[str]:
    """Return the fields of an event that its request does not produce, by their JSON path in the event."""
    one, other = written.model_dump(mode="json"), produced.model_dump(mode="json")
    changed = [key for key in _keys(one, other) - OF_THE_MOMENT - {"pointer"} if not _same(one, other, key)]
    mine, theirs = one["pointer"], other["pointer"]
    # A demotion's pointer is the one it took out, and an import's the one it found: both keep their own time.
    moment = {"promoted_at_utc"} if written.action in (Action.PROMOTE, Action.ROLLBACK) else set()
    changed += [f"pointer.{key}" for key in _keys(mine, theirs) - moment if not _same(mine, theirs, key)]
    if moment and mine.get("promoted_at_utc") != one["ts_utc"]:
        changed.append("pointer.promoted_at_utc")
    return sorted(changed + _malformed(written))


def _malformed(written: Event) -> list[str]:
    """Return the fields that hold what no run writes: a time that is no whole second, a commit that is none."""
    fields = [] if written.ts_utc == to_timestamp(to_datetime(written.ts_utc)) else ["ts_utc"]
    commit = written.registry_git_sha
    return fields if commit is None or is_git_sha(commit) else [*fields, "registry_git_sha"]


def _keys(one: dict[str, Any], other: dict[str, Any]) -> set[str]:
    return {*one, *other}


def _same(one: dict[str, Any], other: dict[str, Any], key: str) -> bool:
    return (key in one) == (key in other) and same_json(one.get(key), other.get(key))
