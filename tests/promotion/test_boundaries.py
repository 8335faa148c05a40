"""Between two boundaries the clock changes nothing of what the policy allows."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from promotebot.errors import InvalidInput
from promotebot.promotion.boundaries import last_boundary
from promotebot.promotion.local_times import DAYS, WEEK
from promotebot.promotion.policy import Policy, parse_policy
from promotebot.promotion.windows import is_open
from promotebot.registry.codec import stored_json
from promotebot.registry.names import ModelName, Stage

UTC = timezone.utc
MONDAY = datetime(2026, 10, 19, tzinfo=UTC)
"""The week before Berlin shows an hour twice."""
MODELS = (ModelName("eu_fraud"), ModelName("us_fraud"))
ZONES = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Pacific/Apia"])
CLOCKS = st.builds("{:02}:{:02}".format, st.integers(0, 23), st.sampled_from([0, 10, 30]))
DATES = st.builds(lambda n: f"{MONDAY + timedelta(minutes=n):%Y-%m-%dT%H:%M}", st.integers(0, 28 * 24 * 60))
STAGES = st.lists(st.sampled_from(["shadow", "active"]), min_size=1, max_size=2, unique=True)


def _hours(one: str, two: str) -> str:
    return f"{min(one, two)}-{max(one, two) if one != two else '24:00'}"


def _times(starts: st.SearchStrategy[str]) -> st.SearchStrategy[dict[str, Any]]:
    pairs = st.lists(starts, min_size=2, max_size=2, unique=True).map(sorted)
    return st.builds(lambda pair, zone: {"start": pair[0], "end": pair[1], "timezone": zone}, pairs, ZONES)


WEEKLY = st.builds("{} {}".format, st.sampled_from(DAYS), CLOCKS)
FREEZES = st.builds(
    lambda times, stages: {**times, "stages": stages, "reason": "audit"}, _times(DATES) | _times(WEEKLY), STAGES
)
WINDOWS = st.fixed_dictionaries(
    {
        "days": st.lists(st.sampled_from(DAYS), min_size=1, unique=True),
        "hours": st.builds(_hours, CLOCKS, CLOCKS),
        "timezone": ZONES,
        "stages": STAGES,
    }
)
OVERRIDES = st.builds(lambda times: {**times, "rule": "freeze", "people": ["alice"]}, _times(DATES))
SECTIONS = st.fixed_dictionaries({"freezes": st.lists(FREEZES, max_size=2), "windows": st.lists(WINDOWS, max_size=2)})
POLICIES = st.builds(
    lambda general, own, overrides: {**general, "overrides": overrides, "models": {"eu_*": own}},
    SECTIONS,
    SECTIONS,
    st.lists(OVERRIDES, max_size=1),
)


def allowed(policy: Policy, moment: datetime) -> list[bool]:
    """Everything that the clock decides, for each model and stage."""
    said = [one.holds_at(moment) for one in policy.overrides]
    for own in map(policy.for_model, MODELS):
        said += [is_open(own.windows, stage, moment) for stage in Stage]
        said += [any(one.holds_at(moment) and stage in one.stages for one in own.freezes) for stage in Stage]
    return said


def _parsed(document: dict[str, Any]) -> Policy | None:
    try:
        return parse_policy(stored_json(document))
    except InvalidInput:  # a start and an end that clocks bring together
        return None


@given(
    POLICIES.map(_parsed).filter(bool),
    st.integers(0, 21 * 24 * 60),
    st.integers(0, 7 * 24 * 60 - 1),
)
def test_without_a_boundary_between_two_moments_the_same_is_allowed_at_both(
    policy: Policy, minutes: int, back: int
) -> None:
    moment = MONDAY + timedelta(minutes=minutes)
    boundary = last_boundary(policy, moment - WEEK, moment)
    since = max(moment - timedelta(minutes=back), boundary or moment - WEEK)
    assert allowed(policy, since) == allowed(policy, moment)


def test_the_last_boundary_is_the_newest_beginning_or_end_of_anything_that_the_policy_has() -> None:
    def at(text: str, hours: int) -> datetime | None:
        return last_boundary(parse_policy(text.encode()), MONDAY, MONDAY + timedelta(hours=hours))

    freeze = "freezes: [{start: 2026-10-19T10:00, end: 2026-10-19T12:00, reason: audit}]"
    assert (at(freeze, 9), at(freeze, 10), at(freeze, 99)) == (
        None,
        MONDAY + timedelta(hours=10),
        MONDAY + timedelta(hours=12),
    )
    assert at("windows: [{hours: 09:00-17:00}]", 16) == MONDAY + timedelta(hours=9)
    assert at("models: {eu_*: {windows: [{hours: 09:00-17:00}]}}", 18) == MONDAY + timedelta(hours=17)
    override = "overrides: [{rule: freeze, people: [alice], start: 2026-10-01T00:00, end: 2026-10-19T05:00}]"
    assert at(override, 6) == MONDAY + timedelta(hours=5)
    assert at("{}", 99) is None
