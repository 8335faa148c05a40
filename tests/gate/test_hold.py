"""Which holds stand: the bot's own records on every head that a pull request has had, found by heads and by marks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promotebot.errors import CouldNotVerify
from promotebot.findings import Severity
from promotebot.gate.evaluate import GateResult
from promotebot.gate.hold import (
    StandingHold,
    carry_holds,
    hold_status,
    is_lifted,
    is_recorded,
    lift_holds,
    mark_ref,
    standing_holds,
)
from promotebot.gate.lifting import Lifting
from promotebot.gate.record import PullRecord
from promotebot.github.checks import MAX_DESCRIPTION
from promotebot.github.ports import CommitStatus
from promotebot.pulls.changeset import Changeset
from promotebot.pulls.snapshot import marks_of
from tests.fakes import (
    BASE,
    BOT,
    FORK,
    NOW,
    POLICY_PATH,
    Commit,
    FakeGitHub,
    FakeRepository,
    job_context,
    pull_request,
    pull_snapshot,
    push,
)

NUMBER, LATER = 7, 1000
FIRST = "1" * 40


@dataclass
class World:
    """A pull request whose branch moves, with its holds; `told` says how much GitHub shows of its commits."""

    github: FakeGitHub = field(default_factory=FakeGitHub)
    commits: dict[str, Commit] = field(default_factory=lambda: {FORK: Commit(), BASE: Commit((FORK,))})
    head: str = FIRST
    is_fork: bool = False
    is_forced: bool = False
    marks_are_gone: bool = False
    made: int = 0

    def __post_init__(self) -> None:
        self.commits[FIRST] = Commit((FORK,))
        self.github.pulls[NUMBER] = pull_request(NUMBER)
        self.github.pushed["change"] = [push(FIRST, creates=True)]

    def push(self, *, force: bool = False) -> None:
        self.made += 1
        before, self.head = self.head, f"{self.made:040d}"
        self.commits[self.head] = Commit((FORK if force else before,))
        self.github.pushed["change"].append(push(self.head, before=before))
        self.is_forced = self.is_forced or force

    def back(self) -> None:
        """Force the branch back to where it began."""
        self.github.pushed["change"].append(push(FIRST, before=self.head))
        self.head, self.is_forced = FIRST, True

    def hold(self, hold_id: str, *, number: int = NUMBER, marked: bool = True, late: bool = False) -> None:
        status = hold_status(number, hold_id, "carol", "wait")
        if not late:
            at = NOW + timedelta(seconds=len(self.github.posted))
            self.github.post(self.head, status.context, "failure", description=status.description, at=at)
        if marked:
            self.github.git.set_ref(mark_ref(number, hold_id), self.head)

    def _history(self) -> list[str]:
        """The commits that GitHub lists of the pull request: those that the base does not have."""
        sha, found = self.head, []
        while sha != FORK:
            found.append(sha)
            sha = self.commits[sha].parents[0]
        return found

    def record(self) -> PullRecord:
        """What a job that starts now reads: the conversation with its statuses, and the fetched refs."""
        pull = pull_request(NUMBER, head_sha=self.head, is_fork=self.is_fork)
        told = {sha: tuple(self._newest(sha)) for sha in self._history()}
        pull = replace(pull, commit_statuses=told, only_added_to="" if self.is_forced else self.head)
        changeset = Changeset(FakeRepository(self.commits), BASE, self.head, "ml/registry/models.json", POLICY_PATH)  # type: ignore[arg-type]
        snapshot = pull_snapshot(changeset, pull)
        refs = {} if self.marks_are_gone else self.github.git.refs
        folder = marks_of(NUMBER)
        marks = {name.removeprefix(folder): sha for name, sha in refs.items() if name.startswith(folder)}
        return PullRecord(replace(snapshot, marks=marks), job_context(self.github))

    def _newest(self, sha: str) -> Iterator[CommitStatus]:
        """GitHub's GraphQL shows the newest status of each context, whoever posted it."""
        newest = {posted.status.context: posted.status for posted in self.github.posted if posted.sha == sha}
        yield from newest.values()

    def standing(self) -> list[StandingHold]:
        return standing_holds(self.record())


def ids(holds: list[StandingHold]) -> list[str]:
    return [hold.id for hold in holds]


def test_a_hold_says_who_since_when_and_why() -> None:
    world = World()
    world.hold("1")
    [hold] = world.standing()
    assert (hold.login, hold.reason, hold.since, hold.shas) == ("carol", "wait", NOW, (FIRST,))
    assert hold.words == "held by carol since 2026-02-16 09:00 UTC: wait"


def test_the_gates_result_begins_with_the_hold_and_its_title_says_what_lifts_it() -> None:
    world = World()
    world.hold("1")
    result = GateResult((), ()).with_holds(world.standing(), NUMBER)
    assert (result.findings[0].rule, result.findings[0].severity) == ("gate.hold", Severity.ERROR)
    assert result.findings[0].remedy == "/unhold"
    assert result.title == "Held by carol since 2026-02-16 09:00 UTC: wait; /unhold lifts it"
    assert result.conclusion == "failure"


@pytest.mark.parametrize("reason", ["why " * 200, "\U0001f6d1" * 300, "\u202e\x00", "a: b (c): d", "\n\n", ""])
def test_any_reason_fits_into_a_status_and_is_read_back(reason: str) -> None:
    assert len(hold_status(123456789, "9", "carol", reason).description) <= MAX_DESCRIPTION
    status = hold_status(NUMBER, "9", "carol", reason)
    assert all(ord(character) <= 0xFFFF for character in status.description)
    assert status.description.isprintable()
    world = World()
    world.github.post(FIRST, status.context, "failure", description=status.description)
    [hold] = world.standing()
    assert hold.login == "carol"
    assert bool(hold.reason.strip()) is bool(reason.strip())
    if len(reason) < 20 and reason.isprintable():
        assert hold.reason == reason


def test_what_was_written_after_the_comment_that_lifts_still_stands() -> None:
    """Its author did not know of it; and a job that is run again lifts nothing newer."""
    world = World()
    for hold_id in ("1", "3"):
        world.hold(hold_id)
    assert ids(lift_holds(world.record(), Lifting("bob", 2))) == ["1"]
    assert ids(world.standing()) == ["3"]
    assert ids(lift_holds(world.record(), Lifting("bob", 2))) == []
    assert ids(lift_holds(world.record(), Lifting("bob", 4))) == ["3"]
    assert world.standing() == []
    assert world.github.git.refs == {}


NOON = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)
TIMES = st.one_of(st.none(), st.integers(0, 5).map(lambda seconds: NOON + timedelta(seconds=seconds)))


@given(st.sampled_from(["review-7", "remark-7", "edit-7"]), TIMES, TIMES, TIMES)
def test_a_late_hold_is_lifted_only_where_a_time_shows_that_it_could_be_read(
    hold_id: str, at: datetime | None, recorded: datetime | None, written: datetime | None
) -> None:
    lifting = Lifting("bob", 9, at, {hold_id: written} if written else {})
    earlier = at is not None and any(time < at for time in (recorded, written) if time)
    is_nobodys = recorded is None and written is None  # a ref that somebody made by hand
    assert lifting.knew(hold_id, recorded) is (earlier or is_nobodys)


def test_a_mark_of_anything_can_be_taken_away() -> None:
    world = World()
    world.github.git.set_ref(f"{marks_of(NUMBER)}some/thing", "0" * 40)
    assert ids(world.standing()) == ["some/thing"]
    lift_holds(world.record(), Lifting("bob", LATER))
    assert world.standing() == []


def test_a_lifted_hold_stays_lifted_though_a_late_job_carries_it_on() -> None:
    world = World()
    world.hold("1")
    late, holds = world.record(), world.standing()
    lift_holds(world.record(), Lifting("bob", LATER))
    world.push()
    carry_holds(holds, late, world.head)
    assert world.standing() == []
    assert is_lifted(world.record(), "1")
    lift_holds(world.record(), Lifting("bob", LATER))
    states = {posted.sha: posted.status.state for posted in world.github.posted}
    assert states == {FIRST: "success", world.head: "success"}


def test_a_hold_is_recorded_once_it_was_made_and_lifted_once_it_was_lifted() -> None:
    """Another pull request's hold of the same number, or a ref that somebody made, says nothing of it."""
    world = World()
    world.hold("1", number=8)
    world.hold("1", late=True)
    assert (is_recorded(world.record(), "1"), is_lifted(world.record(), "1")) == (False, False)
    world.hold("1")
    world.hold("2")
    assert (is_recorded(world.record(), "1"), is_lifted(world.record(), "1")) == (True, False)
    lift_holds(world.record(), Lifting("bob", 2))
    assert (is_recorded(world.record(), "1"), is_lifted(world.record(), "1")) == (True, True)
    assert (is_recorded(world.record(), "2"), is_lifted(world.record(), "2")) == (True, False)


def test_a_record_that_github_shows_late_is_waited_for_and_then_counts_as_a_hold() -> None:
    world = World()
    world.hold("1", late=True)
    waited: list[float] = []
    record = world.record()
    job = replace(record.job, patience=replace(record.job.patience, sleep=waited.append))
    [hold] = standing_holds(replace(record, job=job))
    assert waited
    assert (hold.id, hold.login) == ("1", "")
    assert "refs/promotebot/hold/7/1" in hold.words


def test_another_pull_requests_hold_counts_on_the_very_head_only() -> None:
    world = World()
    world.hold("1", number=8)
    [hold] = world.standing()
    assert hold.pull == 8
    finding = GateResult((), ()).with_holds([hold], NUMBER).findings[0]
    assert finding.message.startswith("This commit is the head of #8, too, which is held by carol")
    world.push()
    assert world.standing() == []


def test_somebody_elses_status_hides_none_of_the_bots() -> None:
    world = World()
    world.hold("1", marked=False)
    context = hold_status(NUMBER, "1", "carol", "").context
    world.github.post(FIRST, context, "success", by="mallory", description="#7 lifted by bob")
    assert ids(world.standing()) == ["1"]
    assert "statuses" in world.github.calls


def test_the_heads_of_a_branch_that_was_forced_cost_one_question_together() -> None:
    world = World()
    for _ in range(5):
        world.push(force=True)
    assert world.standing() == []
    assert world.github.calls == ["pushes", "look_again"]


def test_without_a_hold_no_request_is_made() -> None:
    world = World()
    world.push()
    assert world.standing() == []
    assert world.github.calls == []


def test_what_is_not_answered_is_no_pass() -> None:
    world = World()
    world.hold("1", marked=False)
    world.push(force=True)
    world.github.fail("look_again")
    with pytest.raises(CouldNotVerify):
        world.standing()


def test_more_marks_than_anybody_needs_are_not_walked_through() -> None:
    world = World()
    for number in range(101):
        world.hold(str(number), late=True)
    with pytest.raises(CouldNotVerify, match="more than 100 marks"):
        world.standing()


def test_a_forks_hold_is_found_by_its_mark_after_its_branch_was_forced_elsewhere() -> None:
    world = World(is_fork=True)
    world.hold("1")
    world.push(force=True)
    assert ids(world.standing()) == ["1"]
    world.marks_are_gone = True
    assert world.standing() == [], "what docs/architecture.md says is not covered"


MOVES = ("push", "force", "back", "hold", "hold unmarked", "lift", "gate", "forge", "delete marks")


@given(st.lists(st.sampled_from(MOVES), max_size=14))
def test_whatever_becomes_of_the_branch_exactly_what_was_held_and_not_lifted_stands(moves: list[str]) -> None:
    world, held = World(), set[str]()
    for index, move in enumerate(moves):
        if move == "push":
            world.push()
        elif move == "force":
            world.push(force=True)
        elif move == "back":
            world.back()
        elif move.startswith("hold"):
            world.hold(str(index), marked=move == "hold")
            held.add(str(index))
        elif move == "lift":
            lift_holds(world.record(), Lifting("bob", LATER))
            held.clear()
        elif move == "gate":  # a gate takes what stands along to the head that it judges
            carry_holds(world.standing(), world.record(), world.head)
        elif move == "forge":
            for hold_id in held:
                context = hold_status(NUMBER, hold_id, "", "").context
                world.github.post(world.head, context, "success", by="mallory")
        else:
            world.github.git.refs.clear()
        assert set(ids(world.standing())) == held, moves[: index + 1]


def test_only_the_bots_account_holds() -> None:
    world = World()
    for by in ("mallory", f"not-{BOT}", "github-actions"):
        status = hold_status(NUMBER, by.strip("[]"), "carol", "")
        world.github.post(FIRST, status.context, "failure", by=by, description=status.description)
    assert world.standing() == []
