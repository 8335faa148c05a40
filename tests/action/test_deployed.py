"""A service reports that it has what was announced: the deployment says so, and nothing that was not announced does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from promotebot.action.announce import TASK
from promotebot.action.deployed import Deployed, report_deployed
from promotebot.cli.main import main
from promotebot.errors import CouldNotVerify, InvalidInput
from promotebot.pulls.patience import Patience
from promotebot.registry.names import Digest, GitSha, ModelName, Stage
from tests import fakes
from tests.office import BOT, Office

from .test_merged import ACTIVE, closed, deployments, promoted, tip

pytestmark = pytest.mark.thorough
CONFIRM = "deployments: confirm\n"
ONE, OTHER = Digest("sha256:" + "1" * 64), Digest("sha256:" + "2" * 64)
Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def runner(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job of a CD, whose token may set deployments and nothing else."""
    for name in ("GITHUB_EVENT_NAME", "GH_TOKEN", "PROMOTEBOT_BOT_LOGIN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GITHUB_TOKEN", office.repository.issue_actions_token({"deployments": "write"}))
    monkeypatch.setenv("GITHUB_API_URL", office.hub.api_url)
    monkeypatch.setenv("GITHUB_SERVER_URL", office.hub.server_url)
    monkeypatch.setenv("GITHUB_REPOSITORY", office.repository.full_name)
    monkeypatch.setattr("promotebot.cli.deployed.Patience", lambda: Patience(lambda _: None))


def heard(office: Office, monkeypatch: pytest.MonkeyPatch, number: int = -1) -> dict[str, Any]:
    """The job was started by an event that the bot sent; return what it announces."""
    sent = office.repository.dispatches[number]
    path = office.scratch / "event.json"
    path.write_text(json.dumps(office.repository.repository_dispatch_event(sent)))
    monkeypatch.setenv("GITHUB_EVENT_NAME", "repository_dispatch")
    monkeypatch.setenv("GITHUB_EVENT_PATH", str(path))
    return dict(sent.client_payload or {})


def states(office: Office) -> list[list[str]]:
    return [[status.state for status in made.statuses] for made in office.repository.deployments.values()]


def deployed(state: str, digest: object, *more: str) -> int:
    return main(["deployed", "--state", state, "--digest", str(digest), *more])


def test_by_policy_a_deployment_is_in_progress_until_the_service_has_the_model(
    office: Office, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    office.policy(CONFIRM)
    number = promoted(office)
    assert office.merge(number).outputs["reason_code"] == "landed"
    assert deployments(office) == [(ACTIVE, tip(office), "in_progress")]
    closed(office, number)
    assert (states(office), len(office.repository.dispatches)) == ([["in_progress"]], 1), "announced once"
    event = heard(office, monkeypatch)
    assert deployed("success", event["digest"]) == 0
    assert capsys.readouterr().out == f"{event['digest'][:15]}… in {ACTIVE} is success, and was in_progress\n"
    assert deployed("success", event["digest"]) == 0
    assert "is success already" in capsys.readouterr().out
    closed(office, number)
    assert (states(office), len(office.repository.dispatches)) == ([["in_progress", "success"]], 1)


def test_what_could_not_be_loaded_is_a_failed_deployment_until_it_is(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.merge(promoted(office))
    event = heard(office, monkeypatch)
    assert [deployed(state, event["digest"]) for state in ("failure", "success")] == [0, 0]
    assert states(office) == [["success", "failure", "success"]]


def test_what_is_active_is_marked_as_production_and_takes_the_place_of_what_was(
    office: Office, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    office.merge(promoted(office, "/promote staging\n/promote active", branch="one"))
    first = heard(office, monkeypatch)
    rollback = office.pull("two")
    assert office.ask(rollback, '/rollback regime_classifier --reason "incident 7"').exit_code == 0
    office.merge(rollback)
    made = [(one.environment, one.production) for one in office.repository.deployments.values()]
    assert made == [("regime_classifier/staging", False), (ACTIVE, True), (ACTIVE, True)]
    assert states(office) == [["success"], ["success", "inactive"], ["success"]]
    assert deployed("success", first["digest"], "--commit", first["sha"]) == 1
    assert "another deployment took the place of" in capsys.readouterr().err
    assert states(office)[1] == ["success", "inactive"]


def test_a_confirmed_deployment_takes_the_place_when_it_is_confirmed(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.policy(CONFIRM)
    office.merge(promoted(office, branch="one"))
    deployed("success", heard(office, monkeypatch)["digest"])
    rollback = office.pull("two")
    office.ask(rollback, '/rollback regime_classifier --reason "incident 7"')
    office.merge(rollback)
    assert states(office) == [["in_progress", "success"], ["in_progress"]]
    assert deployed("success", heard(office, monkeypatch)["digest"]) == 0
    assert states(office) == [["in_progress", "success", "inactive"], ["in_progress", "success"]]


def test_another_artifact_than_the_announced_one_is_not_reported(
    office: Office, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    office.merge(promoted(office))
    event = heard(office, monkeypatch)
    for words, says in (
        ([ONE], f"--digest: is {ONE}, and the event announces {event['digest']}"),
        ([event["digest"], "--stage", "shadow"], "--stage: is shadow, and the event announces active"),
        ([event["digest"], "--commit", "1" * 40], "--commit: is 111"),
        ([event["digest"][:-1]], "is not a digest"),
    ):
        assert deployed("success", *words) == 1
        assert says in capsys.readouterr().err
    assert states(office) == [["success"]]


def test_without_an_event_everything_is_said(office: Office, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    office.merge(promoted(office))
    digest = heard(office, monkeypatch)["digest"]
    monkeypatch.setenv("GITHUB_EVENT_NAME", "push")
    assert deployed("failure", digest) == 2
    assert "--model: neither given nor in an event" in capsys.readouterr().err
    known = ("--model", "regime_classifier", "--stage", "active")
    assert deployed("failure", digest, *known, "--commit", "1" * 40) == 1
    assert f"was announced for {'1' * 40}" in capsys.readouterr().err
    assert deployed("failure", digest, *known, "--bot-login", "other[bot]") == 1
    assert deployed("failure", digest, *known) == 0
    monkeypatch.delenv("GITHUB_REPOSITORY")
    assert deployed("failure", digest, *known) == 2
    assert "Next: give --repo OWNER/NAME" in capsys.readouterr().err
    assert deployed("failure", digest, *known, "--repo", office.repository.full_name) == 0
    monkeypatch.delenv("GITHUB_TOKEN")
    assert deployed("failure", digest, *known) == 2
    assert "deployments: write" in capsys.readouterr().err
    assert states(office) == [["success", "failure"]]


def test_a_token_that_may_not_and_an_event_that_does_not_read_report_nothing(
    office: Office, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    office.merge(promoted(office))
    digest = heard(office, monkeypatch)["digest"]
    monkeypatch.setenv("GITHUB_TOKEN", office.repository.issue_actions_token({"deployments": "read"}))
    assert deployed("failure", digest) == 4
    assert "deployments: write" in capsys.readouterr().err
    monkeypatch.setenv("GITHUB_EVENT_PATH", str(Path("nowhere.json").absolute()))
    assert deployed("failure", digest) == 4
    assert "the event cannot be read" in capsys.readouterr().err
    assert states(office) == [["success"]]


def report(github: fakes.FakeGitHub, state: Any = "success", patience: Patience | None = None) -> str:
    wanted = Deployed(ModelName("m"), Stage.ACTIVE, ONE, state, GitSha("a" * 40))
    return report_deployed(wanted, github, fakes.settings(), patience or Patience(lambda _: None))


def made(*its_states: str, creator: str = BOT, digest: str = ONE) -> fakes.Deployed:
    payload = {"digest": digest, "sha": "a" * 40, "event": "e"}
    return fakes.Deployed("a" * 40, "m/active", TASK, "", payload, list(its_states), creator)


def test_what_was_never_announced_stays_as_it_is() -> None:
    github = fakes.FakeGitHub(deployments=[made("failure")])
    with pytest.raises(
        InvalidInput, match="was never announced: it did not verify, or was merged without passing the gate"
    ):
        report(github)
    assert github.deployments[0].states == ["failure"]
    for nobodys in (made("success", creator="carol"), made("success", digest=OTHER)):
        with pytest.raises(InvalidInput, match=r"no deployment of sha256:11111111… in m/active was announced"):
            report(fakes.FakeGitHub(deployments=[nobodys]))


@pytest.mark.parametrize(("newer", "is_refused"), [("success", True), ("in_progress", False), ("failure", False)])
def test_a_report_that_comes_after_that_of_a_newer_deployment_changes_nothing(newer: str, is_refused: bool) -> None:
    github = fakes.FakeGitHub(deployments=[made("in_progress"), made("in_progress", newer, digest=OTHER)])
    if not is_refused:
        assert report(github).endswith("is success, and was in_progress")
        return
    with pytest.raises(InvalidInput, match="another deployment took the place of"):
        report(github)
    assert [one.states[-1] for one in github.deployments] == ["in_progress", newer]


def test_a_service_that_is_faster_than_the_announcement_waits_for_it() -> None:
    github = fakes.FakeGitHub(deployments=[made()])
    with pytest.raises(CouldNotVerify, match="is not announced yet"):
        report(github)
    assert github.deployments[0].states == [], "the state of the bot would come after it"
    waited = Patience(lambda _: github.deployments[0].states.append("in_progress"))
    assert report(github, "failure", waited).endswith("is failure, and was in_progress")
    assert github.deployments[0].states[-1] == "failure"
