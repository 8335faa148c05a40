"""A hub, a repository with people in it, and git and HTTP clients as anybody would use them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import github
import pytest

from tests.fake_github.http import EmbeddedGitHub
from tests.fake_github.lateness import NEVER_LATE
from tests.fake_github.scenario import Repository
from tests.fake_github.state import Pull

EVERYTHING = {
    "contents": "write",
    "pull-requests": "write",
    "issues": "write",
    "checks": "write",
    "statuses": "write",
    "deployments": "write",
}


@dataclass
class Clock:
    """A clock that only the test moves."""

    now: datetime = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **amount: float) -> None:
        self.now += timedelta(**amount)


@dataclass
class Clone:
    """A working copy driven by the git command, with a token in its remote's address."""

    folder: Path
    environment: dict[str, str]

    def git(self, *arguments: str) -> str:
        done = subprocess.run(
            ["git", *arguments],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(done.stderr)
        return done.stdout.strip()

    def commit(self, files: dict[str, str], message: str = "change") -> str:
        for name, content in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)
        return self.git("rev-parse", "HEAD")

    def branch(self, name: str, files: dict[str, str], *, start: str = "main", message: str = "change") -> str:
        """Make a branch with one commit, and push it."""
        self.git("checkout", "--quiet", "-B", name, start)
        sha = self.commit(files, message)
        self.push(name)
        return sha

    def push(self, *refspecs: str) -> None:
        self.git("push", "--quiet", "origin", *refspecs)


@dataclass
class Answered:
    """What came back over plain HTTP."""

    status: int
    body: Any
    headers: dict[str, str]


@dataclass
class World:
    """`acme/models` with alice (write), bob (maintain), carol (triage) and eve (no role)."""

    hub: EmbeddedGitHub
    repo: Repository
    folder: Path
    clock: Clock
    alice: Clone
    _clients: list[github.Github] = field(default_factory=list)

    def token(self, login: str) -> str:
        return self.hub.issue_user_token(login)

    def bot_token(self, **permissions: str) -> str:
        granted = {name.replace("_", "-"): level for name, level in permissions.items()} or EVERYTHING
        return self.repo.issue_actions_token(permissions=granted)

    def client(self, token: str | None = None) -> github.Github:
        """Unmodified PyGithub; without its pauses between requests and its patience with errors."""
        client = github.Github(
            auth=github.Auth.Token(token) if token else None,
            base_url=self.hub.api_url,
            seconds_between_requests=None,
            seconds_between_writes=None,
            retry=None,
        )
        self._clients.append(client)
        return client

    def close(self) -> None:
        for client in self._clients:
            client.close()

    def clone(self, token: str, repository: Repository | None = None, *options: str) -> Clone:
        url = (repository or self.repo).clone_url.replace("://", f"://x-access-token:{token}@")
        folder = self.folder / f"clone-{len(list(self.folder.iterdir()))}"
        Clone(self.folder, git_environment()).git("clone", "--quiet", *options, url, str(folder))
        return Clone(folder, git_environment())

    def http(self, method: str, path: str, token: str | None = None, body: object = None) -> Answered:
        """One request without any client's kindness; a body of bytes is sent as it is."""
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        url = path if path.startswith("http") else f"{self.hub.api_url}{path}"
        request = urllib.request.Request(url, data, method=method)  # noqa: S310 - our own server
        if token:
            request.add_header("Authorization", f"Bearer {token}")
        try:
            with urllib.request.urlopen(request) as reply:  # noqa: S310 - our own server
                return _answered(reply.status, reply.read(), dict(reply.headers))
        except urllib.error.HTTPError as error:
            with error:
                return _answered(error.code, error.read(), dict(error.headers))

    def pull(
        self,
        files: dict[str, str] | None = None,
        *,
        head: str = "add-v2",
        title: str = "Add v2",
        draft: bool = False,
    ) -> Pull:
        """A pull request by alice from a branch of hers."""
        self.alice.branch(head, files or {"model.txt": "v2\n"})
        return self.repo.open_pull(author="alice", head=head, title=title, draft=draft)


def git_environment() -> dict[str, str]:
    """Git for a person called Alice, without this machine's configuration."""
    return {
        "PATH": os.environ["PATH"],
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_AUTHOR_NAME": "Alice",
        "GIT_AUTHOR_EMAIL": "alice@example.com",
        "GIT_COMMITTER_NAME": "Alice",
        "GIT_COMMITTER_EMAIL": "alice@example.com",
        "LC_ALL": "C",
    }


def _answered(status: int, body: bytes, headers: dict[str, str]) -> Answered:
    return Answered(status, json.loads(body) if body else None, headers)


@pytest.fixture(scope="session")
def seed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working copy with one commit on main, made once and copied for each test."""
    folder = tmp_path_factory.mktemp("seed") / "clone"
    folder.mkdir()
    clone = Clone(folder, git_environment())
    clone.git("init", "--quiet", "--initial-branch", "main")
    clone.commit({"README.md": "models\n", "model.txt": "v1\n"}, "first")
    clone.git("remote", "add", "origin", "REMOTE")
    return folder


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def hub(tmp_path: Path, clock: Clock) -> Iterator[EmbeddedGitHub]:
    with EmbeddedGitHub(tmp_path / "hub", clock=clock) as started:
        started.late = NEVER_LATE  # but in the tests of lateness
        yield started


@pytest.fixture
def world(hub: EmbeddedGitHub, tmp_path: Path, clock: Clock, seed: Path) -> Iterator[World]:
    repo = hub.create_repository("acme/models")
    for login, role in (("alice", "write"), ("bob", "maintain"), ("carol", "triage")):
        hub.add_user(login)
        repo.set_role(login, role)
    hub.add_user("eve")
    folder = tmp_path / "clones"
    shutil.copytree(seed, folder / "alice", symlinks=True)
    shutil.copytree(seed / ".git/objects", repo.git_dir / "objects", dirs_exist_ok=True)
    shutil.copytree(seed / ".git/refs/heads", repo.git_dir / "refs/heads", dirs_exist_ok=True)
    config = folder / "alice/.git/config"
    url = repo.clone_url.replace("://", f"://x-access-token:{hub.issue_user_token('alice')}@")
    config.write_text(config.read_text(encoding="utf-8").replace("REMOTE", url), encoding="utf-8")
    made = World(hub, repo, folder, clock, Clone(folder / "alice", git_environment()))
    yield made
    made.close()


@pytest.fixture
def refused() -> Callable[[Callable[[], Any]], github.GithubException]:
    """Call something and return the error PyGithub raises for it."""

    def call(action: Callable[[], Any]) -> github.GithubException:
        with pytest.raises(github.GithubException) as caught:
            action()
        return caught.value

    return call
