"""`/doctor` for maintainers, and the job on schedule: one list, one issue while there are problems, no red job."""

from __future__ import annotations

import json

import pytest

from tests.doctor.clinic import Clinic
from tests.fake_github.faults import Fault
from tests.fake_github.people import Job
from tests.fake_github.records import Issue
from tests.office import BOT, Office

pytestmark = pytest.mark.thorough

WORKFLOW = ".github/workflows/verify.yml"


@pytest.fixture
def clinic(office: Office) -> Clinic:
    made = Clinic.of(office)
    made.set_up()
    return made


def scheduled(office: Office) -> Job:
    payload = office.repository.schedule_event(WORKFLOW, "23 4 * * *")
    return office.event("schedule", payload, PROMOTEBOT_COMMAND="doctor")


def issues(office: Office) -> list[Issue]:
    return [one for one in office.repository.issues.values() if one.user.login == BOT]


def test_a_maintainer_gets_one_list(office: Office) -> None:
    number = office.pull()
    job = office.ask(number, "/doctor", author="bob")
    assert (job.exit_code, job.outputs["decision"], job.outputs["reason_code"]) == (0, "helped", "shown")
    comment = office.comment(number)
    assert "- ❌ **`required_context` on `main`**: `promotebot/gate` is not required. " in comment
    assert f"[the page](<{office.hub.server_url}/acme/models/settings/rules>)" in comment
    assert "- ❔ **`actions_pull_requests`**: " in comment
    assert comment.index("❌") < comment.index("❔") < comment.index("⚠️") < comment.index("✅")
    report = json.loads(job.outputs["result"])["doctor"]
    assert report["schema_version"] == "v1"
    office.ask(number, "/doctor", author="bob")
    assert len(office.comments(number)) == 1, "asked again, it is brought up to date"


@pytest.mark.parametrize(("login", "role"), [("mallory", "read"), ("carol", "write")])
def test_whoever_is_no_maintainer_is_refused_with_an_answer(office: Office, login: str, role: str) -> None:
    number = office.pull()
    job = office.ask(number, "/doctor", author=login)
    assert (job.exit_code, job.outputs["decision"], job.outputs["reason_code"]) == (0, "refused", "permission")
    comment = office.comment(number)
    assert f"{login} has {role} permission; /doctor shows the repository's settings, and needs maintain." in comment
    assert "required_context" not in comment + job.summary
    assert not any("/rules/branches/" in request.path for request in office.repository.requests)


def test_a_job_that_somebody_else_runs_again_asks_for_both(office: Office) -> None:
    number = office.pull()
    asked = office.repository.comment(number, author="bob", body="/doctor")
    event = office.repository.issue_comment_event(asked.id)
    job = office.job(event, GITHUB_TRIGGERING_ACTOR="mallory")
    assert job.outputs["reason_code"] == "permission"


def test_arguments_are_a_slip(office: Office) -> None:
    job = office.ask(office.pull(), "/doctor please", author="bob")
    assert job.outputs["reason_code"] == "unreadable_command"


def test_on_schedule_everything_stands_in_the_summary_and_the_job_ends_well(office: Office) -> None:
    job = scheduled(office)
    assert (job.exit_code, job.outputs["decision"], job.outputs["reason_code"]) == (0, "helped", "shown")
    for name in ("required_context", "labels", "actions_pull_requests", "merge_methods"):
        assert f"`{name}`" in job.summary
    (issue,) = issues(office)
    assert issue.title == "promotebot: the repository is not set up for promotions"
    assert "`required_context` on `main`" in (issue.body or "")
    assert "`labels`" not in (issue.body or ""), "advice opens no issue"
    assert "actions_pull_requests" not in (issue.body or ""), "neither does what is unknown"


def test_the_issue_is_rewritten_and_closes_itself_when_all_is_mended(clinic: Clinic) -> None:
    office, settings = clinic.office, clinic.repository.settings
    assert scheduled(office).exit_code == 0
    assert issues(office) == []
    rules = settings.rules.pop("main")
    scheduled(office)
    settings.environments.clear()
    clinic.commit({".github/CODEOWNERS": "* @gone\n"})
    scheduled(office)
    (issue,) = issues(office)
    assert "`codeowners_errors`" in (issue.body or "")
    clinic.commit({".github/CODEOWNERS": "* @root\n"})
    settings.rules["main"] = rules
    scheduled(office)
    assert issue.state == "closed"
    assert "Fixed: acme/models: " in office.repository.comments_on(issue.number)[-1].body.replace("\\", "").replace(
        "&#58;", ":"
    )


def test_the_issue_stays_open_while_what_it_names_is_unknown(clinic: Clinic) -> None:
    office, settings = clinic.office, clinic.repository.settings
    rules = settings.rules.pop("main")
    scheduled(office)
    (issue,) = issues(office)
    settings.rules["main"] = rules
    office.hub.inject(Fault("GET", "/rules/branches/main", status=403))
    scheduled(office)
    assert issue.state == "open"
    scheduled(office)
    assert issue.state == "closed"


def test_where_github_does_not_answer_at_all_the_job_fails_and_the_issue_stays(clinic: Clinic) -> None:
    office = clinic.office
    rules = clinic.repository.settings.rules.pop("main")
    scheduled(office)
    clinic.repository.settings.rules["main"] = rules
    office.hub.inject(Fault("*", r"/acme/models\.git/", status=500, times=99))
    job = scheduled(office)
    assert (job.exit_code, job.outputs["decision"]) == (4, "failed")
    assert [issue.state for issue in issues(office)] == ["open"]


def test_it_looks_on_schedule_and_by_hand_only(office: Office) -> None:
    by_hand = office.repository.workflow_dispatch_event(WORKFLOW, sender="bob", inputs={})
    assert office.event("workflow_dispatch", by_hand, PROMOTEBOT_COMMAND="doctor").outputs["decision"] == "helped"
    push = office.repository.push_event("main", before="0" * 40, sender="bob")
    assert office.event("push", push, PROMOTEBOT_COMMAND="doctor").outputs["decision"] == "ignored"
