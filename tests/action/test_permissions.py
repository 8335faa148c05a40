"""Who may ask for what: each role at each stage under each policy, and that an error of GitHub never permits."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promotebot.errors import CouldNotVerify
from promotebot.gate.admission import people_refusal, pull_refusal, request_refusal, role_refusal, sha_refusal
from promotebot.gate.refusal import Reason
from promotebot.promotion.policy import Policy, parse_policy
from promotebot.promotion.request import CommandArguments
from promotebot.promotion.sections import Permission
from promotebot.registry.model import Action
from promotebot.registry.names import GitSha, Stage
from tests.fakes import HEAD, NOW, POLICY_PATH, FakeGitHub, diverged, pull_request, pull_snapshot

DEFAULT = Policy()
CUSTOM = parse_policy(
    b"stages: {shadow: {permission: triage}, staging: {permission: maintain}, active: {permission: admin}}"
)
OPEN_TO_ALL = parse_policy(b"stages: {shadow: {permission: none}}")
NEEDED = [
    (DEFAULT, Stage.SHADOW, Permission.WRITE),
    (DEFAULT, Stage.STAGING, Permission.WRITE),
    (DEFAULT, Stage.ACTIVE, Permission.MAINTAIN),
    (CUSTOM, Stage.SHADOW, Permission.TRIAGE),
    (CUSTOM, Stage.STAGING, Permission.MAINTAIN),
    (CUSTOM, Stage.ACTIVE, Permission.ADMIN),
    (OPEN_TO_ALL, Stage.SHADOW, Permission.NONE),
]
WITH_SHA = parse_policy(b"require_sha: true")


def github(role: Permission) -> FakeGitHub:
    return FakeGitHub(roles={"alice": role})


@pytest.mark.parametrize("held", Permission)
@pytest.mark.parametrize(("policy", "stage", "needed"), NEEDED)
def test_a_role_is_enough_from_the_one_that_the_policy_asks_for(
    policy: Policy, stage: Stage, needed: Permission, held: Permission
) -> None:
    refusal = people_refusal(["alice"], stage, policy, github(held), "promoting to")
    if held.value >= needed.value:
        assert refusal is None
    else:
        assert refusal is not None
        assert refusal.reason is Reason.PERMISSION
        have, need = held.name.lower(), needed.name.lower()
        assert refusal.message == f"alice has {have} permission; promoting to {stage.label} needs {need}."
        assert refusal.remedy == f"ask somebody with {need} permission to write this command"
        assert refusal.findings == ()


PEOPLE = parse_policy(b"stages: {active: {people: [alice, bob]}}")


def test_who_is_named_needs_no_role_there_and_nowhere_else() -> None:
    for people in (["alice"], ["Alice", "BOB"]):
        assert people_refusal(people, Stage.ACTIVE, PEOPLE, github(Permission.NONE), "promoting to") is None
    assert people_refusal(["alice"], Stage.SHADOW, PEOPLE, github(Permission.READ), "promoting to") is not None
    fake = FakeGitHub(roles={"alice": Permission.NONE, "carol": Permission.WRITE})
    refusal = people_refusal(["alice", "carol"], Stage.ACTIVE, PEOPLE, fake, "promoting to")
    assert refusal is not None
    assert refusal.message == "carol has write permission; promoting to ACTIVE needs maintain."
    assert refusal.remedy == "ask alice, bob or somebody with maintain permission to write this command"
    refusal = role_refusal(["alice"], Stage.ACTIVE, PEOPLE, fake, "weakening the policy or promoting to")
    assert refusal is not None
    assert refusal.message == "alice has none permission; weakening the policy or promoting to ACTIVE needs maintain."


@given(one=st.sampled_from(Permission), other=st.sampled_from(Permission), asked=st.sampled_from(NEEDED))
def test_whoever_holds_more_may_do_all_that_whoever_holds_less_may(
    one: Permission, other: Permission, asked: tuple[Policy, Stage, Permission]
) -> None:
    policy, stage, _ = asked
    less, more = sorted((one, other))
    if people_refusal(["alice"], stage, policy, github(less), "promoting to") is None:
        assert people_refusal(["alice"], stage, policy, github(more), "promoting to") is None


def test_the_roles_are_githubs_in_githubs_order() -> None:
    assert [role.name.lower() for role in sorted(Permission)] == [
        "none",
        "read",
        "triage",
        "write",
        "maintain",
        "admin",
    ]


@pytest.mark.parametrize("asked", NEEDED)
def test_an_error_of_github_never_permits(asked: tuple[Policy, Stage, Permission]) -> None:
    policy, stage, _ = asked
    with pytest.raises(CouldNotVerify, match="GitHub does not answer"):
        people_refusal(["alice"], stage, policy, github(Permission.ADMIN).fail("permission"), "promoting to")


@pytest.mark.parametrize("asked", [*NEEDED, (OPEN_TO_ALL, Stage.SHADOW, Permission.NONE)])
def test_whom_github_does_not_know_may_nothing(asked: tuple[Policy, Stage, Permission]) -> None:
    policy, stage, needed = asked
    refusal = people_refusal(["nobody"], stage, policy, github(Permission.ADMIN), "promoting to")
    assert refusal is not None
    assert refusal.reason is Reason.PERMISSION
    need = needed.name.lower()
    assert refusal.message == f"there is no GitHub user nobody; promoting to {stage.label} needs {need}."


@pytest.mark.parametrize(
    ("state", "reason", "message"),
    [
        ({"state": "closed"}, Reason.PULL_CLOSED, "The pull request is closed."),
        ({"state": "closed", "merged": True, "merged_at": NOW}, Reason.PULL_CLOSED, "The pull request is merged."),
        ({"merged": True}, Reason.PULL_CLOSED, "The pull request is merged."),
        ({"is_fork": True}, Reason.FORK, "The pull request comes from a fork"),
        ({"is_fork": True, "state": "closed"}, Reason.PULL_CLOSED, "The pull request is closed."),
    ],
)
def test_nothing_can_be_asked_for_on_a_pull_request_that_is_closed_or_from_a_fork(
    state: dict[str, Any], reason: Reason, message: str
) -> None:
    refusal = pull_refusal(pull_request(**state))
    assert refusal is not None
    assert refusal.reason is reason
    assert refusal.message.startswith(message)
    assert refusal.remedy


@pytest.mark.parametrize("state", [{}, {"draft": True}, {"base_ref": "other"}])
def test_an_open_pull_request_of_this_repository_can_be_asked_on_whatever_the_policy_says_later(
    state: dict[str, Any],
) -> None:
    assert pull_refusal(pull_request(**state)) is None


OTHER = GitSha("d" * 40)


@pytest.mark.parametrize("policy", [DEFAULT, WITH_SHA])
@pytest.mark.parametrize("stage", Stage)
@pytest.mark.parametrize("action", Action)
def test_a_sha_that_is_not_the_head_is_refused_whatever_the_policy(
    policy: Policy, stage: Stage, action: Action
) -> None:
    refusal = sha_refusal(CommandArguments(stage, action, sha=OTHER), HEAD, policy)
    assert refusal is not None
    assert refusal.reason is Reason.SHA_MISMATCH
    assert refusal.message == f"--sha says {OTHER}, the head is {HEAD}."
    assert (
        refusal.remedy
        == f"check the new commits, then request it again: {CommandArguments(stage, action).line({'sha': HEAD})}"
    )
    assert f"--sha {HEAD}" in refusal.remedy
    assert sha_refusal(CommandArguments(stage, action, sha=HEAD), HEAD, policy) is None


@pytest.mark.parametrize(
    ("stage", "action", "needs_one"),
    [
        (Stage.SHADOW, Action.PROMOTE, False),
        (Stage.STAGING, Action.PROMOTE, False),
        (Stage.ACTIVE, Action.PROMOTE, True),
        (Stage.SHADOW, Action.ROLLBACK, True),
        (Stage.ACTIVE, Action.ROLLBACK, True),
        (Stage.STAGING, Action.DEMOTE, False),
        (Stage.ACTIVE, Action.DEMOTE, True),
    ],
)
def test_a_policy_that_requires_a_sha_means_active_and_rollbacks(stage: Stage, action: Action, needs_one: bool) -> None:
    arguments = CommandArguments(stage, action)
    assert sha_refusal(arguments, HEAD, DEFAULT) is None
    refusal = sha_refusal(arguments, HEAD, WITH_SHA)
    assert (refusal is not None) is needs_one
    if refusal:
        assert refusal.reason is Reason.SHA_REQUIRED
        assert refusal.remedy == f"check the head, then request it again: {arguments.line({'sha': HEAD})}"
        assert f"--sha {HEAD}" in refusal.remedy


def asked(
    *,
    policy: bytes = b"",
    trusted: Policy = DEFAULT,
    role: Permission = Permission.ADMIN,
    arguments: CommandArguments | None = None,
    **pull: Any,
) -> tuple[Reason | None, str, list[str]]:
    """What becomes of a request: its reason and message where it is refused, and what GitHub was asked."""
    files = {POLICY_PATH: policy} if policy else {}
    snapshot = pull_snapshot(diverged(files, files), pull_request(**pull), trusted=trusted)
    fake = github(role)
    refusal = request_refusal(arguments or CommandArguments(Stage.ACTIVE), ["alice"], snapshot, fake)
    return (refusal.reason if refusal else None, refusal.message if refusal else "", fake.calls)


def test_a_request_into_the_default_branch_by_who_may_is_not_refused() -> None:
    assert asked() == (None, "", ["permission"])


def test_a_base_that_takes_no_promotions_is_refused_before_anybody_is_asked() -> None:
    reason, message, calls = asked(base_ref="release", role=Permission.NONE)
    assert (reason, calls) == (Reason.WRONG_BASE, [])
    assert message == "The base branch 'release' of the pull request does not accept promotions."


def test_a_base_is_trusted_by_the_default_branchs_policy_and_not_by_its_own() -> None:
    assert asked(base_ref="release", trusted=parse_policy(b"bases: [release]"))[0] is None
    assert asked(base_ref="release", policy=b"bases: [release]\n")[0] is Reason.WRONG_BASE
    assert asked(base_ref="releases", trusted=parse_policy(b"bases: [release]"))[0] is Reason.WRONG_BASE


def test_a_draft_is_refused_unless_the_bases_policy_lets_drafts_promote() -> None:
    reason, message, calls = asked(draft=True, role=Permission.NONE)
    assert (reason, message, calls) == (Reason.DRAFT, "The pull request is a draft.", [])
    assert asked(draft=True, policy=b"drafts: true\n")[0] is None
    assert asked(draft=True, trusted=parse_policy(b"drafts: true"))[0] is Reason.DRAFT


@pytest.mark.parametrize(
    ("action", "words"),
    [
        (Action.PROMOTE, "promoting to ACTIVE needs maintain"),
        (Action.ROLLBACK, "rolling back ACTIVE needs maintain"),
        (Action.DEMOTE, "demoting from ACTIVE needs maintain"),
    ],
)
def test_a_missing_permission_is_said_before_a_wrong_sha_and_names_what_was_asked(action: Action, words: str) -> None:
    wrong = CommandArguments(Stage.ACTIVE, action, sha=OTHER)
    reason, message, _ = asked(role=Permission.WRITE, arguments=wrong)
    assert reason is Reason.PERMISSION
    assert message == f"alice has write permission; {words}."
    assert asked(role=Permission.MAINTAIN, arguments=wrong)[0] is Reason.SHA_MISMATCH


def test_the_permission_is_what_the_bases_policy_asks_for() -> None:
    stricter = b"stages: {shadow: {permission: admin}}\n"
    shadow = CommandArguments(Stage.SHADOW)
    assert asked(role=Permission.MAINTAIN, arguments=shadow)[0] is None
    assert asked(role=Permission.MAINTAIN, arguments=shadow, policy=stricter)[0] is Reason.PERMISSION
    assert asked(role=Permission.ADMIN, arguments=shadow, policy=stricter)[0] is None
