"""How git is run: isolated, without a prompt, the token in no argument, no repr and no error."""

from __future__ import annotations

import base64
import os

import pytest
from git.exc import GitCommandError

from promotebot.errors import CouldNotVerify
from promotebot.git.process import ISOLATED, QUIET, GitFailed, Identity, Remote, rejection, stderr_of

TOKEN = "ghs_made_up_token"
REMOTE = Remote("https://github.com/acme/models.git", TOKEN)


def test_a_remote_shows_its_address_and_never_its_token() -> None:
    for shown in (repr(REMOTE), str(REMOTE), f"{REMOTE}", f"{REMOTE!r}", f"{[REMOTE]}"):
        assert "https://github.com/acme/models.git" in shown
        assert TOKEN not in shown


def test_the_token_is_sent_to_that_address_only_and_encoded() -> None:
    environment = REMOTE.environment()
    count = int(environment["GIT_CONFIG_COUNT"])
    configured = {environment[f"GIT_CONFIG_KEY_{n}"]: environment[f"GIT_CONFIG_VALUE_{n}"] for n in range(count)}
    assert set(configured) == {
        "remote.origin.url",
        "http.https://github.com/acme/models.git.extraHeader",
        "core.hooksPath",
        "maintenance.auto",
        "gc.auto",
    }
    assert (configured["maintenance.auto"], configured["gc.auto"]) == ("false", "0"), "nothing is left behind"
    scheme, _, credentials = configured["http.https://github.com/acme/models.git.extraHeader"].rpartition(" ")
    assert scheme == "Authorization: Basic"
    assert base64.b64decode(credentials).decode() == f"x-access-token:{TOKEN}"
    assert not any(TOKEN in value for value in environment.values())


def test_git_runs_without_hooks_prompts_and_anybodys_settings() -> None:
    environment = REMOTE.environment()
    assert environment["GIT_CONFIG_VALUE_2"] == environment["GIT_CONFIG_GLOBAL"] == os.devnull
    assert {key: environment[key] for key in ISOLATED} == ISOLATED
    assert ISOLATED["GIT_CONFIG_NOSYSTEM"] == "1"
    assert ISOLATED["GIT_ASKPASS"] == ""
    assert QUIET == {"GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C.UTF-8"}
    assert "GIT_CONFIG_GLOBAL" not in QUIET, "a person's own settings are theirs to use"


def failed(status: int = 128, stderr: str = "", stdout: str = "") -> GitFailed:
    return GitFailed("push", GitCommandError(["git", "push"], status, stderr, stdout))


def test_a_failure_is_could_not_verify_with_gits_words_and_a_next_step() -> None:
    problem = failed(1, "fatal: not\n  a repository")
    assert isinstance(problem, CouldNotVerify)
    assert problem.message == "git push failed: fatal: not a repository"
    assert problem.stderr == "fatal: not a repository"
    assert problem.status == 1
    assert "run it again" in problem.remedy


def test_a_silent_failure_is_told_by_its_status() -> None:
    assert failed(137).stderr == "git ended with 137"


def test_gits_words_are_one_bounded_line() -> None:
    reason = stderr_of(GitCommandError("git", 1, "x " * 1000))
    assert len(reason) <= 500
    assert "\n" not in reason


@pytest.mark.parametrize(
    ("stdout", "stderr", "reason"),
    [
        (
            "To x\n!\tabc:refs/heads/main\t[rejected] (stale info)\nDone",
            "error: failed",
            "! abc:refs/heads/main [rejected] (stale info)",
        ),
        ("To x\nDone", "error: failed to push", "error: failed to push"),
        ("", "", "git ended with 128"),
    ],
)
def test_a_rejected_push_is_explained_by_the_line_of_its_ref(stdout: str, stderr: str, reason: str) -> None:
    assert rejection(failed(128, stderr, stdout)) == reason


def test_an_identity_is_a_name_and_an_address() -> None:
    assert (Identity("bot", "bot@example.com").name, Identity("bot", "bot@example.com").email) == (
        "bot",
        "bot@example.com",
    )
