"""The environment, read once: everything missing or odd is named at once, and the token shows nowhere."""

from __future__ import annotations

import subprocess
import sys

import pytest

from promotebot.environment import REQUIRED
from promotebot.errors import UsageError
from promotebot.settings import Settings

ENV = dict.fromkeys(REQUIRED, "x") | {
    "GITHUB_API_URL": "https://api.github.com",
    "GITHUB_SERVER_URL": "https://github.com/",
    "GITHUB_REPOSITORY": "acme/models",
    "GITHUB_TOKEN": "ghs_secret",
}


def test_settings_are_read_and_the_token_shows_nowhere() -> None:
    settings = Settings.from_env(ENV)
    assert settings.server_url == "https://github.com"
    assert settings.token.get_secret_value() == "ghs_secret"
    assert "ghs_secret" not in repr(settings) + str(settings) + settings.model_dump_json()
    assert settings.run_url is None


@pytest.mark.parametrize(("attempt", "is_first"), [("1", True), ("2", False), ("", False)])
def test_only_the_first_attempt_of_a_run_is_certainly_no_second_one(attempt: str, is_first: bool) -> None:
    assert Settings.from_env({**ENV, "GITHUB_RUN_ATTEMPT": attempt}).is_first_attempt is is_first


TAKE = """
import os
from pathlib import Path
from promotebot.environment import take_environment
before = Path("/proc/self/environ").read_bytes()
taken = take_environment()
print(taken["GITHUB_TOKEN"], taken["OTHER"], os.environ.get("GITHUB_TOKEN"), os.environ["OTHER"])
print(b"ghs_secret" in before, b"ghs_secret" in Path("/proc/self/environ").read_bytes())
"""


def test_the_token_leaves_the_environment_that_the_process_was_started_with() -> None:
    environment = {"GITHUB_TOKEN": "ghs_secret", "OTHER": "kept", "LC_ALL": "C.UTF-8"}
    done = subprocess.run(
        [sys.executable, "-I", "-c", TAKE], env=environment, capture_output=True, check=True, text=True
    )
    assert done.stdout.splitlines() == ["ghs_secret kept None kept", "True False"]


@pytest.mark.parametrize(
    "name",
    [
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AZURE_STORAGE_ACCOUNT_KEY",
        "AZURE_STORAGE_SAS_TOKEN",
        "AZURE_STORAGE_CONNECTION_STRING",
        "AZURE_CLIENT_SECRET",
    ],
)
def test_the_keys_of_buckets_leave_the_environment_too(name: str) -> None:
    code = (
        "import os\nfrom promotebot.environment import take_environment\nenvironment = take_environment()\n"
        f"print(environment[{name!r}], os.environ.get({name!r}), b's3cr3t' in open('/proc/self/environ', 'rb').read())"
    )
    environment = {name: "s3cr3t", "LC_ALL": "C.UTF-8"}
    done = subprocess.run(
        [sys.executable, "-I", "-c", code], env=environment, capture_output=True, check=True, text=True
    )
    assert done.stdout.split() == ["s3cr3t", "None", "False"]


def test_every_missing_variable_is_named_at_once() -> None:
    with pytest.raises(UsageError, match="GITHUB_TOKEN, GITHUB_API_URL are not set"):
        Settings.from_env({k: v for k, v in ENV.items() if k not in ("GITHUB_TOKEN", "GITHUB_API_URL")})


@pytest.mark.parametrize(
    "url",
    [
        "http://api.github.test",
        "http://127.0.0.1.evil.test",
        "ftp://x",
        "https://user:pw@host",
        "https://@host",
        "api.github.com",
        "https://",
        "https://[::1",
        "https://host:99999",
        "https://host?x=1",
        "https://host#x",
        "https://ho st",
    ],
)
def test_a_token_is_sent_over_https_or_loopback_only(url: str) -> None:
    with pytest.raises(UsageError, match="GITHUB_API_URL"):
        Settings.from_env(ENV | {"GITHUB_API_URL": url})
    assert Settings.from_env(ENV | {"GITHUB_API_URL": "http://127.0.0.1:1/api/v3"}).api_url.endswith("/api/v3")


@pytest.mark.parametrize(
    "repository", ["acme", "acme/", "/models", "a/b/c", "acme/models\n", "acme/mod els", "acme/models?x"]
)
def test_a_repository_is_owner_and_name(repository: str) -> None:
    with pytest.raises(UsageError, match="GITHUB_REPOSITORY"):
        Settings.from_env(ENV | {"GITHUB_REPOSITORY": repository})


@pytest.mark.parametrize("token", ["ghs_x\n", " ", "ghs x", "ghs_\u202e"])
def test_a_token_that_came_with_more_than_itself_is_named_and_not_shown(token: str) -> None:
    with pytest.raises(UsageError, match="GITHUB_TOKEN") as caught:
        Settings.from_env(ENV | {"GITHUB_TOKEN": token})
    assert token not in str(caught.value) or not token.strip()


def test_everything_odd_is_named_at_once_with_the_next_step() -> None:
    with pytest.raises(UsageError) as caught:
        Settings.from_env(ENV | {"GITHUB_REPOSITORY": "x", "GITHUB_API_URL": "x", "GITHUB_SERVER_URL": "http://x"})
    for name in ("GITHUB_REPOSITORY", "GITHUB_API_URL", "GITHUB_SERVER_URL", "Next: "):
        assert name in str(caught.value)


def test_what_is_not_set_has_its_default_and_what_is_empty_too() -> None:
    settings = Settings.from_env(ENV | {"PROMOTEBOT_POLICY_PATH": "", "GITHUB_RUN_ID": "7"})
    assert (settings.registry_path, settings.policy_path, settings.bot_login) == (
        "ml/registry/models.json",
        ".github/promotion.yml",
        "github-actions[bot]",
    )
    assert settings.run_url == "https://github.com/acme/models/actions/runs/7"
