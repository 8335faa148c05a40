"""The error tree: each cause its exit code, each error its place and next step, and none of them endless."""

from __future__ import annotations

import pytest

from promotebot.errors import (
    MAX_MESSAGE,
    BaseMoved,
    CouldNotVerify,
    InvalidInput,
    PromotebotError,
    RefChanged,
    UsageError,
)


@pytest.mark.parametrize(
    ("kind", "exit_code"),
    [(PromotebotError, 3), (InvalidInput, 1), (UsageError, 2), (CouldNotVerify, 4), (BaseMoved, 1), (RefChanged, 1)],
)
def test_each_cause_has_its_exit_code(kind: type[PromotebotError], exit_code: int) -> None:
    assert kind("x").exit_code == exit_code
    assert issubclass(kind, PromotebotError)


def test_only_what_is_unknown_is_could_not_verify() -> None:
    assert not any(issubclass(kind, CouldNotVerify) for kind in (InvalidInput, UsageError, BaseMoved, RefChanged))
    assert issubclass(BaseMoved, InvalidInput)


@pytest.mark.parametrize(
    ("where", "remedy", "text"),
    [
        ("", "", "is too big"),
        ("a.json", "", "a.json: is too big"),
        ("", "make it smaller", "is too big\nNext: make it smaller"),
        ("a.json", "make it smaller", "a.json: is too big\nNext: make it smaller"),
    ],
)
def test_an_error_says_where_what_and_what_next(where: str, remedy: str, text: str) -> None:
    problem = InvalidInput("is too big", where=where, remedy=remedy)
    assert str(problem) == text
    assert (problem.message, problem.where, problem.remedy) == ("is too big", where, remedy)


def test_what_entered_may_be_quoted_but_not_all_of_it() -> None:
    assert CouldNotVerify("x" * MAX_MESSAGE).message == "x" * MAX_MESSAGE
    message = CouldNotVerify("x" * (MAX_MESSAGE + 1234)).message
    assert message == "x" * MAX_MESSAGE + "… and 1,234 more characters"
