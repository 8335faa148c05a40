"""Lies about a legal sequence: each makes of its head what no promotion produces, sealed anew where that hides it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

from promotebot.registry import ModelRegistry, Stage
from promotebot.registry.chain import sealed
from promotebot.registry.codec import stored_json
from promotebot.registry.model import Action, Source
from promotebot.registry.names import to_datetime, to_timestamp
from tests.gate import sequences as legal
from tests.gate.sequences import LAX, MODEL, NEW, OTHER, Move

_T = TypeVar("_T")
Pick = Callable[[Sequence[_T]], _T]
Tell = Callable[[legal.Sequence, Any, Pick[Any]], "ModelRegistry | None"]
"""Changes the document of the head in place, or gives another registry."""


@dataclass(frozen=True)
class Lie:
    """What is told, and by which rule, in which words and about which model it must be refused."""

    name: str
    tell: Tell
    rule: str
    says: str
    model: str = MODEL

    def told(self, sequence: legal.Sequence, pick: Pick[Any]) -> ModelRegistry:
        document = sequence.document()
        other = self.tell(sequence, document, pick)
        return ModelRegistry.parse(stored_json(document)) if other is None else other


def seal(document: Any, model: str = MODEL) -> None:
    """The chain computed again over whatever stands there now: the file is consistent in itself."""
    entry = document["models"][model]
    entry["history"], entry["history_digest"] = sealed(entry["history"])


def copied(value: _T) -> _T:
    copy: _T = json.loads(json.dumps(value))
    return copy


def history(document: Any, model: str = MODEL) -> Any:
    return document["models"][model]["history"]


def dated(event: Any, moment: str) -> None:
    event["ts_utc"] = event["pointer"]["promoted_at_utc"] = moment


def later(event: Any, **span: int) -> str:
    return to_timestamp(to_datetime(event["ts_utc"]) + timedelta(**span))


def put(document: Any, index: int) -> None:
    """The stage holds what that event says, so that the two agree."""
    event = history(document)[index]
    document["models"][MODEL][event["to_stage"]] = copied(event["pointer"])


def drop_own(s: legal.Sequence, document: Any, pick: Pick[int]) -> None:
    del history(document)[pick([0, 1])]
    seal(document)


def drop_merged(s: legal.Sequence, document: Any, pick: Pick[int]) -> None:
    del history(document)[pick(range(s.new(), len(history(document))))]
    seal(document)


def reorder_own(s: legal.Sequence, document: Any, pick: Pick[int]) -> None:
    events = history(document)
    events[0], events[1] = events[1], events[0]
    seal(document)


def reorder_own_and_date(s: legal.Sequence, document: Any, pick: Pick[int]) -> None:
    events = history(document)
    first, second = events[1]["ts_utc"], events[0]["ts_utc"]
    events[0], events[1] = events[1], events[0]
    for index, moment in ((0, second), (1, first)):
        dated(events[index], moment)
        put(document, index)
    seal(document)


def reorder_merged(s: legal.Sequence, document: Any, pick: Pick[int]) -> None:
    events = history(document)
    index = pick(range(s.new(), len(events) - 1))
    events[index], events[index + 1] = events[index + 1], events[index]
    seal(document)


def edit_merged(field: str, value: object, *, whole: bool = True) -> Tell:
    def tell(s: legal.Sequence, document: Any, pick: Pick[int]) -> None:
        events = history(document)
        edit(events[pick(range(s.new(), len(events)))], field, value)
        if whole:
            seal(document)

    return tell


def edit(event: Any, field: str, value: object) -> None:
    *way, last = field.split(".")
    for key in way:
        event = event[key]
    event[last] = value


def edit_own(field: str, value: object) -> Tell:
    """The newest event, its pointer and its stage say something else, all three alike."""

    def tell(s: legal.Sequence, document: Any, pick: Pick[int]) -> None:
        edit(history(document)[0], field, value)
        put(document, 0)
        seal(document)

    return tell


def edit_without_sealing(s: legal.Sequence, document: Any, pick: Pick[int]) -> None:
    edit(history(document)[pick([0, 1])], "reason", "better")


def date_before(s: legal.Sequence, document: Any, pick: Pick[int]) -> None:
    below = history(document)[2]
    dated(history(document)[1], later(below, seconds=-pick([1, 60, 10**6])))
    put(document, 1)
    seal(document)


def date_ahead(s: legal.Sequence, document: Any, pick: Pick[int]) -> None:
    dated(history(document)[0], to_timestamp(s.now + timedelta(seconds=pick([301, 3600, 10**7]))))
    put(document, 0)
    seal(document)


def point_by_hand(s: legal.Sequence, document: Any, pick: Pick[Any]) -> None:
    entry = document["models"][MODEL]
    stage = pick([stage.value for stage in Stage])
    held = {json.dumps(entry[other]) for other in ("shadow", "staging", "active")} | {"null"}
    others = sorted(text for text in held if text != json.dumps(entry[stage]))
    entry[stage] = json.loads(pick(others))


def edit_pointer(s: legal.Sequence, document: Any, pick: Pick[str]) -> None:
    edit(document["models"][MODEL][pick(["shadow", "staging"])], pick(["artifact_id", "notes", "actor"]), "other")


def event_alone(s: legal.Sequence, document: Any, pick: Pick[int]) -> None:
    """One more promotion whose stage never heard of it."""
    desk = s.desk()
    desk.must(Move(MODEL, Action.PROMOTE, Stage.SHADOW, "v3"))
    entry = desk.registry.raw_entry(MODEL)
    document["models"][MODEL].update(history=entry["history"], history_digest=entry["history_digest"])


def swap_digest(s: legal.Sequence, document: Any, pick: Pick[str]) -> None:
    made_up = "sha256:" + "0" * 64
    old = {pointer["digest"] for event in history(document) if (pointer := event["pointer"])["artifact_id"][:2] == "v1"}
    edit_own("pointer.digest", pick([made_up, *sorted(old)]))(s, document, pick)


def linked_above(document: Any, cut: int) -> None:
    """The events above the cut as a chain of their own; those below are as they were."""
    entry = document["models"][MODEL]
    above, entry["history_digest"] = sealed(entry["history"][:cut])
    entry["history"] = [*above, *entry["history"][cut:]]


def own_chain(s: legal.Sequence, document: Any, pick: Pick[int]) -> None:
    linked_above(document, s.new())


def rehash_from_the_middle(s: legal.Sequence, document: Any, pick: Pick[int]) -> None:
    linked_above(document, pick(range(s.new() + 1, len(history(document)))))


def take_chain_off(s: legal.Sequence, document: Any, pick: Pick[int]) -> None:
    for event in history(document):
        del event["previous"]
    del document["models"][MODEL]["history_digest"]


def touch_other(s: legal.Sequence, document: Any, pick: Pick[Any]) -> None:
    events = history(document, OTHER)
    pick([lambda: edit(events[s.new(OTHER)], "reason", "better"), events.pop, events.reverse])()
    seal(document, OTHER)


def cut_other(s: legal.Sequence, document: Any, pick: Pick[int]) -> None:
    document["models"][OTHER] = {**document["models"][OTHER], "history": [], "history_digest": None}


def remove_other(s: legal.Sequence, document: Any, pick: Pick[int]) -> None:
    del document["models"][OTHER]


def put_back(s: legal.Sequence, document: Any, pick: Pick[ModelRegistry]) -> ModelRegistry:
    """The whole file as it once was, before this model's newest event: what `git revert` of a promotion makes."""
    count = len(s.base.raw_history(MODEL))
    return pick([state for state in s.states if MODEL in state and len(state.raw_history(MODEL)) < count])


def put_back_and_promote(s: legal.Sequence, document: Any, pick: Pick[ModelRegistry]) -> ModelRegistry:
    """An old file again, and legal promotions on top, at least as many events as the base has."""
    desk = s.desk()
    desk.registry = desk.base = put_back(s, document, pick)
    for name in ["v3", "fresh"] * len(s.base.raw_history(MODEL)):
        desk.make(Move(MODEL, Action.PROMOTE, Stage.SHADOW, name))
    return desk.registry


def promote_by_lax_policy(s: legal.Sequence, document: Any, pick: Pick[Any]) -> ModelRegistry:
    """Straight to ACTIVE, as a policy of the branch's own would let it."""
    desk = s.desk(LAX)
    desk.must(Move(MODEL, Action.PROMOTE, Stage.ACTIVE, "fresh", pick(list(Source))))
    return desk.registry


def promote_another_manifest(s: legal.Sequence, document: Any, pick: Pick[Any]) -> ModelRegistry:
    """Straight to ACTIVE: bytes that were in staging, with their features in another order."""
    desk = s.desk(LAX)
    desk.must(Move(MODEL, Action.PROMOTE, Stage.ACTIVE, f"v2{legal.TUNED}", pick(list(Source))))
    return desk.registry


def promote_twice(s: legal.Sequence, document: Any, pick: Pick[Any]) -> None:
    again = copied(history(document)[0])
    dated(again, later(again, seconds=pick([0, 1])))
    history(document).insert(0, again)
    put(document, 0)
    seal(document)


def claim_a_request(s: legal.Sequence, document: Any, pick: Pick[Any]) -> None:
    """A terminal's event that names a request, perhaps to borrow the day on which that one was merged."""
    event = history(document)[0]
    named = {"repo": "acme/models", "pull": 1, "id": "comment:1#1", "login": "alice", "head_sha": legal.SHA}
    event.update(source="cli", request=named)
    event["pointer"]["source"] = "cli"
    put(document, 0)
    seal(document)


def answer_twice(s: legal.Sequence, document: Any, pick: Pick[Any]) -> ModelRegistry:
    """Two promotions for one line of one comment."""
    desk = s.desk()
    desk.must(Move(MODEL, Action.PROMOTE, Stage.SHADOW, "v3", Source.GITHUB))
    desk.asked -= 1
    desk.must(Move(MODEL, Action.PROMOTE, Stage.STAGING, "v3", Source.GITHUB))
    return desk.registry


def write_into_the_request(s: legal.Sequence, document: Any, pick: Pick[Any]) -> ModelRegistry:
    desk = s.desk()
    desk.must(Move(MODEL, Action.PROMOTE, Stage.SHADOW, "v3", Source.GITHUB))
    changed = ModelRegistry.parse(desk.registry.to_bytes()).document
    edit(history(changed)[0], "request.approved_by", pick(["the board", None]))
    seal(changed)
    return ModelRegistry.parse(stored_json(changed))


def date_finely(s: legal.Sequence, document: Any, pick: Pick[str]) -> None:
    event = history(document)[0]
    dated(event, event["ts_utc"].replace("Z", pick([".5Z", ".000Z"])))
    put(document, 0)
    seal(document)


def demote_something_else(s: legal.Sequence, document: Any, pick: Pick[str]) -> ModelRegistry:
    desk = s.desk()
    desk.must(Move(MODEL, Action.DEMOTE, Stage.STAGING))
    changed = ModelRegistry.parse(desk.registry.to_bytes()).document
    edit(history(changed)[0], pick(["pointer.artifact_id", "pointer.notes"]), "other")
    seal(changed)
    return ModelRegistry.parse(stored_json(changed))


def born_active(s: legal.Sequence, document: Any, pick: Pick[Any]) -> None:
    """A model that nobody knew, its only event the one that made it ACTIVE."""
    born = copied(history(document)[0])
    born.update(from_stage=None, to_stage="active")
    stages = {"shadow": None, "staging": None, "active": born["pointer"]}
    document["models"][NEW] = {**stages, "history": [born]}
    seal(document, NEW)


def change_the_frame(s: legal.Sequence, document: Any, pick: Pick[Any]) -> None:
    document[pick(["generated_at_utc", "owner"])] = "2027-01-01T00:00:00Z"


def change_the_entry(s: legal.Sequence, document: Any, pick: Pick[Any]) -> None:
    document["models"][MODEL]["maintainer"] = pick(["me", None, 1])


def describe_in_another_form(s: legal.Sequence, document: Any, pick: Pick[Any]) -> None:
    document["models"][MODEL][pick(["owner", "description", "tags", "links"])] = pick([None, 1, "", [""], {"": ""}])
