"""docs/quickstart.md, followed to the letter from an empty directory against the embedded GitHub: it cannot rot."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from promotebot.registry import Stage
from tests.fake_github.http import EmbeddedGitHub
from tests.fake_github.people import Person
from tests.office import ROOT, Office

pytestmark = pytest.mark.thorough
PAGE = (ROOT / "docs/quickstart.md").read_text(encoding="utf-8")
STEP = re.compile(
    r"^```(?P<kind>[a-z]+)\n(?P<body>.*?)^```$|^<!-- browser: (?P<click>\w+) (?P<branch>\S+) -->$",
    re.MULTILINE | re.DOTALL,
)
ACTION = f"acme/promotebot@{'a' * 40}"
"""What the reader exports, beside the repository's address."""


@dataclass
class Reader:
    """Somebody who types what the page says, and clicks where it says so."""

    office: Office
    person: Person
    folder: Path
    printed: str = ""
    pulls: dict[str, int] = field(default_factory=dict)

    def type(self, script: str) -> None:
        """Type one block into the shell that the last one left."""
        state, block = self.folder / "state.sh", self.folder / "block.sh"
        state.touch()
        saved = f"{{ export -p; echo \"cd '$PWD'\"; }} >'{state}'"
        block.write_text(
            f"set -e -a -o pipefail\ncd '{self.folder}'\n. '{state}'\n{script}\n{saved}\n", encoding="utf-8"
        )
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", str(block)],
            cwd=self.folder,
            env=self._environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{script}\nended with {done.returncode}:\n{done.stdout}"
        self.printed = done.stdout
        self.office.repository.refresh(self.office.hub.user("alice"))
        if "origin main" in script:
            self._started_by_the_first_push()

    def _environment(self) -> dict[str, str]:
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
        given = {"PATH": path, "REPOSITORY": self.office.repository.clone_url, "ACTION": ACTION}
        return {**self.person.environment, **given}

    def _started_by_the_first_push(self) -> None:
        """Every job that hears a push to main in the workflow files that `init` wrote is green, and tells nobody."""
        payload = self.office.repository.push_event("main", before="0" * 40, sender="alice")
        for command in ("auto", "announce", "verify"):
            job = self.office.event("push", payload, PROMOTEBOT_COMMAND=command)
            assert job.exit_code == 0, job.log + job.summary
            self.printed += job.log + job.summary
        assert not self.office.repository.issues

    def click(self, what: str, branch: str) -> None:
        """Open or merge the branch's pull request; GitHub starts the workflows that the repository has then."""
        if what == "open":
            opened = self.office.repository.open_pull(author="alice", head=branch, title=branch)
            self.pulls[branch] = opened.number
            assert self.office.gate(opened.number, "opened").exit_code == 0
        else:
            assert what == "merge"
            assert self.office.checks(self.office.head(self.pulls[branch]))[-1] == "success"
            assert self.office.merge(self.pulls[branch]).exit_code == 0

    def comment(self, body: str) -> None:
        number = max(self.pulls.values())
        job = self.office.ask(number, body)
        assert job.outputs["decision"] == "promoted", job.log + "\n".join(self.office.comments(number))


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    """alice, in an empty directory, with an empty repository on the server."""
    with EmbeddedGitHub(root=tmp_path / "hub") as hub:
        repository = hub.create_repository("acme/models")
        for login in ("alice", "bob"):
            hub.add_user(login)
            repository.set_role(login, "maintain")
        office = Office(hub, repository, tmp_path / "scratch")
        (tmp_path / "scratch").mkdir()
        person = Person.at_work(hub, repository, "alice", tmp_path / "scratch/alice")
        (tmp_path / "home").mkdir()
        yield Reader(office, person, tmp_path / "home")


def test_a_new_user_who_follows_the_page_gets_from_an_empty_repository_to_active(reader: Reader) -> None:
    seen = 0
    kinds: dict[str, Callable[[str], None]] = {"bash": reader.type, "markdown": reader.comment}
    for step in STEP.finditer(PAGE):
        if step["click"]:
            reader.click(step["click"], step["branch"])
        elif step["kind"] == "text":
            for line in step["body"].splitlines():
                assert line in reader.printed, f"the page promises {line!r}:\n{reader.printed}"
        elif step["kind"] != "sh":
            kinds[step["kind"]](step["body"])
        seen += 1
    assert seen > 15
    held = reader.office.registry("main").pointers("churn")
    assert {stage: pointer.artifact_dir for stage, pointer in held.items() if pointer} == {
        Stage.SHADOW: "ml/artifacts/churn_v1",
        Stage.ACTIVE: "ml/artifacts/churn_v1",
    }


def test_what_only_the_reader_knows_stands_in_one_block() -> None:
    assert [step["kind"] for step in STEP.finditer(PAGE)].count("sh") == 1
    assert PAGE.count("```") == 2 * sum(bool(step["kind"]) for step in STEP.finditer(PAGE))
    bodies = [step["body"] for step in STEP.finditer(PAGE) if step["kind"] not in ("sh", None)]
    assert [body for body in bodies if re.search(r"\bOWNER\b|<[A-Z_]+>", body)] == []
