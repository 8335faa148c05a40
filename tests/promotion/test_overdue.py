"""Which candidates people are reminded of, and when."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from promotebot.promotion.overdue import Candidate, Due, candidates
from promotebot.promotion.policy import Policy, parse_policy
from promotebot.registry import ModelRegistry
from promotebot.registry.chain import sealed
from promotebot.registry.codec import stored_json

FIRST = datetime(2026, 2, 1, tzinfo=timezone.utc)
POINTER = {"artifact_dir": "ml/a", "artifact_id": "a", "digest": "sha256:" + "1" * 64}
OTHER = {"artifact_dir": "ml/b", "artifact_id": "b", "digest": "sha256:" + "2" * 64}
REQUEST = {"repo": "acme/models", "pull": 7, "id": "comment:11#1", "login": "alice", "head_sha": "4" * 40}


def event(day: int, stage: str, pointer: dict[str, str] = POINTER, **more: Any) -> dict[str, Any]:
    made = {"request": REQUEST, "source": "github"}
    return {"ts_utc": f"2026-02-{day:02d}T00:00:00Z", "to_stage": stage, "pointer": pointer, **made, **more}


def found(*newest_first: dict[str, Any], policy: str = "", **stages: Any) -> list[Candidate]:
    history, newest = sealed(list(newest_first))
    entry = {"shadow": None, "staging": None, "active": None, **stages, "history": history, "history_digest": newest}
    registry = ModelRegistry.parse(stored_json({"schema_version": "v1", "models": {"m": entry}}))
    return list(candidates(registry, list(registry), parse_policy(policy.encode())))


def test_a_candidate_soaks_and_is_overdue_later() -> None:
    (one,) = found(event(1, "shadow"), shadow=POINTER)
    said = [one.due(FIRST + timedelta(days=days)) for days in (0, 6, 7, 13, 14, 100)]
    assert said == [None, None, Due.SOAKED, Due.SOAKED, Due.OVERDUE, Due.OVERDUE]
    assert one.key(Due.SOAKED) != one.key(Due.OVERDUE)


def test_it_is_due_since_the_time_that_it_is_about() -> None:
    (one,) = found(event(1, "shadow"), shadow=POINTER)
    said = [one.due_for(FIRST + timedelta(days=days)) for days in (6, 7, 9, 14, 100)]
    assert said == [None, timedelta(0), timedelta(days=2), timedelta(0), timedelta(days=86)]


def test_what_went_higher_was_put_in_at_a_terminal_or_is_active_needs_nobody() -> None:
    assert found(event(2, "staging"), event(1, "shadow"), shadow=POINTER, staging=POINTER)[0].holding.stage == "staging"
    assert found(event(1, "shadow", request=None, source="cli"), shadow=POINTER) == []
    assert found(event(1, "active"), active=POINTER) == []


def test_another_artifact_in_a_higher_stage_changes_nothing() -> None:
    both = found(event(2, "staging", OTHER), event(1, "shadow"), shadow=POINTER, staging=OTHER)
    assert [one.holding.pointer.artifact_id for one in both] == ["a", "b"]


def test_what_went_higher_before_it_came_back_is_a_candidate_again() -> None:
    history = (event(3, "shadow"), event(2, "staging"), event(1, "shadow"))
    demoted = {**event(4, "staging"), "action": "demote", "from_stage": "staging", "to_stage": None}
    (one,) = found(demoted, *history, shadow=POINTER)
    assert one.due(FIRST + timedelta(days=2 + 7)) is Due.SOAKED


def test_the_time_of_the_merge_counts_and_without_one_nothing_is_due() -> None:
    (one,) = found(event(1, "shadow"), shadow=POINTER)
    assert one.since(None).due(FIRST + timedelta(days=1000)) is None
    assert one.since(FIRST + timedelta(days=3)).due(FIRST + timedelta(days=9)) is None


def test_the_policy_turns_each_reminder_off() -> None:
    text = "reminders: {soaked: false, shadow: null}"
    (one,) = found(event(1, "shadow"), policy=text, shadow=POINTER)
    assert one.due(FIRST + timedelta(days=1000)) is None
    (one,) = found(event(1, "shadow"), policy="stages: {shadow: {soak: null}}", shadow=POINTER)
    assert one.due(FIRST + timedelta(days=8)) is None


@given(st.integers(0, 10_000), st.integers(0, 10_000))
def test_what_is_due_stays_due(hours: int, more: int) -> None:
    (one,) = found(event(1, "shadow"), shadow=POINTER)
    order = [None, Due.SOAKED, Due.OVERDUE]
    first, then = (one.due(FIRST + timedelta(hours=time)) for time in (hours, hours + more))
    assert order.index(first) <= order.index(then)
    assert Policy().reminders.soaked
