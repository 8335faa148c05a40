"""What is said of histories that were edited, and of events that nobody asked for, word for word.

A change shows up in `said/*.txt`; APPROVE=1 writes them anew, and the diff is what a reviewer reads.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from promotebot.promotion.append_only import check_append_only
from promotebot.promotion.history import check_entry
from promotebot.promotion.reconstruct import differences, request_of
from promotebot.promotion.replay import Diverged, Step, replay
from promotebot.registry import ModelRegistry, Stage
from promotebot.registry.codec import stored_json
from promotebot.registry.model import Action, Event, RequestRef, Source
from promotebot.registry.names import Digest
from tests.approved import approve, finding_text, set_values

from .test_plan import LIVE, MODEL, NOW, SHA, V2, after

REF = RequestRef(repo="acme/models", pull=7, id="comment:1#1", login="alice", head_sha=SHA)
MOVED_ON = after(after(LIVE, Stage.SHADOW, V2), Stage.ACTIVE, V2)


def damages() -> Iterator[tuple[str, ModelRegistry]]:
    """Every way in which what follows is not the base plus events."""

    def changed(**entry: Any) -> ModelRegistry:
        return ModelRegistry.parse(
            stored_json({**json.loads(MOVED_ON.to_bytes()), "models": {MODEL: {**whole, **entry}}})
        )

    whole = json.loads(MOVED_ON.to_bytes())["models"][MODEL]
    events = whole["history"]
    yield "unchanged", MOVED_ON
    yield "the model is gone", ModelRegistry.parse(stored_json({"schema_version": "v1", "models": {}}))
    yield "the newest event is gone", changed(history=events[1:])
    yield "every event is gone", changed(history=[])
    yield "the oldest event is gone", changed(history=events[:-1])
    yield "two events changed places", changed(history=[events[1], events[0], *events[2:]])
    yield "an old reason is another", changed(history=[*events[:-1], {**events[-1], "reason": "x"}])
    yield (
        "many fields are others",
        changed(
            history=[*events[:-1], {**events[-1], **dict.fromkeys(("reason", "notes", "actor", "z1", "z2", "z3"), "x")}]
        ),
    )
    yield "a pointer is another", changed(active={**whole["active"], "artifact_id": "x"})
    yield "a pointer without an event", changed(staging=whole["shadow"])
    yield "a pointer is cleared", changed(shadow=None)
    yield "a key of the entry", changed(maintainer="me")
    yield "a chain that names another newest", changed(history_digest="sha256:" + "0" * 64)
    bare = [{key: value for key, value in event.items() if key != "previous"} for event in events]
    yield "a chain taken off", changed(history=bare, history_digest=None)
    older = [{**event, "pointer": {**event["pointer"], "digest": None}} for event in bare]
    yield "a chain and every digest taken off", changed(history=older, history_digest=None)
    yield (
        "a chain taken off, its keys left",
        changed(history=[{**event, "previous": None} for event in older], history_digest=None),
    )
    yield "a chain without its digest", changed(history_digest=None)
    yield "a previous is another", changed(history=[{**events[0], "previous": "sha256:" + "0" * 64}, *events[1:]])
    yield (
        "the oldest names one below",
        changed(history=[*events[:-1], {**events[-1], "previous": "sha256:" + "0" * 64}]),
    )


def test_what_is_said_of_every_damage_to_a_history() -> None:
    def seen(head: ModelRegistry) -> Iterator[str]:
        result = replay(MOVED_ON, head)
        yield from (
            (finding_text(finding) for finding in result.findings) if isinstance(result, Diverged) else ["replays"]
        )
        if MODEL in head:
            yield from (finding_text(finding) for finding in check_entry(head, MODEL, NOW))
        yield from (finding_text(finding) for finding in check_append_only(MOVED_ON, head, [MODEL]))
        yield from (finding_text(finding) for finding in check_append_only(head, MOVED_ON, [MODEL]))

    approve("damages", ((name, seen(head)) for name, head in damages()))


def test_an_event_is_retraced_to_its_request_and_held_against_what_that_produces() -> None:
    def retraced(step: Step, entry: Any) -> Iterator[str]:
        request = request_of(step, entry)
        yield set_values(request)
        yield f"new: {request.new_model}"

    empty, newest = LIVE.entries[MODEL].history[-1], MOVED_ON.entries[MODEL].history[0]
    newest = newest.model_copy(update={"notes": "noted"})
    rolled = newest.model_copy(update={"action": Action.ROLLBACK, "pointer": LIVE.entries[MODEL].active})
    unheard = rolled.model_copy(update={"pointer": newest.pointer.model_copy(update={"digest": "sha256:" + "0" * 64})})
    bare = newest.model_copy(update={"actor": None, "source": None, "request": REF})
    wordy = RequestRef.model_validate({**REF.model_dump(), "owner": "me"})
    answered = newest.model_copy(update={"source": Source.GITHUB, "request": wordy})
    claimed = newest.model_copy(update={"request": REF})
    silent = newest.model_copy(update={"source": Source.GITHUB})
    demoted = newest.model_copy(update={"action": Action.DEMOTE, "from_stage": Stage.ACTIVE, "to_stage": None})
    before = MOVED_ON.entries[MODEL]
    elsewhere = rolled.model_copy(update={"to_stage": Stage.STAGING})
    old = [e.model_copy(update={"pointer": e.pointer.model_copy(update={"digest": None})}) for e in before.history]
    unpinned = before.model_copy(update={"history": tuple(old)})
    moved = rolled.model_copy(update={"pointer": rolled.pointer.model_copy(update={"artifact_dir": "ml/x"})})
    approve(
        "retraced",
        [
            ("the first event of a model", retraced(Step(MODEL, empty, LIVE, NONE), None)),
            ("a promotion", retraced(Step(MODEL, newest, LIVE, NONE), before)),
            ("a rollback to what stood there", retraced(Step(MODEL, rolled, LIVE, NONE), before)),
            ("a rollback to what never did", retraced(Step(MODEL, unheard, LIVE, NONE), before)),
            ("a rollback to what stood in another stage", retraced(Step(MODEL, elsewhere, LIVE, NONE), before)),
            ("a rollback to an older tool's, by its place", retraced(Step(MODEL, rolled, LIVE, NONE), unpinned)),
            ("a rollback to an older tool's, of another place", retraced(Step(MODEL, moved, LIVE, NONE), unpinned)),
            ("a rollback of a model that is new", retraced(Step(MODEL, rolled, LIVE, NONE), None)),
            ("an event from GitHub", retraced(Step(MODEL, answered, LIVE, NONE), before)),
            ("an event from a terminal that names a request", retraced(Step(MODEL, claimed, LIVE, NONE), before)),
            ("an event from GitHub that names none", retraced(Step(MODEL, silent, LIVE, NONE), before)),
            ("an event without an actor", retraced(Step(MODEL, bare, LIVE, NONE), before)),
            ("a demotion", retraced(Step(MODEL, demoted, LIVE, NONE), before)),
            *((name, differences(written, newest)) for name, written in _forged(newest)),
            ("a demotion keeps the time of what it took out", differences(demoted, demoted)),
            ("a demotion that says another time", differences(demoted, demoted.model_copy(update=_LATER))),
        ],
    )


NONE = Digest("sha256:" + "0" * 64)
_LATER = {"ts_utc": "2026-03-01T00:00:00Z"}


def _forged(event: Event) -> Iterator[tuple[str, Event]]:
    yield "the same event", event
    later = {"ts_utc": "2026-03-01T00:00:00Z", "registry_git_sha": "x", "previous": None}
    yield "another moment, its pointer's left", event.model_copy(update=later)
    moved = event.pointer.model_copy(update={"promoted_at_utc": "2026-03-01T00:00:00Z"})
    yield "another moment in both", event.model_copy(update={**later, "pointer": moved})
    for field, value in (("actor", "x"), ("reason", None), ("notes", "x"), ("source", Source.GITHUB), ("request", REF)):
        yield f"another {field}", event.model_copy(update={field: value})
    yield "a time with a fraction", event.model_copy(update={"ts_utc": "2026-02-16T09:00:00.5Z"})
    yield "a commit that is none", event.model_copy(update={"registry_git_sha": "main"})
    yield "another from_stage", event.model_copy(update={"from_stage": Stage.STAGING})
    pointer = event.pointer.model_copy(update={"artifact_id": "x", "digest": None, "owner": "me"})
    yield "another pointer", event.model_copy(update={"pointer": pointer})
    yield "a key nobody writes", Event.model_validate({**event.model_dump(), "owner": "me"})
