"""The settings with which a command at a terminal asks GitHub: token and addresses of the environment."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping

from promotebot.errors import UsageError
from promotebot.settings import Settings

REPOSITORY = r"[A-Za-z0-9_-]+/[A-Za-z0-9._-]+"
_KEPT = ("PROMOTEBOT_REGISTRY_PATH", "PROMOTEBOT_POLICY_PATH", "PROMOTEBOT_BOT_LOGIN", "GITHUB_RUN_ID")
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
    token = environment.get("GITHUB_TOKEN") or environment.get("GH_TOKEN")
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
            "GITHUB_EVENT_NAME": "terminal",
            **{name: environment[name] for name in _KEPT if name in environment},
            **dict.fromkeys(("GITHUB_EVENT_PATH", "GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"), os.devnull),
        }
    )


def _server(api_url: str) -> str:
    """Return the server of an API, which has a host of its own on GitHub's service and a path on a server's.

    https://docs.github.com/en/enterprise-server@latest/rest/quickstart
    """
    return api_url.removesuffix("/api/v3").replace("://api.", "://", 1)
