"""After the merge, however it was merged: the commit verified, deployments, dispatches, and one comment."""

from __future__ import annotations

from typing import Any

import pytest

from tests.office import Office


def deployments(office: Office) -> list[tuple[str, str, str]]:
    """(environment, sha, newest state) of each deployment, the oldest first."""
    return [
        (made.environment, made.sha, made.statuses[-1].state if made.statuses else "")
        for made in office.repository.deployments.values()
    ]


@pytest.mark.parametrize("method", ["merge", "squash", "rebase"])
def test_a_merge_is_verified_deployed_and_told(office: Office, method: str) -> None:
    number = office.pull()
    office.ask(number, "/promote active")
    office.repository.review(number, by="carol")
    job = office.merge(number, method=method)
    assert (job.exit_code, job.outputs["reason_code"]) == (0, "landed"), job.log
    tip = office.repository.git.branch("main")
    assert deployments(office) == [("regime_classifier/active", tip, "success")]
    (made,) = office.repository.deployments.values()
    payload: Any = made.payload
    assert (payload["artifact_id"], payload["pull"], payload["approvers"]) == ("regime_v2_candidate", number, ["carol"])
    assert payload["registry_digest"].startswith("sha256:")
    (sent,) = office.repository.dispatches
    assert sent.client_payload
    assert (sent.event_type, sent.client_payload["digest"]) == ("promotebot.promoted", payload["digest"])
    told = "\n".join(office.comments(number))
    assert "🟢 Live at" in told
    assert "/rollback regime_classifier" in told


def test_several_promotions_of_one_pull_request_are_each_deployed(office: Office) -> None:
    number = office.pull()
    office.ask(number, "/promote staging\n/promote active")
    office.merge(number)
    environments = [environment for environment, _, _ in deployments(office)]
    assert environments == ["regime_classifier/staging", "regime_classifier/active"]


def test_a_rollback_and_a_demotion_are_sent_by_their_names(office: Office) -> None:
    first = office.pull("first")
    office.ask(first, "/promote active")
    office.merge(first)
    second = office.pull("second")
    office.ask(
        second, '/rollback regime_classifier --reason "incident 7"\n/demote regime_classifier shadow --reason "done"'
    )
    office.merge(second)
    sent = [dispatch.event_type for dispatch in office.repository.dispatches]
    assert sent == ["promotebot.promoted", "promotebot.rolled_back", "promotebot.demoted"]


def test_running_the_job_again_makes_no_second_deployment(office: Office) -> None:
    number = office.pull()
    office.ask(number, "/promote active")
    office.merge(number)
    office.event("pull_request_target", office.repository.pull_request_event(number, action="closed"), by="bob")
    assert len(deployments(office)) == 1
    (made,) = office.repository.deployments.values()
    assert len(made.statuses) == 1
    assert sum("🟢 Live at" in body for body in office.comments(number)) == 1


def test_a_merge_that_promotes_nothing_and_a_close_tell_nobody(office: Office) -> None:
    number = office.pull()
    assert office.merge(number).outputs["decision"] == "ignored"
    other = office.pull("other")
    office.repository.close(other, by="alice")
    job = office.event("pull_request_target", office.repository.pull_request_event(other, action="closed"))
    assert job.outputs["decision"] == "ignored"
    assert (deployments(office), office.comments(number), office.comments(other)) == ([], [], [])


def test_a_merge_whose_bytes_do_not_verify_is_a_failed_deployment_and_nothing_is_sent(office: Office) -> None:
    number = office.pull()
    office.ask(number, "/promote active")
    person = office.person("alice")
    person.git("switch", "--quiet", "evaluation")
    person.write("ml/artifacts/regime_v2/model.onnx", b"junk")
    person.commit("feat: Slipped in after the promotion")
    person.push()
    job = office.merge(number)
    assert (job.exit_code, job.outputs["decision"]) == (1, "refused")
    assert [state for _, _, state in deployments(office)] == ["failure"]
    assert office.repository.dispatches == []
    told = "\n".join(office.comments(number)).replace("\\", "")
    assert "does not verify" in told
    assert '/rollback regime_classifier --reason "why"' in told


def test_a_merge_that_no_gate_let_through_is_told_and_not_deployed(office: Office) -> None:
    person = office.person("alice")
    person.start_branch("by-hand")
    path = person.clone / "ml/registry/models.json"
    path.write_text(path.read_text().replace("regime_v1_prod", "mine"))
    person.commit("chore: By hand")
    person.push()
    number = office.repository.open_pull(author="alice", head="by-hand", title="By hand").number
    job = office.merge(number)
    assert job.exit_code == 4
    assert "no sequence of promotions" in "\n".join(office.comments(number))
    assert deployments(office) == []


def test_a_missing_permission_is_named(office: Office) -> None:
    number = office.pull()
    office.ask(number, "/promote active")
    office.repository.merge(number, by="bob")
    payload = office.repository.pull_request_event(number, action="closed")
    token = office.repository.issue_actions_token({"contents": "write", "pull-requests": "write", "issues": "write"})
    job = office.event("pull_request_target", payload, by="bob", GITHUB_TOKEN=token)
    assert job.exit_code == 4
    assert "deployments: write" in "\n".join(office.comments(number))
