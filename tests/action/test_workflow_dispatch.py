"""A job started by hand opens a pull request of its own: rollback at night, with no pull request open."""

from __future__ import annotations

import json

import pytest

from tests.fake_github.people import Job
from tests.office import Office

pytestmark = pytest.mark.thorough

ROLLBACK = '/rollback regime_classifier --reason "incident 7"'


@pytest.fixture(autouse=True)
def allowed(office: Office) -> None:
    """What is off in new repositories: "Allow GitHub Actions to create and approve pull requests"."""
    office.repository.actions_may_open_pulls = True


def message(job: Job) -> str:
    return str(json.loads(job.outputs["result"])["message"])


def opened(office: Office) -> list[int]:
    return [pull.number for pull in office.repository.pulls.values() if pull.head_ref.startswith("promote/")]


def live(office: Office) -> None:
    number = office.pull("live")
    office.ask(number, "/promote active")
    office.merge(number)


def test_a_rollback_at_night_is_a_pull_request_ready_to_sign_off(office: Office) -> None:
    live(office)
    job = office.dispatch(ROLLBACK)
    assert job.outputs["decision"] == "promoted", job.log
    (number,) = opened(office)
    pull = office.repository.pull(number)
    assert pull.head_ref.startswith("promote/regime_classifier/active/")
    assert office.pointer(office.head(number), "active") == "regime_v1_prod_rollback"
    assert office.checks(office.head(number)) == ["success"]
    assert "`regime_classifier` → ACTIVE · ready for review" in office.comment(number)
    assert office.gate(number).outputs["decision"] == "passed"
    office.merge(number)
    assert office.pointer("main", "active") == "regime_v1_prod_rollback"


def test_running_the_job_again_opens_no_second_pull_request(office: Office) -> None:
    live(office)
    payload = office.repository.workflow_dispatch_event(
        ".github/workflows/promote.yml", sender="bob", inputs={"command": ROLLBACK}
    )
    run = str(office.repository.start_run("workflow_dispatch", actor="bob").id)
    office.job(payload, "workflow_dispatch", GITHUB_RUN_ID=run)
    (number,) = opened(office)
    head = office.head(number)
    again = office.job(payload, "workflow_dispatch", GITHUB_RUN_ID=run)
    assert (again.outputs["reason_code"], opened(office), office.head(number)) == ("already_done", [number], head)


def test_a_promotion_by_hand_takes_an_artifact_that_is_on_the_base(office: Office) -> None:
    job = office.dispatch("/promote active regime_classifier")
    assert job.outputs["decision"] == "promoted", job.log
    (number,) = opened(office)
    event = office.registry(office.head(number)).history["regime_classifier"][0]
    assert (event.actor, event.source, event.pointer.artifact_id) == ("bob", "github", "regime_v2_candidate")


def test_a_pinned_commit_is_the_base_that_was_looked_at(office: Office) -> None:
    live(office)
    office.policy("require_sha: true\n")
    tip = office.repository.git.branch("main")
    for command in (ROLLBACK, f"{ROLLBACK} --sha {'a' * 40}"):
        job = office.dispatch(command)
        assert (job.exit_code, job.outputs["decision"], opened(office)) == (0, "refused", [])
        assert job.outputs["reason_code"] == ("sha_mismatch" if "--sha" in command else "sha_required")
        assert f"--sha {tip}" in message(job)
        assert f"--sha {tip}" in job.summary
    assert office.dispatch(f"{ROLLBACK} --sha {tip}").outputs["decision"] == "promoted"


@pytest.mark.parametrize(
    ("command", "reason", "says"),
    [
        ("", "unreadable_command", "one command is expected"),
        ("rollback", "unreadable_command", "one command is expected"),
        ("/status", "unreadable_command", "one command is expected"),
        ("/promote active\n/promote shadow", "unreadable_command", "one command is expected"),
        ("/promote production", "unreadable_command", "is not a stage"),
        ('/rolback regime_classifier --reason "x"', "unreadable_command", "id you mean /rollback"),
        ("/rollback regime_classifier", "missing_reason", '/rollback regime_classifier --reason "incident #123"'),
        ("/demote regime_classifier active", "missing_reason", '/demote regime_classifier active --reason "incident'),
    ],
)
def test_a_command_that_cannot_be_read_is_refused_with_what_to_write(
    office: Office, command: str, reason: str, says: str
) -> None:
    job = office.dispatch(command)
    assert (job.exit_code, job.outputs["decision"], job.outputs["reason_code"]) == (0, "refused", reason)
    assert says in message(job).replace("`", "")
    assert says in job.summary.replace("`", "")
    assert opened(office) == []


@pytest.mark.parametrize(
    ("command", "by"),
    [
        ("/rolback regime_classifier", "bob"),
        ("/rollback regime_classifier", "bob"),
        (ROLLBACK, "carol"),
        (ROLLBACK, "bob"),
        ("/promote active nope", "bob"),
    ],
)
def test_every_refusal_tells_in_the_summary_whom_to_call(office: Office, command: str, by: str) -> None:
    office.policy("contacts: ['oncall@example.com']\n")
    job = office.dispatch(command, by=by)
    assert job.outputs["decision"] == "refused"
    assert "Contacts: `oncall@example.com`." in job.summary
    assert "efused, nothing was committed" in job.summary


def test_what_the_stage_holds_already_opens_no_pull_request(office: Office) -> None:
    live(office)
    job = office.dispatch("/promote active regime_classifier")
    assert (job.outputs["decision"], job.outputs["reason_code"]) == ("refused", "nothing_to_change")
    assert "ACTIVE of regime_classifier holds regime_v2_candidate already" in message(job)
    assert opened(office) == []


def test_the_pull_request_says_what_happened_from_what_to_what_and_how_it_is_merged(office: Office) -> None:
    live(office)
    office.policy("contacts: ['oncall@example.com']\n")
    job = office.dispatch('/rollback regime_classifier --reason "incident #7: @all <b>drift</b>"')
    (number,) = opened(office)
    pull, made = office.repository.pull(number), office.registry(office.head(number))
    today, holds = (
        registry.get_stage_pointer("regime_classifier", "active") for registry in (office.registry("main"), made)
    )
    assert today is not None
    assert holds is not None
    title = "Roll back regime_classifier ACTIVE to regime_v1_prod_rollback: incident #7: @all <b>drift</b>"
    body = office.repository.issue(number).body or ""
    assert pull.title == title
    assert body.startswith("### Incident: incident ")
    assert "<b>" not in body
    assert "@all" not in body
    assert f"| from | `{today.artifact_id}` `{str(today.digest)[:15]}…` |" in body
    assert f"| to | `{holds.artifact_id}` `{str(holds.digest)[:15]}…` |" in body
    assert "| requested by | `bob` in [this run](<" in body
    assert "/acme/models/actions/runs/" in body
    assert job.outputs["decision"] == "promoted"
    assert "**Merging this makes `regime_v1_prod_rollback` the ACTIVE artifact of `regime_classifier`.**" in body
    assert "wait until `promotebot/gate` is green" in body
    assert "comment `/withdraw regime_classifier` or close this pull request" in body
    assert "Contacts: `oncall@example.com`." in body


def test_a_demotion_of_active_by_hand_says_that_the_stage_is_left_empty(office: Office) -> None:
    office.dispatch('/demote regime_classifier active --reason "incident 8"')
    (number,) = opened(office)
    pull = office.repository.pull(number)
    body = office.repository.issue(number).body or ""
    assert pull.title == "Demote regime_classifier ACTIVE, which holds regime_v1_prod: incident 8"
    assert "| to | nothing |" in body
    assert "**Merging this leaves ACTIVE of `regime_classifier` without an artifact.**" in body


def test_what_is_not_legal_makes_no_branch_and_no_pull_request(office: Office) -> None:
    heads = office.repository.git.run("for-each-ref", "refs/heads")
    for command, reason in (
        (ROLLBACK, "no_rollback_target"),
        ("/promote active nope", "unclear"),
        ("/demote regime_classifier staging --reason x", "nothing_to_change"),
        ("/promote staging regime_classifier --git-sha " + "a" * 40, "rules"),
    ):
        job = office.dispatch(command)
        assert (job.exit_code, job.outputs["decision"], job.outputs["reason_code"]) == (0, "refused", reason), job.log
        findings = json.loads(job.outputs["result"])["findings"]
        wrong = [finding for finding in findings if finding["severity"] == "error"]
        assert wrong
        assert all(
            finding["rule"] in job.summary or finding["message"].split(" ")[0] in job.summary for finding in wrong
        )
    assert (office.repository.git.run("for-each-ref", "refs/heads"), opened(office)) == (heads, [])


def test_whoever_may_not_promote_may_not_by_hand_either(office: Office) -> None:
    live(office)
    job = office.dispatch(ROLLBACK, by="carol")
    assert (job.exit_code, job.outputs["decision"]) == (0, "refused")
    assert (job.outputs["reason_code"], opened(office)) == ("permission", [])
    assert "carol has write permission; starting it for ACTIVE needs maintain." in message(job)
    assert "carol has write permission" in job.summary.replace("`", "")


def test_another_branch_than_the_default_one_is_refused(office: Office) -> None:
    person = office.person("alice")
    person.start_branch("lax")
    person.push()
    job = office.dispatch(ROLLBACK, ref="lax")
    assert (job.exit_code, job.outputs["decision"], job.outputs["reason_code"]) == (0, "refused", "wrong_base")
    assert "start it on the default branch, main" in message(job)


def test_a_policy_that_cannot_be_read_refuses_with_the_reason_in_the_summary(office: Office) -> None:
    office.policy("soak: 7d\n")
    job = office.dispatch("/promote active regime_classifier")
    assert (job.exit_code, job.outputs["decision"], job.outputs["reason_code"]) == (0, "refused", "invalid_file")
    assert "promotion.yml" in job.summary
    assert opened(office) == []


def test_a_setting_that_forbids_opening_pull_requests_is_named_with_the_way_around(office: Office) -> None:
    live(office)
    office.repository.actions_may_open_pulls = False
    job = office.dispatch(ROLLBACK)
    assert (job.exit_code, job.outputs["decision"], job.outputs["reason_code"]) == (4, "failed", "could_not_verify")
    assert "/compare/main...promote/regime_classifier/active/" in message(job)
    assert "allow Actions to create pull requests (Settings, Actions, General)" in job.summary.replace("\\", "")
    assert opened(office) == []
