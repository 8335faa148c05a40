"""The settings with which a command at a terminal asks GitHub: token and addresses of the environment."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping

from promotebot.environment import TERMINAL
from promotebot.errors import UsageError
from promotebot.git.checkout import Checkout
from promotebot.settings import Settings

REPOSITORY = r"[A-Za-z0-9_-]+/[A-Za-z0-9._-]+"
ORIGIN = re.compile(rf"(?:\w+://)?(?:[^@/]*@)?(?P<host>[\w.-]+)(?::\d+)?[:/](?P<name>{REPOSITORY}?)(?:\.git)?/?")
"""An address of git's: https://git-scm.com/docs/git-clone#_git_urls"""
_KEPT = (
    "PROMOTEBOT_REGISTRY_PATH",
    "PROMOTEBOT_BASE_DIR",
    "PROMOTEBOT_PREFIX",
    "PROMOTEBOT_POLICY_PATH",
    "PROMOTEBOT_BOT_LOGIN",
    "GITHUB_RUN_ID",
)
"""As the Action has them from its inputs, and the run."""


def settings_of(
    repo: str | None, environment: Mapping[str, str], *, otherwise: Callable[[str], str], remedy: str
) -> Settings:
    """Return what the client needs, with the repository as asked for.

    Args:
        repo: OWNER/NAME; None where nobody said it.
        otherwise: returns the repository for the server's address, where nobody said it.
        remedy: how to give a token.

    Raises:
        UsageError: without a token, or for what is no repository.
    """
    token = token_in(environment)
    if not token:
        raise UsageError("neither GITHUB_TOKEN nor GH_TOKEN is set", where="environment", remedy=remedy)
    api_url = (environment.get("GITHUB_API_URL") or "https://api.github.com").rstrip("/")
    server_url = (environment.get("GITHUB_SERVER_URL") or _server(api_url)).rstrip("/")
    if repo is not None and not re.fullmatch(REPOSITORY, repo):
        raise UsageError(f"{repo!r} is not OWNER/NAME", where="--repo", remedy="--repo OWNER/NAME")
    return Settings.from_env(
        {
            "GITHUB_TOKEN": token,
            "GITHUB_API_URL": api_url,
            "GITHUB_SERVER_URL": server_url,
            "GITHUB_REPOSITORY": repo or otherwise(server_url),
            "GITHUB_EVENT_NAME": TERMINAL,
            **{name: environment[name] for name in _KEPT if name in environment},
            **dict.fromkeys(("GITHUB_EVENT_PATH", "GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"), os.devnull),
        }
    )


def token_in(environment: Mapping[str, str]) -> str:
    """Return the token that the environment has for GitHub, empty where it has none."""
    return environment.get("GITHUB_TOKEN") or environment.get("GH_TOKEN") or ""


def origin_on(checkout: Checkout | None, server_url: str, *, remedy: str = "give --repo OWNER/NAME") -> str:
    """Return the repository that origin names on this server.

    Raises:
        UsageError: where it names none, or one on another server, which must not get the token.
    """
    match = ORIGIN.fullmatch(checkout.origin_url()) if checkout else None
    if match is None:
        raise UsageError("origin names no repository on GitHub", where="git remote", remedy=remedy)
    host = re.sub(r"^\w+://|:\d+$", "", server_url)
    if match["host"] != host:
        url = f"set GITHUB_API_URL to that server's, such as https://{match['host']}/api/v3, or {remedy}"
        raise UsageError(f"origin is on {match['host']}, and {host} would be asked", where="git remote", remedy=url)
    return match["name"]


def _server(api_url: str) -> str:
    """Return the server of an API, which has a host of its own on GitHub's service and a path on a server's.

    https://docs.github.com/en/enterprise-server@latest/rest/quickstart
    """
    return api_url.removesuffix("/api/v3").replace("://api.", "://", 1)
