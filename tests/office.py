"""A served repository with regime_v1 ACTIVE and regime_v2 in SHADOW, fresh for every test."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from promotebot.action.announce import TASK
from promotebot.action.run import run_action
from promotebot.artifact.answer import NotOpened, Opened
from promotebot.artifact.limits import Limits
from promotebot.artifact.manifest import GoldenTolerances
from promotebot.artifact.runtime import ChildOpener
from promotebot.errors import PromotebotError
from promotebot.planning.examiner import Examiner
from promotebot.registry import ModelRegistry
from tests.demo.story import REGISTRY, add_artifact, promote, seed_repository
from tests.fake_github.http import EmbeddedGitHub
from tests.fake_github.people import Job, Person, Runner
from tests.fake_github.records import Deployment, DeploymentStatus
from tests.fake_github.scenario import Repository
from tests.fake_github.state import utc_now

ROOT = Path(__file__).resolve().parents[1]
BOT = "github-actions[bot]"
STARTUP = 5
"""Seconds until a runner has started a job: reads show what happened before, but for heads."""


@pytest.fixture(scope="session")
def seed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bare repository every test starts from, made once."""
    scratch = tmp_path_factory.mktemp("seed")
    with EmbeddedGitHub(root=scratch / "hub") as hub:
        repository = seed_repository(hub, ROOT, scratch)
        bob = Person.at_work(hub, repository, "bob", scratch / "again")
        add_artifact(bob, ROOT, "regime_v2")
        promote(
            bob,
            "--model",
            "regime_classifier",
            "--stage",
            "shadow",
            "--artifact-dir",
            "ml/artifacts/regime_v2",
            "--artifact-id",
            "regime_v2_candidate",
        )
        bob.push()
        repository.git.run("repack", "-a", "-d", "--quiet")  # a few files to copy for each test
        return repository.git_dir


@dataclass
class Office:
    """The embedded GitHub with one repository, its people, and a runner in this process."""

    hub: EmbeddedGitHub
    repository: Repository
    scratch: Path
    attempts: Counter[str] = field(default_factory=Counter)
    """How often each run was run, by what started it."""
    now: datetime = field(default_factory=lambda: datetime.now(timezone.utc))

    def pass_time(self, time: timedelta) -> None:
        """Time passes, on GitHub and for the jobs."""
        self.hub.pass_time(time.total_seconds())
        self.now = self.hub.instant()

    def person(self, login: str) -> Person:
        directory = self.scratch / f"{login}-{len(list(self.scratch.iterdir()))}"
        return Person.at_work(self.hub, self.repository, login, directory)

    def pull(self, branch: str = "evaluation", files: dict[str, str | bytes] | None = None, **options: Any) -> int:
        """A pull request by alice that adds the given files."""
        self.push("alice", branch, files or {f"ml/evaluations/{branch}.json": "{}\n"}, "docs: Evaluation")
        return self.repository.open_pull(author="alice", head=branch, title="Shadow evaluation", **options).number

    def push_on(self, branch: str = "evaluation") -> None:
        """alice pushes one commit more to the branch of a pull request."""
        alice = self.person("alice")
        alice.git("fetch", "origin", branch)
        alice.git("checkout", branch)
        alice.write("ml/evaluations/late.json", "{}\n")
        alice.commit("docs: Late")
        alice.push()

    def policy(self, text: str) -> None:
        """bob puts a policy on main."""
        self.push("bob", "main", {".github/promotion.yml": text}, "chore: Policy")

    def push(
        self, login: str, branch: str, files: Mapping[str, str | bytes | None], message: str, *, force: bool = False
    ) -> None:
        """A commit on main that somebody brings to a branch: what a push leaves, in one process instead of forty.

        `force` puts a branch there that went elsewhere; None takes a file out.
        https://git-scm.com/docs/git-fast-import
        """
        who = f"{login} <{login}@example.com> {int(self.now.timestamp())} +0000"
        lines = [f"commit refs/heads/{branch}", f"committer {who}", _data(message), "from refs/heads/main^0"]
        for path, content in files.items():
            text = content.decode("utf-8", "surrogateescape") if isinstance(content, bytes) else content
            lines += [f"D {path}"] if text is None else [f"M 100644 inline {path}", _data(text)]
        program = ["-c", "fastimport.unpackLimit=0", "fast-import", "--quiet", *(["--force"] if force else [])]
        self.repository.git.run(*program, stdin="\n".join(lines))
        self.repository.refresh(self.hub.user(login))

    def ask(self, number: int, body: str, *, author: str = "alice") -> Job:
        comment = self.repository.comment(number, author=author, body=body)
        return self.job(self.repository.issue_comment_event(comment.id))

    def job(self, payload: dict[str, Any], event_name: str = "issue_comment", **environment: str) -> Job:
        """Run the Action's door in this process: the same code without the start of an interpreter.

        The same event once more is the same run, which somebody runs again.
        """
        self.hub.pass_time(STARTUP)
        runner = Runner.of(self.repository, self.scratch / "runner")
        started_by = payload["comment"]["id"] if "comment" in payload else payload
        run = json.dumps([event_name, started_by, environment.get("GITHUB_RUN_ID")])
        self.attempts[run] += 1
        attempt = {"GITHUB_RUN_ATTEMPT": str(self.attempts[run])}
        settings = {**runner.environment(event_name, payload), **attempt, **environment}
        try:
            code, log = run_action(settings, lambda: self.now, self.hub.pass_time), ""
        except PromotebotError as problem:
            code, log = problem.exit_code, str(problem)
        self.repository.finish_run(event_name, failed=code != 0)
        return runner.finished(settings, code, log)

    def event(self, name: str, payload: dict[str, Any], *, by: str = "alice", **environment: str) -> Job:
        """Run the job of any other event, in a run of its own that somebody started."""
        run = self.repository.start_run(name, actor=by)
        return self.job(payload, name, GITHUB_RUN_ID=str(run.id), **environment)

    def label(self, number: int, name: str, *, by: str = "alice") -> Job:
        """Somebody puts a label on."""
        self.repository.add_label(number, name, by=by)
        payload = self.repository.pull_request_event(number, action="labeled", sender=by, label=name)
        return self.event("pull_request_target", payload, by=by)

    def unlabel(self, number: int, name: str, *, by: str = "alice") -> Job:
        self.repository.remove_label(number, name, by=by)
        payload = self.repository.pull_request_event(number, action="unlabeled", sender=by, label=name)
        return self.event("pull_request_target", payload, by=by)

    def gate(self, number: int, action: str = "synchronize") -> Job:
        """The gate's job on a pull request as it is now."""
        payload = self.repository.pull_request_event(number, action=action, before="0" * 40)
        return self.event("pull_request_target", payload)

    def merge(self, number: int, **options: Any) -> Job:
        """bob merges, and the job that follows it runs."""
        self.repository.merge(number, by="bob", **options)
        return self.event("pull_request_target", self.repository.pull_request_event(number, action="closed"), by="bob")

    def pushed(self, number: int, **environment: str) -> Job:
        """The job of the push that merging a pull request caused."""
        return self.event("push", self.repository.merged_push_event(number), by="bob", **environment)

    def deploy(self, login: str, environment: str, payload: dict[str, Any]) -> None:
        """Somebody makes a deployment, as any writer may."""
        now, sha = self.hub.now(), self.repository.git.branch("main") or ""
        made = Deployment(
            id=self.hub.next_id(),
            creator=self.hub.user(login),
            app=None,
            sha=sha,
            ref=sha,
            task=TASK,
            payload=payload,
            environment=environment,
            original_environment=environment,
            description="",
            transient=False,
            production=False,
            created_at=now,
            updated_at=now,
        )
        made.statuses.append(DeploymentStatus(self.hub.next_id(), made.creator, None, "success", environment, now))
        self.repository.deployments[made.id] = made

    def dispatch(self, command: str, *, by: str = "bob", ref: str | None = None) -> Job:
        """Somebody starts the workflow by hand."""
        workflow = ".github/workflows/promote.yml"
        payload = self.repository.workflow_dispatch_event(workflow, sender=by, ref=ref, inputs={"command": command})
        return self.event("workflow_dispatch", payload, by=by)

    def labels(self, number: int) -> list[str]:
        return [label.name for label in self.repository.issue(number).labels]

    def pointer(self, revision: str, stage: str) -> str | None:
        """The artifact id that a stage of the sample model holds at a revision."""
        pointer = self.registry(revision).get_stage_pointer("regime_classifier", stage)
        return pointer.artifact_id if pointer else None

    def head(self, number: int) -> str:
        return self.repository.pull(number).head_sha

    def comments(self, number: int) -> list[str]:
        """What the bot says there, the oldest first, but for what stands folded."""
        ours = (c for c in self.repository.comments_on(number) if c.user.login == BOT)
        return [c.body for c in ours if c.minimized_reason is None]

    def comment(self, number: int) -> str:
        bodies = self.comments(number)
        assert len(bodies) == 1, bodies
        return bodies[0].replace("\\", "")

    def answer(self, number: int) -> str:
        """What the bot said last there that is no card, as it is shown."""
        answers = [body for body in self.comments(number) if body.startswith("<!-- promotebot:@answer_")]
        return answers[-1].replace("\\", "").replace("&#58;", ":")

    def registry(self, revision: str) -> ModelRegistry:
        return ModelRegistry.parse(self.repository.git.run_bytes("cat-file", "blob", f"{revision}:{REGISTRY}"))

    def checks(self, sha: str) -> list[str]:
        """The states of the required status on a commit, oldest first."""
        return [s.state for s in self.repository.statuses if (s.sha, s.context) == (sha, "promotebot/gate")]

    def reports(self, sha: str) -> list[Any]:
        """The check runs with the report on a commit, oldest first."""
        return [run for run in self.repository.check_runs.values() if (run.head_sha, run.name) == (sha, "promotebot")]

    def reactions(self) -> list[str]:
        return [reaction.content for comment in self.repository.comments.values() for reaction in comment.reactions]


def _data(text: str) -> str:
    """A text as fast-import reads it: its length in bytes, then itself."""
    return f"data {len(text.encode('utf-8', 'surrogateescape'))}\n{text}"


class RememberingOpener(ChildOpener):
    """The real one; files that were opened once, with the very same bytes and limits, are not opened again."""

    def __init__(self) -> None:
        super().__init__()
        self._opened: dict[tuple[str, str, Limits], list[Opened | NotOpened]] = {}

    def open_each(
        self,
        directory: Path,
        model_files: Sequence[str],
        limits: Limits,
        tolerances: GoldenTolerances | None = None,
    ) -> list[Opened | NotOpened]:
        files = [(str(path.relative_to(directory)), path) for path in directory.rglob("*") if path.is_file()]
        hashes = sorted((name, hashlib.sha256(path.read_bytes()).hexdigest()) for name, path in files)
        key = (repr(hashes), repr((model_files, tolerances)), limits)
        if key in self._opened:
            return self._opened[key]
        opened = super().open_each(directory, model_files, limits, tolerances)
        if all(isinstance(one, Opened) for one in opened):
            self._opened[key] = opened
        return opened


@pytest.fixture(scope="session", autouse=True)
def opener() -> Iterator[ChildOpener]:
    """What opens models for everything that runs in this process; programs that tests start have their own."""
    with pytest.MonkeyPatch.context() as patch:
        remembering = RememberingOpener()
        patch.setattr("promotebot.planning.examiner.ChildOpener", lambda: remembering)
        patch.setattr("promotebot.artifact.starting.start_early", lambda: None)  # most is opened already
        yield remembering


@pytest.fixture(scope="session")
def examiner(opener: ChildOpener) -> Examiner:
    """The real one; what one test had opened, the next one with the very same tree need not open again."""
    return Examiner(opener)


@pytest.fixture
def office(seed: Path, tmp_path: Path, examiner: Examiner, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    monkeypatch.setattr("promotebot.action.run.Examiner", lambda **_: examiner)
    with open_office(seed, tmp_path) as office:
        yield office


@contextmanager
def open_office(seed: Path, root: Path, *, clock: Callable[[], datetime] = utc_now) -> Iterator[Office]:
    """Serve a repository that starts as the bare one `seed` stands, with people of every role."""
    with EmbeddedGitHub(root=root / "hub", clock=clock) as hub:
        repository = hub.create_repository("acme/models")
        for login, role in (("alice", "maintain"), ("bob", "maintain"), ("carol", "write"), ("mallory", "read")):
            hub.add_user(login)
            repository.set_role(login, role)
        shutil.copytree(seed / "objects", repository.git_dir / "objects", dirs_exist_ok=True)
        tip = (seed / "refs/heads/main").read_text().strip()
        repository.git.set_ref("refs/heads/main", tip)
        repository.refresh(hub.user("bob"))
        (root / "scratch").mkdir()
        yield Office(hub, repository, root / "scratch", now=clock())
