"""The policy's thresholds for a candidate's outputs: what is too far from ACTIVE, or was not compared, is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promotebot.artifact.comparison import Comparison, OutputDifference
from promotebot.findings import Severity, errors_in
from promotebot.promotion.plan import Plan
from promotebot.promotion.policy import parse_policy
from promotebot.registry import Stage
from promotebot.registry.model import Action
from tests.promotion.test_plan import LIVE, NOW, SHADOWED, V1, V2, after, asked, decide, refused_by

BOTH = after(LIVE, Stage.SHADOW, V2)
"""v1 is ACTIVE, v2 in SHADOW."""
SCORES = OutputDifference("scores", values=30, largest=0.25, mean=0.05, classes=10, agreeing=9)
LABEL = OutputDifference("label", classes=10, agreeing=10)
WHOLE = Comparison("ml/artifacts/v1", sets=1, outputs=(SCORES, LABEL))


def told(found: Comparison | None, policy: str, **changes: Any) -> list[tuple[str, Severity]]:
    request = asked(Stage.ACTIVE, V2, **changes)
    proof = replace(V2, comparison=found)
    decision = decide(BOTH, request, proof, policy=parse_policy(f"comparison: {{{policy}}}".encode()))
    return [(one.rule, one.severity) for one in decision.findings if one.rule.startswith("comparison.")]


PASS, ERROR = Severity.PASS, Severity.ERROR


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("", []),
        ("agreement: 0.9", [("comparison.agreement", PASS)]),
        ("agreement: 0.91", [("comparison.agreement", ERROR)]),
        ("max_difference: 0.25", [("comparison.difference", PASS)]),
        ("max_difference: 0.2", [("comparison.difference", ERROR)]),
        ("mean_difference: 0.05", [("comparison.difference", PASS)]),
        ("mean_difference: 0.049", [("comparison.difference", ERROR)]),
        (
            "agreement: 1, max_difference: 1, mean_difference: 0",
            [("comparison.agreement", ERROR), ("comparison.difference", PASS), ("comparison.difference", ERROR)],
        ),
    ],
)
def test_each_threshold_is_held_against_the_worst_output(policy: str, expected: list[Any]) -> None:
    assert told(WHOLE, policy) == expected


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (None, "it was not opened"),
        (Comparison("a", problem="ACTIVE has no golden data"), "ACTIVE has no golden data"),
        (Comparison("a", outputs=(SCORES,), problem="test_data_set_1: broken"), "test_data_set_1: broken"),
        (replace(WHOLE, outputs=(SCORES, OutputDifference("label", "no such output"))), "output label: no such output"),
        (Comparison("a"), "there is no output"),
    ],
)
def test_what_was_not_compared_is_refused_with_the_reason(found: Comparison | None, words: str) -> None:
    policy = parse_policy(b"comparison: {agreement: 0}")
    decision = decide(BOTH, asked(Stage.ACTIVE, V2), replace(V2, comparison=found), policy=policy)
    assert refused_by(decision) == {"comparison.data"}
    (finding,) = errors_in(decision.findings)
    assert f"Not compared with v1_active, which is ACTIVE: {words}." == finding.message


def test_without_classes_or_numbers_a_threshold_is_not_reached() -> None:
    numbers = Comparison("a", outputs=(replace(SCORES, classes=0, agreeing=0),))
    assert told(numbers, "agreement: 0") == [("comparison.agreement", ERROR)]
    assert told(Comparison("a", outputs=(LABEL,)), "max_difference: 9") == [("comparison.difference", ERROR)]


def test_a_value_that_is_finite_in_one_model_alone_is_refused_whatever_the_threshold() -> None:
    apart = replace(WHOLE, outputs=(replace(SCORES, apart=1), LABEL))
    assert told(apart, "max_difference: 1000000") == [("comparison.difference", ERROR)]
    assert told(apart, "agreement: 0") == [("comparison.agreement", PASS)]
    endless = replace(WHOLE, outputs=(replace(SCORES, mean=None), LABEL))
    assert told(endless, "mean_difference: 1000000") == [("comparison.difference", ERROR)]


@pytest.mark.parametrize("stage", Stage)
@pytest.mark.parametrize("found", [WHOLE, None])
def test_it_is_refused_for_the_stages_that_the_policy_names_and_a_warning_for_the_others(
    stage: Stage, found: Comparison | None
) -> None:
    registry = LIVE if stage is Stage.SHADOW else BOTH
    for stages in ([Stage.ACTIVE], [Stage.STAGING, Stage.ACTIVE], list(Stage), []):
        named = "" if stages == [Stage.ACTIVE] else f", stages: [{', '.join(one.value for one in stages)}]"
        policy = parse_policy(f"comparison: {{agreement: 1{named}}}".encode())
        decision = decide(registry, asked(stage, V2), replace(V2, comparison=found), policy=policy)
        (finding,) = [one for one in decision.findings if one.rule.startswith("comparison.")]
        assert finding.severity is (ERROR if stage in stages else Severity.WARNING)
        assert finding.remedy
        assert isinstance(decision, Plan) is (stage not in stages)


def test_below_active_nothing_is_said_without_a_threshold_or_with_a_close_candidate_but_that_it_passed() -> None:
    for text, rules in (("", []), ("agreement: 0.9", [("comparison.agreement", PASS)])):
        policy = parse_policy(f"comparison: {{{text}}}".encode())
        decision = decide(BOTH, asked(Stage.STAGING, V2), replace(V2, comparison=WHOLE), policy=policy)
        assert [(one.rule, one.severity) for one in decision.findings if one.rule.startswith("comparison.")] == rules


def test_after_a_demotion_the_last_one_counts_and_what_was_not_compared_with_it_is_refused() -> None:
    empty = after(BOTH, Stage.ACTIVE, V1, action=Action.DEMOTE)
    policy, request = parse_policy(b"comparison: {agreement: 0.95}"), asked(Stage.ACTIVE, V2)
    far = decide(empty, request, replace(V2, comparison=WHOLE), policy=policy)
    assert [one.message for one in errors_in(far.findings)] == [
        "90 % of the classes of scores are those of the last ACTIVE; the policy asks for 95 %."
    ]
    unknown = decide(empty, request, V2, policy=policy)
    assert [one.message for one in errors_in(unknown.findings)] == [
        f"Not compared with v1_active, the last ACTIVE (until {NOW:%Y-%m-%d}): it was not opened."
    ]


def test_where_nothing_was_ever_active_it_is_not_compared_and_that_is_said() -> None:
    policy = parse_policy(b"comparison: {agreement: 1}")
    decision = decide(SHADOWED, asked(Stage.ACTIVE, V1), V1, policy=policy)
    assert isinstance(decision, Plan)
    (finding,) = [one for one in decision.findings if one.rule == "comparison.data"]
    assert (finding.severity, finding.message) == (Severity.WARNING, "Not compared: nothing has been ACTIVE before.")


def test_the_way_back_is_never_refused_for_it() -> None:
    policy = parse_policy(b"comparison: {agreement: 1, max_difference: 0}")
    new = after(BOTH, Stage.ACTIVE, V2)
    for action in (Action.ROLLBACK, Action.PROMOTE):
        decision = decide(new, asked(Stage.ACTIVE, V1, action=action), V1, policy=policy)
        assert isinstance(decision, Plan), decision
        assert decision.action is Action.ROLLBACK


def test_the_same_artifact_is_not_compared_with_itself() -> None:
    policy = parse_policy(b"comparison: {agreement: 1}")
    decision = decide(LIVE, asked(Stage.ACTIVE, V1, artifact_id="renamed"), V1, policy=policy)
    assert not [one for one in decision.findings if one.rule.startswith("comparison.")]


@given(st.integers(0, 20), st.integers(1, 20), st.integers(0, 100), st.integers(0, 100))
def test_a_lower_threshold_never_refuses_what_a_higher_one_lets_through(
    agreeing: int, classes: int, low: int, high: int
) -> None:
    low, high = sorted((low, high))
    output = replace(LABEL, classes=classes, agreeing=min(agreeing, classes))
    found = Comparison("a", outputs=(output,))
    strict, weak = (told(found, f"agreement: {value / 100}")[0][1] for value in (high, low))
    assert strict is ERROR or weak is PASS
    assert (strict is PASS) == (output.agreeing * 100 >= high * output.classes)
