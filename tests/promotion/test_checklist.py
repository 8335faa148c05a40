"""The runbook's seven boxes: ticked by rules, and by nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promotebot.errors import InvalidInput
from promotebot.findings import Finding, Severity, error, passed, warning
from promotebot.promotion.checklist import Tick, checklist, parse_boxes
from promotebot.registry.names import Stage

TICKS = [
    ("artifact.digest", "artifact.opens"),
    ("manifest.dataset_id", "dataset.digest"),
    ("git_sha.ancestor", "active.git_sha"),
    ("separation", "separation"),
    ("gate.replay", "history.chain"),
    ("gate.plan", "gate.plan"),
    ("request.reason", "request.reason"),
]
"""For each box: a rule that ticks it, and one that keeps it from being ticked."""
ALL = [passed(rule, f"{rule} is fine") for rule, _ in TICKS]


def ticked(findings: list[Finding], stage: Stage = Stage.ACTIVE) -> list[int]:
    return [number for number, box in enumerate(checklist(findings, stage), start=1) if box.is_ticked]


def test_the_words_are_the_runbooks() -> None:
    assert [box.words for box in checklist([], Stage.ACTIVE)] == [
        "Artifact exists and passes integrity check",
        "Dataset ID matches training data provenance",
        "Git SHA matches training code commit (ACTIVE only)",
        "Dry-run output reviewed and approved",
        "Registry verification passes",
        "Git working tree is clean",
        "Promotion reason documented",
    ]


def test_what_no_rule_says_is_not_ticked() -> None:
    assert ticked([]) == []
    assert ticked(ALL) == [1, 2, 3, 4, 5, 6, 7]
    assert ticked(ALL, Stage.SHADOW) == [1, 2, 4, 5, 6, 7]


@pytest.mark.parametrize("number", range(1, 8))
def test_each_box_is_ticked_by_its_rule_and_unticked_by_an_error(number: int) -> None:
    rule, against = TICKS[number - 1]
    assert ticked([ALL[number - 1]]) == [number]
    assert number not in ticked([*ALL, error(against, "wrong", remedy="x")])
    assert number not in ticked([*ALL, Finding(rule=against, severity=Severity.UNKNOWN, message="unknown")])
    box = checklist([*ALL, warning(rule, "not sure", remedy="x")], Stage.ACTIVE)[number - 1]
    assert (box.is_ticked, box.why) == (False, "not sure")


@given(st.lists(st.sampled_from([*ALL, *(error(against, "wrong", remedy="x") for _, against in TICKS)])))
def test_one_more_error_never_ticks_a_box(findings: list[Finding]) -> None:
    assert set(ticked([*findings, error("artifact.digest", "wrong", remedy="x")])) <= set(ticked(findings))


BOXES = range(1, 8)
TICKED = {number: Tick("bob", None) for number in BOXES}


def test_a_person_ticks_what_no_rule_answers_and_is_no_matter_of_proof() -> None:
    boxes = checklist([], Stage.ACTIVE, TICKED)
    assert [box.number for box in boxes if box.is_ticked] == [2, 3, 4, 7]
    assert {box.why for box in boxes if box.is_ticked} == {"ticked by bob"}
    assert [box.number for box in checklist([], Stage.ACTIVE) if box.is_open] == [2, 3, 4, 7]
    assert [box.number for box in checklist([], Stage.STAGING, TICKED) if box.is_ticked] == [2, 4, 7]
    assert [box.command for box in boxes][3] == "/check 4"


@pytest.mark.parametrize("number", BOXES)
def test_a_rule_counts_more_than_a_person(number: int) -> None:
    _, against = TICKS[number - 1]
    wrong = checklist([error(against, "wrong", remedy="x")], Stage.ACTIVE, TICKED)[number - 1]
    assert (wrong.is_ticked, wrong.is_open, wrong.why, wrong.remedy) == (False, False, "wrong", "x")
    right = checklist(ALL, Stage.ACTIVE, TICKED)[number - 1]
    assert (right.is_ticked, right.is_open, right.why) == (True, False, ALL[number - 1].message)


def test_the_numbers_of_boxes_are_read_each_once() -> None:
    assert parse_boxes(["7", "4", "7"]) == (7, 4)


@pytest.mark.parametrize("words", [[], ["0"], ["8"], ["4,"], ["04"], ["+4"], ["\u0664"], ["all"], ["4", "#7"], ["44"]])
def test_any_other_word_is_no_number_of_a_box(words: list[str]) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_boxes(words)
    assert str(refused.value.remedy).endswith("/check 4")
