"""A green from before a freeze: the timer takes it back, and what is merged all the same is told after the merge."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promotebot.action.outdated import MARGIN, REASON, SOON, is_outdated
from promotebot.github.ports import CommitStatus
from promotebot.planning.examiner import Examiner
from promotebot.promotion.boundaries import last_boundary
from promotebot.promotion.policy import parse_policy
from promotebot.promotion.windows import is_open
from promotebot.registry.names import Stage
from tests.fake_github.faults import Fault
from tests.fake_github.people import Job
from tests.fake_github.state import utc_now
from tests.office import BOT, Office, open_office

GATE = ".github/workflows/gate.yml"
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
MONDAY = datetime.fromisoformat("2026-02-16T00:00:00+00:00")


@given(
    opens=st.integers(0, 22),
    length=st.integers(1, 23),
    judged=st.integers(0, 3 * 24 * 60),
    took=st.integers(0, int(MARGIN.total_seconds()) // 60 - 1),
    gaps=st.lists(st.integers(1, int(SOON.total_seconds()) // 60), min_size=1, max_size=60),
)
def test_no_green_outlives_the_first_timer_after_its_window_closed(
    opens: int, length: int, judged: int, took: int, gaps: list[int]
) -> None:
    """A walk of timers, of which up to two in a row do not come, over a verdict that is judged again by some."""
    policy = parse_policy(f"windows: [{{hours: '{opens:02}:00-{min(opens + length, 24):02}:00'}}]".encode())
    verdict = (judged, judged + took)  # minutes: read by the gate's clock, and shown by GitHub
    now = judged
    for gap in gaps:
        now += gap
        if now < verdict[1]:
            continue
        moment = MONDAY + now * MINUTE
        boundary = last_boundary(policy, moment - SOON, moment)
        status = CommitStatus("promotebot/gate", "success", BOT, created_at=MONDAY + verdict[1] * MINUTE)
        if boundary and is_outdated(status, boundary):
            verdict = (now, now + took)
        at_verdict = is_open(policy.windows, Stage.ACTIVE, MONDAY + verdict[0] * MINUTE)
        assert at_verdict is is_open(policy.windows, Stage.ACTIVE, moment)


def test_a_verdict_without_a_time_and_one_that_was_taken_back_are_outdated() -> None:
    late = MONDAY + MARGIN
    assert is_outdated(CommitStatus("promotebot/gate", "success", BOT), MONDAY)
    assert is_outdated(CommitStatus("promotebot/gate", "pending", BOT, REASON, late), MONDAY)
    assert not is_outdated(CommitStatus("promotebot/gate", "success", BOT, "", late), MONDAY)


# With GitHub

thorough = pytest.mark.thorough


@pytest.fixture
def frozen(seed: Path, tmp_path: Path, examiner: Examiner, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    """From two hours after the start to four hours after it, nothing is promoted to ACTIVE."""
    monkeypatch.setattr("promotebot.action.run.Examiner", lambda **_: examiner)
    started = utc_now().replace(second=0, microsecond=0) + MINUTE
    with open_office(seed, tmp_path, clock=lambda: started) as office:
        start, end = (f"{started + n * HOUR:%Y-%m-%dT%H:%M}" for n in (2, 4))
        office.policy(f"freezes: [{{start: {start}, end: {end}, reason: audit}}]\n")
        yield office


def timer(office: Office, cron: str = "7 * * * *") -> Job:
    return office.event("schedule", office.repository.schedule_event(GATE, cron), by=BOT, PROMOTEBOT_COMMAND="gate")


def state(office: Office, number: int) -> str:
    return office.checks(office.head(number))[-1]


def issues(office: Office) -> list[str]:
    return [one.title for number, one in office.repository.issues.items() if number not in office.repository.pulls]


WALKS = [
    "hourly merge",
    "begins merge",
    "begins hourly ends hourly merge",
    "begins hourly merge",
    "begins daily ends daily merge",
    "begins ends hourly merge",
    "begins override hourly merge",
    "late daily merge",
]


@thorough
@pytest.mark.parametrize("moves", WALKS)
def test_whatever_comes_after_a_green_none_is_there_in_the_freeze_once_the_timer_ran(
    frozen: Office, moves: str
) -> None:
    number, is_frozen, is_judged = frozen.pull(), False, True
    frozen.ask(number, "/promote active")
    assert state(frozen, number) == "success"
    passes = {"begins": 2 * HOUR, "ends": 2 * HOUR, "late": 3 * HOUR}
    for move in moves.split()[:-1]:
        frozen.pass_time(passes.get(move, timedelta()))
        if move in passes:
            is_frozen, is_judged = move != "ends", False
        elif move == "override":
            assert frozen.ask(number, "/promote active").outputs["reason_code"] == "rules"
        else:
            timer(frozen, "7 * * * *" if move == "hourly" else "41 5 * * *")
            is_judged = True
        if is_judged:
            assert state(frozen, number) == ("failure" if is_frozen else "success"), move
    job = frozen.merge(number)
    assert job.outputs["reason_code"] == ("against_gate" if is_frozen else "landed"), job.log
    assert issues(frozen) == (["promotebot: merged without passing the gate"] if is_frozen else [])


@thorough
@pytest.mark.parametrize("wrong", [timedelta(minutes=-41), -5 * HOUR, timedelta(minutes=41), 5 * HOUR])
@pytest.mark.parametrize("into", [timedelta(minutes=-30), timedelta(minutes=30), timedelta(minutes=90), 2.5 * HOUR])
def test_a_runner_with_a_wrong_clock_judges_by_githubs_time(frozen: Office, into: timedelta, wrong: timedelta) -> None:
    green, other, is_frozen = frozen.pull("one"), frozen.pull("two"), timedelta() <= into < 2 * HOUR
    frozen.ask(green, "/promote active")
    frozen.pass_time(2 * HOUR + into)
    frozen.now += wrong
    frozen.gate(green)
    assert state(frozen, green) == ("failure" if is_frozen else "success")
    assert frozen.ask(other, "/promote active").outputs["reason_code"] == ("rules" if is_frozen else "committed")


@thorough
@pytest.mark.parametrize("wrong", [-5 * HOUR, 5 * HOUR])
@pytest.mark.parametrize(("into", "decision"), [(timedelta(minutes=-30), "passed"), (HOUR, "refused")])
def test_a_runner_with_a_wrong_clock_judges_the_merge_queue_by_githubs_time(
    frozen: Office, into: timedelta, decision: str, wrong: timedelta
) -> None:
    number = frozen.pull()
    frozen.ask(number, "/promote active")
    frozen.repository.merge_queue.add(number, by="bob")
    frozen.pass_time(2 * HOUR + into)
    frozen.now += wrong
    job = frozen.event("merge_group", frozen.repository.merge_group_event(number), by="bob")
    assert job.outputs["decision"] == decision, job.log


@thorough
def test_what_was_merged_in_a_freeze_by_an_older_green_is_told_with_time_and_reason(frozen: Office) -> None:
    number = frozen.pull()
    frozen.ask(number, "/promote active")
    frozen.pass_time(2 * HOUR)
    job = frozen.merge(number)
    assert f"#{number} was merged at " in job.outputs["result"]
    assert "by an older verdict: ACTIVE is frozen until " in job.outputs["result"]
    [deployment] = frozen.repository.deployments.values()
    assert deployment.statuses[-1].state == "failure"
    assert frozen.repository.dispatches == []


@thorough
@pytest.mark.parametrize("method", ["merge", "squash", "rebase"])
@pytest.mark.parametrize("files", [{".github/promotion.yml": "freezes: []\n"}, {"docs/note.md": "note\n"}])
def test_what_was_merged_in_a_freeze_is_told_though_an_earlier_commit_of_its_own_ends_the_freeze(
    frozen: Office, method: str, files: dict[str, str | bytes]
) -> None:
    number = frozen.pull(files=files)
    frozen.ask(number, "/promote active")
    assert state(frozen, number) == "success"
    frozen.pass_time(2 * HOUR)
    job = frozen.merge(number, method=method)
    assert "by an older verdict: ACTIVE is frozen until " in job.outputs["result"], job.log
    assert frozen.repository.dispatches == []


@thorough
def test_a_freeze_that_another_pull_request_ended_before_the_merge_is_none(frozen: Office) -> None:
    other, number = frozen.pull("other", {".github/promotion.yml": "freezes: []\n"}), frozen.pull("two")
    frozen.ask(number, "/promote active")
    frozen.pass_time(2 * HOUR)
    frozen.repository.merge(other, by="bob")
    job = frozen.merge(number)
    assert job.outputs["reason_code"] == "landed", job.log


@thorough
def test_the_timer_of_every_hour_asks_github_for_nothing_where_no_freeze_begins_or_ends(frozen: Office) -> None:
    frozen.ask(frozen.pull(), "/promote active")
    frozen.hub.requests.clear()
    assert timer(frozen).outputs["decision"] == "ignored"
    assert [one.path for one in frozen.hub.requests if not one.path.endswith(".git/git-upload-pack")] == []


@thorough
def test_only_what_may_promote_is_judged_again_and_all_that_is_green_is_taken_back_first(frozen: Office) -> None:
    other, one, two = frozen.pull("docs"), frozen.pull("one"), frozen.pull("two")
    frozen.gate(other)
    for number in (one, two):
        frozen.ask(number, "/promote active")
    before = len(frozen.repository.statuses)
    frozen.pass_time(2 * HOUR)
    assert timer(frozen).outputs["decision"] == "refused"
    made = [s for s in frozen.repository.statuses[before:] if s.context == "promotebot/gate"]
    assert [(s.state, s.description) for s in made[:2]] == [("pending", REASON)] * 2
    assert {s.sha for s in made} >= {frozen.head(one), frozen.head(two)}
    assert frozen.head(other) not in {s.sha for s in made}
    assert frozen.checks(frozen.head(other)) == ["success"]


@thorough
def test_what_could_not_be_judged_again_is_not_green_and_the_next_timer_tries_again(frozen: Office) -> None:
    number = frozen.pull()
    frozen.ask(number, "/promote active")
    frozen.pass_time(2 * HOUR)
    frozen.hub.inject(Fault("POST", "/graphql/Conversation", status=404, message="Not Found"))
    assert timer(frozen).exit_code == 4
    assert state(frozen, number) == "pending"
    frozen.pass_time(HOUR)
    timer(frozen)
    assert state(frozen, number) == "failure"


@thorough
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_one_of_which_nothing_is_known_is_judged_again_and_keeps_no_other_from_its_turn(
    frozen: Office, method: str
) -> None:
    one, two = frozen.pull("one"), frozen.pull("two")
    for number in (one, two):
        frozen.ask(number, "/promote active")
    frozen.pass_time(2 * HOUR)
    frozen.hub.inject(Fault(method, f"{frozen.head(two)}", status=404, message="Not Found"))  # the newest is first
    timer(frozen)
    assert (state(frozen, one), state(frozen, two)) == ("failure", "failure")


@thorough
def test_those_that_one_run_did_not_come_to_are_judged_first_by_the_next(
    frozen: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("promotebot.action.sweep.MAX_JUDGED", 1)
    numbers = [frozen.pull(name) for name in ("one", "two", "three")]
    for number in numbers:
        frozen.ask(number, "/promote active")
    frozen.pass_time(2 * HOUR)
    for judged in (1, 2, 3):
        assert sorted(state(frozen, number) for number in numbers).count("failure") == judged - 1
        timer(frozen)
    assert [state(frozen, number) for number in numbers] == ["failure"] * 3


@thorough
def test_each_base_has_the_times_of_its_own_policy(office: Office) -> None:
    start, end = (f"{office.now + n * HOUR:%Y-%m-%dT%H:%M}" for n in (1, 4))
    office.policy(f"freezes: [{{start: {start}, end: {end}, reason: audit}}]\n")
    office.repository.git.set_ref("refs/heads/sandbox", office.repository.git.branch("main"))
    office.policy("bases: [sandbox, gone]\n")
    number = office.pull("one", base="sandbox")
    assert office.ask(number, "/promote active").outputs["reason_code"] == "committed"
    office.pass_time(2 * HOUR)
    assert timer(office).outputs["decision"] == "refused"
    states = [s.state for s in office.repository.statuses if s.context == "promotebot/gate (sandbox)"]
    assert states[-3:] == ["success", "pending", "failure"]
