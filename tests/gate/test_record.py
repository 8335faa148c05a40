"""Which heads turn red: those of the pull request that are green by our own account, wherever its branch has been."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from promotebot.errors import CouldNotVerify
from promotebot.gate.attestation import Attestation, attestation_context
from promotebot.gate.record import PullRecord
from promotebot.github.checks import GATE
from promotebot.promotion.policy import Policy
from promotebot.pulls.changeset import Changeset
from promotebot.registry.chain import event_digest, sealed
from promotebot.registry.codec import stored_json
from promotebot.registry.names import Stage, parse_digest
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
from tests.gate.trees import MODEL, base

OLD, OLDER, GONE = ("d" * 40, "e" * 40, "f" * 40)
WHY = "withdrawn or replaced"


@dataclass
class Case:
    """A branch that was made at OLDER, then stood at OLD, and is at HEAD now; all three are green."""

    github: FakeGitHub = field(default_factory=FakeGitHub)
    pull: Any = field(default_factory=pull_request)
    trusted: Policy = field(default_factory=Policy)

    def __post_init__(self) -> None:
        at = [push(OLDER, creates=True), push(OLD, before=OLDER), push(HEAD, before=OLD)]
        self.github.pushed["change"] = at
        for sha in (OLDER, OLD, HEAD):
            self.github.post(sha, GATE, "success")

    def revoke(self, *, keep: str = "", bot: str = BOT) -> int:
        return self.record(bot=bot).revoke_heads(why=WHY, keep=keep)

    def record(self, **changes: Any) -> PullRecord:
        parents = {TRAINED: (), FORK: (TRAINED,), BASE: (FORK,), OLDER: (FORK,), OLD: (OLDER,), HEAD: (OLD,), GONE: ()}
        repository = FakeRepository({sha: Commit(tuple(before)) for sha, before in parents.items()})
        changeset = Changeset(repository, BASE, HEAD, "ml/registry/models.json", POLICY_PATH)
        job = job_context(self.github, bot_login=changes.pop("bot", BOT), **changes)
        return PullRecord(pull_snapshot(changeset, self.pull, trusted=self.trusted), job)

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
    assert case.record().revoke_heads(why=WHY, keep=HEAD) == 0
    assert case.github.calls == []
    assert case.revoke() == 1
    assert [case.last(sha) for sha in (OLDER, HEAD)] == ["success", "failure"]


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


DIGEST = parse_digest("sha256:" + "1" * 64)
CONTEXT = attestation_context(DIGEST)


def test_who_moved_the_branch_to_a_commit_is_what_github_lists(case: Case) -> None:
    case.github.pushed["change"][1] = push(OLD, BOT, before=OLDER)
    record = case.record()
    assert [record.is_by_bot(sha) for sha in (OLDER, OLD, HEAD)] == [False, True, False]


def test_of_a_fork_nobody_knows_who_moved_it_and_nobody_is_asked(case: Case) -> None:
    case.pull = replace(case.pull, is_fork=True)
    assert case.record().is_by_bot(HEAD) is False
    assert case.github.calls == []


def test_where_github_does_not_say_who_moved_it_it_was_not_the_bot(
    case: Case, caplog: pytest.LogCaptureFixture
) -> None:
    case.github.fail("pushes")
    assert case.record().is_by_bot(HEAD) is False
    assert caplog.messages == ["nobody knows who made ccccccc: GitHub does not answer\nNext: run the job again"]


def test_what_the_bot_decided_is_read_from_its_own_statuses_for_this_pull_request(case: Case) -> None:
    case.github.post(OLD, CONTEXT, "success", description="#7 comment-5 regime → ACTIVE")
    case.github.post(OLD, f"{CONTEXT}0", "success", by="carol", description="#7 comment-6 regime → ACTIVE")
    case.github.post(OLD, f"{CONTEXT}1", "success", description="#8 comment-7 regime → ACTIVE")
    case.github.post(OLD, f"x{CONTEXT}", "success", description="#7 comment-8 regime → ACTIVE")
    case.github.post(OLDER, CONTEXT, "failure", description="#7 comment-4 withdrawn by bob")
    assert list(case.record().attestations()) == [
        Attestation(OLD, CONTEXT, True, "comment-5", "regime → ACTIVE"),
        Attestation(OLDER, CONTEXT, False, "comment-4", "withdrawn by bob"),
    ]


def test_only_what_was_not_taken_back_stands_and_taking_back_says_why(case: Case) -> None:
    other = f"{CONTEXT}0"
    case.github.post(OLD, CONTEXT, "success", description="#7 comment-5 regime → ACTIVE")
    case.github.post(HEAD, other, "success", description="#7 comment-6 regime → SHADOW")
    record = case.record()
    assert [one.context for one in record.standing()] == [other, CONTEXT]
    assert [one.context for one in record.standing(keep=[other])] == [CONTEXT]
    record.take_back(record.standing(keep=[other]), why="withdrawn by bob")
    assert case.github.posted[-1].sha == OLD
    last = case.github.posted[-1].status
    assert (last.context, last.state, last.description) == (CONTEXT, "failure", "#7 comment-5 withdrawn by bob")
    assert [one.context for one in case.record().standing()] == [other]


def test_a_head_that_the_branch_has_left_turns_red_but_for_the_bases_own(case: Case) -> None:
    case.record().turn_red(GONE, why=WHY)
    assert (case.github.posted[-1].sha, case.github.posted[-1].status.description) == (GONE, WHY)
    assert case.last(GONE) == "failure"
    case.record().turn_red(FORK, why=WHY)
    assert case.github.verdicts(FORK) == []


def test_a_closed_pull_requests_heads_turn_red_and_say_what_opening_does(case: Case) -> None:
    case.github.post(OLD, GATE, "failure")
    assert case.record().revoke_closed() == 2
    assert [case.last(sha) for sha in (OLDER, OLD, HEAD)] == ["failure"] * 3
    said = "#7 was closed; reopening it starts the check again"
    assert {posted.status.description for posted in case.github.posted[-2:]} == {said}


@pytest.mark.parametrize(
    ("changes", "stays"),
    [
        ({}, True),
        ({"state": "closed"}, False),
        ({"is_fork": True}, False),
        ({"base_ref": "live"}, False),
        ({"head_sha": OLD}, False),
    ],
)
def test_a_closed_pull_requests_head_stays_green_where_another_open_one_is_at_it(
    case: Case, changes: dict[str, Any], stays: bool
) -> None:
    case.github.pulls[8] = pull_request(8, **{"head_sha": HEAD, "head_ref": "other", **changes})
    case.github.brought[HEAD] = [8]
    case.record().revoke_closed()
    assert case.last(HEAD) == ("success" if stays else "failure")
    assert case.last(OLDER) == "failure"


def test_what_was_merged_as_another_commit_turns_red_and_says_what_judges_it_again(case: Case) -> None:
    case.pull = replace(case.pull, state="closed", merged=True)
    assert case.record().revoke_closed() == 3
    assert case.github.posted[-1].status.description == "#7 was merged; a new pull request starts the check again"


@pytest.mark.parametrize("others", [{}, {"is_fork": True}])
def test_of_two_forks_at_one_commit_the_open_one_keeps_it_green(case: Case, others: dict[str, Any]) -> None:
    """Nobody may turn somebody else's pull request red by closing one of their own."""
    case.pull = replace(case.pull, is_fork=True)
    case.github.pulls[8] = pull_request(8, head_sha=HEAD, head_ref="other", **others)
    case.github.brought[HEAD] = [8]
    assert case.record().revoke_closed() == 0


def test_the_head_that_a_fork_has_left_turns_red_but_never_the_present_one(case: Case) -> None:
    case.record().revoke_left(OLD)
    assert case.github.calls == [], "a branch of this repository has its list of pushes"
    case.pull = replace(case.pull, is_fork=True)
    case.record().revoke_left(HEAD)
    assert case.last(HEAD) == "success"
    case.record().revoke_left(OLD)
    assert case.last(OLD) == "failure"
    assert case.github.posted[-1].status.description == f"#7 went on to {HEAD[:7]}"


def test_a_closed_pull_request_does_not_keep_its_own_head_green(case: Case) -> None:
    """GitHub may show it open still."""
    case.github.pulls[7] = case.pull
    case.github.brought[HEAD] = [7]
    assert case.record().revoke_closed() == 3


LIVE = f"{GATE} (live)"


def test_another_bases_green_turns_red_where_no_pull_request_goes_there_any_more(case: Case) -> None:
    case.trusted = Policy.model_validate({"bases": ["live"]})
    for head in (OLD, HEAD):
        case.github.post(head, LIVE, "success")
    case.record().revoke_other_bases()
    last = case.github.posted[-1]
    assert (last.sha, last.status.context, last.status.state) == (HEAD, LIVE, "failure")
    assert last.status.description == "#7 now targets main"
    assert case.github.verdicts(HEAD) == ["success"]
    posted = len(case.github.posted)
    case.record().revoke_other_bases(everywhere=True)
    assert [one.sha for one in case.github.posted[posted:]] == [OLD]


def test_where_there_is_no_other_base_nothing_is_asked(case: Case) -> None:
    case.github.post(HEAD, LIVE, "success")
    case.record().revoke_other_bases()
    assert case.github.calls == []


@pytest.mark.parametrize(
    ("changes", "stays"),
    [({}, True), ({"state": "closed"}, False), ({"state": "closed", "merged": True}, True), ({"is_fork": True}, False)],
)
def test_another_bases_green_stays_where_a_pull_request_into_it_is_at_the_commit(
    case: Case, changes: dict[str, Any], stays: bool
) -> None:
    case.trusted = Policy.model_validate({"bases": ["live"]})
    case.github.post(HEAD, LIVE, "success")
    case.github.pulls[8] = pull_request(8, **{"head_sha": HEAD, "head_ref": "other", "base_ref": "live", **changes})
    case.github.brought[HEAD] = [8]
    case.record().revoke_other_bases()
    states = [one.status.state for one in case.github.posted if one.status.context == LIVE]
    assert states == (["success"] if stays else ["success", "failure"])


@dataclass
class Again:
    """A run that is started again: the bot moved the branch to HEAD before, with a request's event in the registry."""

    asked_on: str = OLD
    by: str = BOT
    attempt: str = "2"
    state: str = ""
    github: FakeGitHub = field(default_factory=FakeGitHub)

    def said_of(self, request_id: str) -> Attestation | None:
        desk = base()
        document = desk.promoted(MODEL, Stage.STAGING, "v2").registry.document
        ref = {"repo": "acme/models", "pull": 7, "id": "comment:5#1", "login": "alice", "head_sha": self.asked_on}
        entry = document["models"][MODEL]
        entry["history"][-1] |= {"source": "github", "request": ref}
        entry["history"], entry["history_digest"] = sealed(entry["history"])
        path = "ml/registry/models.json"
        commits = {
            BASE: Commit((), {path: desk.registry.to_bytes()}),
            OLD: Commit((BASE,), {path: desk.registry.to_bytes()}),
            HEAD: Commit((OLD,), {path: stored_json(document)}),
        }
        if self.state:
            context = attestation_context(event_digest(entry["history"][-1]))
            self.github.post(OLD, context, self.state, description="#7 comment:5#1 regime → STAGING")
        self.github.pushed["change"] = [push(OLD, before=BASE), push(HEAD, self.by, before=OLD)]
        self.github.pushed["change"].append(push("0" * 40, BOT, before=HEAD))  # and deleted it
        changeset = Changeset(FakeRepository(commits), BASE, HEAD, path, POLICY_PATH)
        job = job_context(self.github, run_attempt=self.attempt)
        return PullRecord(pull_snapshot(changeset), job).of_request(request_id)


@pytest.mark.parametrize(("state", "stands"), [("success", True), ("failure", False)])
def test_a_run_that_is_started_again_knows_what_it_decided(state: str, stands: bool) -> None:
    said = Again(state=state).said_of("comment:5#1")
    assert said
    assert (said.sha, said.stands, said.request_id, said.what) == (OLD, stands, "comment:5#1", "regime → STAGING")


def test_what_was_carried_out_and_is_not_attested_does_not_stand() -> None:
    said = Again().said_of("comment:5#1")
    assert said
    assert (said.sha, said.stands, said.request_id, said.what) == (OLD, False, "comment:5#1", "not attested")


@pytest.mark.parametrize(
    ("case", "request_id"),
    [
        (Again(state="success"), "comment:5#2"),
        (Again(state="success", by="alice"), "comment:5#1"),
        (Again(state="success", attempt="1"), "comment:5#1"),
    ],
    ids=["another request", "somebody else moved the branch", "a run's first attempt"],
)
def test_of_a_request_that_the_bot_did_not_carry_out_nothing_is_said(case: Again, request_id: str) -> None:
    assert case.said_of(request_id) is None
    assert case.attempt == "2" or case.github.calls == []
