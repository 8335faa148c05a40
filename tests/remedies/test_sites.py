"""Which lines there are to paste, and that each of them is pasted somewhere here."""

from __future__ import annotations

import re

from tests.remedies import test_comment, test_terminal

from .sites import sites, words_of_lines

NOT_RUN: dict[str, str] = {}
"""Places whose lines cannot be run here, and why."""


def test_no_line_holds_a_placeholder() -> None:
    words = [*words_of_lines()]
    assert len(words) > 60
    found = [word for word in words if re.search(r"<[\w-]+>|…|\b(?!HEAD\b|ACTIVE\b)[A-Z]{3,}\b", word[1])]
    assert found == []


def test_every_place_that_gives_a_line_is_run_or_says_why_not() -> None:
    at_a_terminal = {site for case in test_terminal.CASES for site in (case.site, *case.then)}
    in_a_comment = {case.site for case in test_comment.CASES}
    run = at_a_terminal | {test_terminal.CHANGING} | in_a_comment | set(test_comment.BY_THEMSELVES)
    assert run.isdisjoint(NOT_RUN)
    assert sites() == run | set(NOT_RUN)
    assert (len(test_terminal.CASES), len(test_comment.CASES), len(run), len(NOT_RUN)) == (32, 18, 40, 0)
