"""How git is run: its environment, its token, its time limit and its failures."""

from __future__ import annotations

import base64
import os
from dataclasses import dataclass

from git.exc import GitCommandError

from promotebot.errors import CouldNotVerify

TIMEOUT_SECONDS = 300

QUIET = {
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
    "LC_ALL": "C.UTF-8",
}

ISOLATED = {
    **QUIET,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_ASKPASS": "",
}


@dataclass(frozen=True)
class Remote:
    """Where to fetch from and push to. The token travels in the environment, never in an argument."""

    url: str
    token: str

    def __repr__(self) -> str:
        return f"Remote({self.url!r})"

    def environment(self) -> dict[str, str]:
        """git's own variables for configuration, so that nothing secret stands in `ps` or on disk.

        https://git-scm.com/docs/git-config#Documentation/git-config.txt-GITCONFIGCOUNT
        """
        basic = base64.b64encode(f"x-access-token:{self.token}".encode()).decode()
        return {
            **ISOLATED,
            "GIT_CONFIG_COUNT": "2",
            "GIT_CONFIG_KEY_0": f"http.{self.url}.extraHeader",
            "GIT_CONFIG_VALUE_0": f"Authorization: Basic {basic}",
            "GIT_CONFIG_KEY_1": "core.hooksPath",
            "GIT_CONFIG_VALUE_1": os.devnull,
        }


@dataclass(frozen=True)
class Identity:
    """Who a commit says it is from."""

    name: str
    email: str


class GitFailed(CouldNotVerify):
    """A git command did not end well: a full disk, a remote that is gone, or an answer that its caller knows."""

    def __init__(self, command: str, problem: GitCommandError) -> None:
        super().__init__(
            f"git {command} failed: {stderr_of(problem)}", remedy="run it again; check the disk and the remote"
        )
        self.status = problem.status
        self.said = stderr_of(problem)
        self.output = str(problem.stdout)
        """What it printed, with GitPython's noise around it."""


def stderr_of(problem: GitCommandError) -> str:
    """git's own words in one line, without the noise GitPython puts around them."""
    text = " ".join(str(problem.stderr).split()).removeprefix("stderr: ").strip("'")
    return text[:500] or f"git ended with {problem.status}"


def rejection(problem: GitFailed) -> str:
    """Why the server did not take a ref, which `push --porcelain` prints on stdout; else what git says on stderr."""
    refused = [line for line in problem.output.splitlines() if line.lstrip(" '").startswith("!")]
    return " ".join(" ".join(refused).split())[:500] or problem.said
