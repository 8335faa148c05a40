"""Wherever a verification runs, it opens all models within one block that keeps the process for them."""

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


@pytest.mark.parametrize("options", [[], ["--without-git"]])
def test_a_terminal_keeps_the_process(
    office: Office, watched: Watched, monkeypatch: pytest.MonkeyPatch, options: list[str]
) -> None:
    monkeypatch.chdir(office.person("bob").clone)
    assert main(["verify", *options]) == 0
    assert watched.kept == [True, True]


def test_the_schedule_keeps_it_too(office: Office, watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("promotebot.action.run.Examiner", lambda **_: Examiner(watched))
    assert office.event("schedule", {"schedule": "0 0 * * *"}, PROMOTEBOT_COMMAND="verify").succeeded
    assert watched.kept == [True, True]
