"""The schedule reminds people of a candidate, once, in the pull request that promoted it."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promotebot.action.reminders import FIRST, MAX_ASKED, in_turn
from tests.action.test_schedule import watch
from tests.fake_github.faults import Fault
from tests.office import BOT, Office

pytestmark = pytest.mark.thorough


def reminders(office: Office, number: int) -> list[str]:
    """The headings of the reminders on a pull request, as people read them."""
    ours = (body.replace("\\", "") for body in office.comments(number))
    return [body.splitlines()[1].removeprefix("### ") for body in ours if "⏰" in body]


def merged(office: Office, command: str, branch: str = "evaluation") -> int:
    number = office.pull(branch)
    assert office.ask(number, command).exit_code == 0
    assert office.merge(number).exit_code == 0
    return number


def after(office: Office, days: float) -> None:
    """The scheduled verification of a later day; its exit code is that of the verification alone."""
    office.pass_time(timedelta(days=days))
    job = watch(office)
    assert job.exit_code == 0, job.log


def test_a_candidate_that_has_soaked_is_told_once(office: Office) -> None:
    number = merged(office, "/promote staging")
    after(office, 1)
    assert reminders(office, number) == []
    after(office, 1.1)
    assert reminders(office, number) == ["⏰ `regime_classifier`: `regime_v2_candidate` has soaked in STAGING"]
    (body,) = [body for body in office.comments(number) if "⏰" in body]
    assert "the policy asks for 2 d before it goes higher" in body
    assert "`/promote active regime_classifier`" in body
    assert "`/demote regime_classifier staging` with a reason" in body
    after(office, 1)
    assert len(reminders(office, number)) == 1


def test_a_candidate_that_stands_for_too_long_is_told_once_more(office: Office) -> None:
    number = merged(office, "/promote staging")
    after(office, 3)
    after(office, 5.1)
    told = reminders(office, number)
    assert told[0] == "⏰ `regime_classifier`: `regime_v2_candidate` has soaked in STAGING"
    assert told[1].startswith("⏰ `regime_classifier`: `regime_v2_candidate` has been in STAGING for 8 d")
    after(office, 30)
    assert len(reminders(office, number)) == 2


def test_a_bound_of_many_months_is_told_when_it_is_passed(office: Office) -> None:
    office.policy("reminders: {staging: 100d}\n")
    number = merged(office, "/promote staging")
    after(office, 98)
    assert reminders(office, number) == []
    after(office, 2.1)
    assert ["for 100 d" in told for told in reminders(office, number)] == [True]


def test_what_has_been_due_for_very_long_is_not_looked_at(office: Office) -> None:
    number = merged(office, "/promote staging")
    after(office, 98)
    assert reminders(office, number) == []


def test_time_runs_from_the_merge_and_not_from_the_request(office: Office) -> None:
    number = office.pull()
    office.ask(number, "/promote staging")
    office.pass_time(timedelta(days=5))
    office.merge(number)
    after(office, 1)
    assert reminders(office, number) == []
    after(office, 1.1)
    assert len(reminders(office, number)) == 1


def test_what_went_higher_needs_no_reminder(office: Office) -> None:
    number = office.pull()
    office.ask(number, "/promote staging\n/promote active")
    office.merge(number)
    after(office, 10)
    assert reminders(office, number) == []


@pytest.mark.parametrize(
    ("policy", "headings"),
    [
        ("reminders: {soaked: false}\n", 0),
        ("reminders: {soaked: false, staging: 3d}\n", 1),
        ("stages: {staging: {soak: null}}\nreminders: {staging: null}\n", 0),
    ],
)
def test_the_policy_says_what_people_are_reminded_of(office: Office, policy: str, headings: int) -> None:
    office.policy(policy)
    number = merged(office, "/promote staging")
    after(office, 4)
    assert len(reminders(office, number)) == headings


def test_a_reminder_in_somebody_elses_words_does_not_count(office: Office) -> None:
    merged(office, "/promote staging")
    after(office, 3)
    (body,) = [comment for comment in office.repository.comments.values() if "⏰" in comment.body]
    assert body.user.login == BOT
    body.user = office.hub.user("mallory")
    after(office, 0.1)
    assert len([body for body in office.repository.comments.values() if "⏰" in body.body]) == 2


def test_a_pull_request_of_two_candidates_is_looked_at_once_and_tells_of_both(office: Office) -> None:
    number = office.pull()
    for stage, name in (("staging", "regime_v2"), ("shadow", "regime_v1")):
        assert office.ask(number, f"/promote {stage} --artifact-dir ml/artifacts/{name}").exit_code == 0
    assert office.merge(number).exit_code == 0
    office.pass_time(timedelta(days=15))
    office.hub.requests.clear()
    assert watch(office).exit_code == 0
    assert len(reminders(office, number)) == 2
    assert [one.path for one in office.hub.requests].count("/graphql/Conversation") == 1


@given(st.integers(0, 200), st.integers(0, 3000))
def test_every_pull_request_that_is_due_is_looked_at_within_some_days(count: int, day: int) -> None:
    numbers = list(range(count))
    seen: set[int] = set()
    for later in range(-(-max(0, count - FIRST) // FIRST) or 1):
        chosen = in_turn(numbers, datetime(2026, 1, 1, tzinfo=timezone.utc) + timedelta(days=day + later))
        assert list(chosen[:FIRST]) == numbers[:FIRST]
        assert len(chosen) == len({*chosen}) == min(count, MAX_ASKED)
        seen.update(chosen)
    assert seen == {*numbers}


def test_nobody_can_be_reminded_while_github_fails_and_the_verification_stands(office: Office) -> None:
    number = merged(office, "/promote staging")
    office.hub.faults.append(Fault("POST", rf"/issues/{number}/comments", 403, times=10))
    after(office, 3)
    assert reminders(office, number) == []
