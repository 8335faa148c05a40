"""`/status`: since when a stage holds what it holds, whether it has soaked, and what open pull requests change."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime, timedelta

from promotebot.comments.comment import CommentContext
from promotebot.comments.status import Status, render_status
from promotebot.promotion.commands import ChangeCommand, parse_comment
from promotebot.promotion.policy import Policy, parse_policy
from promotebot.promotion.replay import Replayed, Step, replay
from promotebot.promotion.standing import (
    OpenPromotion,
    OpenPromotions,
    freezes_in_force,
    holdings,
    newest_event,
)
from promotebot.registry.model import Event
from promotebot.registry.names import Stage, to_datetime
from promotebot.registry.registry import ModelRegistry
from tests.gate.sequences import MODEL
from tests.pulls.promoted import EMPTY, TO_SHADOW, TO_STAGING, promoted

CONTEXT = CommentContext("acme/models", "https://github.example", "1" * 40, "alice", "https://x", "main", None)
HELD = promoted(EMPTY, TO_SHADOW)


def event(stage: Stage = Stage.SHADOW) -> Event:
    found = newest_event(HELD, MODEL, stage)
    assert found is not None
    return found


SINCE = to_datetime(event().ts_utc)


def steps(head: ModelRegistry) -> tuple[Step, ...]:
    replayed = replay(HELD, head)
    assert isinstance(replayed, Replayed)
    return replayed.steps


def body(
    now: datetime,
    *,
    policy: Policy | None = None,
    merged: dict[Event, datetime] | None = None,
    pending: OpenPromotions | None = None,
    carried: tuple[Step, ...] | None = None,
) -> str:
    rules = policy or Policy()
    held = list(holdings(HELD, HELD, rules, merged or {}))
    status = Status("main", now, held, (), freezes_in_force(rules, now), pending or OpenPromotions(()), carried)
    return render_status(status, CONTEXT).body.replace("\\", "")


def test_a_stage_shows_since_when_and_until_when_it_soaks() -> None:
    shown = body(SINCE + timedelta(days=2, hours=3))
    until = SINCE + timedelta(days=7)
    assert f"{SINCE:%Y-%m-%d} (2 d 3 h)†" in shown
    assert f"until {until:%Y-%m-%d %H:%M} UTC (7 d recommended)" in shown
    assert "† The event's own time" in shown


def test_the_merge_is_what_counts_where_it_is_known() -> None:
    merged = SINCE + timedelta(days=1)
    shown = body(SINCE + timedelta(days=8, minutes=1), merged={event(): merged})
    assert f"{merged:%Y-%m-%d} (7 d)" in shown
    assert "done (7 d recommended)" in shown
    assert "†" not in shown
    almost = body(SINCE + timedelta(days=8, minutes=-1), merged={event(): merged})
    assert "until " in almost, "by the event's own time it would be done"


def test_other_open_pull_requests_are_named_with_what_they_promote_and_what_was_not_read() -> None:
    found = OpenPromotion(12, steps(promoted(HELD, TO_STAGING)))
    shown = body(SINCE, pending=OpenPromotions((found,), unread=1), carried=())
    assert "[#12](<https://github.example/acme/models/pull/12>): `regime`: `v1_staging` promoted to STAGING" in shown
    assert "1 other pull request could not be read." in shown
    assert "This pull request promotes nothing." in shown


def test_of_no_pull_request_nothing_is_said_where_none_is_asked_about() -> None:
    assert "This pull request" not in body(SINCE)
    assert "could not be read" in body(SINCE, pending=OpenPromotions((), unread=3))


def test_a_freeze_in_force_is_shown() -> None:
    policy = parse_policy(b"freezes: [{start: 2020-01-01T00:00, end: 2099-01-01T00:00, reason: long}]\n")
    assert "🧊 **Frozen:** ACTIVE until 2099-01-01 00:00 UTC: long" in body(SINCE, policy=policy)


def test_a_stage_that_a_rollback_holds_says_so_with_the_line_that_ends_it() -> None:
    [held] = holdings(HELD, HELD, Policy(), {})
    assert held.held_by is None
    status = Status("main", SINCE, [replace(held, held_by=event())], (), (), OpenPromotions(()))
    shown = render_status(status, CONTEXT).body.replace("\\", "")
    assert "✋ **Held:** nothing newer goes into SHADOW of `regime` since the rollback of" in shown
    [line] = re.findall(r"To end that: `([^`]+)`", shown)
    [command] = parse_comment(line)
    assert isinstance(command, ChangeCommand)
    assert command.arguments.lift_hold == "the cause is fixed"


def test_thousands_of_models_fit_into_a_comment() -> None:
    held = list(holdings(HELD, HELD, Policy(), {})) * 5000
    status = Status("main", SINCE, held, (), (), OpenPromotions(()))
    rendered = render_status(status, CONTEXT)
    assert len(rendered.body) < 65_536
    assert "rows more. For one model" in rendered.body
