"""People and the bot at work on the embedded GitHub: clones, commits, pushes, and a job as a runner starts it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

from tests.fake_github.scenario import Hub, Repository

BOT_PERMISSIONS = {
    "contents": "write",
    "pull-requests": "write",
    "issues": "write",
    "checks": "write",
    "statuses": "write",
    "deployments": "write",
}
PROMOTEBOT = (sys.executable, "-I", "-m", "promotebot")
FOREIGN = ("GIT_", "GITHUB_", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "ML_PROMOTION_")
"""Variables of whoever runs this that would change what a person's git or the program does."""


def run_program(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> CompletedProcess[str]:
    """Run a program to its end in a folder and an environment of its own."""
    return subprocess.run(command, cwd=folder, env=dict(environment), capture_output=True, text=True, check=False)


@dataclass(frozen=True)
class Person:
    """Somebody with an account and a clone, whose git is told nothing about this machine's own settings."""

    login: str
    clone: Path
    environment: Mapping[str, str]

    @classmethod
    def at_work(cls, hub: Hub, repository: Repository, login: str, directory: Path) -> Person:
        """Clone the repository for a user; the token travels in git's configuration variables."""
        remote = repository.clone_url.replace("://", f"://{login}:{hub.issue_user_token(login)}@", 1)
        environment = {
            **{name: value for name, value in os.environ.items() if not name.upper().startswith(FOREIGN)},
            "NO_PROXY": "*",
            "no_proxy": "*",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_CONFIG_COUNT": "4",
            "GIT_CONFIG_KEY_0": f"url.{remote}.insteadOf",
            "GIT_CONFIG_VALUE_0": repository.clone_url,
            "GIT_CONFIG_KEY_1": "user.name",
            "GIT_CONFIG_VALUE_1": login,
            "GIT_CONFIG_KEY_2": "user.email",
            "GIT_CONFIG_VALUE_2": f"{login}@example.com",
            "GIT_CONFIG_KEY_3": "maintenance.auto",
            "GIT_CONFIG_VALUE_3": "false",
        }
        person = cls(login, directory, environment)
        directory.mkdir(parents=True, exist_ok=True)
        person.git("init", "--quiet", f"--initial-branch={repository.default_branch}")
        person.git("remote", "add", "origin", repository.clone_url)
        person.git("fetch", "--quiet", "origin")
        if person.git("branch", "--remotes", "--list", f"origin/{repository.default_branch}"):
            person.git("reset", "--quiet", "--hard", f"origin/{repository.default_branch}")
        return person

    def git(self, *arguments: str) -> str:
        """Run git in the clone and return what it printed. Raises RuntimeError with git's message."""
        done = run_program(["git", *arguments], self.clone, self.environment)
        if done.returncode:
            raise RuntimeError(f"git {arguments[0]} failed: {done.stderr.strip()}")
        return done.stdout.strip()

    def start_branch(self, name: str, base: str = "main") -> None:
        """Start a fresh branch from the base as it is on the server."""
        self.git("fetch", "--quiet", "origin")
        self.git("switch", "--quiet", "--force-create", name, f"origin/{base}", "--no-track")

    def write(self, path: str, content: bytes | str) -> None:
        target = self.clone / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content.encode() if isinstance(content, str) else content)

    def commit(self, message: str) -> str:
        """Commit everything and return the commit's id."""
        self.git("add", "--all", "--force")
        self.git("commit", "--quiet", "--message", message)
        return self.git("rev-parse", "HEAD")

    def push(self) -> str:
        """Push the present branch and return its tip."""
        self.git("push", "--quiet", "origin", "HEAD")
        return self.git("rev-parse", "HEAD")

    def promotebot(self, *arguments: str) -> CompletedProcess[str]:
        """Run the program in the clone, as at a terminal."""
        return run_program([*PROMOTEBOT, *arguments], self.clone, self.environment)


@dataclass(frozen=True)
class Job:
    """A finished job: its exit code, what it printed and what it left for later steps."""

    exit_code: int
    log: str
    outputs: dict[str, str]
    summary: str

    @property
    def succeeded(self) -> bool:
        """Return whether the job ended well and refused nothing: a job that refuses a request ends with 0, too."""
        return self.exit_code == 0 and self.outputs.get("decision") not in (None, "refused", "failed")


@dataclass(frozen=True)
class Runner:
    """Starts the bot the way the Action starts it: an event file, an environment, `python -I -m promotebot`."""

    repository: Repository
    directory: Path
    token: str

    @classmethod
    def of(cls, repository: Repository, directory: Path) -> Runner:
        directory.mkdir(parents=True, exist_ok=True)
        return cls(repository, directory, repository.issue_actions_token(BOT_PERMISSIONS))

    def environment(self, event_name: str, payload: Mapping[str, Any]) -> dict[str, str]:
        """Return what GitHub gives a step, and nothing of this process but the path to programs."""
        event, output, summary = (self.directory / name for name in ("event.json", "output", "summary"))
        event.write_text(json.dumps(payload), encoding="utf-8")
        for file in (output, summary):
            file.write_bytes(b"")
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "NO_PROXY": "*",
            "GITHUB_EVENT_NAME": event_name,
            "GITHUB_EVENT_PATH": str(event),
            "GITHUB_TOKEN": self.token,
            "GITHUB_API_URL": self.repository.hub.api_url,
            "GITHUB_SERVER_URL": self.repository.hub.server_url,
            "GITHUB_REPOSITORY": self.repository.full_name,
            "GITHUB_OUTPUT": str(output),
            "GITHUB_STEP_SUMMARY": str(summary),
            "GITHUB_RUN_ID": "1",
            "GITHUB_RUN_ATTEMPT": "1",
        }

    def run(self, event_name: str, payload: Mapping[str, Any]) -> Job:
        self.repository.hub.catch_up()  # its program waits for real, on its own clock
        environment = self.environment(event_name, payload)
        done = run_program(PROMOTEBOT, self.directory, environment)
        return self.finished(environment, done.returncode, done.stdout + done.stderr)

    def finished(self, environment: Mapping[str, str], exit_code: int, log: str) -> Job:
        """Collect what a run left behind."""
        outputs = read_outputs(Path(environment["GITHUB_OUTPUT"]).read_text(encoding="utf-8"))
        return Job(exit_code, log, outputs, Path(environment["GITHUB_STEP_SUMMARY"]).read_text(encoding="utf-8"))


def read_outputs(text: str) -> dict[str, str]:
    """Parse GITHUB_OUTPUT as the runner reads it: `name=value` lines and `name<<DELIMITER` blocks.

    https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands#multiline-strings
    """
    outputs: dict[str, str] = {}
    lines = iter(text.splitlines())
    for line in lines:
        name, block, delimiter = line.partition("<<")
        if block and "=" not in name:
            value: list[str] = []
            for part in lines:
                if part == delimiter:
                    break
                value.append(part)
            outputs[name] = "\n".join(value)
        elif "=" in line:
            key, _, single = line.partition("=")
            outputs[key] = single
    return outputs
