"""Every workflow on a repository whose default branch is `trunk`, with the rules that are hardest to satisfy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fake_github.refusals import HttpError

from .conftest import Site, served

pytestmark = pytest.mark.e2e
AGAIN = "/promote staging --artifact-dir ml/artifacts/regime_v1 --artifact-id regime_v1_staging"


@pytest.fixture
def trunk(seed: Path, tmp_path: Path) -> Iterator[Site]:
    """Commits have to be signed, the history is a line, and the required status has to come from GitHub Actions."""
    with served(seed, tmp_path, "trunk") as site:
        bob = site.person("bob")
        for name in ("promote.yml", "verify.yml"):
            path = f".github/workflows/{name}"
            text = (bob.clone / path).read_text()
            assert text.count('branches: ["main"]') == 1
            bob.write(path, text.replace('branches: ["main"]', 'branches: ["trunk"]'))
        bob.commit("ci: The workflows hear trunk, as init writes them")
        bob.push()
        site.repository.protect(
            "trunk",
            required_checks=["promotebot/gate"],
            source="github-actions",
            signed_commits=True,
            linear_history=True,
        )
        yield site


def test_the_whole_way_of_a_model_on_trunk(trunk: Site) -> None:
    one, two = trunk.pull_with_artifact(), trunk.small_pull("two")
    trunk.repository.sign("trunk..add-regime-v2", "trunk..two")
    opened = trunk.repository.pull_request_event(one, action="opened")
    assert trunk.start("gate.yml", "pull_request_target", opened)["gate"].result == "success"
    for number, command, stage in ((one, "/promote shadow", "shadow"), (two, AGAIN, "staging")):
        run = trunk.comment(number, command)["promote"]
        assert run.result == "success", run.log
        assert trunk.pointer(trunk.head(number), stage), stage
    with pytest.raises(HttpError, match=r"merge commits|linear"):
        trunk.repository.merge(one, by="bob", method="merge")
    trunk.repository.merge(one, by="bob", method="squash")
    merged = trunk.start("promote.yml", "push", trunk.repository.merged_push_event(one))
    assert {job: run.result for job, run in merged.items() if run.result != "skipped"} == {
        "promote": "success",
        "merged": "success",
    }
    (deployment,) = trunk.repository.deployments.values()
    assert deployment.state == "success"
    assert trunk.pointer(trunk.head(two), "shadow") == "regime_v2", "the other one was planned again"
    trunk.repository.merge(two, by="bob", method="squash")
    assert (trunk.pointer("trunk", "shadow"), trunk.pointer("trunk", "staging")) == ("regime_v2", "regime_v1_staging")
    assert all(len(commit.parents) < 2 for commit in trunk.repository.git.commits("trunk")), "the history is a line"
    timer = trunk.repository.schedule_event(".github/workflows/verify.yml", "23 4 * * *")
    verified = trunk.start("verify.yml", "schedule", timer, only="verify")["verify"]
    assert verified.result == "success", verified.log


def test_a_status_from_anybody_else_satisfies_no_rule_with_a_source(trunk: Site) -> None:
    number = trunk.small_pull("typo")
    trunk.repository.sign("trunk..typo")
    trunk.repository.post_status(trunk.head(number), "promotebot/gate", "success", by="alice")
    with pytest.raises(HttpError, match="expected"):
        trunk.repository.merge(number, by="bob", method="squash")
    opened = trunk.repository.pull_request_event(number, action="opened")
    assert trunk.start("gate.yml", "pull_request_target", opened)["gate"].result == "success"
    trunk.repository.merge(number, by="bob", method="squash")


def test_a_command_by_hand_starts_from_trunk(trunk: Site) -> None:
    trunk.repository.actions_may_open_pulls = True
    payload = trunk.repository.workflow_dispatch_event(
        ".github/workflows/promote.yml",
        sender="bob",
        ref="trunk",
        inputs={"command": '/demote regime_classifier shadow --reason "done"'},
    )
    run = trunk.start("promote.yml", "workflow_dispatch", payload)["promote"]
    assert run.result == "success", run.log
    number = max(trunk.repository.pulls)
    assert trunk.pointer(trunk.head(number), "shadow") is None
    trunk.repository.merge(number, by="bob", method="squash")


def test_reviews_and_the_doctor_know_trunk(trunk: Site) -> None:
    number = trunk.small_pull("typo")
    trunk.repository.review(number, by="bob")
    review = trunk.repository.workflow_run_event(
        ".github/workflows/review.yml", number, event="pull_request_review", sender="bob"
    )
    assert trunk.start("gate.yml", "workflow_run", review)["gate"].result == "success"
    assert trunk.checks(trunk.head(number)) == ["success"]
    timer = trunk.repository.schedule_event(".github/workflows/verify.yml", "23 4 * * *")
    examined = trunk.start("verify.yml", "schedule", timer, only="doctor")["doctor"]
    assert examined.result == "success", examined.log
    told = "\n".join(issue.body or "" for issue in trunk.issues())
    assert "`branches` on `trunk`" not in told, "both files hear it"
    assert "on `main`" not in told
