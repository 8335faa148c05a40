"""A repository on the embedded GitHub that carries promotebot and its workflows, as this one does."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from promotebot.registry import ModelRegistry
from tests.demo.story import MODEL, REGISTRY, add_artifact, seed_repository
from tests.fake_github.http import EmbeddedGitHub
from tests.fake_github.people import Person
from tests.fake_github.records import Issue
from tests.fake_github.scenario import Repository

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
        alice.start_branch("add-regime-v2", base=self.repository.default_branch)
        add_artifact(alice, ROOT, "regime_v2")
        alice.push()
        return self.repository.open_pull(author="alice", head="add-regime-v2", title="Add regime_v2").number

    def small_pull(self, branch: str, files: Mapping[str, str | bytes] | None = None) -> int:
        """A pull request by alice without an artifact."""
        alice = self.person("alice")
        alice.start_branch(branch, base=self.repository.default_branch)
        for path, content in (files or {f"docs/{branch}.md": "A small change.\n"}).items():
            alice.write(path, content)
        alice.commit("docs: A small change")
        alice.push()
        return self.repository.open_pull(author="alice", head=branch, title="A small change").number

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
        environment: Mapping[str, str] | None = None,
        only: str = "",
    ) -> dict[str, JobRun]:
        """Run a workflow of the default branch on an event, every job with a token of just its own permissions.

        Empty when the event starts no run.

        Args:
            actions: `OWNER/NAME@REF` to a folder, for actions that the workflow uses besides the usual ones.
            environment: variables for the job's steps.
            only: the one job to run; every one of the workflow without it.
        """
        checkout = self.person("bob").clone
        workflow = Workflow.read(checkout / ".github/workflows" / name)
        if not workflow.starts_on(event_name, payload):
            return {}
        server, sender = self.hub.server_url, payload.get("sender", {}).get("login", "bob")
        path = f".github/workflows/{name}"
        run = self.repository.start_run(event_name, actor=sender, path=path)
        variables = {
            "GITHUB_API_URL": self.hub.api_url,
            "GITHUB_SERVER_URL": server,
            "GITHUB_GRAPHQL_URL": f"{server}/graphql",
            "GITHUB_REPOSITORY": self.repository.full_name,
            "GITHUB_RUN_ID": str(run.id),
            **(environment or {}),
        }
        act = Act(checkout, self.scratch, variables, actions or {})
        return {job: self._run(act, workflow, job, event_name, payload) for job in workflow.jobs if only in ("", job)}

    def _run(self, act: Act, workflow: Workflow, job: str, event_name: str, payload: Mapping[str, Any]) -> JobRun:
        self.hub.catch_up()  # a runner's job waits for real, on its own clock
        token = self.repository.issue_actions_token(workflow.permissions(job))
        run = act.run(f".github/workflows/{workflow.path.name}", job, event_name, payload, token)
        assert token not in run.log
        return run

    def comments(self, number: int) -> list[str]:
        """What the bot wrote on a pull request."""
        written = self.repository.comments_on(number)
        return [comment.body for comment in written if comment.user.login == "github-actions[bot]"]

    def issues(self) -> list[Issue]:
        """The issues that are no pull requests."""
        return [issue for number, issue in self.repository.issues.items() if number not in self.repository.pulls]

    def head(self, number: int) -> str:
        return self.repository.pull(number).head_sha

    def pointer(self, revision: str, stage: str) -> str | None:
        """The artifact id that a stage of the sample model holds at a revision."""
        data = self.repository.git.run_bytes("cat-file", "blob", f"{revision}:{REGISTRY}")
        pointer = ModelRegistry.parse(data).get_stage_pointer(MODEL, stage)
        return pointer.artifact_id if pointer else None

    def commit_to_main(self, message: str, files: Mapping[str, str | bytes], *, without: Sequence[str] = ()) -> None:
        """bob commits to the default branch."""
        bob = self.person("bob")
        for path, content in files.items():
            bob.write(path, content)
        if without:
            bob.git("rm", "-r", "--quiet", *without)
        bob.commit(message)
        bob.git("push", "--quiet", "origin", "HEAD:main")

    def checks(self, sha: str) -> list[str]:
        """The states of the required status on a commit, oldest first."""
        return [s.state for s in self.repository.statuses if (s.sha, s.context) == (sha, "promotebot/gate")]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without `-m e2e` (make e2e), only the tests marked `e2e(always=True)` run: each start of a job takes seconds."""
    if "e2e" in config.option.markexpr:
        return
    marks = ((item, item.get_closest_marker("e2e")) for item in items)
    left_out = [item for item, mark in marks if mark and not mark.kwargs.get("always")]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


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
    with served(seed, tmp_path, "main") as site:
        yield site


@contextmanager
def served(seed: Path, tmp_path: Path, branch: str) -> Iterator[Site]:
    """The seeded repository with that default branch."""
    with EmbeddedGitHub(root=tmp_path / "hub") as hub:
        # Private: there a token reads only what it may.
        repository = hub.create_repository("acme/models", private=True, default_branch=branch)
        for login, role in (("alice", "maintain"), ("bob", "maintain"), ("mallory", "read")):
            hub.add_user(login)
            repository.set_role(login, role)
        shutil.copytree(seed / "objects", repository.git_dir / "objects", dirs_exist_ok=True)
        repository.git.set_ref(f"refs/heads/{branch}", (seed / "refs/heads/main").read_text().strip())
        repository.refresh(hub.user("bob"))
        (tmp_path / "scratch").mkdir()
        yield Site(hub, repository, tmp_path / "scratch")
