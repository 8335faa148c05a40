"""The schedule: everything verified again, one issue while it fails, closed when it is healthy."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from promotebot.action.ledger import VERIFIED
from tests.fake_github.faults import Fault
from tests.fake_github.people import Job
from tests.office import BOT, Office

pytestmark = pytest.mark.thorough

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


def wipe(office: Office, *, force: bool = False) -> None:
    """bob takes the whole history away, in a commit, or as if it had never been there."""
    person = office.person("bob")
    path = person.clone / "ml/registry/models.json"
    document = json.loads(path.read_bytes())
    entry = document["models"]["regime_classifier"]
    entry.pop("history_digest")
    entry.update(history=[], shadow=None, staging=None, active=None)
    path.write_text(json.dumps(document, indent=2) + "\n")
    if force:
        person.git("reset", "--quiet", "--soft", "HEAD~1")
    person.commit("chore: Wiped")
    person.git("push", "--quiet", "--force", "origin", "HEAD:main")


def restore(office: Office, good: str) -> None:
    """bob brings the registry back as it was at a commit, in a new one."""
    person = office.person("bob")
    person.git("fetch", "--quiet", "origin", good)
    person.git("checkout", "--quiet", good, "--", "ml/registry")
    person.commit("fix: Restore the history")
    person.git("push", "--quiet", "origin", "HEAD:main")


def pushed(office: Office, before: str) -> Job:
    """The verification that a push to main starts."""
    payload = office.repository.push_event("main", before=before, sender="bob")
    return office.event("push", payload, by="bob", PROMOTEBOT_COMMAND="verify")


def tip(office: Office) -> str:
    return office.repository.git.branch("main") or ""


def verified(office: Office) -> list[str]:
    """The commits that the bot remembers as verified, the oldest record first."""
    return [
        s.sha for s in office.repository.statuses if (s.context, s.user.login, s.state) == (VERIFIED, BOT, "success")
    ]


def only_issue(office: Office) -> int:
    (number,) = (n for n in office.repository.issues if n not in office.repository.pulls)
    return number


def issues(office: Office) -> list[tuple[str, str]]:
    pulls = office.repository.pulls
    return [(issue.state, issue.body or "") for n, issue in office.repository.issues.items() if n not in pulls]


def test_a_healthy_registry_opens_no_issue_and_shows_its_table(office: Office) -> None:
    job = watch(office)
    assert (job.exit_code, job.outputs["reason_code"]) == (0, "verified"), job.log
    assert "| `regime_classifier` | ✅ |" in job.summary
    assert issues(office) == []


def test_every_job_of_the_push_that_brings_the_first_registry_is_green_and_opens_no_issue(office: Office) -> None:
    bob = office.person("bob")
    bob.git("rm", "-rq", "ml/registry")
    bob.commit("chore: No registry")
    bob.git("push", "--quiet", "origin", "HEAD:main")
    before = tip(office)
    assert bob.promotebot("init").returncode == 0
    bob.commit("chore: What promotebot init writes")
    bob.git("push", "--quiet", "origin", "HEAD:main")
    job = pushed(office, before)
    assert (job.exit_code, job.outputs["reason_code"]) == (0, "verified"), job.log
    assert "The registry is valid and holds no model, so there is nothing to verify" in job.summary
    for command in ("auto", "announce"):
        payload = office.repository.push_event("main", before=before, sender="bob")
        job = office.event("push", payload, by="bob", PROMOTEBOT_COMMAND=command)
        assert job.exit_code == 0, job.log
    assert issues(office) == []


def test_a_failure_opens_one_issue_that_is_updated_and_closed_when_healthy(office: Office) -> None:
    watch(office)
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


def test_the_first_verification_compares_with_nothing_says_so_and_is_remembered(office: Office) -> None:
    job = watch(office)
    assert "verify.base" in job.summary
    assert verified(office) == [tip(office)]
    again = watch(office)
    assert (again.exit_code, "verify.base" in again.summary) == (0, False)
    assert verified(office) == [tip(office)], "once for a commit"


def test_while_an_issue_is_open_a_run_that_compared_with_nothing_is_not_remembered(office: Office) -> None:
    damage(office)
    watch(office)
    repair(office)
    job = watch(office)
    assert (job.exit_code, verified(office)) == (0, [])
    ((state, body),) = issues(office)
    assert (state, "compared with nothing" in body) == ("open", True)
    office.repository.close_issue(only_issue(office), by="bob")
    watch(office)
    assert verified(office) == [tip(office)]


def test_a_first_push_is_compared_with_what_stood_before(office: Office) -> None:
    before = tip(office)
    wipe(office)
    job = pushed(office, before)
    assert job.exit_code == 1
    assert "history.append_only" in job.summary
    before = tip(office)
    office.push("bob", "main", {"README.md": "models\n"}, "docs: Read me")
    assert pushed(office, before).exit_code == 0
    assert [state for state, _ in issues(office)] == ["open"], "what the push replaced was no verified state"
    assert verified(office) == []


@pytest.mark.parametrize("how", ["commit", "force push"])
def test_a_rewritten_history_is_found_until_it_is_restored(office: Office, how: str) -> None:
    watch(office)
    good = tip(office)
    wipe(office, force=how == "force push")
    for job in (pushed(office, good), watch(office), watch(office)):
        assert (job.exit_code, job.outputs["reason_code"]) == (1, "mismatch")
        assert "history.append_only" in job.summary
        assert [state for state, _ in issues(office)] == ["open"]
    restore(office, good)
    assert watch(office).exit_code == 0
    assert [state for state, _ in issues(office)] == ["closed"]
    assert verified(office) == [good, tip(office)]


def test_going_back_to_a_commit_that_was_verified_once_is_a_rewritten_history(office: Office) -> None:
    watch(office)
    first = tip(office)
    number = office.pull()
    office.ask(number, "/promote active")
    office.repository.merge(number, by="bob")
    watch(office)
    newest = tip(office)
    assert verified(office) == [first, newest]
    bob = office.person("bob")
    bob.git("push", "--quiet", "--force", "origin", f"{first}:main")
    for job in (pushed(office, newest), watch(office)):
        assert job.exit_code == 1
        assert "history.append_only" in job.summary
    bob.git("push", "--quiet", "origin", f"{newest}:main")
    assert watch(office).exit_code == 0
    assert verified(office) == [first, newest, newest], "of this stay, too"


def test_a_record_that_somebody_else_posted_counts_for_nothing(office: Office) -> None:
    watch(office)
    good = tip(office)
    wipe(office)
    push = office.repository.activity.entries[-1]
    office.repository.post_status(tip(office), VERIFIED, "success", by="carol", description=f"push {push.id} to main")
    assert watch(office).exit_code == 1
    office.repository.post_status(good, VERIFIED, "failure", by="carol")
    restore(office, good)
    assert watch(office).exit_code == 0


def test_a_last_verified_commit_that_github_does_not_give_is_never_a_pass(office: Office) -> None:
    watch(office)
    gone = tip(office)
    wipe(office, force=True)
    second = Fault("GET", r"\.git/info/refs", status=404, times=9)
    office.repository.hub.inject(Fault("GET", r"\.git/info/refs", meanwhile=lambda: office.hub.faults.append(second)))
    job = watch(office)
    assert (job.exit_code, job.outputs["reason_code"], verified(office)) == (4, "could_not_verify", [gone])
    assert f"cannot fetch {gone}" in job.log


def test_another_branch_keeps_an_issue_and_a_ledger_of_its_own(office: Office) -> None:
    damage(office)
    watch(office)
    bob = office.person("bob")
    bob.git("push", "--quiet", "origin", "HEAD~1:refs/heads/release")
    payload = office.repository.push_event("release", before="0" * 40, sender="bob")
    job = office.event("push", payload, PROMOTEBOT_COMMAND="verify")
    assert (job.exit_code, verified(office)) == (0, [office.repository.git.branch("release")])
    assert [state for state, _ in issues(office)] == ["open"], "main's"


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


def manifest(size: int) -> str:
    """A manifest of a model in a bucket."""
    storage = {"uri": "s3://models/prod", "files": {"model.onnx": {"size": size}}}
    content = {"model_file": "model.onnx", "sha256": {"model.onnx": "a" * 64}, "created_at": "2026-01-01T00:00:00Z"}
    return json.dumps({"schema_version": "v1.1", **content, "storage": storage})


@pytest.mark.parametrize("place", ["git", "a bucket"])
def test_the_shards_of_a_job_are_even_by_the_bytes_that_they_read(office: Office, tmp_path: Path, place: str) -> None:
    sizes = {f"model_{number:02}": 1000 * (number * 7 % 30 + 1) for number in range(30)}
    models: dict[str, object] = {
        name: {
            "shadow": {"artifact_dir": f"ml/artifacts/{name}", "artifact_id": name},
            "staging": {"artifact_dir": f"ml/artifacts/{name}", "artifact_id": name},
            "active": None,
            "history": [],
        }
        for name in sizes
    }
    registry = json.dumps({"schema_version": "v1", "models": models})
    files = {f"ml/artifacts/{name}/model.onnx": "x" * size for name, size in sizes.items()}
    if place != "git":
        office.policy("storage: [s3://models/prod]\n")
        files = {f"ml/artifacts/{name}/manifest.json": manifest(1000 * size) for name, size in sizes.items()}
    office.push("bob", "main", {**files, "ml/registry/models.json": registry}, "chore: Many models")
    looked_at, bytes_of, fetches = list[str](), list[int](), list[int]()
    for number in (1, 2, 3):
        job = watch(office, PROMOTEBOT_SHARD=f"{number}/3", RUNNER_TEMP=str(tmp_path))
        fetches.append(int(re.findall(r"(\d+) git fetches", job.summary)[0]))
        names = json.loads((tmp_path / "promotebot-report.json").read_bytes())["models"]
        looked_at += names
        bytes_of.append(sum(sizes.get(name, 0) for name in names))
    assert {*sizes} <= {*looked_at}
    assert len(looked_at) == len({*looked_at})
    even = sum(sizes.values()) / 3
    assert all(abs(one - even) < even / 10 for one in bytes_of), bytes_of
    assert fetches == [1 if place == "git" else 2] * 3, "without a manifest no file is read, so it takes one less"


def test_only_the_job_that_merges_the_shards_remembers_the_commit(office: Office, tmp_path: Path) -> None:
    watch(office)
    office.push("bob", "main", {"README.md": "models\n"}, "docs: Read me")
    before = verified(office)
    reports = tmp_path / "promotebot-reports"
    reports.mkdir()
    for number in (1, 2):
        watch(office, PROMOTEBOT_SHARD=f"{number}/2", RUNNER_TEMP=str(tmp_path))
        (tmp_path / "promotebot-report.json").rename(reports / f"{number}.json")
    assert verified(office) == before
    scopes = [json.loads(path.read_bytes())["about"] for path in reports.iterdir()]
    assert [(scope["base"], scope["dealt"]) for scope in scopes] == [(before[0], 1)] * 2
    assert watch(office, PROMOTEBOT_SHARD="merge", RUNNER_TEMP=str(tmp_path)).exit_code == 0
    assert verified(office) == [*before, tip(office)]


def test_shards_that_compared_with_different_commits_are_not_one_verification(office: Office, tmp_path: Path) -> None:
    reports = tmp_path / "promotebot-reports"
    reports.mkdir()
    for number in (1, 2):
        watch(office, PROMOTEBOT_SHARD=f"{number}/2", RUNNER_TEMP=str(tmp_path))
        (tmp_path / "promotebot-report.json").rename(reports / f"{number}.json")
        watch(office)  # a whole verification between the two
    assert watch(office, PROMOTEBOT_SHARD="merge", RUNNER_TEMP=str(tmp_path)).exit_code == 4


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
        ("/status", "**Merging this pull request:**"),
        ("/why", "Gate&#58; "),
        ("/verify", "verified"),
        ("/verify regime_classifier", "verified"),
    ):
        job = office.ask(number, body, author="bob")
        assert (job.exit_code, job.outputs["reason_code"]) == (0, "shown"), job.log
        assert any(says in comment for comment in office.comments(number)), body
    assert (office.head(number), office.checks(head)) == (head, ["success"])
    assert office.ask(number, "/why", author="mallory").outputs["reason_code"] == "shown"
    assert any("1 promotion, valid and verified" in comment for comment in office.comments(number))
    assert office.ask(number, "/verify", author="mallory").outputs["reason_code"] == "permission"
    assert office.ask(number, "/status nope").outputs["decision"] == "refused"
