"""Separation of duties on its own: whose approval counts, how many are missing, and that silence approves nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from promotebot.errors import CouldNotVerify
from promotebot.findings import Finding, Severity
from promotebot.gate.approvals import separation
from promotebot.promotion.policy import Policy, parse_policy
from promotebot.promotion.policy_changes import PolicyEdit
from promotebot.promotion.replay import Step
from promotebot.promotion.sections import Permission
from promotebot.registry.model import Event
from promotebot.registry.names import ModelName
from tests.fakes import BOT, DIGEST, HEAD, REPO, FakeGitHub, Review, pull_request, push
from tests.pulls.promoted import EMPTY

ONE, TWO = (parse_policy(f"separation: {{approvals: {n}}}".encode()) for n in (1, 2))
OTHER = "d" * 40


def step(login: str | None = "alice") -> Step:
    """A promotion that somebody asked for on GitHub; None for one that was made at a terminal."""
    document: dict[str, Any] = {
        "ts_utc": "2026-02-16T09:00:00Z",
        "to_stage": "active",
        "pointer": {"artifact_dir": "ml/artifacts/v1", "artifact_id": "v1"},
    }
    if login:
        request = {"repo": REPO, "pull": 7, "id": "comment:1#1", "login": login, "head_sha": HEAD}
        document.update(source="github", actor=login, request=request)
    return Step(ModelName("regime"), Event.model_validate(document), EMPTY, DIGEST)


@pytest.fixture
def github() -> FakeGitHub:
    """Pull request 7 by alice, whose branch the bot moved after her."""
    return FakeGitHub(
        roles={
            "alice": Permission.MAINTAIN,
            "bob": Permission.MAINTAIN,
            "carol": Permission.WRITE,
            "mallory": Permission.READ,
            "tom": Permission.TRIAGE,
        },
        pulls={7: pull_request()},
        pushed={"change": [push(OTHER, creates=True), push(HEAD, BOT)]},
    )


def approve(github: FakeGitHub, *logins: str, commit: str = HEAD) -> None:
    github.reviews.setdefault(7, []).extend(Review(login, "APPROVED", commit) for login in logins)


def separated(github: FakeGitHub, policy: Policy = ONE, *steps: Step) -> Finding:
    result = separation(steps or (step(),), HEAD, github.pulls[7], policy, github)
    assert result is not None
    assert result.finding.rule == "separation"
    assert bool(result.approvers) is (result.finding.severity is Severity.PASS)
    return result.finding


def waits(result: Finding) -> str:
    assert result.severity is Severity.ERROR
    return result.message


def test_where_the_policy_asks_for_none_nobody_is_asked(github: FakeGitHub) -> None:
    assert separation((step(),), HEAD, github.pulls[7], Policy(), github) is None
    assert github.calls == []


def test_a_pull_request_that_promotes_nothing_waits_for_nobody(github: FakeGitHub) -> None:
    assert separation((), HEAD, github.pulls[7], TWO, github) is None
    assert github.calls == []


def test_a_pull_request_that_changes_the_policy_waits_though_it_promotes_nothing(github: FakeGitHub) -> None:
    def asked() -> Finding | None:
        found = separation((), HEAD, github.pulls[7], ONE, github, edit=PolicyEdit.CHANGE)
        return found and found.finding

    approve(github, "alice")
    result = asked()
    assert result is not None
    assert waits(result) == "waits for 1 more approval of ccccccc"
    assert "other than alice approves" in result.remedy
    github.pushed["change"] = [push(OTHER), push(HEAD, "bob")]
    approve(github, "bob")
    result = asked()
    assert result is not None
    assert "other than alice or bob approves" in result.remedy
    approve(github, "carol")
    result = asked()
    assert result is not None
    assert result.severity is Severity.PASS


def test_somebody_elses_approval_of_this_head_is_enough(github: FakeGitHub) -> None:
    approve(github, "bob")
    result = separated(github)
    assert (result.severity, result.message) == (
        Severity.PASS,
        "ccccccc is approved by bob, who neither requested nor pushed it",
    )


def test_without_approvals_it_waits_and_says_for_whom(github: FakeGitHub) -> None:
    result = separated(github)
    assert waits(result) == "waits for 1 more approval of ccccccc"
    assert result.remedy.startswith("somebody with write permission other than alice approves exactly this commit")


def test_who_is_asked_to_pushes_is_not_asked_for_while_too_few_approved(github: FakeGitHub) -> None:
    """Right after the bot's own push GitHub may not list it yet; that must not fail what has to wait anyway."""
    github.fail("pushes").fail("permission")
    assert waits(separated(github)) == "waits for 1 more approval of ccccccc"
    assert github.calls == ["approvals"]


@pytest.mark.parametrize(
    ("approved", "policy", "message"),
    [
        ((), TWO, "waits for 2 more approvals of ccccccc"),
        (("bob",), TWO, "waits for 1 more approval of ccccccc"),
        (("bob", "bob"), TWO, "waits for 1 more approval of ccccccc"),
        (("alice",), ONE, "waits for 1 more approval of ccccccc"),
        (("mallory", "tom"), TWO, "waits for 2 more approvals of ccccccc"),
        (("bob", "mallory"), TWO, "waits for 1 more approval of ccccccc"),
    ],
)
def test_what_is_missing_is_counted(
    github: FakeGitHub, approved: tuple[str, ...], policy: Policy, message: str
) -> None:
    approve(github, *approved)
    assert waits(separated(github, policy)) == message


def test_two_approvals_are_two_people(github: FakeGitHub) -> None:
    approve(github, "carol", "bob")
    result = separated(github, TWO)
    assert (result.severity, result.message) == (
        Severity.PASS,
        "ccccccc is approved by bob, carol, who neither requested nor pushed it",
    )


@pytest.mark.parametrize(
    ("held", "counts"),
    [
        (Permission.NONE, False),
        (Permission.READ, False),
        (Permission.TRIAGE, False),
        (Permission.WRITE, True),
        (Permission.MAINTAIN, True),
        (Permission.ADMIN, True),
    ],
)
def test_only_who_may_write_counts(github: FakeGitHub, held: Permission, counts: bool) -> None:
    github.roles["bob"] = held
    approve(github, "bob")
    assert (separated(github).severity is Severity.PASS) is counts


def test_nobody_who_asked_counts_in_somebody_elses_pull_request(github: FakeGitHub) -> None:
    approve(github, "bob", "carol")
    asked_by_both = separated(github, ONE, step("bob"), step("carol"))
    assert waits(asked_by_both) == "waits for 1 more approval of ccccccc"
    assert "other than alice or bob or carol approves" in asked_by_both.remedy
    assert (
        separated(github, ONE, step("bob")).message
        == "ccccccc is approved by carol, who neither requested nor pushed it"
    )


def test_the_author_does_not_count_though_somebody_else_asked(github: FakeGitHub) -> None:
    approve(github, "alice")
    assert waits(separated(github, ONE, step("bob"))) == "waits for 1 more approval of ccccccc"


def test_the_author_does_not_count_for_what_was_made_at_a_terminal(github: FakeGitHub) -> None:
    approve(github, "alice")
    result = separated(github, ONE, step(None))
    assert waits(result) == "waits for 1 more approval of ccccccc"
    assert "other than alice approves" in result.remedy


def test_who_moved_the_branch_last_does_not_count(github: FakeGitHub) -> None:
    github.pushed["change"] = [push(OTHER), push(OTHER, "bob"), push(HEAD, BOT)]
    approve(github, "bob")
    result = separated(github)
    assert waits(result) == "waits for 1 more approval of ccccccc"
    assert "other than alice or bob approves" in result.remedy
    approve(github, "carol")
    assert separated(github).message == "ccccccc is approved by carol, who neither requested nor pushed it"


def test_a_branch_that_only_apps_moved_keeps_nobody_out(github: FakeGitHub) -> None:
    github.pulls[7] = replace(github.pulls[7], author="github-actions[bot]")
    github.pushed["change"] = [push(OTHER, BOT, creates=True), push(HEAD, BOT)]
    approve(github, "bob")
    assert separated(github).severity is Severity.PASS


def test_an_approval_of_another_commit_counts_for_nothing(github: FakeGitHub) -> None:
    approve(github, "bob", commit=OTHER)
    assert waits(separated(github)) == "waits for 1 more approval of ccccccc"


@pytest.mark.parametrize("state", ["DISMISSED", "CHANGES_REQUESTED"])
def test_an_approval_that_was_taken_back_counts_for_nothing(github: FakeGitHub, state: str) -> None:
    approve(github, "bob")
    github.reviews[7].append(Review("bob", state, HEAD))
    assert waits(separated(github)) == "waits for 1 more approval of ccccccc"


@pytest.mark.parametrize("method", ["approvals", "pushes", "permission"])
def test_a_github_that_does_not_answer_approves_nothing(github: FakeGitHub, method: str) -> None:
    approve(github, "bob")
    github.fail(method)
    with pytest.raises(CouldNotVerify, match="GitHub does not answer"):
        separated(github)


def test_a_push_that_github_does_not_list_yet_approves_nothing(github: FakeGitHub) -> None:
    approve(github, "bob")
    github.pushed["change"].pop()
    with pytest.raises(CouldNotVerify, match="does not list who pushed ccccccc to change"):
        separated(github)


def test_an_approver_whom_github_does_not_know_any_more_approves_nothing(github: FakeGitHub) -> None:
    approve(github, "ghost")
    finding = separated(github)
    assert finding is not None
    assert finding.severity is Severity.ERROR
