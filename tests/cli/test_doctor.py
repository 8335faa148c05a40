"""`promotebot doctor` at a terminal: whom it asks, what it prints, its exit codes, and what --fix makes."""

from __future__ import annotations

import json
from collections.abc import Mapping

import jsonschema
import pytest

from promotebot.cli.doctor import _settings
from promotebot.cli.github_settings import _server, origin_on
from promotebot.cli.json_schemas import generate
from promotebot.errors import UsageError
from promotebot.git.checkout import Checkout
from tests.doctor.clinic import Clinic
from tests.office import Office

pytestmark = pytest.mark.thorough

TOKEN = {"GITHUB_TOKEN": "ghp_secret"}


@pytest.fixture
def clinic(office: Office) -> Clinic:
    return Clinic.of(office)


def checkout(url: str, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    """A clone whose origin has this address."""
    monkeypatch.setattr(Checkout, "origin_url", lambda _: url)
    return Checkout.__new__(Checkout)


@pytest.mark.parametrize(
    "url",
    [
        "https://github.com/acme/models.git",
        "https://github.com/acme/models",
        "https://user:token@github.com/acme/models.git/",
        "ssh://git@github.com:22/acme/models.git",
        "git@github.com:acme/models.git",
        "github.com:acme/models",
    ],
)
def test_origin_names_the_repository(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert origin_on(checkout(url, monkeypatch), "https://github.com") == "acme/models"


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("", "names no repository"),
        ("/srv/git/models.git", "names no repository"),
        ("https://github.com/acme", "names no repository"),
        ("https://ghe.example.com/acme/models.git", "origin is on ghe.example.com, and github.com would be asked"),
    ],
)
def test_an_origin_elsewhere_is_not_asked_for_on_this_server(
    url: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UsageError, match=says) as refused:
        origin_on(checkout(url, monkeypatch), "https://github.com")
    assert "--repo" in refused.value.remedy


@pytest.mark.parametrize(
    ("api", "server"),
    [
        ("https://api.github.com", "https://github.com"),
        ("https://api.acme.ghe.com", "https://acme.ghe.com"),
        ("https://ghe.example.com/api/v3", "https://ghe.example.com"),
    ],
)
def test_the_server_follows_from_the_api(api: str, server: str) -> None:
    assert _server(api) == server
    settings = _settings("acme/models", None, {**TOKEN, "GITHUB_API_URL": f"{api}/"})
    assert (settings.api_url, settings.server_url, settings.repository) == (api, server, "acme/models")


@pytest.mark.parametrize(
    ("environment", "repo", "says"),
    [
        ({}, "acme/models", "neither GITHUB_TOKEN nor GH_TOKEN is set"),
        (TOKEN, "models", "is not OWNER/NAME"),
        (TOKEN, None, "origin names no repository"),
        ({**TOKEN, "GITHUB_API_URL": "http://ghe.example.com/api/v3"}, "acme/models", "plain http"),
    ],
)
def test_what_is_missing_is_said_before_anybody_is_asked(
    environment: Mapping[str, str], repo: str | None, says: str
) -> None:
    with pytest.raises(UsageError, match=says):
        _settings(repo, None, environment)


def test_the_environment_gives_token_and_paths() -> None:
    environment = {"GH_TOKEN": "ghp_other", "PROMOTEBOT_POLICY_PATH": "ml/policy.yml"}
    settings = _settings("acme/models", None, environment)
    assert settings.token.get_secret_value() == "ghp_other"
    assert (settings.policy_path, settings.registry_path) == ("ml/policy.yml", "ml/registry/models.json")


def test_json_follows_its_schema_and_shows_no_token(clinic: Clinic) -> None:
    token = clinic.office.hub.issue_user_token("root")
    done = clinic.doctor("--format", "json", token=token)
    report = json.loads(done.stdout)
    jsonschema.validate(report, generate()["doctor"])
    assert (report["schema_version"], report["repository"]) == ("v1", "acme/models")
    assert {line["status"] for line in report["lines"]} == {"ok", "problem", "advice"}
    assert done.returncode == 1
    assert token not in done.stdout + done.stderr


def test_the_exit_codes_say_whether_anything_is_wrong_or_unknown(clinic: Clinic) -> None:
    clinic.set_up()
    done = clinic.doctor("--repo", "acme/models")
    assert (done.returncode, "advice  doctor.attributes" in done.stdout) == (0, True)
    weak = clinic.doctor(token=clinic.repository.issue_actions_token({"contents": "read"}))
    assert (weak.returncode, "unknown doctor.actions_pull_requests" in weak.stdout) == (4, True)
    clinic.repository.settings.rules.clear()
    assert clinic.doctor().returncode == 1


@pytest.mark.parametrize("arguments", [["--repo", "acme/gone"], ["--repo", "x"], ["--format", "xml"]])
def test_what_cannot_be_examined_ends_with_a_sentence(clinic: Clinic, arguments: list[str]) -> None:
    done = clinic.doctor(*arguments)
    assert (done.returncode, done.stdout) == (4 if "acme/gone" in arguments else 2, "")
    assert "Next: " in done.stderr
    assert "Traceback" not in done.stderr


def test_fix_makes_labels_and_missing_files_and_overwrites_nothing(clinic: Clinic) -> None:
    clinic.repository.label("promote:shadow")
    gate = clinic.root.clone / ".github/workflows/gate.yml"
    clinic.root.write(".github/workflows/gate.yml", "mine\n")
    done = clinic.doctor("--fix")
    assert "made    label promote:staging\nmade    label promote:active\n" in done.stderr
    assert "label promote:shadow" not in done.stderr
    assert "kept    .github/workflows/gate.yml: it is here already" in done.stderr
    assert "created .github/workflows/promote.yml: commit and push it" in done.stderr
    assert gate.read_text() == "mine\n"
    assert "ml/artifacts/** -text\n" in clinic.text(".gitattributes")
    assert "ok      doctor.labels" in done.stdout
    assert sorted(clinic.repository.labels) == ["promote:active", "promote:shadow", "promote:staging"]
    before = len(clinic.office.hub.requests)
    again = clinic.doctor("--fix")
    assert "created" not in again.stderr
    assert {request.method for request in clinic.office.hub.requests[before:]} == {"GET"}


def test_fix_follows_no_link_out_of_the_repository(clinic: Clinic) -> None:
    outside = clinic.office.scratch / "outside"
    outside.mkdir()
    (clinic.root.clone / ".github").symlink_to(outside)
    done = clinic.doctor("--fix")
    assert list(outside.iterdir()) == []
    assert "left    .github/workflows/gate.yml: a symbolic link is on the way there" in done.stderr


def test_fix_says_what_it_could_not_write(clinic: Clinic) -> None:
    (clinic.root.clone / ".github").write_text("a file")
    done = clinic.doctor("--fix")
    assert "left    .github/workflows/gate.yml: " in done.stderr
    assert "Traceback" not in done.stderr


def test_fix_with_a_token_that_may_not_says_which_permission_it_takes(clinic: Clinic) -> None:
    token = clinic.repository.issue_actions_token({"contents": "read", "issues": "read"})
    done = clinic.doctor("--fix", token=token)
    assert (done.returncode, "`issues: write" in done.stderr) == (4, True), done.stderr


def test_fix_elsewhere_leaves_this_work_tree_alone(clinic: Clinic) -> None:
    other = clinic.office.hub.create_repository("acme/other")
    other.set_role("root", "admin")
    other.git.fetch_from(clinic.repository.git, "+refs/heads/*:refs/heads/*")
    done = clinic.doctor("--fix", "--repo", "acme/other")
    assert "created" not in done.stderr
    assert "left    .github/workflows/promote.yml: run it in a clone of acme/other" in done.stderr
    assert "made    label promote:active" in done.stderr
    assert clinic.root.git("status", "--porcelain") == ""
