"""What the rules are told of a pull request: reachable or not, merged when, and whether others may be affected."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from promotebot.errors import CouldNotVerify
from promotebot.github.ports import PullRequest
from promotebot.promotion.request import Actor, Request
from promotebot.pulls.changeset import Changeset
from promotebot.pulls.facts import ask_facts, ask_merge_times
from promotebot.registry import ModelRegistry, Stage
from promotebot.registry.model import Action, Source
from promotebot.registry.names import ArtifactPath, GitSha
from promotebot.registry.registry import DEFAULT_PATH
from tests.fakes import (
    BASE,
    HEAD,
    NOW,
    POLICY_PATH,
    TRAINED,
    Commit,
    FakeGitHub,
    FakeRepository,
    diverged,
    job_context,
    pull_request,
    pull_snapshot,
)
from tests.gate.sequences import MODEL, OTHER
from tests.pulls.promoted import EMPTY, OTHER_TO_SHADOW, OUT_OF_SHADOW, TO_SHADOW, TO_STAGING, files, promoted

MERGED = promoted(EMPTY, TO_SHADOW, TO_STAGING)
AT_A_TERMINAL = promoted(EMPTY, replace(TO_SHADOW, source=Source.CLI))
REQUIRED = "stages: {shadow: {soak: {minimum: 7d, required: true}}}\n"
WHEN = NOW - timedelta(days=9)


def github(**merged: datetime | None) -> FakeGitHub:
    times = {int(name[1:]): moment for name, moment in merged.items()}
    return FakeGitHub(pulls={number: pull_request(number, merged_at=moment) for number, moment in times.items()})


def asked(git_sha: GitSha | None = TRAINED, name: str = "v1", stage: Stage = Stage.STAGING, **more: Any) -> Request:
    return Request(
        model=MODEL,
        stage=stage,
        artifact_dir=ArtifactPath(f"ml/artifacts/{name}"),
        artifact_id=name,
        actor=Actor("alice", Source.GITHUB),
        git_sha=git_sha,
        **more,
    )


ARTIFACTS = ("v1", "v2")


def times(
    registry: ModelRegistry,
    fake: FakeGitHub,
    request: Request | None = None,
    *,
    policy: str = "",
    line: Sequence[ModelRegistry] = (),
    repository: str = "acme/models",
    split: bool = False,
) -> dict[Stage | None, datetime]:
    """Stage → since when the artifact soaks there, by a base that went through these registries, the oldest first.

    The commits are 1111…, 2222… and so on; the last one is BASE.
    """
    commits = {"0" * 40: Commit()}
    states = [files(state, *ARTIFACTS, policy=policy, split=split) for state in (*line, registry)]
    for place, state in enumerate(states, start=1):
        sha = BASE if place == len(states) else str(place) * 40
        commits[sha] = Commit((list(commits)[-1],), state)
    changeset = Changeset(FakeRepository(commits), BASE, BASE, DEFAULT_PATH, POLICY_PATH)
    job = job_context(fake, repository=repository)
    found = ask_merge_times(request or asked(stage=Stage.ACTIVE), changeset, "main", job, registry)()
    newest = {event.to_stage: event for event in reversed(registry.history[MODEL])}
    assert all(event == newest[event.to_stage] for event in found), (
        "what was promoted twice counts from the second time"
    )
    return {event.to_stage: moment for event, moment in found.items()}


def test_each_pull_that_brought_the_artifact_to_a_lower_stage_is_asked_for_once() -> None:
    fake = github(p7=WHEN)
    assert times(MERGED, fake) == {Stage.SHADOW: WHEN, Stage.STAGING: WHEN}
    assert fake.calls == ["pull"]


def test_only_lower_stages_that_have_a_soak_are_asked_for() -> None:
    assert times(MERGED, github(p7=WHEN), asked(stage=Stage.STAGING)) == {Stage.SHADOW: WHEN}
    none = github()
    assert times(MERGED, none, asked(stage=Stage.SHADOW)) == {}
    assert times(MERGED, none, policy="stages: {shadow: {soak: null}, staging: {soak: null}}\n") == {}
    assert none.calls == []


def test_a_pull_that_was_never_merged_has_no_time() -> None:
    assert times(MERGED, github(p7=None)) == {}


def test_nobody_is_asked_about_other_bytes_and_other_models() -> None:
    fake = github()
    assert times(MERGED, fake, asked(name="v2", stage=Stage.ACTIVE)) == {}
    assert times(MERGED, fake, replace(asked(stage=Stage.ACTIVE), model=OTHER)) == {}
    assert times(MERGED, fake, asked(name="without_a_manifest", stage=Stage.ACTIVE)) == {}
    assert fake.calls == []


@pytest.mark.parametrize("action", [Action.ROLLBACK, Action.DEMOTE])
def test_nobody_is_asked_about_what_need_not_wait(action: Action) -> None:
    fake = github()
    assert times(MERGED, fake, asked(stage=Stage.ACTIVE, action=action)) == {}
    assert fake.calls == []


def test_the_newest_promotion_into_a_stage_counts() -> None:
    again = promoted(MERGED, OUT_OF_SHADOW, TO_SHADOW, asked=9)
    assert times(again, github(p7=WHEN), asked()) == {Stage.SHADOW: WHEN}


def test_what_came_from_a_terminal_is_asked_for_only_where_its_soak_is_required() -> None:
    fake = FakeGitHub()
    assert times(AT_A_TERMINAL, fake) == {}
    assert times(MERGED, fake, repository="acme/others") == {}
    assert fake.calls == []
    times(AT_A_TERMINAL, fake, policy=REQUIRED)
    assert fake.calls == ["pulls_with"]


@pytest.mark.parametrize("split", [False, True])
def test_what_came_from_a_terminal_was_merged_with_the_commit_that_brought_it(split: bool) -> None:
    brought = "3" * 40
    fake = github(p9=WHEN, p10=NOW)
    fake.brought = {brought: [9]}
    later = promoted(AT_A_TERMINAL, OTHER_TO_SHADOW, asked=20)
    line = [EMPTY, promoted(EMPTY, OTHER_TO_SHADOW), AT_A_TERMINAL, later]
    assert times(later, fake, policy=REQUIRED, line=line, split=split) == {Stage.SHADOW: WHEN}
    fake.brought = {sha: [10] for sha in ("1" * 40, "2" * 40, "4" * 40, BASE)}
    assert times(later, fake, policy=REQUIRED, line=line, split=split) == {}


def test_a_registry_that_did_not_read_once_makes_nothing_older_than_it_is() -> None:
    fake = github(p9=WHEN, p10=NOW)
    fake.brought = {"1" * 40: [9], "3" * 40: [10]}
    broken = ModelRegistry({**AT_A_TERMINAL.document, "schema_version": "v0"}, where=DEFAULT_PATH)
    assert times(AT_A_TERMINAL, fake, policy=REQUIRED, line=[AT_A_TERMINAL, broken, AT_A_TERMINAL]) == {
        Stage.SHADOW: NOW
    }


@pytest.mark.parametrize(
    ("pulls", "since"),
    [
        ([], None),
        ([pull_request(9, merged_at=None)], None),
        ([pull_request(9, merged_at=WHEN, base_ref="develop")], None),
        ([pull_request(9, merged_at=WHEN), pull_request(10, merged_at=NOW)], NOW),
    ],
)
def test_only_a_merge_into_this_base_counts_and_the_latest_of_several(
    pulls: list[PullRequest], since: datetime | None
) -> None:
    fake = FakeGitHub(pulls={pull.number: pull for pull in pulls}, brought={BASE: [pull.number for pull in pulls]})
    assert times(AT_A_TERMINAL, fake, policy=REQUIRED) == ({Stage.SHADOW: since} if since else {})


def test_a_github_that_does_not_answer_is_not_a_pull_that_was_not_merged() -> None:
    with pytest.raises(CouldNotVerify, match="GitHub does not answer"):
        times(MERGED, github(p7=WHEN).fail("pull"))
    with pytest.raises(CouldNotVerify, match="read pull request #7: 404"):
        times(MERGED, github())
    with pytest.raises(CouldNotVerify, match="GitHub does not answer"):
        times(AT_A_TERMINAL, FakeGitHub().fail("pulls_with"), policy=REQUIRED)


@pytest.mark.parametrize(
    ("git_sha", "reachable"),
    [(TRAINED, True), (BASE, True), (HEAD, True), (GitSha("9" * 40), False), (None, None)],
)
def test_a_training_commit_is_reachable_from_base_or_head_or_unknown(
    git_sha: GitSha | None, reachable: bool | None
) -> None:
    snapshot = pull_snapshot(diverged(files(EMPTY), files(EMPTY)))
    assert ask_facts(asked(git_sha), snapshot, job_context(), EMPTY)().commit_reachable is reachable


def test_only_an_artifact_that_stood_on_the_base_before_can_change_for_others() -> None:
    base, head = files(EMPTY, "v1", "v3"), files(EMPTY, "v1=changed", "v2", "v3")
    snapshot = pull_snapshot(diverged(base, head))
    changed = {
        name: ask_facts(asked(name=name), snapshot, job_context(), EMPTY)().artifact_changed
        for name in ("v1", "v2", "v3")
    }
    assert changed == {"v1": True, "v2": False, "v3": False}


def test_an_import_is_told_whether_the_branch_touches_more_than_the_manifest() -> None:
    head = files(EMPTY, "v1", "v2")
    snapshot = pull_snapshot(diverged(files(EMPTY), {**head, "ml/artifacts/v1/model.onnx": b"other bytes"}))
    told = {}
    for action in (Action.IMPORTED, Action.PROMOTE):
        for name in ("v1", "v2"):
            request = replace(asked(name=name), action=action)
            told[action, name] = ask_facts(request, snapshot, job_context(), EMPTY)().files_changed
    assert [key for key, changed in told.items() if changed] == [(Action.IMPORTED, "v1")]


def test_the_times_are_those_of_the_base_that_is_given() -> None:
    snapshot = pull_snapshot(diverged(files(EMPTY, "v1"), files(MERGED, "v1")))
    job = job_context(github(p7=WHEN))
    assert list(ask_facts(asked(), snapshot, job, MERGED)().merged_at.values()) == [WHEN]
    assert ask_facts(asked(), snapshot, job, EMPTY)().merged_at == {}


@pytest.mark.parametrize(
    ("pulls", "number"),
    [
        ([], None),
        ([pull_request(9, merged_at=None)], None),
        ([pull_request(9, merged_at=WHEN, base_ref="develop")], None),
        ([pull_request(9, merged_at=WHEN)], 9),
    ],
)
def test_a_commit_of_no_branch_is_known_by_a_pull_request_that_was_merged_into_this_base(
    pulls: list[PullRequest], number: int | None
) -> None:
    dropped = GitSha("9" * 40)
    fake = FakeGitHub(pulls={pull.number: pull for pull in pulls}, brought={dropped: [pull.number for pull in pulls]})
    snapshot = pull_snapshot(diverged(files(EMPTY), files(EMPTY)))
    facts = ask_facts(asked(dropped, stage=Stage.ACTIVE), snapshot, job_context(fake), EMPTY)()
    assert (facts.commit_reachable, facts.merged_in) == (False, number)


def test_nobody_is_asked_about_a_commit_that_is_reachable_or_that_no_rule_asks_for() -> None:
    fake = FakeGitHub()
    snapshot = pull_snapshot(diverged(files(EMPTY), files(EMPTY)))
    for request in (asked(TRAINED, stage=Stage.ACTIVE), asked(GitSha("9" * 40)), asked(None, stage=Stage.ACTIVE)):
        assert ask_facts(request, snapshot, job_context(fake), EMPTY)().merged_in is None
    assert "pulls_with" not in fake.calls
