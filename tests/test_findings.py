"""Findings: frozen, four ways to count, and only errors refuse."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from promotebot.findings import Finding, Severity, error, errors_in, passed, said_once, unknown, warning, warnings_in

ALL = [passed("a", "1"), warning("b", "2"), error("c", "3"), unknown("d", "4"), error("e", "5"), warning("f", "6")]


def test_each_is_made_with_its_severity() -> None:
    assert [finding.severity.value for finding in ALL[:4]] == ["pass", "warning", "error", "unknown"]
    assert set(Severity) == {finding.severity for finding in ALL}


def test_errors_and_warnings_are_taken_out_in_order_and_unknown_is_neither() -> None:
    assert [finding.rule for finding in errors_in(ALL)] == ["c", "e"]
    assert [finding.rule for finding in warnings_in(ALL)] == ["b", "f"]
    assert errors_in([]) == warnings_in([]) == []


def test_a_finding_is_never_changed() -> None:
    with pytest.raises(ValidationError):
        ALL[2].severity = Severity.PASS  # type: ignore[misc]  # that is what is tried


def test_a_finding_is_written_with_stable_keys() -> None:
    made = error("artifact.digest", "differs", where="ml/artifacts/v1", remedy="write it again")
    assert made.model_dump(mode="json") == {
        "rule": "artifact.digest",
        "severity": "error",
        "message": "differs",
        "where": "ml/artifacts/v1",
        "remedy": "write it again",
    }
    assert Finding.model_validate(made.model_dump(mode="json")) == made


def test_a_pass_has_nothing_to_do_next() -> None:
    assert passed("a", "fine", where="here").remedy == ""


def test_what_is_said_twice_of_one_place_stands_once_with_the_first_remedy() -> None:
    first, again, elsewhere = (
        error("artifact.digest", "changed", where=where, remedy=remedy)
        for where, remedy in (("a", "one"), ("a", "two"), ("b", "two"))
    )
    assert said_once([first, again, elsewhere]) == (first, elsewhere)
