"""The schedule's issue: its title, since when, what mends it, whom it goes to, and what it says of a change."""

from __future__ import annotations

import subprocess

import pytest

from tests.action.test_quarantine import digest_of
from tests.action.test_schedule import damage, only_issue, repair, tip, watch, wipe
from tests.fake_github.faults import Fault
from tests.fake_github.records import Issue
from tests.office import BOT, Office

pytestmark = pytest.mark.thorough

MODEL, V1 = "regime_classifier", "ml/artifacts/regime_v1"


def opened(office: Office) -> Issue:
    return office.repository.issue(only_issue(office))


def body_of(office: Office) -> str:
    return opened(office).body or ""


def told(office: Office) -> list[str]:
    return [c.body for c in office.repository.comments_on(only_issue(office)) if c.user.login == BOT]


def broken(office: Office) -> tuple[str, str]:
    """The last commit that is right, and the one after it, which damages what is ACTIVE."""
    good = tip(office)
    damage(office)
    return good, tip(office)


@pytest.mark.parametrize("remembered", [True, False])
def test_it_names_model_and_stage_and_the_commit_that_broke_it_and_the_lines_that_mend_it(
    office: Office, remembered: bool
) -> None:
    if remembered:
        watch(office)
    _, bad = broken(office)
    office.push("bob", "main", {"README.md": "models\n"}, "docs: Read me")
    watch(office)
    body = body_of(office)
    assert opened(office).title == f"{MODEL} ACTIVE does not verify"
    assert f"**`{MODEL}` ACTIVE**, since [`{bad[:7]}`]" in body
    assert "oncall@example.com" in body
    (line,) = [part for part in body.splitlines() if part.startswith("git checkout ")]
    # Nothing is there to go back to, so that it can only be taken out.
    assert f'`/demote {MODEL} active --reason "{MODEL} ACTIVE does not verify"`' in body
    assert "promotebot manifest" not in body
    person = office.person("bob")
    subprocess.run(line, shell=True, check=True, cwd=person.clone)  # noqa: S602 - the line as people paste it
    person.commit("fix: Restore")
    person.git("push", "--quiet", "origin", "HEAD:main")
    assert watch(office).exit_code == 0


def test_where_an_earlier_model_was_active_it_gives_the_rollback(office: Office) -> None:
    number = office.pull()
    office.ask(number, "/promote active")
    office.merge(number)
    office.push("bob", "main", {"ml/artifacts/regime_v2/model.onnx": "junk"}, "chore: Damage")
    watch(office)
    assert opened(office).title == f"{MODEL} ACTIVE, SHADOW does not verify"
    line = f'/rollback {MODEL} --reason "{MODEL} ACTIVE does not verify"'
    assert f"`{line}`" in body_of(office)
    office.repository.actions_may_open_pulls = True
    assert "comment this here, which opens a pull request, or start the `promote` workflow by hand" in body_of(office)
    job = office.ask(opened(office).number, line)
    assert job.outputs["decision"] == "promoted", job.log


def test_a_rollback_to_what_is_in_quarantine_is_not_offered(office: Office) -> None:
    number = office.pull()
    office.ask(number, "/promote active")
    office.merge(number)
    office.policy(f"quarantine: [{{digest: '{digest_of(office, 'regime_v1')}', reason: wrong labels}}]\n")
    office.push("bob", "main", {"ml/artifacts/regime_v2/model.onnx": "junk"}, "chore: Damage")
    watch(office)
    assert "/rollback" not in body_of(office)
    line = f'/demote {MODEL} active --reason "{MODEL} ACTIVE does not verify"'
    assert f"`{line}`" in body_of(office)
    assert office.ask(office.pull("later"), line).outputs["decision"] == "promoted"


def test_what_broke_the_history_is_found_and_the_registry_put_back(office: Office) -> None:
    watch(office)
    good = tip(office)
    wipe(office)
    bad = tip(office)
    watch(office)
    body = body_of(office)
    assert opened(office).title == f"{MODEL} history does not verify"
    assert f"since [`{bad[:7]}`]" in body
    (line,) = [part for part in body.splitlines() if part.startswith("git checkout ")]
    assert line.endswith(" -- ml/registry/models.json")
    person = office.person("bob")
    subprocess.run(line, shell=True, check=True, cwd=person.clone)  # noqa: S602
    assert person.git("diff", "--cached", good, "--", "ml/registry") == ""


def test_since_when_is_said_to_be_unknown_where_no_commit_was_right(office: Office) -> None:
    watch(office)
    good = tip(office)
    wipe(office, force=True)
    watch(office)
    body = body_of(office)
    assert "since when is not known" in body
    assert f"git checkout {good} -- ml/registry/models.json" in body


def test_it_is_labelled_and_assigned_as_the_policy_says_and_survives_what_github_refuses(office: Office) -> None:
    damage(office)
    office.policy("schedule: {labels: [incident, ml], assignees: [bob, nobody-here]}\n")
    office.repository.hub.inject(Fault("POST", r"/issues/\d+/labels", status=422, times=1))
    job = watch(office)
    assert job.exit_code == 1
    assert [label.name for label in opened(office).labels] == ["ml"]
    assert [user.login for user in opened(office).assignees] == ["bob"]


def test_a_comment_tells_what_is_new_and_what_verifies_again_and_nothing_otherwise(office: Office) -> None:
    watch(office)
    damage(office)
    for _ in range(2):
        watch(office)
    assert told(office) == []
    before = body_of(office)
    office.push("bob", "main", {"ml/artifacts/regime_v2/model.onnx": "junk"}, "chore: More damage")
    watch(office)
    (comment,) = told(office)
    assert comment.startswith("**New:**\n- ❌ ")
    assert "regime_v2" in comment
    assert "Verifies again" not in comment
    assert body_of(office) != before
    assert opened(office).title == f"{MODEL} ACTIVE, SHADOW does not verify"
    person = office.person("bob")
    person.git("revert", "--no-edit", "HEAD")
    person.git("push", "--quiet", "origin", "HEAD:main")
    watch(office)
    assert told(office)[1].startswith("**Verifies again:**\n- ❌ ")
    assert opened(office).title == f"{MODEL} ACTIVE does not verify"


def test_when_it_is_closed_it_says_what_healed(office: Office) -> None:
    watch(office)
    damage(office)
    watch(office)
    repair(office)
    watch(office)
    assert opened(office).state == "closed"
    (comment,) = told(office)
    assert comment.startswith("Healthy again: [this run](")
    assert "What verifies again:\n- ❌ " in comment
    assert "artifact.digest" in comment


def test_what_could_not_be_looked_at_is_not_said_to_be_broken(office: Office) -> None:
    damage(office)
    office.repository.hub.inject(Fault("GET", r"\.git/info/refs", status=503, times=99))
    job = watch(office)
    assert job.exit_code == 4
    titles = [one.title for number, one in office.repository.issues.items() if number not in office.repository.pulls]
    assert not any("does not verify" in title for title in titles), titles
