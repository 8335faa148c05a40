"""What must hold inside one entry, and what is said where it does not."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest

from promotebot.findings import Finding, errors_in
from promotebot.promotion.append_only import check_append_only
from promotebot.promotion.history import check_entry
from promotebot.promotion.replay import Diverged, Replayed, replay
from promotebot.registry import ModelRegistry
from promotebot.registry.chain import sealed
from promotebot.registry.codec import stored_json
from promotebot.registry.names import ModelName
from tests.approved import approve, finding_text

NOW = datetime(2026, 3, 1, tzinfo=timezone.utc)
DIGEST = "sha256:" + "1" * 64


def pointer(**changes: Any) -> dict[str, Any]:
    whole = {"artifact_dir": "ml/a", "artifact_id": "a", "actor": "alice", "digest": DIGEST}
    return {**whole, "git_sha": "5" * 40, "dataset_id": "d", **changes}


def event(day: int, **changes: Any) -> dict[str, Any]:
    return {"ts_utc": f"2026-02-{day:02d}T00:00:00Z", "to_stage": "active", "pointer": pointer(), **changes}


def registry(history: list[dict[str, Any]], *, seal: bool = True, **entry: Any) -> ModelRegistry:
    if seal:
        history, entry["history_digest"] = sealed(history)
    model = {"shadow": None, "staging": None, "active": pointer(), **entry, "history": history}
    return ModelRegistry.parse(stored_json({"schema_version": "v1", "models": {"m": model}}))


def wrong(history: list[dict[str, Any]], **entry: Any) -> list[Finding]:
    return errors_in(check_entry(registry(history, **entry), ModelName("m"), NOW))


def test_a_whole_entry_has_nothing_wrong() -> None:
    assert wrong([event(2), event(1)]) == []


WRONG: list[tuple[list[dict[str, Any]], dict[str, Any], str]] = [
    ([event(1), event(2)], {}, "is older than the event below it"),
    ([{**event(1), "to_stage": None}], {"active": None}, "a promote names no to_stage"),
    ([{**event(1), "action": "demote", "to_stage": None}], {}, "a demotion names no from_stage"),
    ([{**event(1), "action": "demote", "from_stage": "active"}], {"active": None}, "a demotion has no to_stage"),
    ([event(1, pointer=pointer(git_sha=None))], {"active": pointer(git_sha=None)}, "its pointer lacks git_sha"),
    ([event(2, pointer=pointer(digest=None)), event(1)], {"active": pointer(digest=None)}, "lacks digest"),
    ([event(1)], {"active": None}, "ACTIVE holds nothing, its newest event says a."),
    ([event(1)], {"active": pointer(artifact_id="b")}, "(artifact_id differs)"),
    ([event(1)], {"shadow": pointer()}, "SHADOW holds a, its newest event says nothing"),
    ([event(28, ts_utc="2026-03-02T00:00:00Z")], {}, "the clock here says"),
    (
        [event(4, ts_utc="2026-02-04T00:00:00Z"), event(3), event(5), event(6), event(1)],
        {},
        "is older than the event below it",
    ),
    (
        [{**event(2), "to_stage": "shadow", "pointer": pointer(git_sha=None)}, event(1)],
        {"shadow": pointer(git_sha=None)},
        "",
    ),
    ([event(1, pointer=pointer(git_sha=None, dataset_id=None, actor=None))], {}, "lacks actor, git_sha, dataset_id"),
    ([], {"active": None}, ""),
    ([], {"active": pointer(digest=None)}, ""),
]


def test_every_finding_of_every_wrong_history_is_approved() -> None:
    def found(history: list[dict[str, Any]], entry: dict[str, Any]) -> list[str]:
        return [finding_text(finding) for finding in check_entry(registry(history, **entry), ModelName("m"), NOW)]

    approve("histories", ((f"{number}: {says}", found(h, e)) for number, (h, e, says) in enumerate(WRONG)))


@pytest.mark.parametrize(("history", "entry", "says"), [case for case in WRONG if case[2]])
def test_what_is_wrong_is_named(history: list[dict[str, Any]], entry: dict[str, Any], says: str) -> None:
    assert any(says in finding.message for finding in wrong(history, **entry)), wrong(history, **entry)


def test_fractions_of_an_older_tool_are_part_of_the_chain_and_an_edit_of_one_breaks_it() -> None:
    history, digest = sealed([event(1, accuracy=0.5)])
    assert wrong(history, seal=False, history_digest=digest) == []
    history[0]["accuracy"] = 0.25
    assert [finding.rule for finding in wrong(history, seal=False, history_digest=digest)] == ["history.chain"]


def test_a_chain_that_was_taken_off_is_not_taken_for_an_older_tools() -> None:
    history, _ = sealed([event(2), event(1)])
    result = wrong(history, seal=False)
    assert [finding.rule for finding in result] == ["history.chain"]
    assert wrong([event(1, pointer=pointer(digest=None))], seal=False, active=pointer(digest=None)) == []


def of_models(**models: Any) -> ModelRegistry:
    return ModelRegistry.parse(stored_json({"schema_version": "v1", "models": models}))


def test_the_promotions_of_every_model_are_found_oldest_first() -> None:
    def entry(*days: int) -> dict[str, Any]:
        history, digest = sealed([event(day) for day in days])
        return {"shadow": None, "staging": None, "active": pointer(), "history": history, "history_digest": digest}

    base, head = of_models(a=entry(1), b=entry(1), c=entry(1)), of_models(a=entry(3, 2, 1), b=entry(1), c=entry(2, 1))
    result = replay(base, head)
    assert isinstance(result, Replayed)
    assert [(step.model, step.event.ts_utc[8:10]) for step in result.steps] == [("a", "02"), ("a", "03"), ("c", "02")]


TOPS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("the same", {}, {}),
    ("a key comes", {}, {"team": "quant"}),
    ("a key that is null comes", {}, {"team": None}),
    ("a key goes", {"team": "quant"}, {}),
    ("a key changes", {"team": "quant"}, {"team": "risk"}),
    ("true for one", {"team": 1}, {"team": True}),
    ("its time changes", {"generated_at_utc": "2026-01-01T00:00:00Z"}, {"generated_at_utc": "2026-01-02T00:00:00Z"}),
]
ENTRIES: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("a stage that is null comes", {}, {"shadow": None}),
    ("a stage that is null goes", {"shadow": None}, {}),
    ("another key that is null comes", {}, {"maintainer": None}),
    ("history that is empty comes", {}, {"history": []}),
]


def test_what_is_said_of_what_no_promotion_changes() -> None:
    def seen(base: ModelRegistry, head: ModelRegistry) -> list[str]:
        result = replay(base, head)
        return [finding_text(finding) for finding in result.findings] if isinstance(result, Diverged) else ["replays"]

    tops = (
        (name, seen(*(ModelRegistry({"schema_version": "v1", "models": {}, **keys}) for keys in (one, other))))
        for name, one, other in TOPS
    )
    entries = ((name, seen(of_models(m=one), of_models(m=other))) for name, one, other in ENTRIES)
    approve("unpromoted", [*tops, *entries])


def test_an_event_of_no_stage_is_no_promotion() -> None:
    base = registry([event(1)])
    head = registry([event(2, to_stage=None), event(1)])
    result = replay(base, head)
    assert isinstance(result, Diverged)
    assert "history[0] names no stage" in result.findings[0].message
    assert result.findings[0].where.endswith("$.models.m")


def test_a_file_that_git_calls_the_same_is_not_compared_again() -> None:
    class Files:
        """One file that must not be read."""

        def names(self) -> dict[str, str | None]:
            return {"m.json": "100644 abc"}

        def read(self, file_name: str) -> bytes:
            raise AssertionError(file_name)

    index = stored_json({"schema_version": "v1", "layout": "split"})
    one, other = (ModelRegistry.parse(index, files=Files()) for _ in range(2))
    result = [finding_text(finding) for finding in check_append_only(one, other, ["m"])]
    assert result == ["pass | history.append_only | the base's file, unchanged | ml/registry/models/m.json"]
    assert replay(one, other) == Replayed(())


def test_a_genesis_pointer_that_moved_without_an_event_is_named() -> None:
    base = registry([], seal=False, active=pointer(digest=None))
    head = registry([], seal=False, active=pointer(digest=None, artifact_id="b"))
    (result,) = errors_in(check_append_only(base, head, ["m"]))
    assert result.message == "ACTIVE changed since the base without an event."
