"""Whose time counts: this machine's, or GitHub's where the two are apart."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promotebot.github.server_time import APART, ServerTime

NOON = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)
SECOND = timedelta(seconds=1)
SKEWS = st.timedeltas(timedelta(days=-4000), timedelta(days=4000))


class Machine:
    """A runner whose clock is ahead of GitHub's, or behind it."""

    def __init__(self, ahead: timedelta = timedelta()) -> None:
        self.ahead, self.truth = ahead, NOON
        self.time = ServerTime(lambda: self.truth + self.ahead)

    def answer(self) -> None:
        self.time.heard({"date": format_datetime(self.truth.replace(microsecond=0), usegmt=True)})


@given(st.lists(st.tuples(SKEWS, st.timedeltas(timedelta(), timedelta(hours=1))), min_size=1))
def test_after_any_answer_the_time_is_github_s_however_the_clock_is_set(
    moves: list[tuple[timedelta, timedelta]],
) -> None:
    machine = Machine()
    for ahead, passed in moves:
        machine.ahead, machine.truth = ahead, machine.truth + passed
        machine.answer()
        assert abs(machine.time.now() - machine.truth) <= APART + SECOND


@pytest.mark.parametrize("ahead", [timedelta(), APART, -APART])
def test_a_clock_that_is_about_right_is_believed(ahead: timedelta) -> None:
    machine = Machine(ahead)
    machine.answer()
    assert machine.time.now() == NOON + ahead


@pytest.mark.parametrize(
    "headers",
    [{}, {"date": ""}, {"date": "noon"}, {"date": "Sun, 01 Mar 2026 12:00:00 -0000"}, {"date": "Sun, 99 Mar 99999"}],
)
def test_until_an_answer_tells_the_time_the_machines_own_counts(headers: Mapping[str, str]) -> None:
    machine = Machine(timedelta(hours=1))
    machine.time.heard(headers)
    assert machine.time.now() == NOON + timedelta(hours=1)


@pytest.mark.parametrize(
    ("ahead", "words"), [(timedelta(minutes=41), "41 min ahead of"), (timedelta(hours=-3), "3 h behind")]
)
def test_the_log_says_once_that_the_clock_is_wrong_and_what_to_do(
    ahead: timedelta, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    machine = Machine(ahead)
    with caplog.at_level(logging.WARNING):
        machine.answer()
        machine.answer()
    [told] = caplog.messages
    assert told == f"the clock of this runner is {words} GitHub's, whose time is used: set the runner's clock"
