"""Times of each week: windows of a stage, and freezes; what one reading of a local time calls closed is closed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from functools import cache
from itertools import product
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promotebot.errors import InvalidInput
from promotebot.promotion.freezes import Freeze
from promotebot.promotion.local_times import DAYS
from promotebot.promotion.policy import Policy, parse_policy
from promotebot.promotion.policy_changes import Effect, compare_policies
from promotebot.promotion.requirements import requirements
from promotebot.promotion.standing import freezes_in_force
from promotebot.promotion.windows import Window, is_open, next_opening
from promotebot.registry.names import Stage

UTC = timezone.utc
MONDAY = datetime(2026, 2, 16, tzinfo=UTC)
HOUR, DAY, WEEK = timedelta(hours=1), timedelta(days=1), timedelta(days=7)


def freeze(start: str, end: str, zone: str = "UTC") -> Freeze:
    return Freeze.model_validate({"start": start, "end": end, "timezone": zone, "reason": "weekend"})


def window(hours: str, *days: str, zone: str = "UTC", stages: tuple[str, ...] = ("active",)) -> Window:
    given = {"days": list(days)} if days else {}
    return Window.model_validate({"hours": hours, "timezone": zone, "stages": list(stages), **given})


@pytest.mark.parametrize(
    ("after", "frozen"),
    [
        (4 * DAY + 14 * HOUR + timedelta(minutes=59), False),
        (4 * DAY + 15 * HOUR, True),
        (6 * DAY, True),
        (7 * DAY + 8 * HOUR - timedelta(minutes=1), True),
        (7 * DAY + 8 * HOUR, False),
        (HOUR, True),
    ],
)
def test_a_freeze_comes_every_week_and_may_go_over_its_end(after: timedelta, frozen: bool) -> None:
    weekend = freeze("fri 15:00", "mon 08:00")
    assert weekend.recurs
    for weeks in (0, 1, 60):
        assert weekend.holds_at(MONDAY + after + weeks * WEEK) is frozen


def test_the_time_of_a_weekly_freeze_that_is_told_is_the_one_in_force_else_the_next() -> None:
    weekend = freeze("fri 15:00", "mon 08:00")
    now, later = weekend.period(MONDAY), weekend.period(MONDAY + DAY)
    assert now is not None
    assert later is not None
    assert (now.ends, later.begins) == (MONDAY + 8 * HOUR, MONDAY + 4 * DAY + 15 * HOUR)
    once = freeze("2026-02-16T10:00", "2026-02-16T11:00")
    assert not once.recurs
    assert once.period(MONDAY + DAY) is None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("freezes: [{start: fri 15:00, end: 2026-02-16T10:00, reason: x}]", "both of every week"),
        ("freezes: [{start: fri 15:00, end: fri 15:00, reason: x}]", "starts and ends at fri 15:00"),
        ("freezes: [{start: fri 24:00, end: sat 15:00, reason: x}]", "fri 24:00"),
        ("freezes: [{start: friday 15:00, end: sat 15:00, reason: x}]", "friday 15:00"),
        ("windows: [{hours: 17:00-09:00}]", "write two windows"),
        ("windows: [{hours: 09:00-09:00}]", "not a time of one day"),
        ("windows: [{hours: 09:00-24:30}]", "not a time of one day"),
        ("windows: [{hours: 9-17}]", "not a time of one day"),
        ("windows: [{hours: 17:00}]", "not a time of one day"),
        ("windows: [{days: [monday], hours: 09:00-17:00}]", "days"),
        ("windows: [{days: [], hours: 09:00-17:00}]", "days"),
        ("windows: [{hours: 09:00-17:00, timezone: Mars/Base}]", "timezone"),
        ("windows: [{hours: 09:00-17:00, stages: []}]", "stages"),
        ("windows: [{days: [mon]}]", "hours"),
    ],
)
def test_a_time_that_cannot_be_is_refused(text: str, says: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_policy(text.encode())
    assert says in str(caught.value)


def test_a_stage_is_open_in_any_of_its_windows_and_always_without_one() -> None:
    windows = (window("09:00-17:00", "mon", "tue"), window("20:00-24:00", "mon"))
    opened = [hour for hour in range(30) if is_open(windows, Stage.ACTIVE, MONDAY + hour * HOUR)]
    assert opened == [*range(9, 17), *range(20, 24)]
    assert all(is_open(windows, Stage.SHADOW, MONDAY + hour * HOUR) for hour in range(30))
    assert next_opening(windows, Stage.ACTIVE, MONDAY + 17 * HOUR) == MONDAY + 20 * HOUR
    assert next_opening(windows, Stage.ACTIVE, MONDAY + DAY + 17 * HOUR) == MONDAY + 7 * DAY + 9 * HOUR


def test_what_never_opens_is_closed_and_no_time_is_promised() -> None:
    """Clocks skip 2:00 to 3:00 on 29 March in Berlin; the window of this one Sunday does not come."""
    only = (window("02:00-03:00", "sun", zone="Europe/Berlin"),)
    sunday = datetime(2026, 3, 29, tzinfo=UTC)
    assert not any(is_open(only, Stage.ACTIVE, sunday + minutes * timedelta(minutes=5)) for minutes in range(60))
    assert next_opening(only, Stage.ACTIVE, sunday) == datetime(2026, 4, 5, 0, tzinfo=UTC)
    assert next_opening((), Stage.ACTIVE, sunday) is None


def moments(zone: str) -> Iterator[datetime]:
    """The moments, to the minute, at which a zone changes its clocks in some years with odd changes, and soon."""
    local = ZoneInfo(zone)
    for first, days in ((datetime(2011, 1, 1, tzinfo=UTC), 800), (datetime(2026, 1, 1, tzinfo=UTC), 730)):
        offsets = [(first + n * DAY).astimezone(local).utcoffset() for n in range(days)]
        for n in range(1, days):
            if offsets[n] != offsets[n - 1]:
                before, after = first + (n - 1) * DAY, first + n * DAY
                while after - before > timedelta(minutes=1):
                    middle = before + (after - before) // 2
                    is_before = middle.astimezone(local).utcoffset() == offsets[n - 1]
                    before, after = (middle, after) if is_before else (before, middle)
                yield after.replace(second=0, microsecond=0)


@cache
def transitions() -> list[tuple[str, datetime]]:
    """One of each kind: the offsets before and after, and the time of the week."""
    kinds = {}
    for zone in sorted(available_timezones()):
        for moment in moments(zone):
            sides = [(moment + shift).astimezone(ZoneInfo(zone)) for shift in (-HOUR, HOUR)]
            kinds[(*(side.utcoffset() for side in sides), sides[0].weekday(), sides[0].hour)] = (zone, moment)
    return list(kinds.values())


def weekly(local: datetime) -> str:
    return f"{DAYS[local.weekday()]} {local:%H:%M}"


def in_week(local: datetime) -> timedelta:
    return timedelta(days=local.weekday(), hours=local.hour, minutes=local.minute)


def readings_closed(start: datetime, end: datetime, zone: str, moment: datetime) -> Iterator[bool]:
    """Whether a freeze holds: by the wall clock, and by each meaning of its two ends."""
    now, first, last = in_week(moment.astimezone(ZoneInfo(zone))), in_week(start), in_week(end)
    yield first <= now < last if first < last else now >= first or now < last
    for one, other in product((0, 1), repeat=2):
        begins, ends = (
            local.replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC)
            for local, fold in ((start, one), (end, other))
        )
        yield begins <= moment < ends


MINUTES = st.integers(-180, 180).map(lambda n: timedelta(minutes=n))


@given(st.deferred(lambda: st.sampled_from(transitions())), MINUTES, st.integers(1, 3000), MINUTES)
def test_a_minute_that_one_reading_of_a_weekly_freeze_calls_frozen_is_frozen_where_clocks_change(
    change: tuple[str, datetime], shift: timedelta, length: int, at: timedelta
) -> None:
    zone, moment = change
    start = moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None) + shift
    end = start + timedelta(minutes=length)
    closed = any(readings_closed(start, end, zone, moment + at))
    assert freeze(weekly(start), weekly(end), zone).holds_at(moment + at) or not closed


@given(st.deferred(lambda: st.sampled_from(transitions())), st.integers(0, 1439), st.integers(1, 1440), MINUTES)
def test_a_minute_that_one_reading_of_a_window_calls_closed_is_closed_where_clocks_change(
    change: tuple[str, datetime], first: int, length: int, at: timedelta
) -> None:
    zone, moment = change
    last = min(first + length, 1440)
    hours = f"{first // 60:02}:{first % 60:02}-{last // 60:02}:{last % 60:02}"
    if not is_open([window(hours, zone=zone)], Stage.ACTIVE, moment + at):
        return
    day = (moment + at).astimezone(ZoneInfo(zone)).replace(tzinfo=None, hour=0, minute=0)
    start, end = day + timedelta(minutes=first), day + timedelta(minutes=last)
    assert all(readings_closed(start, end, zone, moment + at))


@pytest.mark.thorough
def test_around_every_change_of_every_zones_clocks_no_reading_is_left_out() -> None:
    for zone, moment in transitions():
        wall = moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
        for shift, length in product((-90, -30, 0, 30), (15, 60, 120)):
            start = wall + timedelta(minutes=shift)
            end = start + timedelta(minutes=length)
            weekend = freeze(weekly(start), weekly(end), zone)
            for minutes in range(-150, 180, 15):
                at = moment + timedelta(minutes=minutes)
                assert weekend.holds_at(at) or not any(readings_closed(start, end, zone, at)), (zone, start, end, at)


@pytest.mark.parametrize(
    ("before", "after", "effect"),
    [
        ("", "[{hours: 09:00-17:00}]", Effect.STRICTER),
        ("[{hours: 09:00-17:00}]", "", Effect.WEAKER),
        ("[{hours: 09:00-17:00}]", "[{hours: 09:00-17:00}, {hours: 20:00-22:00}]", Effect.WEAKER),
        ("[{hours: 09:00-17:00}]", "[{hours: 09:00-17:00, stages: [active, staging]}]", Effect.STRICTER),
        ("[{hours: 09:00-17:00}]", "[{hours: 09:00-16:00}]", Effect.OTHER),
        ("[{hours: 09:00-17:00}]", "[{hours: 09:00-17:00, stages: [staging]}]", Effect.OTHER),
    ],
)
def test_fewer_windows_are_stricter_and_none_is_the_weakest(before: str, after: str, effect: Effect) -> None:
    texts = (f"windows: {text}" if text else "" for text in (before, after))
    [change] = compare_policies(*(parse_policy(text.encode()) for text in texts))
    assert (change.key, change.effect, change.loosens) == ("windows", effect, effect is not Effect.STRICTER)


POLICY = b"""
windows: [{days: [tue, mon], hours: 09:00-17:00, timezone: Europe/Berlin}]
freezes: [{start: fri 12:00, end: mon 12:00, reason: weekend, stages: [staging]}]
"""


def test_what_is_closed_now_is_told_with_its_end() -> None:
    told = freezes_in_force(parse_policy(POLICY), MONDAY)
    assert [(one.stages, one.ends, one.reason) for one in told] == [
        ((Stage.STAGING,), MONDAY + 12 * HOUR, "weekend"),
        ((Stage.ACTIVE,), MONDAY + 8 * HOUR, "outside its windows"),
    ]
    assert freezes_in_force(Policy(), MONDAY) == []


def test_both_are_explained_with_their_times() -> None:
    asked = {
        (stage, one.key): one.words for stage in Stage for one in requirements(parse_policy(POLICY), stage, MONDAY)
    }
    assert asked[Stage.ACTIVE, "windows"] == "a time that is open: mon, tue 09:00-17:00 Europe/Berlin"
    assert asked[Stage.STAGING, "freezes"] == "frozen now, every week from fri 12:00 to mon 12:00 UTC: weekend"
    assert str(window("00:00-24:00")) == "every day 00:00-24:00 UTC"
