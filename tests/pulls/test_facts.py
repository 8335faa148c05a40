"""What the rules are told of a pull request: reachable or not, merged when, and whether others may be affected."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from promotebot.errors import CouldNotVerify
from promotebot.promotion.policy import Policy
from promotebot.promotion.request import Actor, Request
from promotebot.pulls.facts import facts_of, merge_times
from promotebot.registry import Stage
from promotebot.registry.model import Source
from promotebot.registry.names import ArtifactPath, GitSha
from tests.fakes import BASE, HEAD, NOW, TRAINED, FakeGitHub, diverged, job_context, pull_request, pull_snapshot
from tests.gate.sequences import MODEL, OTHER, Desk
from tests.pulls.promoted import EMPTY, OTHER_TO_SHADOW, TO_ACTIVE, TO_SHADOW, TO_STAGING, files, promoted

MERGED = promoted(EMPTY, TO_SHADOW, TO_STAGING)
WHEN = NOW - timedelta(days=9)


def github(**merged: datetime | None) -> FakeGitHub:
    times = {int(name[1:]): moment for name, moment in merged.items()}
    return FakeGitHub(pulls={number: pull_request(number, merged_at=moment) for number, moment in times.items()})


def test_the_merge_of_each_pull_that_brought_a_lower_stage_is_asked_for_once() -> None:
    fake = github(p7=WHEN)
    assert merge_times(job_context(fake), MERGED, MODEL) == {7: WHEN}
    assert fake.calls == ["pull"]


def test_a_pull_that_was_never_merged_has_no_time() -> None:
    assert merge_times(job_context(github(p7=None)), MERGED, MODEL) == {}


def test_neither_another_models_pulls_nor_another_repositorys_are_asked_for() -> None:
    fake = github()
    registry = promoted(EMPTY, OTHER_TO_SHADOW)
    assert merge_times(job_context(fake), registry, MODEL) == {}
    assert merge_times(job_context(fake, repository="acme/others"), registry, OTHER) == {}
    assert merge_times(job_context(fake), registry, "nobody_knows") == {}
    assert fake.calls == []


def test_what_went_to_active_or_came_from_a_terminal_has_no_soak_to_ask_for() -> None:
    desk = Desk(promoted(EMPTY, replace(TO_SHADOW, source=Source.CLI)), policy=Policy())
    desk.must(TO_ACTIVE)
    fake = github()
    assert merge_times(job_context(fake), desk.registry, MODEL) == {}
    assert fake.calls == []


def test_a_github_that_does_not_answer_is_not_a_pull_that_was_not_merged() -> None:
    with pytest.raises(CouldNotVerify, match="GitHub does not answer"):
        merge_times(job_context(github(p7=WHEN).fail("pull")), MERGED, MODEL)
    with pytest.raises(CouldNotVerify, match="read pull request #7: 404"):
        merge_times(job_context(github()), MERGED, MODEL)


def asked(git_sha: GitSha | None = TRAINED, name: str = "v1") -> Request:
    return Request(
        model=MODEL,
        stage=Stage.STAGING,
        artifact_dir=ArtifactPath(f"ml/artifacts/{name}"),
        artifact_id=name,
        actor=Actor("alice", Source.GITHUB),
        git_sha=git_sha,
    )


@pytest.mark.parametrize(
    ("git_sha", "reachable"),
    [(TRAINED, True), (BASE, True), (HEAD, True), (GitSha("9" * 40), False), (None, None)],
)
def test_a_training_commit_is_reachable_from_base_or_head_or_unknown(
    git_sha: GitSha | None, reachable: bool | None
) -> None:
    snapshot = pull_snapshot(diverged(files(EMPTY), files(EMPTY)))
    assert facts_of(asked(git_sha), snapshot, job_context(), EMPTY).commit_reachable is reachable


def test_only_an_artifact_that_stood_on_the_base_before_can_change_for_others() -> None:
    base, head = files(EMPTY, "v1", "v3"), files(EMPTY, "v1=changed", "v2", "v3")
    snapshot = pull_snapshot(diverged(base, head))
    changed = {
        name: facts_of(asked(name=name), snapshot, job_context(), EMPTY).artifact_changed for name in ("v1", "v2", "v3")
    }
    assert changed == {"v1": True, "v2": False, "v3": False}


def test_the_times_are_those_of_the_base_that_is_given() -> None:
    snapshot = pull_snapshot(diverged(files(EMPTY), files(MERGED)))
    job = job_context(github(p7=WHEN))
    assert facts_of(asked(), snapshot, job, MERGED).merged_at == {7: WHEN}
    assert facts_of(asked(), snapshot, job, EMPTY).merged_at == {}
