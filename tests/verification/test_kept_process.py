"""Whatever opens models, opens all of them within one block that keeps the process for them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from promotebot.artifact.answer import NotOpened, Opened
from promotebot.artifact.limits import Limits
from promotebot.artifact.runtime import ModelOpener
from promotebot.cli.main import main
from promotebot.planning.examiner import Examiner
from tests.cli.test_promote import FLAGS
from tests.fake_github.people import Person
from tests.office import Office

pytestmark = pytest.mark.thorough


class Watched(ModelOpener):
    """Notes of each model whether the process was kept."""

    def __init__(self, opener: ModelOpener) -> None:
        self._opener, self._keeps = opener, False
        self.kept: list[bool] = []

    def open(self, directory: Path, model_file: str, limits: Limits) -> Opened | NotOpened:
        self.kept.append(self._keeps)
        return self._opener.open(directory, model_file, limits)

    @contextmanager
    def keeping(self) -> Iterator[None]:
        self._keeps = True
        yield
        self._keeps = False


@pytest.fixture
def watched(opener: ModelOpener, monkeypatch: pytest.MonkeyPatch) -> Watched:
    watched = Watched(opener)
    monkeypatch.setattr("promotebot.planning.examiner.ChildOpener", lambda: watched)
    return watched


@pytest.fixture
def alice(office: Office, monkeypatch: pytest.MonkeyPatch) -> Person:
    alice = office.person("alice")
    monkeypatch.chdir(alice.clone)
    monkeypatch.setenv("ML_PROMOTION_ACTOR", "alice@example.com")
    return alice


@pytest.mark.parametrize(
    "command", [["verify"], ["verify", "--without-git"], [*FLAGS, "--stage", "staging", "--dry-run"]], ids=" ".join
)
@pytest.mark.usefixtures("alice")
def test_a_terminal_keeps_the_process(watched: Watched, command: list[str]) -> None:
    assert main(command) == 0
    assert watched.kept == [True, True]


def test_the_gate_at_a_terminal_keeps_it(alice: Person, watched: Watched) -> None:
    assert main([*FLAGS, "--stage", "staging"]) == 0
    alice.commit("feat(ml): Promote it")
    watched.kept.clear()
    assert main(["gate", "--base", "HEAD~1"]) == 0
    assert len(watched.kept) >= 1
    assert all(watched.kept)


def test_a_job_keeps_it_for_a_candidate_and_what_it_is_compared_with(
    office: Office, watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("promotebot.action.run.Examiner", lambda **_: Examiner(watched))
    number = office.pull()
    assert office.ask(number, "/promote active").outputs["decision"] == "promoted"
    assert watched.kept == [True, True]
    assert office.gate(number).outputs["decision"] == "passed"
    assert watched.kept == [True] * 4


def test_the_schedule_keeps_it_too(office: Office, watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("promotebot.action.run.Examiner", lambda **_: Examiner(watched))
    assert office.event("schedule", {"schedule": "0 0 * * *"}, PROMOTEBOT_COMMAND="verify").succeeded
    assert watched.kept == [True, True]
