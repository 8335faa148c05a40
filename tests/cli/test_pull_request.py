"""`--pr` of promote, rollback and demote: it is opened where a token is at hand, else its address is told."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping

import pytest

from promotebot.cli.main import main
from promotebot.git.checkout import Checkout
from tests.demo.story import REGISTRY
from tests.fake_github.people import Person
from tests.office import Office

MODEL = "regime_classifier"
BRANCH = "promote/demotion"
Capture = pytest.CaptureFixture[str]


@pytest.fixture
def token(office: Office) -> str:
    return office.hub.issue_user_token("alice")


@pytest.fixture
def alice(office: Office, token: str, monkeypatch: pytest.MonkeyPatch) -> Person:
    """A clone to work in, with a token in the environment."""
    alice = office.person("alice")
    monkeypatch.chdir(alice.clone)
    server = {"GITHUB_TOKEN": token, "GITHUB_API_URL": office.hub.api_url, "GITHUB_SERVER_URL": office.hub.server_url}
    git = {name: value for name, value in alice.environment.items() if name.startswith("GIT_")}
    for name, value in {**server, **git, "ML_PROMOTION_ACTOR": "alice@example.com", "NO_PROXY": "*"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("GH_TOKEN", raising=False)
    monkeypatch.delenv("GITHUB_EVENT_NAME", raising=False)
    return alice


def demote(*flags: str) -> int:
    return main(["demote", "--model", MODEL, "--stage", "shadow", "--reason", "not better", *flags])


def pulls(office: Office) -> Mapping[int, tuple[str, str, str]]:
    return {number: (pull.head_ref, pull.base_ref, pull.title) for number, pull in office.repository.pulls.items()}


def test_with_a_token_the_pull_request_is_opened_and_its_gate_is_green(
    alice: Person, office: Office, token: str, capsys: Capture
) -> None:
    assert demote("--branch", BRANCH, "--pr") == 0
    told = capsys.readouterr()
    ((number, opened),) = pulls(office).items()
    assert opened == (BRANCH, "main", f"fix(ml): Demote regime_v2_candidate from SHADOW of {MODEL}")
    assert office.repository.pull(number).user.login == "alice"
    assert "not better" in (office.repository.issue(number).body or "")
    assert f"opened {office.hub.server_url}/acme/models/pull/{number}" in told.err
    assert "Next: " not in told.err
    assert token not in told.out + told.err
    assert alice.git("branch", "--show-current") == "main"
    assert office.gate(number, "opened").exit_code == 0
    assert office.checks(office.head(number)) == ["success"]


def test_a_rollback_and_a_promotion_open_theirs(alice: Person, office: Office) -> None:
    sha = json.loads((alice.clone / "ml/artifacts/regime_v2/manifest.json").read_bytes())["git_sha"]
    flags = ["--artifact-dir", "ml/artifacts/regime_v2", "--artifact-id", "regime_v2_prod", "--git-sha", sha]
    promote = ["promote", "--model", MODEL, "--stage", "active", *flags, "--reason", "better"]
    assert main([*promote, "--branch", "promote/active", "--pr"]) == 0
    ((number, opened),) = pulls(office).items()
    assert opened[0] == "promote/active"
    office.repository.merge(number, by="bob")
    alice.git("pull", "--quiet", "origin", "main")
    rollback = ["rollback", "--model", MODEL, "--reason", "incident #123"]
    assert main([*rollback, "--branch", "promote/back", "--pr"]) == 0
    assert [opened[0] for opened in pulls(office).values()] == ["promote/active", "promote/back"]


def test_on_a_branch_of_ones_own_no_name_is_needed_and_a_second_run_finds_the_first_ones(
    alice: Person, office: Office, capsys: Capture
) -> None:
    alice.git("switch", "--quiet", "--create", "mine")
    again = ["promote", "--model", MODEL, "--stage", "staging", "--artifact-dir", "ml/artifacts/regime_v2", "--pr"]
    assert main(again) == 0
    capsys.readouterr()
    assert main(again) == 0
    ((number, opened),) = pulls(office).items()
    assert opened[:2] == ("mine", "main")
    assert f"is open already: {office.hub.server_url}/acme/models/pull/{number}" in capsys.readouterr().err


def test_without_a_token_the_branch_is_pushed_and_the_address_is_told(
    alice: Person, office: Office, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.delenv("GITHUB_TOKEN")
    monkeypatch.setattr(Checkout, "compare_url", lambda _, branch: f"https://github.com/acme/models/compare/{branch}")
    assert demote("--branch", BRANCH, "--pr") == 0
    told = capsys.readouterr().err
    assert "no pull request was opened: neither GITHUB_TOKEN nor GH_TOKEN is set" in told
    assert f"https://github.com/acme/models/compare/{BRANCH}" in told
    assert office.repository.git.branch(BRANCH)
    assert pulls(office) == {}


def test_on_the_default_branch_it_needs_a_name_which_is_said_before_anything_is_written(
    alice: Person, office: Office, capsys: Capture
) -> None:
    assert demote("--pr") == 2
    told = capsys.readouterr().err
    line = re.search(r"promotebot (demote .* --pr --branch \S+)$", told, re.MULTILINE)
    assert line, told
    assert alice.git("status", "--porcelain") == ""
    assert pulls(office) == {}
    assert main(shlex.split(line[1])) == 0
    assert len(pulls(office)) == 1


def test_an_origin_on_another_server_gets_no_token_and_nothing_is_written(
    alice: Person, token: str, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setenv("GITHUB_SERVER_URL", "https://ghe.example.com")
    assert demote("--branch", BRANCH, "--pr") == 2
    told = capsys.readouterr().err
    assert "ghe.example.com would be asked" in told
    assert token not in told
    assert alice.git("status", "--porcelain") == ""
    assert alice.git("branch", "--list", BRANCH) == ""


def test_what_github_refuses_is_told_with_the_address_and_the_branch_is_there(
    alice: Person, office: Office, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", office.repository.issue_actions_token({"pull-requests": "write"}))
    office.repository.actions_may_open_pulls = False
    assert demote("--branch", BRANCH, "--pr") == 4
    told = capsys.readouterr().err
    assert f"{BRANCH} is pushed, but GitHub refused to open a pull request" in told
    assert f"{office.hub.server_url}/acme/models/compare/main...{BRANCH}?expand=1" in told
    assert office.repository.git.branch(BRANCH)
    assert alice.git("branch", "--show-current") == "main"


def test_from_another_base_of_the_policy_the_pull_request_goes_there(alice: Person, office: Office) -> None:
    office.policy("bases: [sandbox]\n")
    alice.git("pull", "--quiet", "origin", "main")
    alice.git("push", "--quiet", "origin", "main:refs/heads/sandbox")
    alice.git("switch", "--quiet", "--create", "sandbox")
    assert demote("--branch", BRANCH, "--pr") == 0
    assert [opened[:2] for opened in pulls(office).values()] == [(BRANCH, "sandbox")]


def test_a_dry_run_opens_nothing(alice: Person, office: Office) -> None:
    assert demote("--branch", BRANCH, "--pr", "--dry-run") == 0
    assert pulls(office) == {}
    assert alice.git("show", f"HEAD:{REGISTRY}")
