"""A repository with a past, on the embedded GitHub: the same dates on every run, so that the same texts come out."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from tests.demo.story import EMPTY_REGISTRY, MODEL, REGISTRY, add_artifact
from tests.fake_github.http import EmbeddedGitHub
from tests.fake_github.people import Job, Person, run_program
from tests.fake_github.scenario import Repository
from tests.office import BOT, ROOT, Office, open_office
from tests.screenshots.stable import WHOLE, stable

TODAY = datetime(2027, 1, 12, 9, tzinfo=timezone.utc)
"""When every situation takes place: regime_v1 is 41 days in ACTIVE, regime_v2 is 9 days in SHADOW."""
PAST = (
    (49, "regime_v1", "shadow", "regime_v1_candidate", ()),
    (41, "regime_v1", "active", "regime_v1_prod", ("--reason", "First model")),
    (9, "regime_v2", "shadow", "regime_v2_candidate", ()),
)
"""Days before TODAY, artifact, stage, id and further flags of each promotion that main holds."""
# The program as it is installed, with its clock set: at a terminal nobody passes one in.
AT = "import datetime, sys; from promotebot.cli import main as m; \
m._now = lambda: datetime.datetime.fromisoformat(sys.argv[1]); sys.exit(m.main(sys.argv[2:]))"


@dataclass(frozen=True)
class Situation:
    """What the product said at one moment: `parts` are Markdown, the oldest comment first, or a terminal's output."""

    name: str
    kind: str
    """comment, issue, check, summary or terminal."""
    asked: str
    """What somebody did, as `alice: /promote active`; for a terminal the command line."""
    parts: Sequence[str]


@dataclass
class Scene:
    """One office at TODAY; each `shows…` does something and gives back what the product said to it."""

    office: Office
    _seen: dict[tuple[str, int], str] = field(default_factory=dict)

    @property
    def repository(self) -> Repository:
        return self.office.repository

    def forget(self) -> None:
        """What was written until now belongs to no situation."""
        self._written()

    def pass_days(self, days: float) -> None:
        self.office.now += timedelta(days=days)

    def asks(self, name: str, number: int, command: str, *, by: str = "alice") -> Situation:
        """Somebody comments; what the bot wrote or changed is the situation."""
        self._written()
        self.office.ask(number, command, author=by)
        return self._situation(name, "comment", f"{by}: {command}", self._written())

    def wrote(self, name: str, kind: str = "comment", asked: str = "") -> Situation:
        """What the bot wrote or changed since the last situation."""
        return self._situation(name, kind, asked, self._written())

    def summary(self, name: str, job: Job, asked: str) -> Situation:
        return self._situation(name, "summary", asked, [job.summary])

    def report(self, name: str, number: int, asked: str) -> Situation:
        """The report of the newest check run on a head."""
        output: Mapping[str, Any] = self.office.reports(self.office.head(number))[-1].output
        parts = [f"## {output['title']}", output.get("summary") or "", output.get("text") or ""]
        return self._situation(name, "check", asked, ["\n\n".join(filter(None, parts))])

    def terminal(self, name: str, person: Person, *arguments: str) -> Situation:
        """Somebody runs the program in a terminal of 80 columns."""
        printed = run_promotebot(
            person, self.office.now, *arguments, COLUMNS="80", ML_PROMOTION_ACTOR="alice@example.com"
        )
        shown = " ".join(f"'{word}'" if " " in word else word for word in arguments)
        lines = [line.rstrip() for line in printed.rstrip().split("\n")]  # tables are padded
        return self._situation(name, "terminal", f"promotebot {shown}", ["\n".join(lines)])

    def person(self, login: str) -> Person:
        return dated(self.office.person(login), self.office.now)

    def _written(self) -> list[str]:
        """Return the bot's texts that are new or changed since the last call, in the order of the conversation."""
        repository = self.repository
        own = ((n, issue) for n, issue in repository.issues.items() if issue.user.login == BOT)
        texts = {("issue", n): f"## {issue.title}\n\n{issue.body or ''}" for n, issue in own}
        texts |= {("comment", c.id): c.body for c in repository.comments.values() if c.user.login == BOT}
        changed = [text for key, text in texts.items() if self._seen.get(key) != text]
        self._seen = texts
        return changed

    def _situation(self, name: str, kind: str, asked: str, parts: Sequence[str]) -> Situation:
        asked, *parts = stable([asked, *parts], self._known(), {str(self.office.scratch): "/clone"})
        return Situation(name, kind, asked, parts)

    def _known(self) -> Iterator[str]:
        """Yield every id that a text may show: of git objects, and of what the registry of any branch names."""
        git = self.repository.git
        yield from git.run("cat-file", "--batch-all-objects", "--batch-check=%(objectname)").split()
        for branch in git.refs("refs/heads"):
            yield from WHOLE.findall(git.run("cat-file", "blob", f"{branch}:{REGISTRY}"))


def dated(person: Person, moment: datetime) -> Person:
    """The person, whose commits have this date."""
    dates = {"GIT_AUTHOR_DATE": moment.isoformat(), "GIT_COMMITTER_DATE": moment.isoformat()}
    return replace(person, environment={**person.environment, **dates})


def run_promotebot(person: Person, moment: datetime, *arguments: str, **environment: str) -> str:
    """Run the program in a clone at a moment, and return what it printed, errors below the rest."""
    command = [sys.executable, "-I", "-c", AT, moment.isoformat(), *arguments]
    done = run_program(command, person.clone, {**person.environment, **environment})
    return done.stdout + done.stderr


def found(scratch: Path) -> Path:
    """Make the bare repository that every scene starts from, with its PAST, and return its folder."""
    with EmbeddedGitHub(root=scratch / "hub", clock=lambda: TODAY) as hub:
        repository = hub.create_repository("acme/models")
        hub.add_user("bob")
        repository.set_role("bob", "maintain")
        bob = Person.at_work(hub, repository, "bob", scratch / "bob")
        first = dated(bob, TODAY - timedelta(days=50))
        first.write(REGISTRY, EMPTY_REGISTRY)
        first.write("ml/train.py", (ROOT / "ml/train.py").read_bytes())
        first.commit("feat(ml): Training code and an empty registry")
        for days, artifact, stage, artifact_id, flags in PAST:
            moment = TODAY - timedelta(days=days)
            person, directory = dated(bob, moment), f"ml/artifacts/{artifact}"
            if not (bob.clone / directory).exists():
                add_artifact(person, ROOT, artifact)
            names = ("--model", MODEL, "--stage", stage, "--artifact-dir", directory, "--artifact-id", artifact_id)
            needed = _provenance(person, directory) if stage == "active" else ()
            run_promotebot(person, moment, "promote", *names, *needed, *flags)
            person.commit(f"feat(ml): Promote {artifact_id}")
        bob.push()
        return repository.git_dir


def _provenance(person: Person, directory: str) -> tuple[str, ...]:
    """The flags that ACTIVE needs."""
    trained = person.git("log", "-1", "--format=%H", "--", "ml/train.py")
    return "--git-sha", trained, "--dataset-id", "market_data_2026_q1_btcusdt"


@contextmanager
def open_scene(seed: Path, root: Path) -> Iterator[Scene]:
    """A scene of its own at TODAY, in a folder that is empty."""
    with open_office(seed, root, clock=lambda: TODAY) as office:
        office.hub.clock = lambda: office.now
        scene = Scene(office)
        scene.forget()
        yield scene
