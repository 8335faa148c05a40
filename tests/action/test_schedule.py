"""The schedule: everything verified again, one issue while it fails, closed when it is healthy."""

from __future__ import annotations

import json
from pathlib import Path

from tests.fake_github.people import Job
from tests.office import Office

WORKFLOW, CRON = ".github/workflows/verify.yml", "17 3 * * *"


def watch(office: Office, **environment: str) -> Job:
    payload = office.repository.schedule_event(WORKFLOW, CRON)
    return office.event("schedule", payload, PROMOTEBOT_COMMAND="verify", **environment)


def damage(office: Office) -> None:
    person = office.person("bob")
    person.write("ml/artifacts/regime_v1/model.onnx", b"junk")
    person.write(".github/promotion.yml", 'contacts: ["on-call: oncall@example.com"]\n')
    person.commit("chore: Damage")
    person.git("push", "--quiet", "origin", "HEAD:main")


def repair(office: Office) -> None:
    person = office.person("bob")
    person.git("revert", "--no-edit", "HEAD")
    person.git("push", "--quiet", "origin", "HEAD:main")


def issues(office: Office) -> list[tuple[str, str]]:
    pulls = office.repository.pulls
    return [(issue.state, issue.body or "") for n, issue in office.repository.issues.items() if n not in pulls]


def test_a_healthy_registry_opens_no_issue_and_shows_its_table(office: Office) -> None:
    job = watch(office)
    assert (job.exit_code, job.outputs["reason_code"]) == (0, "verified"), job.log
    assert "| `regime_classifier` | ✅ |" in job.summary
    assert issues(office) == []


def test_a_failure_opens_one_issue_that_is_updated_and_closed_when_healthy(office: Office) -> None:
    damage(office)
    for _ in range(2):
        job = watch(office)
        assert (job.exit_code, job.outputs["reason_code"]) == (1, "mismatch")
    ((state, body),) = issues(office)
    assert state == "open"
    assert "artifact.digest" in body
    assert "oncall@example.com" in body
    repair(office)
    watch(office)
    ((state, body),) = issues(office)
    assert state == "closed"
    damage(office)
    watch(office)
    assert [state for state, _ in issues(office)] == ["closed", "open"]


def test_an_issue_of_somebody_else_with_our_marker_is_not_ours(office: Office) -> None:
    office.repository.open_issue(author="mallory", title="x", body="<!-- promotebot:@verify -->\nmine")
    watch(office)
    assert [state for state, _ in issues(office)] == ["open"]
    damage(office)
    watch(office)
    assert len(issues(office)) == 2


def test_a_push_is_compared_with_what_stood_before(office: Office) -> None:
    before = office.repository.git.branch("main") or ""
    person = office.person("bob")
    path = person.clone / "ml/registry/models.json"
    document = json.loads(path.read_bytes())
    document["models"]["regime_classifier"]["history"] = []
    document["models"]["regime_classifier"].pop("history_digest")
    for stage in ("shadow", "active"):
        document["models"]["regime_classifier"][stage] = None
    path.write_text(json.dumps(document, indent=2) + "\n")
    person.commit("chore: Wiped")
    person.git("push", "--quiet", "origin", "HEAD:main")
    payload = office.repository.push_event("main", before=before, sender="bob")
    job = office.event("push", payload, PROMOTEBOT_COMMAND="verify")
    assert job.exit_code == 1
    assert "history.append_only" in job.summary


def test_shards_leave_reports_and_the_merging_job_keeps_the_issue(office: Office, tmp_path: Path) -> None:
    damage(office)
    reports = tmp_path / "promotebot-reports"
    for number in (1, 2):
        temp = tmp_path / f"runner-{number}"
        temp.mkdir()
        watch(office, PROMOTEBOT_SHARD=f"{number}/2", RUNNER_TEMP=str(temp))
        (reports / str(number)).mkdir(parents=True)
        (temp / "promotebot-report.json").rename(reports / str(number) / "promotebot-report.json")
    assert issues(office) == []
    job = watch(office, PROMOTEBOT_SHARD="merge", RUNNER_TEMP=str(tmp_path))
    assert job.exit_code == 1
    assert len(issues(office)) == 1


def test_a_missing_shard_is_never_verified(office: Office, tmp_path: Path) -> None:
    watch(office, PROMOTEBOT_SHARD="1/2", RUNNER_TEMP=str(tmp_path))
    (tmp_path / "promotebot-reports").mkdir()
    (tmp_path / "promotebot-report.json").rename(tmp_path / "promotebot-reports/one.json")
    job = watch(office, PROMOTEBOT_SHARD="merge", RUNNER_TEMP=str(tmp_path))
    assert job.exit_code == 4


def test_without_the_permission_for_issues_the_log_names_it(office: Office) -> None:
    damage(office)
    token = office.repository.issue_actions_token({"contents": "read"})
    job = watch(office, GITHUB_TOKEN=token)
    assert job.exit_code == 4
    assert "issues: " in job.log


def test_a_timer_without_the_verify_command_does_nothing(office: Office) -> None:
    job = office.event("schedule", office.repository.schedule_event(WORKFLOW, CRON))
    assert job.outputs == {"decision": "ignored"}


def test_looking_commands_answer_and_change_nothing(office: Office) -> None:
    number = office.pull()
    office.ask(number, "/promote active")
    head = office.head(number)
    for body, says in (
        ("/status", "Merging this pull request makes"),
        ("/why", "The gate says"),
        ("/verify", "verified"),
        ("/verify regime_classifier", "verified"),
    ):
        job = office.ask(number, body, author="bob")
        assert (job.exit_code, job.outputs["reason_code"]) == (0, "shown"), job.log
        assert any(says in comment for comment in office.comments(number)), body
    assert (office.head(number), office.checks(head)) == (head, ["success"])
    assert office.ask(number, "/verify", author="mallory").outputs["reason_code"] == "permission"
    assert office.ask(number, "/status nope").outputs["decision"] == "refused"
