"""What GitHub shows late is asked again after growing pauses, and not for ever."""

from __future__ import annotations

import pytest

from promotebot.errors import CouldNotVerify
from promotebot.pulls.patience import PAUSES, Patience


@pytest.fixture
def slept() -> list[float]:
    return []


@pytest.fixture
def patience(slept: list[float]) -> Patience:
    return Patience(slept.append)


def test_an_answer_that_is_current_costs_no_time(patience: Patience, slept: list[float]) -> None:
    assert patience.ask_until(lambda: "head", lambda answer: answer == "head") == "head"
    assert slept == []


def test_a_late_answer_is_asked_again_after_growing_pauses(patience: Patience, slept: list[float]) -> None:
    answers = iter([1, 2, 3])
    assert patience.ask_until(lambda: next(answers), lambda answer: answer == 3) == 3
    assert slept == [1.0, 2.0]


def test_an_answer_that_never_comes_is_given_up_after_fifteen_seconds(patience: Patience, slept: list[float]) -> None:
    asked: list[int] = []
    assert patience.ask_until(lambda: asked.append(1), lambda _: False) is None
    assert (sum(slept), len(asked)) == (15.0, 1 + len(PAUSES))


def test_one_job_waits_fifteen_seconds_in_all(patience: Patience, slept: list[float]) -> None:
    asked: list[int] = []
    for _ in range(5):
        patience.ask_until(lambda: asked.append(1), lambda _: False)
    assert sum(slept) == 15.0
    assert len(asked) == 5 + len(PAUSES), "once each, when the time is used up"


def test_attempts_are_made_when_the_time_is_used_up_too(patience: Patience, slept: list[float]) -> None:
    patience.left = 1.5
    for attempt in range(4):
        patience.pause(attempt)
    assert slept == [1.0, 0.5]


def test_an_error_is_no_late_answer(patience: Patience, slept: list[float]) -> None:
    def ask() -> str:
        raise CouldNotVerify("GitHub does not answer")

    with pytest.raises(CouldNotVerify):
        patience.ask_until(ask, lambda _: True)
    assert slept == []
