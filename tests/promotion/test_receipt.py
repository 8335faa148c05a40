"""The receipt of a promotion: in both layouts, and with what nobody knows."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import pytest

from promotebot.promotion.receipt import receipt_of
from promotebot.promotion.replay import Replayed, Step, replay
from promotebot.registry import ModelRegistry
from promotebot.registry.chain import sealed
from promotebot.registry.codec import stored_json
from tests.promotion.test_orphans import POINTER, joined, split

HEAD, POLICY, DIGEST = "4" * 40, "sha256:" + "2" * 64, "sha256:" + "1" * 64
REQUEST = {"repo": "acme/models", "pull": 7, "id": "comment:11#1", "login": "alice", "head_sha": HEAD}
EVENT: dict[str, Any] = {
    "ts_utc": "2026-02-16T09:00:00Z",
    "to_stage": "shadow",
    "pointer": {**POINTER, "digest": DIGEST},
    "actor": "alice@example.com",
    "policy_digest": POLICY,
}
EMPTY: dict[str, Any] = {"shadow": None, "staging": None, "active": None, "history": []}


def digest(data: bytes) -> str:
    return f"sha256:{sha256(data).hexdigest()}"


def step_between(before: ModelRegistry, after: ModelRegistry) -> Step:
    replayed = replay(before, after)
    assert isinstance(replayed, Replayed)
    (step,) = replayed.steps
    return step


def models(event: dict[str, Any]) -> dict[str, Any]:
    history, newest = sealed([event])
    one = {**EMPTY, "shadow": event["pointer"], "history": history, "history_digest": newest}
    return {"one": one, "two": EMPTY}


def test_a_receipt_names_who_asked_and_the_files_before_and_after() -> None:
    event = {
        **EVENT,
        "pointer": {**EVENT["pointer"], "share": "5%"},
        "source": "github",
        "request": REQUEST,
        "override": "freeze: incident 7",
        "lifts_hold": "feature 7 is right again",
        "evidence": POLICY,
    }
    before, after = joined({"one": EMPTY, "two": EMPTY}), joined(models(event))
    step = step_between(before, after)
    assert receipt_of(step, head=HEAD, before=before, after=after) == {
        "requester": "alice",
        "request": "comment:11#1",
        "head": HEAD,
        "policy_digest": POLICY,
        "event": step.digest,
        "digest": DIGEST,
        "registry_digest_before": digest(before.to_bytes()),
        "registry_digest": digest(after.to_bytes()),
        "evidence": POLICY,
        "override": "freeze: incident 7",
        "lifts_hold": "feature 7 is right again",
        "allows_signature_change": None,
        "share": "5%",
        "checklist": None,
    }


def test_in_the_split_layout_the_digests_are_those_of_the_models_own_file() -> None:
    before, after = split({"one": EMPTY, "two": EMPTY}), split(models(EVENT))
    receipt = receipt_of(step_between(before, after), head=HEAD, before=before, after=after)
    assert receipt["registry_digest_before"] == digest(stored_json(EMPTY))
    assert receipt["registry_digest"] == digest(stored_json(models(EVENT)["one"]))


def test_the_file_of_all_models_is_hashed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    before, after = joined({"one": EMPTY, "two": EMPTY}), joined(models(EVENT))
    step, read = step_between(before, after), []
    whole = ModelRegistry.to_bytes

    def to_bytes(registry: ModelRegistry) -> bytes:
        read.append(registry)
        return whole(registry)

    monkeypatch.setattr(ModelRegistry, "to_bytes", to_bytes)
    for _ in range(5):
        receipt_of(step, head=HEAD, before=before, after=after)
    assert read == [before, after]


def test_what_nobody_knows_is_left_open() -> None:
    before, after = split({"two": EMPTY}), split(models(EVENT))
    step = step_between(before, after)
    receipt = receipt_of(step, head=None, before=None, after=after)
    assert (receipt["requester"], receipt["request"], receipt["head"]) == ("alice@example.com", None, None)
    assert receipt["registry_digest_before"] is None
    assert receipt_of(step, head=None, before=before, after=after)["registry_digest_before"] is None
