"""Labels: put on, they promote; taken off before the merge, they withdraw; refused, they go away again."""

from __future__ import annotations

import pytest

from promotebot.errors import InvalidInput
from promotebot.promotion.labels import parse_label
from promotebot.registry import Stage
from tests.office import Office

LABEL = "promote:staging"


@pytest.mark.parametrize(
    ("name", "stage", "model"),
    [
        ("promote:active", Stage.ACTIVE, None),
        ("Promote:SHADOW", Stage.SHADOW, None),  # GitHub's labels are the same in any case
        ("promote:regime_classifier:staging", Stage.STAGING, "regime_classifier"),
    ],
)
def test_a_label_names_a_stage_and_may_name_a_model(name: str, stage: Stage, model: str | None) -> None:
    asked = parse_label(name)
    assert asked is not None
    assert (asked.stage, asked.model) == (stage, model)


def test_other_labels_ask_for_nothing() -> None:
    assert [parse_label(name) for name in ("bug", "promoted", " promote:active")] == [None] * 3


@pytest.mark.parametrize(
    "name", ["promote:", "Promote:prod", "promote:a:b:active", "promote:not-a-name:active", "promote::active"]
)
def test_a_label_that_means_to_ask_and_does_not_is_an_error(name: str) -> None:
    with pytest.raises(InvalidInput, match=r"(?i)promote:"):
        parse_label(name)


def test_a_label_promotes_and_stays(office: Office) -> None:
    number = office.pull()
    job = office.label(number, LABEL)
    assert job.outputs["decision"] == "promoted", job.log
    assert office.pointer(office.head(number), "staging") == "regime_v2_candidate"
    assert office.checks(office.head(number)) == ["success"]
    assert office.labels(number) == [LABEL]
    assert "`regime_classifier` → STAGING · ready for review" in office.comment(number)


def test_the_gate_confirms_what_a_label_asked_for(office: Office) -> None:
    number = office.pull()
    office.label(number, "promote:regime_classifier:staging")
    assert office.gate(number).outputs["decision"] == "passed"


def test_running_the_labels_job_again_writes_nothing(office: Office) -> None:
    number = office.pull()
    office.repository.add_label(number, LABEL, by="alice")
    payload = office.repository.pull_request_event(number, action="labeled", sender="alice", label=LABEL)
    run = str(office.repository.start_run("pull_request_target", actor="alice").id)
    assert office.job(payload, "pull_request_target", GITHUB_RUN_ID=run).outputs["decision"] == "promoted"
    head = office.head(number)
    again = office.job(payload, "pull_request_target", GITHUB_RUN_ID=run)
    assert (again.outputs["reason_code"], office.head(number)) == ("already_done", head)


def test_a_refused_label_is_taken_off_again_and_says_why(office: Office) -> None:
    number = office.pull()
    job = office.label(number, "promote:active", by="carol")
    assert (job.exit_code, job.outputs["decision"], job.outputs["reason_code"]) == (0, "refused", "permission")
    assert office.labels(number) == []
    assert "carol has write permission" in office.comment(number)


def test_a_misspelt_label_is_taken_off_and_told_the_right_one(office: Office) -> None:
    number = office.pull()
    job = office.label(number, "promote:production")
    assert (job.outputs["reason_code"], office.labels(number)) == ("label", [])
    assert "shadow, staging, active" in office.comment(number)
    assert office.label(number, LABEL).outputs["decision"] == "promoted"
    assert office.gate(number).outputs["decision"] == "passed"


def test_other_labels_and_bots_start_nothing(office: Office) -> None:
    number = office.pull()
    office.hub.requests.clear()
    assert office.label(number, "documentation").outputs == {"decision": "ignored"}
    office.hub.add_user("other[bot]", type="Bot")
    assert office.label(number, LABEL, by="other[bot]").outputs == {"decision": "ignored"}
    assert office.hub.requests == []


def test_a_label_asks_in_any_case(office: Office) -> None:
    """GitHub's labels are the same in any case."""
    number = office.pull()
    assert office.label(number, LABEL.title()).outputs["decision"] == "promoted"


def test_taking_the_label_off_before_the_merge_withdraws(office: Office) -> None:
    number = office.pull()
    before = office.repository.git.run("show", f"{office.head(number)}:ml/registry/models.json")
    office.label(number, LABEL)
    job = office.unlabel(number, LABEL)
    assert job.outputs["decision"] == "withdrawn"
    assert office.repository.git.run("show", f"{office.head(number)}:ml/registry/models.json") == before
    assert office.checks(office.head(number)) == ["success"]
    assert "withdrawn" in office.comment(number)


def test_taking_the_label_off_without_permission_puts_it_back(office: Office) -> None:
    number = office.pull()
    office.label(number, LABEL)
    head = office.head(number)
    job = office.unlabel(number, LABEL, by="mallory")
    assert (job.exit_code, job.outputs["decision"], job.outputs["reason_code"]) == (0, "refused", "permission")
    assert (office.labels(number), office.head(number)) == ([LABEL], head)


def test_a_label_taken_off_that_promoted_nothing_changes_nothing(office: Office) -> None:
    number = office.pull()
    head = office.head(number)
    job = office.unlabel(number, LABEL)
    assert (job.exit_code, job.outputs["decision"], office.head(number)) == (0, "unchanged", head)
    assert office.comments(number) == []


def test_a_label_that_promoted_nothing_is_put_back_where_nobody_may_take_it_off(office: Office) -> None:
    number = office.pull()
    office.repository.add_label(number, LABEL, by="alice")
    job = office.unlabel(number, LABEL, by="mallory")
    assert (job.exit_code, job.outputs["decision"]) == (0, "refused")
    assert (job.outputs["reason_code"], office.labels(number)) == ("permission", [LABEL])


def test_a_label_that_was_taken_off_again_before_its_job_ran_is_not_carried_out(office: Office) -> None:
    number = office.pull()
    payload = office.repository.pull_request_event(number, action="labeled", sender="alice", label=LABEL)
    head = office.head(number)
    assert office.event("pull_request_target", payload).outputs["decision"] == "ignored"
    assert office.head(number) == head


def test_a_label_after_the_merge_is_only_a_label(office: Office) -> None:
    number = office.pull()
    office.label(number, LABEL)
    office.repository.merge(number, by="bob")
    tip = office.repository.git.branch("main")
    assert office.unlabel(number, LABEL).outputs["decision"] == "ignored"
    assert office.repository.git.branch("main") == tip


def test_an_app_of_ones_own_finds_its_comments_again_by_its_own_login(office: Office) -> None:
    number = office.pull()
    permissions = {
        "contents": "write",
        "pull-requests": "write",
        "issues": "write",
        "checks": "write",
        "statuses": "write",
    }
    token = office.repository.issue_app_token(permissions, slug="acme-promotions")
    environment = {"GITHUB_TOKEN": token, "PROMOTEBOT_BOT_LOGIN": "acme-promotions[bot]"}
    for body in ("/promote staging", "/promote active"):
        comment = office.repository.comment(number, author="alice", body=body)
        job = office.job(office.repository.issue_comment_event(comment.id), **environment)
        assert job.outputs["decision"] == "promoted", job.log
    written = [c.user.login for c in office.repository.comments_on(number) if c.user.login != "alice"]
    assert written == ["acme-promotions[bot]"]
    assert office.checks(office.head(number)) == ["success"]
    author = office.repository.git.run("log", "-1", "--format=%an", office.head(number)).strip()
    assert author == "acme-promotions[bot]"


def test_what_a_label_asked_for_says_which_run_carried_it_out(office: Office) -> None:
    number = office.pull()
    office.label(number, LABEL)
    assert "[this run]" in office.comment(number)
