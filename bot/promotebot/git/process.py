"""Git as a process: its environment, the token, the time limit, and its failures."""

from __future__ import annotations

import base64
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone

from git.exc import GitCommandError

from promotebot.cost import Cost
from promotebot.errors import CouldNotVerify

TIMEOUT_SECONDS = 300
"""Of one git command; one that takes longer is ended, and has not answered."""

QUIET = {
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
    "LC_ALL": "C.UTF-8",
}
"""No question at a terminal, no lock for a mere look, and messages in the language that `push` below is read in."""

ISOLATED = {
    **QUIET,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_ASKPASS": "",
}
"""Beside that, nothing of the machine's or the user's configuration: https://git-scm.com/docs/git#_environment_variables"""


@dataclass(frozen=True)
class Remote:
    """An address to fetch from and push to, and a token for it, which its repr does not show."""

    url: str
    token: str
    cost: Cost = field(default_factory=Cost, compare=False)
    """Where the fetches from it are counted."""
    pause: Callable[[int], None] = field(default=lambda _: None, compare=False)
    """Waits after a failed attempt, the first of which is 0, before Git LFS is asked again."""
    sleep: Callable[[float], None] = field(default=lambda _: None, compare=False)
    """Waits as many seconds as a server asks for."""
    clock: Callable[[], datetime] = field(default=lambda: datetime.now(timezone.utc), compare=False)

    def __repr__(self) -> str:
        return f"Remote({self.url!r})"

    def environment(self) -> dict[str, str]:
        """Return the variables that give git the token, so that nothing secret stands in an argument (`ps`) or on disk.

        https://git-scm.com/docs/git-config#Documentation/git-config.txt-GITCONFIGCOUNT
        """
        basic = base64.b64encode(f"x-access-token:{self.token}".encode()).decode()
        configuration = {
            "remote.origin.url": self.url,
            f"http.{self.url}.extraHeader": f"Authorization: Basic {basic}",
            "core.hooksPath": os.devnull,
            # A process that git leaves behind to tidy up would keep this environment, and the token with it.
            "maintenance.auto": "false",
            "gc.auto": "0",
        }
        variables = dict(ISOLATED)
        for index, (key, value) in enumerate(configuration.items()):
            variables |= {f"GIT_CONFIG_KEY_{index}": key, f"GIT_CONFIG_VALUE_{index}": value}
        return {**variables, "GIT_CONFIG_COUNT": str(len(configuration))}


@dataclass(frozen=True)
class Identity:
    """The author and committer of a commit."""

    name: str
    email: str


class GitFailed(CouldNotVerify):
    """A git command did not end with 0: a full disk, a remote that is gone, or an answer that its caller knows."""

    def __init__(self, command: str, problem: GitCommandError) -> None:
        super().__init__(
            f"git {command} failed: {stderr_of(problem)}", remedy="run it again; check the disk and the remote"
        )
        self.status = problem.status
        self.stderr = stderr_of(problem)
        self.output = str(problem.stdout)
        """Its stdout, with GitPython's noise around it."""


def limited(command: Sequence[str], max_file_bytes: int) -> list[str]:
    """Return a command that ends when it, or what it starts, writes a file of more bytes.

    https://man7.org/linux/man-pages/man2/getrlimit.2.html
    """
    return [sys.executable, "-I", "-S", "-c", _LIMITED, str(max_file_bytes), *command]


_LIMITED = """
import os, resource, signal, sys
signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # which Python ignores, and git would, too
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]),) * 2)
os.execvp(sys.argv[2], sys.argv[2:])
"""
"""A program of its own: a function that runs between fork and exec is not safe where there are threads."""


def stderr_of(problem: GitCommandError) -> str:
    """Return git's own words in one line of up to 500 characters, without the noise that GitPython puts around them."""
    text = " ".join(str(problem.stderr).split()).removeprefix("stderr: ").strip("'")
    return text[:500] or f"git ended with {problem.status}"


def rejection(problem: GitFailed) -> str:
    """Return why the server did not take a ref, else what git says on stderr, in up to 500 characters.

    `push --porcelain` prints a line with `!` for such a ref on stdout: https://git-scm.com/docs/git-push#_output
    """
    refused = [line for line in problem.output.splitlines() if line.lstrip(" '").startswith("!")]
    return " ".join(" ".join(refused).split())[:500] or problem.stderr
