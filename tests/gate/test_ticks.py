"""What a commit's statuses record as ticked: by the bot, for this pull request and base, and nothing else."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promotebot.gate.ticks import tick_context, tick_description, ticks_in
from promotebot.github.checks import MAX_DESCRIPTION
from promotebot.github.ports import CommitStatus
from promotebot.promotion.checklist import Tick, told_ticks

BOT, NOW = "github-actions[bot]", datetime(2026, 2, 16, 9, tzinfo=timezone.utc)
BASES = st.sampled_from(["", "release", "release (1)", "a/b"])
LOGINS = st.from_regex(r"[a-zA-Z0-9-]{1,39}(\\[bot\\])?", fullmatch=True)


def status(
    context: str = "promotebot/check/7/4",
    description: str = "#7 box 4 ticked by bob",
    state: str = "success",
    creator: str = BOT,
) -> CommitStatus:
    return CommitStatus(context=context, state=state, creator=creator, description=description, created_at=NOW)


@given(st.integers(1, 10**17), st.integers(1, 7), LOGINS, BASES)
def test_what_is_recorded_is_read_for_its_pull_request_and_base_alone(
    pull: int, box: int, login: str, base: str
) -> None:
    written = status(tick_context(pull, box, base), tick_description(pull, box, login))
    assert len(written.description) <= MAX_DESCRIPTION
    assert ticks_in([written], pull, base, BOT) == {box: Tick(login, NOW)}
    assert ticks_in([written], pull + 1, base, BOT) == {}
    assert ticks_in([written], pull, f"{base}x", BOT) == {}


@pytest.mark.parametrize(
    "other",
    [
        status(creator="bob"),
        status(state="failure"),
        status(state="pending"),
        status(context="promotebot/check/7/8"),
        status(context="promotebot/check/7/0"),
        status(context="promotebot/check/7/4/4"),
        status(context="promotebot/checks/7/4"),
        status(context="promotebot/hold/7/4"),
        status(context="promotebot/check/7/4 "),
        status(description=""),
        status(description="#7 box 4 ticked by bob and alice"),
        status(description="#7 held by bob"),
    ],
)
def test_nothing_else_is_a_tick(other: CommitStatus) -> None:
    assert ticks_in([other], 7, "", BOT) == {}


def test_the_newest_says_who() -> None:
    newest = status(description="#7 box 4 ticked by carol")
    assert told_ticks(ticks_in([newest, status()], 7, "", BOT)) == "box 4 by carol"
    assert told_ticks({}) is None
