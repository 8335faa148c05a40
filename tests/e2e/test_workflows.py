"""Every other event of the workflow files, run by a real runner: make e2e."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from promotebot.registry import ModelRegistry
from promotebot.workflow_files import workflow_files
from tests.demo.story import REGISTRY
from tests.fake_github.faults import Fault
from tests.fake_github.people import Person

from .act import JobRun
from .conftest import Site

pytestmark = pytest.mark.e2e
PROMOTE, VERIFY = ".github/workflows/promote.yml", ".github/workflows/verify.yml"
REVIEW, GATE = ".github/workflows/review.yml", ".github/workflows/gate.yml"
USED = ["actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1", "./"]


def results(runs: dict[str, JobRun]) -> dict[str, str]:
    return {job: run.result for job, run in runs.items()}


def label(site: Site, number: int, name: str, action: str) -> dict[str, JobRun]:
    """alice puts a label on, or takes it off."""
    (site.repository.add_label if action == "labeled" else site.repository.remove_label)(number, name, by="alice")
    payload = site.repository.pull_request_event(number, action=action, sender="alice", label=name)
    return site.start("promote.yml", "pull_request_target", payload)


def by_hand(site: Site, command: str, ref: str = "main") -> dict[str, JobRun]:
    site.repository.actions_may_open_pulls = True
    payload = site.repository.workflow_dispatch_event(PROMOTE, sender="bob", ref=ref, inputs={"command": command})
    return site.start("promote.yml", "workflow_dispatch", payload)


def scheduled(site: Site, job: str = "verify") -> JobRun:
    payload = site.repository.schedule_event(VERIFY, "23 4 * * *")
    return site.start("verify.yml", "schedule", payload, only=job)[job]


def gate(site: Site, number: int, action: str) -> JobRun:
    return site.start("gate.yml", "pull_request_target", site.repository.pull_request_event(number, action=action))[
        "gate"
    ]


def test_a_review_has_the_gate_look_again(site: Site) -> None:
    """The workflow that a pull request can edit runs nothing; the end of its run starts the gate."""
    bob = site.person("bob")
    bob.write(".github/promotion.yml", "separation: {approvals: 1}\n")
    bob.commit("chore: Separate duties")
    bob.push()
    number = site.pull_with_artifact()
    assert site.comment(number, "/promote shadow")["promote"].result == "success"
    assert site.checks(site.head(number)) == ["pending"]
    site.repository.review(number, by="bob")
    ended = site.repository.workflow_run_event(REVIEW, number, event="pull_request_review", sender="bob")
    assert site.start("gate.yml", "workflow_run", ended)["gate"].result == "success"
    assert site.checks(site.head(number)) == ["pending", "success"]


@pytest.mark.parametrize(
    ("event", "written", "result"),
    [
        ("pull_request_review", {"state": "approved", "body": None}, "success"),
        ("pull_request_review", {"state": "commented", "body": "Wait.\r\n/hold"}, "success"),
        ("pull_request_review", {"state": "commented", "body": "Nice."}, "skipped"),
        ("pull_request_review_comment", {"body": "/hold"}, "success"),
        ("pull_request_review_comment", {"body": "and / or"}, "skipped"),
    ],
)
def test_a_review_is_noticed_where_the_gate_has_to_look(
    site: Site, event: str, written: dict[str, str | None], result: str
) -> None:
    """The job has no permission at all, and runs nothing of the pull request."""
    is_review = event == "pull_request_review"
    told = site.repository.pull_request_event(site.small_pull("one"), action="submitted" if is_review else "created")
    payload = {**told, "review" if is_review else "comment": written}
    assert results(site.start("review.yml", event, payload)) == {"review": result}


@pytest.mark.parametrize(
    "command",
    ["/rollback x", "/demote", "/withdraw", "/verify", "/why", "/status", "/doctor", "/help", "/promote", "/promte x"],
)
def test_every_command_starts_the_job(site: Site, command: str) -> None:
    runs = site.comment(site.pull_with_artifact(), command)
    assert [step.name for step in runs["promote"].steps] == USED


@pytest.mark.parametrize("body", ["Looks good.\n\n/status", "Looks good.\r\n/status", "/retest"])
def test_a_line_that_begins_with_a_slash_starts_the_job_wherever_it_stands(site: Site, body: str) -> None:
    runs = site.comment(site.small_pull("one"), body)
    assert [step.name for step in runs["promote"].steps] == USED


@pytest.mark.parametrize("body", ["see /status", "and / or", "docs/setup.md", "we promote it, please", ""])
def test_a_comment_without_such_a_line_starts_no_step(site: Site, body: str) -> None:
    runs = site.comment(site.small_pull("one"), body)
    assert results(runs) == {"promote": "skipped", "merged": "skipped"}


def test_a_command_on_a_plain_issue_is_answered(site: Site) -> None:
    number = site.repository.open_issue(author="alice", title="When?").number
    assert site.comment(number, "/promote shadow")["promote"].result == "success"
    assert "not a pull request" in "\n".join(site.comments(number))


def test_a_bots_comment_starts_no_step(site: Site) -> None:
    site.hub.add_user("helper[bot]", type="Bot")
    runs = site.comment(site.pull_with_artifact(), "/promote shadow", author="helper[bot]")
    assert results(runs) == {"promote": "skipped", "merged": "skipped"}


@pytest.mark.parametrize(("body", "result"), [("/promote shadow", "success"), ("Looks better.", "skipped")])
def test_an_edited_comment_promotes_nothing(site: Site, body: str, result: str) -> None:
    """It may hold, so that a line with a slash is looked at."""
    number = site.pull_with_artifact()
    made = site.repository.comment(number, author="alice", body=body)
    payload = site.repository.issue_comment_event(made.id, action="edited")
    runs = site.start("promote.yml", "issue_comment", payload)
    assert results(runs) == {"promote": result, "merged": "skipped"}
    assert site.pointer(site.head(number), "shadow") != "regime_v2"
    assert site.comments(number) == []


def test_a_misspelt_command_without_its_slash_is_answered(site: Site) -> None:
    number = site.small_pull("one")
    assert site.comment(number, "promte active")["promote"].result == "success"
    assert "/promote active" in "\n".join(site.comments(number))


def test_a_label_promotes_and_taken_off_withdraws(site: Site) -> None:
    number = site.pull_with_artifact()
    on = label(site, number, "promote:shadow", "labeled")
    assert results(on) == {"promote": "success", "merged": "skipped"}, on["promote"].log
    assert site.pointer(site.head(number), "shadow") == "regime_v2"
    assert gate(site, number, "synchronize").result == "success"
    off = label(site, number, "promote:shadow", "unlabeled")
    assert off["promote"].result == "success", off["promote"].log
    assert site.pointer(site.head(number), "shadow") == "regime_v1_candidate"


def test_another_label_starts_no_step(site: Site) -> None:
    runs = label(site, site.pull_with_artifact(), "bug", "labeled")
    assert results(runs) == {"promote": "skipped", "merged": "skipped"}


def test_a_merge_is_announced_and_a_close_is_not(site: Site) -> None:
    number, closed = site.pull_with_artifact(), site.small_pull("typo")
    site.comment(number, "/promote shadow")
    site.repository.merge(number, by="bob")
    merged = site.repository.pull_request_event(number, action="closed", sender="bob")
    runs = site.start("promote.yml", "pull_request_target", merged)
    assert results(runs) == {"promote": "skipped", "merged": "success"}, runs["merged"].log
    (deployment,) = site.repository.deployments.values()
    assert deployment.environment == "regime_classifier/shadow"
    assert [sent.event_type for sent in site.repository.dispatches] == ["promotebot.promoted"]
    site.repository.close(closed, by="alice")
    payload = site.repository.pull_request_event(closed, action="closed", sender="alice")
    assert results(site.start("promote.yml", "pull_request_target", payload)) == {
        "promote": "skipped",
        "merged": "skipped",
    }


def test_a_push_to_the_base_recomputes_what_it_overtook(site: Site) -> None:
    one, two = site.pull_with_artifact(), site.small_pull("two")
    site.comment(one, "/promote shadow")
    again = "/promote staging --artifact-dir ml/artifacts/regime_v1 --artifact-id regime_v1_staging"
    assert site.comment(two, again)["promote"].result == "success"
    head = site.head(two)
    site.repository.merge(one, by="bob")
    runs = site.start("promote.yml", "push", site.repository.merged_push_event(one))
    assert runs["promote"].result == "success", runs["promote"].log
    assert site.head(two) != head
    assert site.pointer(site.head(two), "shadow") == "regime_v2"
    assert site.pointer(site.head(two), "staging") == "regime_v1_staging"


def test_a_push_to_another_branch_starts_no_run(site: Site) -> None:
    site.small_pull("side")
    assert site.start("promote.yml", "push", site.repository.push_event("side", before="0" * 40, sender="alice")) == {}


def test_a_command_by_hand_opens_a_pull_request_on_the_default_branch_only(site: Site) -> None:
    site.small_pull("side")
    command = "/promote staging regime_classifier --artifact-dir ml/artifacts/regime_v1 --artifact-id regime_v1_staging"
    assert by_hand(site, command, ref="side")["promote"].result == "skipped"
    runs = by_hand(site, command)
    assert runs["promote"].result == "success", runs["promote"].log
    (number,) = (pull.number for pull in site.repository.pulls.values() if pull.head_ref.startswith("promote/"))
    assert site.checks(site.head(number)) == ["success"]


def test_the_gate_passes_a_legal_pull_request_and_refuses_a_hand_edit(site: Site) -> None:
    number = site.pull_with_artifact()
    assert gate(site, number, "opened").result == "success"
    assert site.checks(site.head(number)) == ["success"]
    document = json.loads(site.repository.git.run_bytes("cat-file", "blob", f"main:{REGISTRY}"))
    document["models"]["regime_classifier"]["active"]["artifact_dir"] = "ml/artifacts/regime_v2"
    edited = site.small_pull("edited", {REGISTRY: json.dumps(document, indent=2) + "\n"})
    assert gate(site, edited, "synchronize").result == "failure"
    assert site.checks(site.head(edited)) == ["failure"]
    assert "Next:" in "\n".join(site.comments(edited))


def test_the_gate_by_hand_and_by_the_timer_judges_what_started_no_job(site: Site) -> None:
    one, two = site.small_pull("one"), site.small_pull("two")
    for ref, result in (("one", "skipped"), ("main", "success")):
        asked = site.repository.workflow_dispatch_event(GATE, sender="bob", ref=ref, inputs={"pull-request": str(one)})
        run = site.start("gate.yml", "workflow_dispatch", asked)["gate"]
        assert run.result == result, run.log
    assert [site.checks(site.head(number)) for number in (one, two)] == [["success"], []]
    run = site.start("gate.yml", "schedule", site.repository.schedule_event(GATE, "41 5 * * *"))["gate"]
    assert run.result == "success", run.log
    assert [site.checks(site.head(number)) for number in (one, two)] == [["success"], ["success"]]


def test_the_gate_judges_what_the_merge_queue_built(site: Site) -> None:
    number = site.pull_with_artifact()
    group = site.repository.merge_queue.add(number, by="bob")
    run = site.start("gate.yml", "merge_group", site.repository.merge_group_event(number))["gate"]
    assert run.result == "success", run.log
    assert site.checks(group.head_sha) == ["success"]


def test_the_schedule_keeps_one_issue_while_the_registry_does_not_verify(site: Site) -> None:
    assert scheduled(site).result == "success"
    assert site.issues() == []
    site.commit_to_main("chore: Damage", {"ml/artifacts/regime_v1/model.onnx": b"junk"})
    assert [scheduled(site).result for _ in range(2)] == ["failure", "failure"]
    assert [issue.state for issue in site.issues()] == ["open"]


def test_the_issue_is_closed_when_the_registry_is_healthy_again(site: Site) -> None:
    model = site.repository.git.run_bytes("cat-file", "blob", "main:ml/artifacts/regime_v1/model.onnx")
    assert scheduled(site).result == "success"
    site.commit_to_main("chore: Damage", {"ml/artifacts/regime_v1/model.onnx": b"junk"})
    assert scheduled(site).result == "failure"
    site.commit_to_main("chore: Repair", {"ml/artifacts/regime_v1/model.onnx": model})
    assert scheduled(site).result == "success"
    assert [issue.state for issue in site.issues()] == ["closed"]


def test_a_verification_that_init_shares_out_to_jobs_is_put_together(site: Site, tmp_path: Path) -> None:
    action = f"acme/promotebot@{'c0' * 20}"
    written = workflow_files(action, ["main"], app=False, shards=2)[".github/workflows/verify.yml"]
    site.commit_to_main("ci: Two jobs verify", {VERIFY: written})
    artifacts = tmp_path / "artifacts"
    artifacts.mkdir()
    timer = site.repository.schedule_event(VERIFY, "23 4 * * *")

    def run() -> JobRun:
        """The last job, and before it the others, which it needs; act gives them its token."""
        used, folder = {action: site.person("bob").clone}, {"ARTIFACTS": str(artifacts)}
        return site.start("verify.yml", "schedule", timer, only="verify", actions=used, environment=folder)["verify"]

    done = run()
    assert done.result == "success", done.log
    reports = [json.loads(path.read_bytes()) for path in sorted(artifacts.glob("*/promotebot-report.json"))]
    assert [report["about"]["shard"] for report in reports] == ["1/2", "2/2"]
    assert [report["verdict"] for report in reports].count("verified") >= 1
    assert site.issues() == []
    site.commit_to_main("chore: Damage", {"ml/artifacts/regime_v1/model.onnx": b"junk"})
    assert run().result == "failure"
    assert [issue.state for issue in site.issues()] == ["open"]


def test_the_schedule_tells_of_settings_in_an_issue_of_their_own_and_ends_well(site: Site) -> None:
    run = scheduled(site, "doctor")
    assert run.result == "success", run.log
    (issue,) = site.issues()
    assert "`required_context` on `main`" in (issue.body or "")
    site.repository.settings.require_status("main", "promotebot/gate", 15368)
    assert scheduled(site, "doctor").result == "success"
    assert issue.state == "closed"


def test_a_reader_is_refused_and_nothing_is_committed(site: Site) -> None:
    site.hub.add_user("mallory")
    site.repository.set_role("mallory", "read")
    number = site.pull_with_artifact()
    head = site.head(number)
    assert site.comment(number, "/promote shadow", author="mallory")["promote"].result == "success"
    assert (site.head(number), site.checks(head)) == (head, [])
    assert "mallory has read permission" in "\n".join(site.comments(number))


def test_a_fork_is_judged_and_never_written_to(site: Site) -> None:
    site.hub.add_user("mallory")
    fork = site.hub.fork(site.repository.full_name, "mallory")
    mallory = Person.at_work(site.hub, fork, "mallory", site.scratch / "fork")
    mallory.start_branch("mine")
    mallory.write("docs/mine.md", "mine\n")
    mallory.commit("docs: Mine")
    mallory.push()
    number = site.repository.open_pull(author="mallory", head="mallory:mine", title="Mine").number
    head = site.head(number)
    assert gate(site, number, "opened").result == "success"
    assert site.checks(head) == ["success"]
    assert site.comment(number, "/promote shadow")["promote"].result == "success"
    assert "comes from a fork" in "\n".join(site.comments(number))
    assert site.head(number) == head


def test_a_head_that_moves_between_validation_and_push_is_read_again_never_overwritten(site: Site) -> None:
    number = site.pull_with_artifact()
    alice = site.person("alice")
    alice.start_branch("add-regime-v2", base="add-regime-v2")
    alice.write("docs/late.md", "late\n")
    late = alice.commit("docs: Late")
    site.hub.faults.append(Fault("POST", "/graphql/CommitOnBranch", meanwhile=alice.push))
    run = site.comment(number, "/promote shadow")["promote"]
    assert run.result == "success", run.log
    assert site.repository.git.run("rev-parse", f"{site.head(number)}^").strip() == late
    assert site.checks(site.head(number)) == ["success"]


def test_two_models_promoted_at_once_both_land(site: Site) -> None:
    document = json.loads(site.repository.git.run_bytes("cat-file", "blob", f"main:{REGISTRY}"))
    document["models"]["other_model"] = document["models"]["regime_classifier"]
    manifest = json.loads(
        site.repository.git.run_bytes("cat-file", "blob", "main:ml/artifacts/regime_v1/manifest.json")
    )
    files: dict[str, str | bytes] = {
        f"ml/artifacts/any/{name}": site.repository.git.run_bytes(
            "cat-file", "blob", f"main:ml/artifacts/regime_v1/{name}"
        )
        for name in manifest["sha256"]
    }
    files["ml/artifacts/any/manifest.json"] = json.dumps({**manifest, "model": None})
    site.commit_to_main("chore: A second model", {**files, REGISTRY: json.dumps(document, indent=2) + "\n"})
    one, two = site.pull_with_artifact(), site.small_pull("two")
    assert site.comment(one, "/promote shadow regime_classifier")["promote"].result == "success"
    other = site.comment(two, "/promote staging other_model --artifact-dir ml/artifacts/any")["promote"]
    assert other.result == "success", other.log
    site.repository.merge(one, by="bob")
    pushed = site.start("promote.yml", "push", site.repository.merged_push_event(one))["promote"]
    assert pushed.result == "success", pushed.log
    site.repository.merge(two, by="bob")
    registry = ModelRegistry.parse(site.repository.git.run_bytes("cat-file", "blob", f"main:{REGISTRY}"))
    assert registry.get_stage_pointer("other_model", "staging") is not None
    assert site.pointer("main", "shadow") == "regime_v2"
    assert scheduled(site).result == "success"


def test_verify_by_hand_and_after_a_push(site: Site) -> None:
    pushed = site.repository.push_event("main", before="0" * 40, sender="bob")
    assert results(site.start("verify.yml", "push", pushed)) == {"verify": "success", "doctor": "skipped"}
    asked = site.repository.workflow_dispatch_event(VERIFY, sender="bob")
    by_hand = site.start("verify.yml", "workflow_dispatch", asked, only="verify")
    assert results(by_hand) == {"verify": "success"}


def test_nothing_in_the_workspace_is_run_or_read_as_a_setting(site: Site) -> None:
    trap = "raise SystemExit('the workspace was run')\n"
    files = {"sitecustomize.py": trap, "yaml.py": trap, "uv.toml": 'index-url = "http://127.0.0.1:9/"\n'}
    site.commit_to_main("chore: Traps", {**files, ".python-version": "2.7\n"})
    number = site.pull_with_artifact()
    runs = site.comment(number, "/promote shadow")
    assert runs["promote"].result == "success", runs["promote"].log
