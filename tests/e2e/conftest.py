"""A repository on the embedded GitHub that carries promotebot and its workflows, as this one does."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bot.sandbox.demo import add_artifact, seed_repository
from bot.sandbox.repository import Repository
from bot.sandbox.server import EmbeddedGitHub
from bot.sandbox.workshop import Person

from .act import Act, JobRun
from .workflow import Workflow

ROOT = Path(__file__).resolve().parents[2]
OURS = ("action.yml", "pyproject.toml", "README.md", "requirements", "bot", ".github")
"""What of this repository the Action and its workflows consist of."""


def export(target: Path) -> None:
    """Copy the Action as it stands in the work tree, without anything that git would not keep."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *OURS],
        cwd=ROOT,
        capture_output=True,
        check=True,
        encoding="utf-8",
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, target / name)


@dataclass(frozen=True)
class Site:
    """The repository, its people, and the runner that starts its workflows."""

    hub: EmbeddedGitHub
    repository: Repository
    scratch: Path

    def person(self, login: str) -> Person:
        directory = self.scratch / f"{login}-{len(list(self.scratch.iterdir()))}"
        return Person.at_work(self.hub, self.repository, login, directory)

    def pull_with_artifact(self) -> int:
        """A pull request by alice that adds regime_v2."""
        alice = self.person("alice")
        alice.start_branch("add-regime-v2")
        add_artifact(alice, ROOT, "regime_v2")
        alice.push()
        return self.repository.open_pull(author="alice", head="add-regime-v2", title="Add regime_v2").number

    def comment(self, number: int, body: str, *, author: str = "alice") -> dict[str, JobRun]:
        """What promote.yml makes of a comment."""
        comment = self.repository.comment(number, author=author, body=body)
        return self.start("promote.yml", "issue_comment", self.repository.issue_comment_event(comment.id))

    def start(
        self,
        name: str,
        event_name: str,
        payload: Mapping[str, Any],
        *,
        actions: Mapping[str, Path] | None = None,
    ) -> dict[str, JobRun]:
        """Run a workflow of the default branch on an event, every job with a token of just its own permissions."""
        checkout = self.person("bob").clone
        workflow = Workflow.read(checkout / ".github/workflows" / name)
        if not workflow.starts_on(event_name, payload):
            return {}
        server = self.hub.server_url
        environment = {
            "GITHUB_API_URL": self.hub.api_url,
            "GITHUB_SERVER_URL": server,
            "GITHUB_GRAPHQL_URL": f"{server}/graphql",
            "GITHUB_REPOSITORY": self.repository.full_name,
        }
        act = Act(checkout, self.scratch, environment, actions or {})
        return {job: self._run(act, workflow, job, event_name, payload) for job in workflow.jobs}

    def _run(self, act: Act, workflow: Workflow, job: str, event_name: str, payload: Mapping[str, Any]) -> JobRun:
        token = self.repository.issue_actions_token(workflow.permissions(job))
        run = act.run(f".github/workflows/{workflow.path.name}", job, event_name, payload, token)
        assert token not in run.log
        return run

    def comments(self, number: int) -> list[str]:
        """What the bot wrote on a pull request."""
        written = self.repository.comments_on(number)
        return [comment.body for comment in written if comment.user.login == "github-actions[bot]"]

    def checks(self, sha: str) -> list[str]:
        runs = [run for run in self.repository.check_runs.values() if run.head_sha == sha]
        return [str(run.conclusion) for run in runs if run.name == "promotebot/gate"]


@pytest.fixture(scope="session")
def seed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bare repository every test starts from: regime_v1 ACTIVE, and the Action on the default branch."""
    scratch = tmp_path_factory.mktemp("seed")
    with EmbeddedGitHub(root=scratch / "hub") as hub:
        repository = seed_repository(hub, ROOT, scratch)
        bob = Person.at_work(hub, repository, "bob", scratch / "again")
        export(bob.clone)
        bob.commit("build: promotebot")
        bob.push()
        return repository.git_dir


@pytest.fixture
def site(seed: Path, tmp_path: Path) -> Iterator[Site]:
    with EmbeddedGitHub(root=tmp_path / "hub") as hub:
        repository = hub.create_repository("acme/models")
        for login, role in (("alice", "maintain"), ("bob", "maintain"), ("mallory", "read")):
            hub.add_user(login)
            repository.set_role(login, role)
        shutil.copytree(seed / "objects", repository.git_dir / "objects", dirs_exist_ok=True)
        repository.git.set_ref("refs/heads/main", (seed / "refs/heads/main").read_text().strip())
        (tmp_path / "scratch").mkdir()
        yield Site(hub, repository, tmp_path / "scratch")
