"""The process that opens models may be started before anybody asks for it; one asks, or it is ended."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from promotebot.artifact import starting
from promotebot.artifact.limits import Limits
from promotebot.artifact.runtime import ChildOpener
from promotebot.artifact.starting import COMMAND, Begun, end_early, take_early
from promotebot.cli.main import main
from promotebot.cli.parser import opens_models

from .test_runtime import is_open, places

start_early = starting.start_early
"""Itself: what runs commands in this process puts another one in its place."""


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Begun]]:
    """Every process that is started."""
    processes, start = list[Begun](), starting.start

    def noted(command: tuple[str, ...]) -> Begun:
        processes.append(start(command))
        return processes[-1]

    monkeypatch.setattr(starting, "start", noted)
    monkeypatch.setattr("promotebot.artifact.opening.start", noted)
    yield processes
    end_early()


def is_ended(one: Begun) -> bool:
    return one.process.returncode is not None and one.control.fileno() == -1 and one.words.closed


def test_the_first_model_is_opened_in_the_process_that_was_started_early(tmp_path: Path, begun: list[Begun]) -> None:
    start_early()
    assert len(begun) == 1
    first, second = places(tmp_path, 2)
    assert is_open(ChildOpener().open(first, "model.onnx", Limits()))
    assert len(begun) == 1
    assert is_ended(begun[0])
    assert is_open(ChildOpener().open(second, "model.onnx", Limits()))
    assert len(begun) == 2


def test_another_program_is_never_taken_for_it(begun: list[Begun]) -> None:
    start_early()
    assert take_early([sys.executable, "-c", "pass"]) is None
    assert take_early(COMMAND) is begun[0]
    assert take_early(COMMAND) is None
    begun[0].close()


def test_one_that_nobody_asks_for_is_ended(begun: list[Begun]) -> None:
    start_early()
    end_early()
    assert is_ended(begun[0])
    assert take_early(COMMAND) is None


def test_where_none_can_be_started_nothing_is_said_before_a_model_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: object) -> Begun:
        raise OSError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(starting, "start", refuse)
    start_early()
    assert take_early(COMMAND) is None


def test_a_command_that_is_refused_leaves_no_process(
    monkeypatch: pytest.MonkeyPatch, begun: list[Begun], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(starting, "start_early", start_early)
    assert main(["promote", "--model", "m"]) == 2
    assert main(["check", "nothing"]) != 0
    assert len(begun) == 2
    assert all(map(is_ended, begun))


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("promote --stage shadow", True),
        ("check ml/artifacts/v1", True),
        ("promote --help", False),
        ("status", False),
        ("--help", False),
        ("", False),
        ("no_command", False),
    ],
)
def test_only_what_opens_models_starts_it(line: str, expected: bool) -> None:
    assert opens_models(line.split()) is expected
