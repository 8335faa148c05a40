"""Why a request may not stand, in words and with the line that mends it: `said/gate_refusals.txt`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from promotebot.errors import CouldNotVerify
from promotebot.gate.admission import may_write, request_refusal, who_lacks
from promotebot.gate.judge import evaluate_pull
from promotebot.gate.record import PullRecord
from promotebot.gate.refusal import Refusal
from promotebot.promotion.policy import Policy
from promotebot.promotion.request import CommandArguments
from promotebot.promotion.sections import Permission
from promotebot.pulls.snapshot import PullSnapshot
from promotebot.registry import Stage
from promotebot.registry.model import Action
from promotebot.registry.names import ModelName
from promotebot.registry.registry import DEFAULT_PATH
from tests.approved import approve, finding_text
from tests.fakes import HEAD, POLICY_PATH, FakeGitHub, diverged, job_context, pull_request, pull_snapshot

MODEL = ModelName("regime")
ROLES = {"mary": Permission.MAINTAIN, "will": Permission.WRITE, "rita": Permission.READ}
PEOPLE = ("mary",)
BASES = {"bases": ["live"]}


def snapshot_of(policy: str = "", trusted: Mapping[str, Any] | None = None, **changes: Any) -> PullSnapshot:
    files = {POLICY_PATH: policy.encode()}
    return pull_snapshot(diverged(files, files), pull_request(**changes), trusted=Policy.model_validate(trusted or {}))


def refused(
    snapshot: PullSnapshot,
    people: tuple[str, ...] = PEOPLE,
    action: Action = Action.PROMOTE,
    stage: Stage = Stage.ACTIVE,
    **given: Any,
) -> Refusal | None:
    arguments = CommandArguments(stage, action, MODEL, **given)
    return request_refusal(arguments, people, snapshot, FakeGitHub(roles=ROLES))


def shown(refusal: Refusal | None) -> list[str]:
    return [f"{refusal.reason.value}: {refusal.message}", f"→ {refusal.remedy}"] if refusal else ["may stand"]


def of_pulls() -> Iterator[tuple[str, list[str]]]:
    yield "an open pull request", shown(refused(snapshot_of()))
    yield "merged", shown(refused(snapshot_of(state="closed", merged=True)))
    yield "merged, and shown open still", shown(refused(snapshot_of(merged=True)))
    yield "closed", shown(refused(snapshot_of(state="closed")))
    yield "from a fork", shown(refused(snapshot_of(is_fork=True)))
    yield "a draft", shown(refused(snapshot_of(draft=True)))
    yield "a draft that the policy takes", shown(refused(snapshot_of("drafts: true\n", draft=True)))
    yield "a draft into a branch of no use", shown(refused(snapshot_of(draft=True, base_ref="topic")))
    yield "into a branch that takes no promotions", shown(refused(snapshot_of(base_ref="topic")))
    yield "from a base into another", shown(refused(snapshot_of(trusted=BASES, head_ref="live")))
    yield "from the default branch", shown(refused(snapshot_of(trusted=BASES, head_ref="main", base_ref="live")))


def of_people() -> Iterator[tuple[str, list[str]]]:
    here = snapshot_of()
    yield "who may write, for ACTIVE", shown(refused(here, ("will",)))
    yield "who may write, for SHADOW", shown(refused(here, ("will",), stage=Stage.SHADOW))
    yield "who may read", shown(refused(here, ("rita",), stage=Stage.SHADOW))
    yield "no user", shown(refused(here, ("ghost",)))
    yield "one of two may not", shown(refused(here, ("mary", "will")))
    yield "a rollback", shown(refused(here, ("will",), Action.ROLLBACK))
    yield "a demotion", shown(refused(here, ("will",), Action.DEMOTE))


def of_commits() -> Iterator[tuple[str, list[str]]]:
    here, strict = snapshot_of(), snapshot_of("require_sha: true\n")
    yield "this very head", shown(refused(here, sha=HEAD))
    yield "another head", shown(refused(here, sha="9" * 40, reason="checked"))
    yield "asked for, and given", shown(refused(strict, sha=HEAD))
    yield "asked for, ACTIVE without it", shown(refused(strict))
    yield "asked for, STAGING without it", shown(refused(strict, stage=Stage.STAGING))
    yield "asked for, a rollback without it", shown(refused(strict, action=Action.ROLLBACK, stage=Stage.STAGING))


def test_every_refusal_of_a_request_reads_as_approved() -> None:
    approve("gate_refusals", [*of_pulls(), *of_people(), *of_commits()])


def test_who_cannot_be_asked_about_is_not_permitted() -> None:
    github = FakeGitHub(roles=ROLES).fail("permission")
    with pytest.raises(CouldNotVerify, match="GitHub does not answer"):
        who_lacks(PEOPLE, Permission.READ, github)


def test_the_first_who_lacks_the_role_is_named_and_nobody_after_is_asked_about() -> None:
    github = FakeGitHub(roles=ROLES)
    assert who_lacks(("mary", "rita", "will"), Permission.WRITE, github) == "rita has read permission"
    assert github.calls == ["permission", "permission"]
    assert who_lacks((), Permission.ADMIN, github) == ""


@pytest.mark.parametrize(("login", "may"), [("mary", True), ("will", True), ("rita", False), ("ghost", False)])
def test_who_may_write_is_what_github_says(login: str, may: bool) -> None:
    assert may_write(login, FakeGitHub(roles=ROLES)) is may


def test_of_a_fork_that_changes_the_registry_nothing_is_read() -> None:
    """Whoever may read can open such a pull request, with any number of events in it."""
    changeset = diverged({DEFAULT_PATH: b"{}"}, {DEFAULT_PATH: b"no registry at all"})
    snapshot = pull_snapshot(changeset, pull_request(is_fork=True))
    github = FakeGitHub()
    job = job_context(github)
    result = evaluate_pull(snapshot, changeset, job, record=PullRecord(snapshot, job))
    assert [finding_text(one).splitlines() for one in result.findings] == [
        [
            "error | gate.fork",
            "    message: The pull request comes from a fork, and promotebot cannot write to a fork.",
            "    remedy: push the branch to this repository and open the pull request from there",
        ]
    ]
    assert (result.is_replayed, result.steps, result.passes) == (False, (), False)
    assert github.calls == ["statuses"]  # for holds; about nobody whom an event names


def test_a_fork_that_leaves_the_registry_alone_is_judged_like_any_other() -> None:
    changeset = diverged({}, {"README.md": b"models"})
    snapshot = pull_snapshot(changeset, replace(pull_request(), is_fork=True))
    job = job_context()
    assert evaluate_pull(snapshot, changeset, job, record=PullRecord(snapshot, job)).passes
