"""The runbook's seven boxes: ticked by rules, and by nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promotebot.findings import Finding, Severity, error, passed, warning
from promotebot.promotion.checklist import checklist
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
