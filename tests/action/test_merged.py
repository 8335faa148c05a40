"""The branch moved: what it newly holds is verified and announced once, if the gate let it through, however it came."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import pytest

from promotebot.action.ledger import ANNOUNCED
from promotebot.registry.names import ModelName
from tests.demo.story import REGISTRY
from tests.fake_github.people import Job
from tests.office import BOT, Office

pytestmark = pytest.mark.thorough

ACTIVE = "regime_classifier/active"


def deployments(office: Office) -> list[tuple[str, str, str]]:
    """(environment, sha, newest state) of each deployment, the oldest first."""
    return [
        (made.environment, made.sha, made.statuses[-1].state if made.statuses else "")
        for made in office.repository.deployments.values()
    ]


def dispatches(office: Office) -> list[tuple[str, object]]:
    return [(sent.event_type, (sent.client_payload or {})["artifact_id"]) for sent in office.repository.dispatches]


def issues(office: Office) -> list[tuple[str, str]]:
    """State and body of each plain issue, without the escapes that keep Markdown harmless."""
    listed = ((n, issue) for n, issue in office.repository.issues.items() if n not in office.repository.pulls)
    return [(issue.state, (issue.body or "").replace("\\", "")) for _, issue in listed]


def announced(office: Office) -> list[str]:
    """The commits that the bot remembers as announced, the oldest record first."""
    statuses = office.repository.statuses
    return [s.sha for s in statuses if (s.context, s.user.login, s.state) == (ANNOUNCED, BOT, "success")]


def tip(office: Office) -> str:
    return office.repository.git.branch("main") or ""


def closed(office: Office, number: int) -> Job:
    payload = office.repository.pull_request_event(number, action="closed")
    return office.event("pull_request_target", payload, by="bob", PROMOTEBOT_COMMAND="announce")


def pushed(office: Office, before: str) -> Job:
    """The announcement that the push since a commit starts."""
    payload = office.repository.push_event("main", before=before, sender="bob")
    return office.event("push", payload, by="bob", PROMOTEBOT_COMMAND="announce")


def promoted(office: Office, command: str = "/promote active", branch: str = "evaluation") -> int:
    number = office.pull(branch)
    assert office.ask(number, command).exit_code == 0
    return number


def to_main(office: Office, login: str, source: str) -> str:
    """Somebody pushes what the registry of another branch says to main, in a commit without a pull request."""
    before = tip(office)
    office.push(login, "main", {REGISTRY: office.registry(source).to_bytes()}, "feat(ml): Promote by hand")
    return before


@pytest.mark.parametrize("method", ["merge", "squash", "rebase"])
def test_a_merge_is_verified_deployed_and_told(office: Office, method: str) -> None:
    before = tip(office)
    number = promoted(office)
    office.repository.review(number, by="carol")
    job = office.merge(number, method=method)
    assert (job.exit_code, job.outputs["reason_code"]) == (0, "landed"), job.log
    assert deployments(office) == [(ACTIVE, tip(office), "success")]
    (made,) = office.repository.deployments.values()
    payload: Any = made.payload
    assert (payload["artifact_id"], payload["pull"], payload["approvers"]) == ("regime_v2_candidate", number, ["carol"])
    for key, at in (("registry_digest", "main"), ("registry_digest_before", before)):
        assert payload[key] == f"sha256:{hashlib.sha256(office.registry(at).to_bytes()).hexdigest()}"
    assert payload["event"] == office.registry("main").raw_entry("regime_classifier")["history_digest"]
    assert (payload["requester"], payload["head"]) == ("alice", office.repository.pulls[number].head_sha)
    newest = office.registry("main").history[ModelName("regime_classifier")][0]
    assert newest.request
    assert (payload["request"], payload["policy_digest"]) == (newest.request.id, newest.policy_digest)
    (sent,) = office.repository.dispatches
    assert sent.client_payload
    assert (sent.event_type, sent.client_payload["digest"]) == ("promotebot.promoted", payload["digest"])
    told = "\n".join(office.comments(number))
    assert "· merged by bob in" in told
    assert "/rollback regime_classifier" in told
    assert (announced(office), issues(office)) == ([tip(office)], [])


def test_several_promotions_of_one_pull_request_are_each_deployed(office: Office) -> None:
    number = office.pull()
    office.ask(number, "/promote staging\n/promote active")
    office.merge(number)
    environments = [environment for environment, _, _ in deployments(office)]
    assert environments == ["regime_classifier/staging", "regime_classifier/active"]


def test_a_rollback_and_a_demotion_are_sent_by_their_names(office: Office) -> None:
    office.merge(promoted(office, branch="first"))
    second = office.pull("second")
    office.ask(
        second, '/rollback regime_classifier --reason "incident 7"\n/demote regime_classifier shadow --reason "done"'
    )
    office.merge(second)
    sent = [dispatch.event_type for dispatch in office.repository.dispatches]
    assert sent == ["promotebot.promoted", "promotebot.rolled_back", "promotebot.demoted"]


TRIGGERS: dict[str, list[str]] = {
    "the merge alone": ["closed"],
    "the push alone": ["pushed"],
    "the merge, then the push": ["closed", "pushed"],
    "the push, then the merge, and both again": ["pushed", "closed", "pushed", "closed"],
}


@pytest.mark.parametrize("order", TRIGGERS.values(), ids=TRIGGERS)
@pytest.mark.parametrize("is_first", [True, False], ids=["before any record", "after one"])
def test_each_event_is_announced_once_whatever_triggers_the_job(
    office: Office, order: list[str], is_first: bool
) -> None:
    if not is_first:
        pushed(office, tip(office))
    number, before = promoted(office), tip(office)
    office.repository.merge(number, by="bob")
    start: dict[str, Callable[[], Job]] = {
        "closed": lambda: closed(office, number),
        "pushed": lambda: pushed(office, before),
    }
    jobs = [start[trigger]() for trigger in order]
    assert [job.exit_code for job in jobs] == [0] * len(jobs), [job.log for job in jobs]
    assert deployments(office) == [(ACTIVE, tip(office), "success")]
    (made,) = office.repository.deployments.values()
    assert len(made.statuses) == 1
    assert dispatches(office) == [("promotebot.promoted", "regime_v2_candidate")]
    assert sum("· merged by bob in" in body for body in office.comments(number)) == 1


def test_several_merges_before_the_first_job_are_all_announced_by_one(office: Office) -> None:
    first, before = promoted(office, "/promote staging", "first"), tip(office)
    office.repository.merge(first, by="bob")
    second = promoted(office, "/promote active", "second")
    office.repository.merge(second, by="bob", method="squash")
    assert closed(office, first).exit_code == 0
    assert [environment for environment, _, _ in deployments(office)] == ["regime_classifier/staging", ACTIVE]
    assert ["· merged by bob in" in "\n".join(office.comments(number)) for number in (first, second)] == [True, True]
    for job in (closed(office, second), pushed(office, before)):
        assert job.outputs["decision"] == "ignored"
    assert len(dispatches(office)) == len(deployments(office)) == 2


def test_of_several_promotions_of_one_stage_the_newest_is_announced_and_names_the_others(office: Office) -> None:
    first = promoted(office, "/promote active", "first")
    office.repository.merge(first, by="bob")
    second = promoted(office, '/rollback regime_classifier --reason "incident 7"', "second")
    office.repository.merge(second, by="bob")
    closed(office, first)
    assert [sent for sent, _ in dispatches(office)] == ["promotebot.rolled_back"]
    (made,) = office.repository.deployments.values()
    payload: Any = made.payload
    newest, older = office.registry("main").raw_history("regime_classifier")[:2]
    assert (payload["pull"], payload["older_events"]) == (second, [newest["previous"]])
    assert older["action"] == "promote"


def test_a_squash_that_repeats_the_message_of_an_older_commit_announces_nothing_old(office: Office) -> None:
    office.merge(promoted(office, branch="first"), method="squash")
    alice = office.person("alice")
    alice.start_branch("notes")
    for name in ("one", "two"):
        alice.write(f"docs/{name}.md", f"{name}\n")
        alice.commit(f"docs: {name}")
    alice.push()
    number = office.repository.open_pull(author="alice", head="notes", title="Notes").number
    # The rebase of two commits would end with this very message.
    job = office.merge(number, method="squash", message="docs: two")
    assert job.outputs["decision"] == "ignored"
    assert (len(deployments(office)), len(dispatches(office))) == (1, 1)


def test_a_rebase_merge_of_several_commits_is_announced(office: Office) -> None:
    number = office.pull()
    office.ask(number, "/promote staging")
    office.ask(number, "/promote active")
    job = office.merge(number, method="rebase")
    assert job.exit_code == 0, job.log
    assert [(environment, state) for environment, _, state in deployments(office)] == [
        ("regime_classifier/staging", "success"),
        (ACTIVE, "success"),
    ]


def test_what_the_merge_queue_lands_is_announced(office: Office) -> None:
    number, before = promoted(office), tip(office)
    office.repository.merge_queue.add(number, by="bob")
    office.repository.merge_queue.land(number)
    assert pushed(office, before).exit_code == 0
    assert dispatches(office) == [("promotebot.promoted", "regime_v2_candidate")]


def test_a_merge_that_promotes_nothing_and_a_close_tell_nobody(office: Office) -> None:
    number = office.pull()
    assert office.merge(number).outputs["decision"] == "ignored"
    other = office.pull("other")
    office.repository.close(other, by="alice")
    job = office.event("pull_request_target", office.repository.pull_request_event(other, action="closed"))
    assert job.outputs["decision"] == "ignored"
    assert (deployments(office), office.comments(number), office.comments(other)) == ([], [], [])


def test_a_push_to_a_branch_that_takes_no_promotions_is_passed_over(office: Office) -> None:
    promoted(office)
    payload = office.repository.push_event("evaluation", before="0" * 40, sender="alice")
    job = office.event("push", payload, PROMOTEBOT_COMMAND="announce")
    assert (job.outputs["decision"], deployments(office), issues(office)) == ("ignored", [], [])


def test_a_merge_whose_bytes_do_not_verify_is_a_failed_deployment_and_nothing_is_sent(office: Office) -> None:
    number = promoted(office)
    office.repository.merge(number, by="bob")
    office.push("bob", "main", {"ml/artifacts/regime_v2/model.onnx": "junk"}, "feat: Slipped in after the merge")
    job = closed(office, number)
    assert (job.exit_code, job.outputs["decision"], job.outputs["reason_code"]) == (1, "refused", "landed")
    assert [state for _, _, state in deployments(office)] == ["failure"]
    assert (dispatches(office), issues(office)) == ([], [])
    told = "\n".join(office.comments(number)).replace("\\", "")
    assert "does not verify" in told
    assert "/rollback regime_classifier --to regime_v1_prod --reason " in told


def junk(office: Office, _: int) -> None:
    """alice pushes other bytes onto the branch."""
    alice = office.person("alice")
    alice.git("switch", "--quiet", "evaluation")
    alice.write("ml/artifacts/regime_v2/model.onnx", b"junk")
    alice.commit("feat: Slipped in after the promotion")
    alice.push()


GATES: dict[str, tuple[Callable[[Office, int], object], str]] = {
    "red, and overridden": (
        lambda office, number: [junk(office, number), office.gate(number)],  # type: ignore[func-returns-value]
        "was merged while promotebot/gate was failure",
    ),
    "not looked at": (junk, "github-actions[bot] never set promotebot/gate on"),
    "green by somebody else": (
        lambda office, number: [
            junk(office, number),  # type: ignore[func-returns-value]
            office.gate(number),
            office.repository.post_status(office.head(number), "promotebot/gate", "success", by="carol"),
        ],
        "was merged while promotebot/gate was failure",
    ),
}


@pytest.mark.parametrize(("meddle", "says"), GATES.values(), ids=GATES)
def test_what_is_merged_against_the_gate_is_a_failed_deployment_and_an_issue(
    office: Office, meddle: Callable[[Office, int], object], says: str
) -> None:
    office.policy("contacts: [oncall@example.com]\n")
    number = promoted(office)
    meddle(office, number)
    job = office.merge(number)
    assert (job.exit_code, job.outputs["reason_code"]) == (1, "against_gate"), job.log
    assert deployments(office) == [(ACTIVE, tip(office), "failure")]
    assert dispatches(office) == []
    ((state, body),) = issues(office)
    assert state == "open"
    event = office.registry("main").raw_entry("regime_classifier")["history_digest"]
    wanted = [says, "regime_classifier ACTIVE", "regime_v2_candidate", tip(office), "by bob", event[7:15]]
    for word in [*wanted, "oncall@example.com", "/rollback regime_classifier"]:
        assert word in body, word
    assert "without passing the gate" in "\n".join(office.comments(number))
    office.repository.statuses[:] = [s for s in office.repository.statuses if s.context != ANNOUNCED]
    assert closed(office, number).exit_code == 1  # as after a job that died before it remembered
    assert (len(deployments(office)), issues(office)) == (1, [(state, body)])


def test_a_promotion_pushed_to_main_directly_is_not_announced_as_promoted(office: Office) -> None:
    alice = office.person("alice")
    before = tip(office)
    done = alice.promotebot("promote", "--model", "regime_classifier", "--stage", "staging", *V2)
    assert done.returncode == 0, done.stderr
    alice.commit("feat(ml): Promote at a terminal")
    alice.git("push", "--quiet", "origin", "HEAD:main")
    job = pushed(office, before)
    assert (job.exit_code, job.outputs["reason_code"]) == (1, "against_gate"), job.log
    assert deployments(office) == [("regime_classifier/staging", tip(office), "failure")]
    assert dispatches(office) == []
    ((_, body),) = issues(office)
    for word in ("no pull request contained it", "by alice", "/demote regime_classifier staging"):
        assert word in body, word
    assert announced(office) == [tip(office)]


V2 = ["--artifact-dir", "ml/artifacts/regime_v2", "--artifact-id", "regime_v2_staging"]


def test_the_same_promotion_through_a_green_pull_request_is_announced(office: Office) -> None:
    alice = office.person("alice")
    alice.start_branch("terminal")
    done = alice.promotebot("promote", "--model", "regime_classifier", "--stage", "staging", *V2)
    assert done.returncode == 0, done.stderr
    alice.commit("feat(ml): Promote at a terminal")
    alice.push()
    number = office.repository.open_pull(author="alice", head="terminal", title="Staging").number
    assert office.gate(number).exit_code == 0
    assert office.merge(number).exit_code == 0
    assert dispatches(office) == [("promotebot.promoted", "regime_v2_staging")]
    (made,) = office.repository.deployments.values()
    payload: Any = made.payload
    assert payload["pull"] == number


def test_the_event_of_an_open_pull_request_pushed_past_it_is_not_announced(office: Office) -> None:
    number = promoted(office)
    assert pushed(office, to_main(office, "carol", office.head(number))).exit_code == 1
    assert (dispatches(office), [state for _, _, state in deployments(office)]) == ([], ["failure"])
    assert f"#⁠{number} was not merged into main" in issues(office)[0][1]


def test_a_withdrawn_event_pushed_past_its_merged_pull_request_is_not_announced(office: Office) -> None:
    number = promoted(office)
    withdrawn = office.head(number)
    office.ask(number, "/withdraw")
    office.merge(number)
    assert pushed(office, to_main(office, "carol", withdrawn)).exit_code == 1
    assert (dispatches(office), [state for _, _, state in deployments(office)]) == ([], ["failure"])
    assert "promotebot withdrew it" in issues(office)[0][1]


def test_an_event_that_the_merged_head_did_not_hold_is_not_announced(office: Office) -> None:
    number = promoted(office)
    taken = office.head(number)
    alice = office.person("alice")
    alice.start_branch("evaluation")
    alice.write("docs/only.md", "only\n")
    alice.commit("docs: Only")
    alice.git("push", "--quiet", "--force", "origin", "evaluation")
    assert office.gate(number).exit_code == 0
    office.merge(number)
    assert pushed(office, to_main(office, "carol", taken)).exit_code == 1
    assert (dispatches(office), [state for _, _, state in deployments(office)]) == ([], ["failure"])
    assert f"#⁠{number} was merged without it" in issues(office)[0][1]


def test_a_second_one_against_the_gate_is_added_to_the_issue_that_is_open(office: Office) -> None:
    first = promoted(office, "/promote staging", "first")
    office.push("bob", "main", {REGISTRY: office.registry(office.head(first)).to_bytes()}, "feat(ml): One")
    pushed(office, "0" * 40)  # the first record
    second = promoted(office, "/promote active", "second")
    third = promoted(office, '/demote regime_classifier shadow --reason "done"', "third")
    for number in (second, third):
        office.repository.post_status(office.head(number), "promotebot/gate", "failure", by="github-actions[bot]")
        office.repository.merge(number, by="bob")
        assert closed(office, number).exit_code == 1
        if number == second:
            assert office.pushed(number).exit_code == 0  # the third is planned again on it, and green
    ((_, body),) = issues(office)
    assert ["regime_classifier ACTIVE" in body, "regime_classifier SHADOW" in body] == [True, True]
    (number,) = (n for n in office.repository.issues if n not in office.repository.pulls)
    assert len(office.comments(number)) == 1


def test_what_no_promotion_produces_is_told_once_and_announced_when_main_is_repaired(office: Office) -> None:
    pushed(office, tip(office))
    start = tip(office)
    bob = office.person("bob")
    path = bob.clone / REGISTRY
    path.write_text(path.read_text().replace("regime_v1_prod", "mine"))
    bob.commit("chore: By hand")
    bob.git("push", "--quiet", "origin", "HEAD:main")
    for _ in range(2):
        job = pushed(office, start)
        assert (job.exit_code, job.outputs["reason_code"]) == (1, "against_gate"), job.log
    ((state, body),) = issues(office)
    assert (state, "History only grows" in body) == ("open", True)
    assert (deployments(office), announced(office)) == ([], [start])
    bob.git("revert", "--no-edit", "HEAD")
    bob.git("push", "--quiet", "origin", "HEAD:main")
    number = promoted(office)
    assert office.merge(number).exit_code == 0
    assert deployments(office) == [(ACTIVE, tip(office), "success")]
    assert announced(office) == [start, tip(office)]


def test_a_registry_that_is_gone_or_does_not_read_is_told_and_announces_nothing(office: Office) -> None:
    pushed(office, tip(office))
    start = tip(office)
    office.push("bob", "main", {REGISTRY: "{"}, "chore: Broken")
    assert pushed(office, start).exit_code == 1
    bob = office.person("bob")
    bob.git("rm", "--quiet", REGISTRY)
    bob.commit("chore: Gone")
    bob.git("push", "--quiet", "origin", "HEAD:main")
    assert pushed(office, start).exit_code == 1
    ((_, body),) = issues(office)
    assert "The registry is gone" in body
    assert (deployments(office), announced(office)) == ([], [start])


def test_a_deployment_that_somebody_else_made_announces_nothing(office: Office) -> None:
    number = promoted(office)
    event = office.registry(office.head(number)).raw_entry("regime_classifier")["history_digest"]
    office.deploy("carol", ACTIVE, {"event": event})
    office.merge(number)
    assert dispatches(office) == [("promotebot.promoted", "regime_v2_candidate")]


def test_a_missing_permission_is_named(office: Office) -> None:
    number = promoted(office)
    office.repository.merge(number, by="bob")
    permissions = {"contents": "write", "pull-requests": "write", "issues": "write", "statuses": "write"}
    token = office.repository.issue_actions_token(permissions)
    payload = office.repository.pull_request_event(number, action="closed")
    job = office.event("pull_request_target", payload, by="bob", GITHUB_TOKEN=token)
    assert job.exit_code == 4
    assert "deployments: write" in "\n".join(office.comments(number))
    assert announced(office) == []
