"""Who may weaken the policy: everybody behind the pull request needs the highest role that a stage asks for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from promotebot.findings import Finding, Severity
from promotebot.gate.approvals import separation
from promotebot.gate.requests import RequestCheck
from promotebot.github.ports import PullRequest
from promotebot.promotion.policy import parse_policy
from promotebot.promotion.policy_changes import PolicyEdit
from promotebot.promotion.sections import Permission
from tests.fakes import HEAD, FakeGitHub, diverged, job_context, pull_request, pull_snapshot, push
from tests.pulls.promoted import EMPTY, files

LAX = "stages: {active: {permission: write}}\n"
ROLES = {"bob": Permission.MAINTAIN, "carol": Permission.WRITE, "root": Permission.ADMIN}


@dataclass
class Case:
    """A pull request by bob, who may promote to every stage, pushed by bob alone."""

    before: str = ""
    after: str = LAX
    pull: PullRequest = field(default_factory=lambda: pull_request(author="bob"))
    github: FakeGitHub = field(
        default_factory=lambda: FakeGitHub(roles=ROLES, pushed={"change": [push(HEAD, "bob", creates=True)]})
    )

    def findings(self) -> list[Finding]:
        changeset = diverged(files(EMPTY, policy=self.before), files(EMPTY, policy=self.after))
        check = RequestCheck(pull_snapshot(changeset, self.pull), changeset, job_context(self.github), ())
        return list(check.policy_findings())

    def refused(self) -> Finding:
        [problem] = self.findings()
        assert (problem.rule, problem.severity, problem.where) == (
            "policy.changed",
            Severity.ERROR,
            ".github/promotion.yml",
        )
        return problem


def test_who_may_promote_to_every_stage_may_weaken_the_policy() -> None:
    assert Case().findings() == []


def test_a_writer_cannot_and_is_told_who_can() -> None:
    problem = Case(pull=pull_request(author="carol")).refused()
    assert problem.message == (
        "`stages.active.permission`: carol has write permission; "
        "weakening the policy or promoting to ACTIVE needs maintain."
    )
    assert problem.remedy == (
        "ask somebody with maintain permission to open it, from a branch that nobody with a lower role pushed to"
    )


def test_a_writer_cannot_push_it_onto_the_branch_of_somebody_who_may() -> None:
    case = Case()
    case.github.pushed["change"] = [push("d" * 40, "carol", creates=True), push(HEAD, "bob")]
    assert "carol has write permission" in case.refused().message


def test_the_highest_role_that_any_stage_asks_for_is_needed() -> None:
    case = Case("stages: {staging: {permission: admin}}\n", "stages: {staging: {permission: admin}}\ndrafts: true\n")
    message = case.refused().message
    assert message.endswith("bob has maintain permission; weakening the policy or promoting to STAGING needs admin.")
    case.pull = pull_request(author="root")
    case.github.pushed["change"] = [push(HEAD, "root", creates=True)]
    assert case.findings() == []


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "require_reason: true\n"),
        ("", "contacts: [me]\n"),
        (LAX, LAX),
        (LAX, f"# why\n{LAX}"),
        ("", "nonsense: 1\n"),  # refused by `check_policy`
    ],
)
def test_what_weakens_nothing_is_asked_of_nobody(before: str, after: str) -> None:
    case = Case(before, after, pull_request(author="carol"))
    assert case.findings() == []
    assert case.github.calls == []


def test_taking_the_file_away_is_held_to_what_it_said() -> None:
    assert "`require_sha`" in Case("require_sha: true\n", "", pull_request(author="carol")).refused().message


@pytest.mark.parametrize("pushes", [[], [push(HEAD, "helper[bot]", creates=True)]])
def test_people_that_nobody_knows_may_not(pushes: list[Any]) -> None:
    case = Case()
    case.github.pushed["change"] = pushes
    assert case.refused().message.startswith("It is unknown who requests weakening the policy")


def test_a_fork_weakens_nothing_whoever_opened_it() -> None:
    problem = Case(pull=pull_request(author="bob", is_fork=True)).refused()
    assert "comes from a fork" in problem.message
    assert problem.remedy == "push the branch to this repository and open the pull request from there"


def test_a_fork_changes_nothing_that_needs_approvals_and_is_told_the_way_out() -> None:
    strict = "separation: {approvals: 1}\nrequire_sha: true\n"
    case = Case("separation: {approvals: 1}\n", strict, pull_request(author="mallory", is_fork=True))
    problem = case.refused()
    assert "a change of the policy under `separation`" in problem.message
    assert problem.remedy == "push the branch to this repository and open the pull request from there"
    policy = parse_policy(b"separation: {approvals: 1}")
    missing = separation((), HEAD, case.pull, policy, case.github, edit=PolicyEdit.CHANGE)
    assert missing
    assert missing.finding.severity is Severity.ERROR
    assert "for a fork" in missing.finding.message
    assert case.github.calls == [], "what the base says of a branch of the same name is about another branch"


def test_a_stricter_policy_from_a_fork_needs_nobody_where_nothing_asks_for_approvals() -> None:
    assert Case("", "require_sha: true\n", pull_request(author="mallory", is_fork=True)).findings() == []
