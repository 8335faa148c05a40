"""The whole handler against the embedded GitHub and real git: the accept, and each refusal."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from promotebot.cli.main import main
from promotebot.errors import RefChanged
from promotebot.github.git_data import GitDataClient
from tests.demo.story import REGISTRY, add_artifact
from tests.fake_github.faults import Fault
from tests.fake_github.people import Job, Runner
from tests.office import ROOT, Office

pytestmark = pytest.mark.thorough

MODEL = "regime_classifier"
COMMIT = "/graphql/CommitOnBranch"
V2 = "ml/artifacts/regime_v2"


def refused(office: Office, number: int, job: Job, head: str, *says: str) -> None:
    """Exit 0, decision refused, one comment that says it and names the next step, nothing committed, no traceback."""
    assert job.exit_code == 0, job
    assert job.outputs["decision"] == "refused"
    assert office.head(number) == head
    comment = office.answer(number)
    for text in says:
        assert text in comment, comment
    assert "Traceback" not in comment + job.log
    assert "-1" in office.reactions()


def edit_manifest(office: Office, number: int, changes: dict[str, Any]) -> str:
    """Change a pull request's regime_v2 manifest; a value of None takes the key out."""
    alice = office.person("alice")
    branch = office.repository.pull(number).head_ref
    alice.start_branch(branch, base=branch)
    path = alice.clone / V2 / "manifest.json"
    manifest = {**json.loads(path.read_bytes()), **changes}
    path.write_text(json.dumps({k: v for k, v in manifest.items() if v is not None}))
    alice.commit("chore: Edit the manifest")
    return alice.push()


def test_promote_active_alone_commits_the_registry_and_tells_the_reviewer(office: Office) -> None:
    number = office.pull()
    before = office.head(number)
    job = office.ask(number, "/promote active")
    after = office.head(number)
    assert job.succeeded, office.comments(number)
    assert job.outputs["decision"] == "promoted"
    assert job.outputs["commit_sha"] == after != before
    assert json.loads(job.outputs["result"])["schema_version"] == "v1"
    assert office.repository.git.run("rev-parse", f"{after}^").strip() == before
    assert office.repository.git.run("diff", "--name-only", before, after).split() == [REGISTRY]
    assert office.repository.git.run("log", "-1", "--format=%s", after).strip() == (
        "feat(ml): Promote regime_v2_candidate to ACTIVE"
    )
    event = office.registry(after).history[MODEL][0]
    assert (event.from_stage, event.to_stage, event.actor, event.source) == ("shadow", "active", "alice", "github")
    assert event.request is not None
    assert event.request.head_sha == before
    assert event.pointer.dataset_id == "market_data_2026_q1_multi"
    assert event.reason == f"#{number}: Shadow evaluation"
    assert office.checks(after) == ["success"]
    comment = office.comment(number)
    assert "ACTIVE" in comment
    assert "regime_v2_candidate" in comment
    assert "```diff" in comment
    assert f"--sha {after}" in comment or f"--sha {before}" in comment
    assert office.reactions() == [], "commit, status and card say it"
    assert comment in job.summary.replace("\\", "") or "regime_v2_candidate" in job.summary


def test_running_the_same_job_again_writes_nothing_and_keeps_one_comment(office: Office) -> None:
    number = office.pull()
    comment = office.repository.comment(number, author="alice", body="/promote active")
    payload = office.repository.issue_comment_event(comment.id)
    first = office.job(payload)
    head = office.head(number)
    again = office.job(payload)
    assert (first.succeeded, again.succeeded) == (True, True)
    assert again.outputs["decision"] == "unchanged"
    assert again.outputs["reason_code"] == "already_done"
    assert office.head(number) == head
    assert len(office.comments(number)) == 1


def test_asking_twice_for_the_same_changes_nothing(office: Office) -> None:
    number = office.pull()
    office.ask(number, "/promote active")
    head = office.head(number)
    job = office.ask(number, "/promote active")
    assert job.outputs["reason_code"] == "nothing_to_change"
    assert office.head(number) == head


def test_a_dry_run_shows_what_the_commit_then_is(office: Office) -> None:
    """Both are planned from the same inputs; only the request, and what is hashed over it, is another."""

    def diff(number: int) -> str:
        shown = office.comment(number).partition("```diff")[2].partition("```")[0]
        return re.sub(r"comment:\d+#1|sha256:[0-9a-f]{64}", "…", shown)

    number = office.pull()
    assert office.ask(number, "/promote active --dry-run").succeeded
    planned = diff(number)
    assert office.ask(number, "/promote active").succeeded
    assert planned.count("\n+") > 10
    assert diff(number) == planned


def test_a_commits_own_date_counts_for_nothing(office: Office) -> None:
    """Whoever commits writes the date; soak and history go by GitHub's clock and ours."""
    alice = office.person("alice")
    alice.start_branch("long-ago")
    alice.write("ml/evaluations/long-ago.json", "{}\n")
    old = {"GIT_COMMITTER_DATE": "2020-01-01T00:00:00Z", "GIT_AUTHOR_DATE": "2020-01-01T00:00:00Z"}
    alice = replace(alice, environment={**alice.environment, **old})
    alice.commit("feat: Long ago")
    alice.push()
    number = office.repository.open_pull(author="alice", head="long-ago", title="Long ago").number
    assert office.ask(number, f"/promote staging {MODEL} --artifact-dir {V2}").succeeded
    event = office.registry(office.head(number)).history[MODEL][0]
    assert event.ts_utc == office.now.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert re.search(r"in shadow for \d+ min,", office.comment(number).lower())


def test_a_dry_run_shows_the_diff_and_commits_nothing(office: Office) -> None:
    number = office.pull()
    head = office.head(number)
    job = office.ask(number, "/promote active --dry-run")
    assert job.succeeded
    assert job.outputs["decision"] == "planned"
    assert office.head(number) == head
    assert "```diff" in office.comment(number)
    assert office.checks(head) == []


def test_an_artifact_the_pull_request_adds_is_found_by_itself(office: Office) -> None:
    alice = office.person("alice")
    alice.start_branch("v3")
    add_artifact(alice, ROOT, "regime_v2", name="regime_v3")
    alice.push()
    number = office.repository.open_pull(author="alice", head="v3", title="Add regime_v3").number
    job = office.ask(number, "/promote shadow")
    assert job.succeeded, office.comments(number)
    pointer = office.registry(office.head(number)).get_stage_pointer(MODEL, "shadow")
    assert pointer is not None
    assert (pointer.artifact_dir, pointer.artifact_id) == ("ml/artifacts/regime_v3", "regime_v3")


def test_several_commands_are_carried_out_in_order(office: Office) -> None:
    number = office.pull()
    job = office.ask(number, "/promote staging --artifact-id regime_v2_staging\n/promote active")
    assert job.succeeded, office.comments(number)
    registry = office.registry(office.head(number))
    stages = [registry.get_stage_pointer(MODEL, stage) for stage in ("staging", "active")]
    assert [pointer.artifact_id for pointer in stages if pointer] == ["regime_v2_staging", "regime_v2_staging"]
    assert len(json.loads(job.outputs["result"])["all"]) == 2


def test_an_unknown_model_is_refused_with_the_known_ones(office: Office) -> None:
    number = office.pull()
    job = office.ask(number, "/promote active regime_clasifier")
    refused(office, number, job, office.head(number), "request.model", "regime_classifier")


def test_ambiguity_is_refused_with_the_commands_to_choose_from(office: Office) -> None:
    alice = office.person("alice")
    alice.start_branch("two")
    for name in ("regime_v3", "regime_v4"):
        add_artifact(alice, ROOT, "regime_v2", name=name)
    alice.push()
    number = office.repository.open_pull(author="alice", head="two", title="Two").number
    job = office.ask(number, "/promote shadow")
    refused(
        office,
        number,
        job,
        office.head(number),
        f"/promote shadow {MODEL} --artifact-dir ml/artifacts/regime_v3",
        f"/promote shadow {MODEL} --artifact-dir ml/artifacts/regime_v4",
    )
    assert job.outputs["reason_code"] == "unclear"


def test_active_without_a_prior_stage_in_the_base_is_refused(office: Office) -> None:
    alice = office.person("alice")
    alice.start_branch("v3")
    shutil.copytree(ROOT / V2, alice.clone / "ml/artifacts/regime_v3")
    report = alice.clone / "ml/artifacts/regime_v3/train_report.json"
    report.write_text(report.read_text() + "\n")
    manifest = json.loads((report.parent / "manifest.json").read_bytes())
    manifest["sha256"]["train_report.json"] = hashlib.sha256(report.read_bytes()).hexdigest()
    manifest["git_sha"] = alice.git("rev-parse", "HEAD")
    (report.parent / "manifest.json").write_text(json.dumps(manifest))
    alice.commit("feat: v3")
    alice.push()
    number = office.repository.open_pull(author="alice", head="v3", title="v3").number
    shadow = office.ask(number, "/promote shadow")
    assert shadow.succeeded, office.comments(number)
    head = office.head(number)
    job = office.ask(number, "/promote active")
    refused(office, number, job, head, "active.prior_stage", "/promote shadow")
    assert office.checks(head) == ["success"], "a refused request changes nothing about the verdict"


def test_a_digest_mismatch_is_refused_with_both_digests(office: Office) -> None:
    alice = office.person("alice")
    alice.start_branch("v3")
    add_artifact(alice, ROOT, "regime_v2", name="regime_v3", tampered=True)
    alice.push()
    number = office.repository.open_pull(author="alice", head="v3", title="v3").number
    job = office.ask(number, "/promote shadow")
    refused(office, number, job, office.head(number), "artifact.digest", "promotebot manifest ml/artifacts/regime_v3")
    assert office.checks(office.head(number)) == []


def test_a_missing_file_is_refused_by_name(office: Office) -> None:
    alice = office.person("alice")
    alice.start_branch("v3")
    add_artifact(alice, ROOT, "regime_v2", name="regime_v3")
    (alice.clone / "ml/artifacts/regime_v3/test_data_set_0/output_0.pb").unlink()
    alice.commit("chore: Lose a file")
    alice.push()
    number = office.repository.open_pull(author="alice", head="v3", title="v3").number
    job = office.ask(number, "/promote shadow")
    refused(office, number, job, office.head(number), "artifact.files", "test_data_set_0/output_0.pb")


@pytest.mark.parametrize("path", ["../../../etc/passwd", "ml/../ml/artifacts/regime_v2", "/etc", "ml\\artifacts"])
def test_a_path_that_leaves_the_repository_is_refused(office: Office, path: str) -> None:
    number = office.pull()
    job = office.ask(number, f"/promote shadow --artifact-dir '{path}'")
    refused(office, number, job, office.head(number), "Path traversal not allowed", "ml/artifacts/regime_v2")


def test_a_directory_that_is_not_there_is_refused(office: Office) -> None:
    number = office.pull()
    job = office.ask(number, "/promote shadow --artifact-dir ml/artifacts/nope")
    refused(office, number, job, office.head(number), "Artifact directory not found", "ml/artifacts/nope")


def test_a_symbolic_link_in_the_tree_is_refused(office: Office) -> None:
    alice = office.person("alice")
    alice.start_branch("link")
    (alice.clone / "ml/artifacts/regime_v3").symlink_to("regime_v2")
    alice.commit("feat: A link")
    alice.push()
    number = office.repository.open_pull(author="alice", head="link", title="Link").number
    job = office.ask(number, "/promote shadow --artifact-dir ml/artifacts/regime_v3")
    refused(office, number, job, office.head(number), "symbolic link", "ml/artifacts/regime_v3")


@pytest.mark.parametrize(("field", "flag"), [("dataset_id", "--dataset-id"), ("git_sha", "--git-sha")])
def test_active_without_dataset_or_training_commit_is_refused(office: Office, field: str, flag: str) -> None:
    number, place, alice = office.pull(branch="bare"), "ml/artifacts/regime_v3", office.person("alice")
    # The shadow pointer of the seed names both, so that a fresh directory is needed to have neither.
    alice.start_branch("bare", base="bare")
    shutil.copytree(alice.clone / V2, alice.clone / place)
    path = alice.clone / place / "manifest.json"
    path.write_text(json.dumps({k: v for k, v in json.loads(path.read_bytes()).items() if k != field}))
    alice.commit("feat: A model without it")
    head = alice.push()
    job = office.ask(number, f"/promote active --artifact-dir {place}")
    refused(office, number, job, head, f"active.{field}", f"ACTIVE promotion requires {flag}")


def test_a_training_commit_outside_the_history_is_refused(office: Office) -> None:
    number = office.pull()
    head = edit_manifest(office, number, {"git_sha": "0" * 39 + "1"})
    job = office.ask(number, "/promote active")
    refused(office, number, job, head, "git_sha.ancestor", "not an ancestor")


def test_a_training_commit_that_a_squash_dropped_is_known_by_its_pull_request(office: Office) -> None:
    alice, place = office.person("alice"), "ml/artifacts/regime_v3"
    alice.start_branch("training")
    alice.write("train.py", b"")
    alice.commit("feat: Training")
    trained = add_artifact(alice, alice.clone, "regime_v2", name="regime_v3")
    alice.push()
    first = office.repository.open_pull(author="alice", head="training", title="A model")
    assert office.ask(first.number, f"/promote shadow --artifact-dir {place}").outputs["decision"] == "promoted"
    office.repository.merge(first.number, by="bob", method="squash")
    assert not office.repository.git.is_ancestor(trained, "main")
    number = office.pull("evaluation")
    job = office.ask(number, f"/promote active --artifact-dir {place}")
    assert job.outputs["decision"] == "promoted"
    rule = next(
        line for line in office.comment(number).replace("\u2060", "").splitlines() if "git_sha.ancestor" in line
    )
    assert f"{trained[:12]} is a commit of #{first.number}, which was merged into the base" in rule
    pointer = office.registry(office.head(number)).get_stage_pointer("regime_classifier", "active")
    assert pointer is not None
    assert pointer.git_sha == trained


def test_a_commenter_without_permission_is_refused(office: Office) -> None:
    number = office.pull()
    head = office.head(number)
    refused(office, number, office.ask(number, "/promote active", author="mallory"), head, "mallory", "maintain")
    assert office.checks(head) == [], "somebody without permission must not be able to turn the check red"


def test_write_permission_suffices_for_staging_but_not_for_active(office: Office) -> None:
    number = office.pull()
    refused(office, number, office.ask(number, "/promote active", author="carol"), office.head(number), "maintain")
    assert office.ask(number, "/promote staging", author="carol").succeeded


def test_an_edited_comment_is_refused(office: Office) -> None:
    number = office.pull()
    comment = office.repository.comment(number, author="alice", body="/promote active")
    payload = office.repository.issue_comment_event(comment.id)
    office.repository.edit_comment(comment.id, body="/promote active --artifact-id other")
    job = office.job(payload)
    refused(office, number, job, office.head(number), "edited", "new comment")
    assert job.outputs["reason_code"] == "edited_comment"


def test_lines_that_end_otherwise_in_the_event_than_in_the_answer_are_no_edit(office: Office) -> None:
    number = office.pull()
    job = office.ask(number, "Looks good.\r\n/promote staging\r\n")
    assert job.outputs["decision"] == "promoted", job.summary


def test_a_comment_that_seems_to_change_a_second_later_though_nobody_edits_it_is_carried_out(office: Office) -> None:
    number = office.pull()
    asked = [
        office.repository.comment(number, author="alice", body=f"/promote {stage}") for stage in ("staging", "active")
    ]
    assert sorted((comment.updated_at - comment.created_at).seconds for comment in asked) == [0, 1]
    for comment in asked:
        assert office.job(office.repository.issue_comment_event(comment.id)).outputs["decision"] == "promoted"


def test_a_comment_that_is_deleted_before_it_is_read_is_refused(office: Office) -> None:
    number = office.pull()
    comment = office.repository.comment(number, author="alice", body="/promote active")
    payload = office.repository.issue_comment_event(comment.id)
    del office.repository.comments[comment.id]
    head = office.head(number)
    job = office.job(payload)
    assert (job.outputs["decision"], job.outputs["reason_code"]) == ("refused", "deleted_comment")
    assert office.head(number) == head
    assert "The comment was deleted" in office.comment(number)


@pytest.mark.parametrize("command", ["/promote active", "/withdraw", "/verify"])
def test_an_account_that_github_does_not_know_any_more_is_refused_by_name(office: Office, command: str) -> None:
    number = office.pull()
    assert office.ask(number, "/promote staging").succeeded
    comment = office.repository.comment(number, author="alice", body=command)
    payload = office.repository.issue_comment_event(comment.id)
    head = office.head(number)
    office.hub.inject(Fault("GET", r"/collaborators/alice/permission", status=404, times=9))
    job = office.job(payload)
    assert (job.outputs["decision"], job.outputs["reason_code"]) == ("refused", "permission")
    assert office.head(number) == head
    assert any("there is no GitHub user alice" in body for body in office.comments(number))


def test_a_closed_pull_request_is_refused(office: Office) -> None:
    number = office.pull()
    office.repository.close(number, by="alice")
    refused(office, number, office.ask(number, "/promote active"), office.head(number), "closed")


def test_a_fork_is_refused_always(office: Office) -> None:
    fork = office.hub.fork("acme/models", "mallory")
    mallory = type(office.person("alice")).at_work(office.hub, fork, "mallory", office.scratch / "fork")
    mallory.start_branch("evil")
    mallory.write("ml/evaluations/x.json", "{}\n")
    mallory.commit("docs: x")
    mallory.push()
    number = office.repository.open_pull(author="mallory", head="mallory:evil", base="main", title="x").number
    refused(office, number, office.ask(number, "/promote active"), office.head(number), "fork")


def test_a_draft_is_refused(office: Office) -> None:
    number = office.pull(draft=True)
    refused(office, number, office.ask(number, "/promote active"), office.head(number), "draft")


def test_a_base_nobody_listed_is_refused(office: Office) -> None:
    tip = office.repository.git.branch("main")
    office.repository.git.set_ref("refs/heads/lax", tip)
    number = office.pull(base="lax")
    refused(office, number, office.ask(number, "/promote active"), office.head(number), "lax", "main")


def test_a_command_on_a_plain_issue_is_refused(office: Office) -> None:
    issue = office.repository.open_issue(author="alice", title="Hello")
    job = office.ask(issue.number, "/promote active")
    assert (job.exit_code, job.outputs["decision"]) == (0, "refused")
    assert job.outputs["reason_code"] == "not_a_pull_request"
    assert "pull request" in office.comment(issue.number)


def test_a_slip_in_the_command_is_answered_with_what_to_write(office: Office) -> None:
    number = office.pull()
    refused(office, number, office.ask(number, "/promote actve"), office.head(number), "/promote active")


def test_a_pinned_head_that_is_not_the_head_is_refused_with_the_current_one(office: Office) -> None:
    number = office.pull()
    head = office.head(number)
    refused(office, number, office.ask(number, f"/promote active --sha {'a' * 40}"), head, head)
    assert office.ask(number, f"/promote active --sha {head}").succeeded


@pytest.mark.parametrize(
    ("command", "needed"),
    [
        ("/promote active", True),
        ('/rollback regime_classifier --reason "incident"', True),
        ('/rollback regime_classifier staging --reason "incident"', True),
        ("/promote staging", False),
    ],
)
def test_the_policy_can_demand_a_pinned_head_for_active_and_rollbacks(
    office: Office, command: str, needed: bool
) -> None:
    office.policy("require_sha: true\n")
    number = office.pull()
    job, head = office.ask(number, command), office.head(number)
    assert (job.outputs["reason_code"] == "sha_required") is needed
    assert (f"--sha {head}" in office.comment(number) and not job.succeeded) or not needed


def test_a_freeze_refuses_a_promotion_and_lets_a_rollback_through(office: Office) -> None:
    first = office.pull("first")
    office.ask(first, "/promote active")
    office.merge(first)
    freeze = f"{{start: {office.now:%Y-%m-%dT00:00}, end: 2999-01-01T00:00, reason: year-end close}}"
    office.policy(f"freezes: [{freeze}]\n")
    number = office.pull("second")
    job = office.ask(number, "/promote active --artifact-id renamed")
    refused(office, number, job, office.head(number), "ACTIVE is frozen until 2999", "year-end close")
    assert office.ask(number, '/rollback regime_classifier --reason "incident"').succeeded


def test_a_hand_edited_registry_is_not_built_upon(office: Office) -> None:
    text = office.repository.git.run("show", f"main:{REGISTRY}")
    edited = text.replace('"artifact_id": "regime_v1_prod"', '"artifact_id": "mine"', 1)
    number = office.pull(files={REGISTRY: edited})
    job = office.ask(number, "/promote active")
    refused(office, number, job, office.head(number), "gate.replay", MODEL)
    assert office.checks(office.head(number)) == [], "the gate's own job says it"


def test_a_branch_behind_a_moved_registry_is_merged_with_the_base_and_promoted_on_it(office: Office) -> None:
    first, second = office.pull("one"), office.pull("two")
    assert office.ask(first, "/promote staging").succeeded
    office.repository.merge(first, by="bob")
    head = office.head(second)
    assert office.ask(second, "/promote active").outputs["decision"] == "promoted"
    parents = office.repository.git.run("log", "-1", "--format=%P", office.head(second)).split()
    assert parents == [head, office.repository.git.branch("main")]
    assert office.checks(office.head(second)) == ["success"]
    entry = office.registry(office.head(second)).entry("regime_classifier")
    assert entry is not None
    assert [event.to_stage for event in entry.history[:2]] == ["active", "staging"]
    office.repository.merge(second, by="bob")


def test_a_branch_that_conflicts_with_the_base_elsewhere_is_for_its_author(office: Office) -> None:
    first, second = office.pull("one", {"notes.txt": "one\n"}), office.pull("two", {"notes.txt": "two\n"})
    assert office.ask(first, "/promote staging").succeeded
    office.repository.merge(first, by="bob")
    job = office.ask(second, "/promote active")
    refused(office, second, job, office.head(second), "git merge --no-edit origin/main", "conflicts in notes.txt")
    assert job.outputs["reason_code"] == "base_moved"


@pytest.mark.parametrize("body", ["Looks good to me.", "> /promote active", "```\n/promote active\n```", "", "/lg"])
def test_a_comment_without_a_command_costs_no_api_call(office: Office, body: str) -> None:
    number = office.pull()
    office.hub.requests.clear()
    job = office.ask(number, body)
    assert job.succeeded
    assert job.outputs == {"decision": "ignored"}
    assert office.hub.requests == []


def test_a_bots_comment_is_ignored_silently(office: Office) -> None:
    number = office.pull()
    office.hub.add_user("other[bot]", type="Bot")
    office.hub.requests.clear()
    for login in ("other[bot]", "github-actions[bot]"):
        job = office.ask(number, "/promote active", author=login)
        assert (job.exit_code, job.outputs) == (0, {"decision": "ignored"})
    assert office.hub.requests == []


def test_other_events_are_ignored(office: Office) -> None:
    number = office.pull()
    comment = office.repository.comment(number, author="alice", body="/promote active")
    for action in ("edited", "deleted"):
        job = office.job(office.repository.issue_comment_event(comment.id, action=action))
        assert job.outputs == {"decision": "ignored"}


@pytest.mark.parametrize("action", ["edited", "deleted"])
def test_a_card_that_somebody_changes_is_written_again(office: Office, action: str) -> None:
    number = office.pull()
    assert office.ask(number, "/promote active").succeeded
    before = office.comment(number)
    card = next(one for one in office.repository.comments.values() if one.body.startswith("<!-- promotebot:regime"))
    office.repository.edit_comment(card.id, body=before.replace("ready for review", "merged by bob"))
    changed = office.repository.issue_comment_event(card.id, action=action, sender="mallory")
    if action == "deleted":
        del office.repository.comments[card.id]
    assert office.job(changed).succeeded
    after = next(one.body for one in office.repository.comments.values() if one.body.startswith("<!-- promotebot:reg"))
    assert "· ready for review" in after
    own = office.repository.issue_comment_event(next(iter(office.repository.comments)), action="edited")
    assert office.job(own).outputs == {"decision": "ignored"}


def test_the_policy_of_the_pull_request_counts_for_nothing(office: Office) -> None:
    number = office.pull(files={".github/promotion.yml": "stages: {active: {permission: read}}\n"})
    refused(office, number, office.ask(number, "/promote active", author="mallory"), office.head(number), "maintain")


def test_the_program_itself_runs_as_the_action_starts_it(office: Office, tmp_path: Path) -> None:
    number = office.pull()
    comment = office.repository.comment(number, author="alice", body="/promote active")
    runner = Runner.of(office.repository, tmp_path / "job")
    (runner.directory / "promotebot").mkdir()
    (runner.directory / "promotebot/__init__.py").write_text("raise SystemExit('the working directory was imported')\n")
    job = runner.run("issue_comment", office.repository.issue_comment_event(comment.id))
    assert job.succeeded, job.log
    assert job.outputs["decision"] == "promoted"
    assert runner.token not in job.log + job.summary + json.dumps(job.outputs)


def test_an_internal_error_says_so_exits_with_three_and_touches_nothing(
    office: Office, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("boom")

    number = office.pull()
    head = office.head(number)
    comment = office.repository.comment(number, author="alice", body="/promote active")
    runner = Runner.of(office.repository, tmp_path / "job")
    environment = runner.environment("issue_comment", office.repository.issue_comment_event(comment.id))
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("promotebot.pulls.request_context.decide", broken)
    assert main([]) == 3
    job = runner.finished(environment, 3, "")
    assert (job.outputs["decision"], job.outputs["reason_code"]) == ("failed", "internal")
    assert "Internal error" in office.comment(number)
    assert office.head(number) == head


@pytest.mark.parametrize("promoted_before", [False, True])
def test_a_head_that_moves_during_the_promotion_is_read_again_never_overwritten(
    office: Office, promoted_before: bool
) -> None:
    number = office.pull("moving")
    if promoted_before:
        office.ask(number, "/promote staging")
    alice = office.person("alice")
    alice.start_branch("moving", base="moving")
    pushed: list[str] = []

    def push_late() -> None:
        alice.write("docs/late.md", "late\n")
        pushed.append(alice.commit("docs: Late"))
        alice.push()

    office.hub.inject(Fault("POST", COMMIT, meanwhile=push_late))
    job = office.ask(number, "/promote active")
    assert job.succeeded, office.comments(number)
    head = office.head(number)
    assert office.repository.git.run("rev-parse", f"{head}^").strip() == pushed[0]
    assert len(office.registry(head).history[MODEL]) == 4 + promoted_before


def test_two_requests_on_one_head_at_the_same_time_are_both_carried_out(office: Office) -> None:
    """The one that comes too late finds its own attestation on a commit that the bot has moved the branch from."""
    number = office.pull()
    other = "/promote staging --artifact-dir ml/artifacts/regime_v1"
    answers: list[Job] = []
    meanwhile = Fault(
        "POST", f"/statuses/{office.head(number)}", meanwhile=lambda: answers.append(office.ask(number, other))
    )
    office.hub.inject(meanwhile)
    answers.append(office.ask(number, "/promote active --artifact-dir ml/artifacts/regime_v2 --artifact-id late"))
    assert [answer.outputs["decision"] for answer in answers] == ["promoted", "promoted"], office.comments(number)
    held = [office.pointer(office.head(number), stage) for stage in ("staging", "active")]
    assert held == ["regime_v1", "late"]


def test_a_job_that_was_killed_before_its_push_is_carried_out_when_it_is_run_again(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def killed(*_: object, **__: object) -> None:
        raise Killed

    number = office.pull()
    office.ask(number, "/promote staging")
    comment = office.repository.comment(number, author="alice", body="/promote active")
    event = office.repository.issue_comment_event(comment.id)
    with monkeypatch.context() as patch:
        patch.setattr(GitDataClient, "commit_on_branch", killed)
        with pytest.raises(Killed):
            office.job(event)
    assert office.job(event).outputs["decision"] == "promoted", office.comments(number)
    assert office.pointer(office.head(number), "active") == "regime_v2_candidate"


def test_a_refused_request_leaves_no_red_cross_on_main_and_a_failure_does(office: Office) -> None:
    number = office.pull()
    assert office.ask(number, "/promote active", author="mallory").outputs["decision"] == "refused"
    assert not office.repository.shown_as_failed("main")
    office.hub.inject(Fault("POST", "/graphql/(Seen|Conversation)", status=404, message="Not Found", times=2))
    assert office.ask(number, "/promote active").exit_code == 4
    assert office.repository.shown_as_failed("main")


def test_a_branch_that_never_rests_is_given_up_with_ref_changed(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    def always_late(*_: object, **__: object) -> None:
        raise RefChanged("moving moved away")

    number = office.pull("moving")
    monkeypatch.setattr(GitDataClient, "commit_on_branch", always_late)
    job = office.ask(number, "/promote active")
    refused(office, number, job, office.head(number), "moved 5 times")
    assert job.outputs["reason_code"] == "ref_changed"


@pytest.mark.parametrize(
    "path",
    [r"/issues/1/comments$", "/graphql/Seen", r"/issues/comments/\d+$"],
    ids=["comments", "reactions", "comment"],
)
def test_a_comment_that_fails_never_changes_the_outcome(office: Office, path: str) -> None:
    number = office.pull()
    for method in ("POST", "PATCH"):
        office.hub.inject(Fault(method, path, status=500, times=9))
    job = office.ask(number, "/promote active")
    assert job.succeeded
    assert job.outputs["decision"] == "promoted"
    assert office.checks(office.head(number)) == ["success"]


@pytest.mark.parametrize("path", ["/collaborators/alice/permission", "/graphql/(Seen|Conversation)"])
def test_a_question_github_does_not_answer_denies(office: Office, path: str) -> None:
    number = office.pull()
    head = office.head(number)
    office.hub.inject(Fault("*", path, status=403, times=9))
    job = office.ask(number, "/promote active")
    assert job.exit_code == 4
    assert job.outputs["reason_code"] == "could_not_verify"
    assert office.head(number) == head


def test_a_check_that_could_not_be_set_is_set_by_running_the_job_again(office: Office) -> None:
    number = office.pull()
    comment = office.repository.comment(number, author="alice", body="/promote active")
    payload = office.repository.issue_comment_event(comment.id)
    office.hub.inject(Fault("POST", rf"/statuses/(?!{office.head(number)})", status=502))
    job = office.job(payload)
    head = office.head(number)
    assert job.exit_code == 4
    assert office.checks(head) == []
    again = office.job(payload)
    assert (again.exit_code, again.outputs["reason_code"]) == (0, "already_done")
    assert office.head(number) == head
    assert office.checks(head) == ["success"]


def test_a_token_without_permission_names_the_line_to_add(office: Office, tmp_path: Path) -> None:
    number = office.pull()
    comment = office.repository.comment(number, author="alice", body="/promote active")
    granted = {"contents": "read", "pull-requests": "write", "issues": "write", "statuses": "write"}
    token = office.repository.issue_actions_token(granted)
    job = office.job(office.repository.issue_comment_event(comment.id), GITHUB_TOKEN=token)
    assert job.exit_code == 4
    assert "contents: write" in office.comment(number)
    assert token not in office.comment(number) + job.log + job.summary


def test_a_promotion_whose_bytes_changed_later_turns_the_check_red_and_says_so(office: Office) -> None:
    alice = office.person("alice")
    alice.start_branch("v3")
    add_artifact(alice, ROOT, "regime_v2", name="regime_v3")
    alice.push()
    number = office.repository.open_pull(author="alice", head="v3", title="v3").number
    assert office.ask(number, "/promote shadow").succeeded
    alice.start_branch("v3", base="v3")
    (alice.clone / "ml/artifacts/regime_v3/model.onnx").write_bytes(b"other bytes")
    alice.commit("chore: Other bytes")
    alice.push()
    job = office.ask(number, f"/promote staging --artifact-dir {V2}")
    assert job.outputs["decision"] == "promoted"
    assert office.checks(office.head(number)) == ["failure"]
    comment = office.comment(number)
    assert "· blocked&#58; `ml/artifacts/regime_v3/model.onnx`" in comment
    assert "artifact.pinned" in comment
    assert "approve and merge" not in comment


def test_a_comment_tells_every_promotion_that_merging_makes(office: Office) -> None:
    number = office.pull()
    office.ask(number, "/promote staging --artifact-id regime_v2_staging\n/promote active")
    comment = office.comment(number)
    assert "contains 2 promotions" in comment
    assert "STAGING: `regime_v2_staging`" in comment


def test_a_second_run_leaves_the_reviewers_comment_as_it_is(office: Office) -> None:
    number = office.pull()
    comment = office.repository.comment(number, author="alice", body="/promote active")
    payload = office.repository.issue_comment_event(comment.id)
    office.job(payload)
    told = office.comment(number)
    assert office.job(payload).outputs["comment_url"]
    assert office.comment(number) == told
    assert "```diff" in told


def test_a_check_that_fails_after_the_push_is_told_with_the_commit(office: Office) -> None:
    number = office.pull()
    office.hub.inject(Fault("POST", rf"/statuses/(?!{office.head(number)})", status=502))
    job = office.ask(number, "/promote active")
    assert job.exit_code == 4
    assert job.outputs["commit_sha"] == office.head(number)
    assert "after the commit" in office.comment(number)
    assert "Run the failed job again" in office.comment(number)


def test_with_a_prefix_only_commands_behind_it_are_answered_and_the_answer_shows_it(office: Office) -> None:
    number = office.pull()

    def ask(body: str) -> Job:
        comment = office.repository.comment(number, author="alice", body=body)
        return office.job(office.repository.issue_comment_event(comment.id), PROMOTEBOT_PREFIX="/model")

    assert ask("/promote active").outputs["decision"] == "ignored"
    assert ask("/model promte active").outputs["reason_code"] == "unreadable_command"
    assert "  /model promote active\n" in office.comment(number)
    assert ask("/model promote active --dry-run").outputs["decision"] == "planned"
    assert ask("/model help").outputs["decision"] == "helped"
    assert any("`/model promote shadow`" in body for body in office.comments(number))


def test_the_runtime_loads_while_github_answers_a_promotion_and_no_question(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    number, asked = office.pull(), list[int]()
    monkeypatch.setattr("promotebot.artifact.starting.start_early", lambda: asked.append(len(office.hub.requests)))
    office.hub.requests.clear()
    office.ask(number, "/status")
    office.hub.requests.clear()
    office.ask(number, "/promote shadow")
    assert asked == [0]
