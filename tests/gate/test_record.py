"""Which heads turn red: those of the pull request that are green by our own account, wherever its branch has been."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from promotebot.errors import CouldNotVerify
from promotebot.gate.record import PullRecord
from promotebot.github.checks import GATE
from promotebot.pulls.changeset import Changeset
from tests.fakes import (
    BASE,
    BOT,
    FORK,
    HEAD,
    POLICY_PATH,
    TRAINED,
    Commit,
    FakeGitHub,
    FakeRepository,
    job_context,
    pull_request,
    pull_snapshot,
    push,
)

OLD, OLDER, GONE = ("d" * 40, "e" * 40, "f" * 40)
WHY = "withdrawn or replaced"


@dataclass
class Case:
    """A branch that was made at OLDER, then stood at OLD, and is at HEAD now; all three are green."""

    github: FakeGitHub = field(default_factory=FakeGitHub)
    pull: Any = field(default_factory=pull_request)

    def __post_init__(self) -> None:
        at = [push(OLDER, creates=True), push(OLD, before=OLDER), push(HEAD, before=OLD)]
        self.github.pushed["change"] = at
        for sha in (OLDER, OLD, HEAD):
            self.github.post(sha, GATE, "success")

    def revoke(self, *, keep: str = "", bot: str = BOT) -> int:
        parents = {TRAINED: (), FORK: (TRAINED,), BASE: (FORK,), OLDER: (FORK,), OLD: (OLDER,), HEAD: (OLD,)}
        repository = FakeRepository({sha: Commit(tuple(before)) for sha, before in parents.items()})
        changeset = Changeset(repository, BASE, HEAD, "ml/registry/models.json", POLICY_PATH)
        job = job_context(self.github, bot_login=bot)
        return PullRecord(pull_snapshot(changeset, self.pull), job).revoke_heads(why=WHY, keep=keep)

    def last(self, sha: str) -> str:
        return self.github.verdicts(sha)[-1]


@pytest.fixture
def case() -> Case:
    return Case()


def test_every_head_that_is_green_turns_red_and_says_why(case: Case) -> None:
    assert case.revoke() == 3
    assert [case.last(sha) for sha in (OLDER, OLD, HEAD)] == ["failure"] * 3
    newest = case.github.posted[-1]
    assert (newest.sha, newest.status.context, newest.status.description) == (OLDER, GATE, WHY)


def test_the_head_that_is_to_be_kept_stays_as_it_is(case: Case) -> None:
    assert case.revoke(keep=HEAD) == 2
    assert case.github.verdicts(HEAD) == ["success"]


def test_a_head_that_is_red_or_was_never_judged_gets_no_status(case: Case) -> None:
    case.github.post(OLD, GATE, "failure")
    case.github.pushed["change"].append(push(GONE, before=HEAD))
    assert case.revoke() == 2
    assert (case.github.verdicts(OLD), case.github.verdicts(GONE)) == (["success", "failure"], [])


def test_somebody_elses_status_hides_no_green_of_ours_and_is_not_ours_to_take_back(case: Case) -> None:
    case.github.post(OLD, GATE, "failure", by="carol")
    assert case.revoke() == 3
    case.github.post(OLD, GATE, "success", by="carol")
    assert case.revoke() == 0
    assert case.revoke(bot="promoter[bot]") == 0


def test_other_statuses_say_nothing_about_a_head(case: Case) -> None:
    case.github.post(OLD, "build", "failure")
    case.github.post(HEAD, "promotebot/event/1111111111111111", "failure")
    assert case.revoke() == 3


def test_a_head_that_the_base_holds_is_the_bases_own(case: Case) -> None:
    case.github.pushed["change"][:2] = [push(FORK, creates=True), push(OLD, before=FORK)]
    case.github.post(FORK, GATE, "success")
    assert case.revoke() == 2
    assert case.github.verdicts(FORK) == ["success"]


def test_the_commit_before_the_first_push_that_is_listed_was_a_head_too(case: Case) -> None:
    del case.github.pushed["change"][0]
    assert case.revoke() == 3
    assert case.last(OLDER) == "failure"


def test_a_branch_that_was_deleted_and_made_again_hides_no_head(case: Case) -> None:
    case.github.pushed["change"] += [push("0" * 40, before=HEAD), push(HEAD, "carol", creates=True)]
    assert case.revoke() == 3
    assert [case.last(sha) for sha in (OLDER, OLD, HEAD)] == ["failure"] * 3


def test_each_head_is_asked_about_once_however_often_the_branch_stood_there(case: Case) -> None:
    case.github.pushed["change"] += [push(OLD, before=HEAD), push(HEAD, before=OLD)]
    assert case.revoke() == 3
    assert case.github.calls.count("statuses") == 3


def test_of_a_branch_in_a_fork_nobody_lists_the_heads(case: Case) -> None:
    case.pull = replace(case.pull, is_fork=True)
    assert case.revoke() == 0
    assert case.github.calls == []


@pytest.mark.parametrize("method", ["pushes", "statuses", "publish_status"])
def test_a_github_that_does_not_answer_is_no_revocation(case: Case, method: str) -> None:
    case.github.fail(method)
    with pytest.raises(CouldNotVerify, match="GitHub does not answer"):
        case.revoke()


@dataclass
class Decisions:
    """Whether older heads can carry what the bot decided; the branch stands at HEAD, one commit behind OLD."""

    changes: dict[str, bytes] = field(default_factory=dict)
    """What the commit at OLD changed, and the one at HEAD took back."""
    only_added_to: str = HEAD
    by: str = BOT
    github: FakeGitHub = field(default_factory=FakeGitHub)

    @property
    def record(self) -> PullRecord:
        self.github.pushed["change"] = [push(OLD, before=FORK), push(HEAD, self.by, before=OLD)]
        commits = {FORK: Commit(), BASE: Commit((FORK,)), OLD: Commit((FORK,), self.changes), HEAD: Commit((OLD,))}
        changeset = Changeset(FakeRepository(commits), BASE, HEAD, "ml/registry/models.json", POLICY_PATH)
        pull = replace(pull_request(), only_added_to=self.only_added_to)
        return PullRecord(pull_snapshot(changeset, pull), job_context(self.github))


@pytest.mark.parametrize("path", ["ml/registry/models.json", "ml/registry/models/regime.json"])
def test_where_any_commit_of_the_branch_changed_the_registry_github_is_asked_who_moved_it(path: str) -> None:
    assert Decisions({path: b"{}"}).record.has_decisions is True
    assert Decisions({path: b"{}"}, by="alice").record.has_decisions is False


@pytest.mark.parametrize("known", [HEAD, OLD])
def test_a_branch_that_was_only_added_to_and_never_changed_the_registry_costs_no_request(known: str) -> None:
    """What GitHub said of an older head counts for what was added to it since."""
    case = Decisions({"README.md": b"models"}, only_added_to=known)
    assert case.record.has_decisions is False
    assert case.github.calls == []


@pytest.mark.parametrize("known", ["", GONE, BASE])
def test_where_the_branch_may_have_been_forced_github_is_asked_who_moved_it(known: str) -> None:
    """GitHub does not say so, or says it of a head that the branch does not have any more."""
    case = Decisions(only_added_to=known)
    assert case.record.has_decisions is True
    assert case.github.calls == ["pushes"]
