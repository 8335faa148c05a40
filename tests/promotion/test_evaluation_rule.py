"""The policy's evaluation set: what was measured is held against each threshold, and what is not known is refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promotebot.artifact.answer import ComparedOutput, Evaluated, Measured, MeasuredModel
from promotebot.artifact.evaluation import Evaluation
from promotebot.errors import InvalidInput
from promotebot.findings import Severity, errors_in
from promotebot.promotion.evaluation_policy import EvaluationSet, strictest_evaluation
from promotebot.promotion.plan import Plan
from promotebot.promotion.policy import parse_policy
from promotebot.registry import Stage
from promotebot.registry.model import Action
from tests.promotion.test_plan import LIVE, SHADOWED, V1, V2, after, asked, decide, refused_by

BOTH = after(LIVE, Stage.SHADOW, V2)
"""v1 is ACTIVE, v2 in SHADOW."""
PASS, WARNING, ERROR = Severity.PASS, Severity.WARNING, Severity.ERROR
OUTPUTS = [
    ComparedOutput(name="scores", values=30, largest=0.25, total=1.5, classes=10, agreeing=9),
    ComparedOutput(name="label", classes=10, agreeing=10),
]


def model(**metrics: float | None) -> MeasuredModel:
    told = [Measured.model_validate({"name": name, "value": value}) for name, value in metrics.items()]
    return MeasuredModel(metrics=told)


def measured(
    candidate: Mapping[str, float | None], incumbent: Mapping[str, float] | None, **changes: Any
) -> Evaluation:
    result = Evaluated(
        rows=10,
        total=25,
        labels="classes",
        candidate=model(**candidate),
        incumbent=None if incumbent is None else model(**incumbent),
        outputs=[] if incumbent is None else OUTPUTS,
    )
    directory = "" if incumbent is None else "ml/artifacts/v1"
    return replace(Evaluation("eval_1", incumbent=directory, result=result), **changes)


BETTER = measured({"accuracy": 0.93, "log_loss": 0.2}, {"accuracy": 0.91, "log_loss": 0.25})


def told(found: Evaluation | None, asks: str, registry: Any = BOTH, proof: Any = V2) -> list[tuple[str, Severity]]:
    policy = parse_policy(f"evaluation_set: {{dataset: eval_1{', ' if asks else ''}{asks}}}".encode())
    decision = decide(registry, asked(Stage.ACTIVE, proof), replace(proof, evaluation=found), policy=policy)
    return [
        (one.rule.removeprefix("evaluation."), one.severity) for one in decision.findings if "evaluation." in one.rule
    ]


def messages(found: Evaluation | None, asks: str, registry: Any = BOTH, proof: Any = V2) -> list[str]:
    policy = parse_policy(f"evaluation_set: {{dataset: eval_1, {asks}}}".encode())
    decision = decide(registry, asked(Stage.ACTIVE, proof), replace(proof, evaluation=found), policy=policy)
    return [one.message for one in decision.findings if one.rule.startswith("evaluation.")]


@pytest.mark.parametrize(
    ("asks", "expected"),
    [
        ("", []),
        ("metrics: {accuracy: {minimum: 0.93}}", [("metric", PASS)]),
        ("metrics: {accuracy: {minimum: 0.9300001}}", [("metric", ERROR)]),
        ("metrics: {log_loss: {maximum: 0.2}}", [("metric", PASS)]),
        ("metrics: {log_loss: {maximum: 0.19}}", [("metric", ERROR)]),
        ("metrics: {accuracy: {max_drop: -0.02}}", [("metric", PASS)]),
        ("metrics: {accuracy: {max_drop: -0.03}}", [("metric", ERROR)]),
        ("metrics: {log_loss: {max_rise: -0.05}}", [("metric", PASS)]),
        ("metrics: {log_loss: {max_rise: -0.06}}", [("metric", ERROR)]),
        ("metrics: {macro_f1: {minimum: 0}}", [("metric", ERROR)]),
        ("agreement: 0.9", [("difference", PASS)]),
        ("agreement: 0.91", [("difference", ERROR)]),
        ("max_difference: 0.25, mean_difference: 0.04", [("difference", PASS), ("difference", ERROR)]),
    ],
)
def test_each_threshold_is_held_against_what_was_measured(asks: str, expected: list[Any]) -> None:
    assert told(BETTER, asks) == [("data", PASS), *expected]


def test_a_finding_says_how_much_was_read_where_active_is_and_the_margin() -> None:
    assert messages(BETTER, "metrics: {accuracy: {minimum: 0.9, max_drop: 0.01}}") == [
        "eval_1 (the first 10 of 25 rows), computed by promotebot",
        "accuracy 0.93 (↑ ACTIVE 0.91) on eval_1, at least 0.9: margin 0.03",
        "accuracy 0.93 (↑ ACTIVE 0.91) on eval_1, at most 0.01 below ACTIVE: margin 0.03",
    ]
    worse = measured({"accuracy": 0.85}, {"accuracy": 0.91})
    assert messages(worse, "metrics: {accuracy: {max_drop: 0.01}}")[1:] == [
        "accuracy 0.85 (↓ ACTIVE 0.91) on eval_1, at most 0.01 below ACTIVE: missed by 0.05."
    ]
    same = measured({"accuracy": 0.91}, {"accuracy": 0.91})
    assert "(→ ACTIVE 0.91)" in messages(same, "metrics: {accuracy: {minimum: 0}}")[1]


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (None, "it was not opened"),
        (Evaluation("eval_1"), "it was not run"),
        (Evaluation("eval_1", problem="the base has no ml/datasets/eval_1"), "the base has no ml/datasets/eval_1"),
        (Evaluation("eval_1", result=Evaluated(problem="the models run longer")), "the models run longer"),
    ],
)
def test_what_was_not_measured_is_refused_where_anything_is_asked_and_said_otherwise(
    found: Evaluation | None, words: str
) -> None:
    for asks in ("metrics: {accuracy: {minimum: 0}}", "agreement: 0"):
        assert told(found, asks) == [("data", ERROR)]
        assert messages(found, asks) == [f"Not measured on eval_1: {words}."]
    assert told(found, "") == [("data", WARNING)]


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (Evaluated(rows=1, total=1), "eval_1 has no evaluation/labels.npy"),
        (Evaluated(rows=1, total=1, labels="numbers"), "labels.npy has numbers, and it is for classes"),
        (Evaluated(rows=1, total=1, labels="classes", candidate=MeasuredModel(problem="broken")), "broken"),
        (Evaluated(rows=1, total=1, labels="classes", candidate=model(accuracy=None)), "it was not computed"),
    ],
)
def test_a_metric_that_is_not_known_does_not_reach_its_threshold(result: Evaluated, words: str) -> None:
    found = Evaluation("eval_1", result=result)
    (finding,) = messages(found, "metrics: {accuracy: {minimum: 0}}")[1:]
    assert finding == f"accuracy is not known on eval_1: {words}; the policy asks for at least 0."
    assert told(found, "metrics: {accuracy: {max_drop: 1}}")[-1] == ("metric", ERROR)


def test_a_metric_that_is_not_known_is_one_finding_with_all_that_is_asked_of_it() -> None:
    found = Evaluation("eval_1", result=Evaluated(rows=1, total=1))
    (message,) = messages(found, "metrics: {accuracy: {minimum: 0.9, max_drop: 0.01}}")[1:]
    assert message.endswith("labels.npy; the policy asks for at least 0.9 and at most 0.01 below ACTIVE.")


def test_a_metric_that_is_not_known_and_that_nobody_asks_for_is_no_finding() -> None:
    assert told(measured({"accuracy": 0.93, "log_loss": None}, {"accuracy": 0.91, "log_loss": 0.25}), "") == [
        ("data", PASS)
    ]


def test_a_metric_of_numbers_is_not_known_where_labels_are_classes() -> None:
    (finding,) = messages(BETTER, "metrics: {mean_absolute_error: {maximum: 9}}")[1:]
    assert "labels.npy has classes, and it is for numbers; the policy asks for at most 9." in finding


def test_where_active_cannot_be_run_its_differences_are_not_reached_and_the_rest_counts() -> None:
    alone = measured({"accuracy": 0.93}, {}, incumbent_problem="it is no ONNX model")
    assert told(alone, "metrics: {accuracy: {minimum: 0.9}}") == [("data", WARNING), ("metric", PASS)]
    assert told(alone, "metrics: {accuracy: {max_drop: 1}}") == [("data", WARNING), ("metric", ERROR)]
    assert told(alone, "agreement: 0") == [("data", WARNING), ("difference", ERROR)]
    lost = measured({"accuracy": 0.93}, {})
    assert told(lost, "metrics: {accuracy: {max_drop: 1}}") == [("data", PASS), ("metric", ERROR)]
    (message,) = messages(lost, "metrics: {accuracy: {max_drop: 1}}")[1:]
    assert message.endswith("at most 1 below ACTIVE: that of ACTIVE is not known, as it was not computed.")


def test_what_was_not_run_says_nothing_whatever_the_process_claims_of_it() -> None:
    claimed = measured({"accuracy": 0.93}, {"accuracy": 0.1})
    for one in (replace(claimed, incumbent_problem="it is no ONNX model"), replace(claimed, incumbent="")):
        (row,) = one.judged()
        assert (row.candidate is None, row.incumbent, one.outputs) == (False, None, ())
    assert told(replace(claimed, incumbent_problem="it is no ONNX model"), "agreement: 0")[-1] == ("difference", ERROR)


def test_an_output_that_was_not_compared_is_not_close() -> None:
    result = BETTER.result
    assert result is not None
    gone = replace(
        BETTER, result=result.model_copy(update={"outputs": [OUTPUTS[0], ComparedOutput(name="y", problem="gone")]})
    )
    assert told(gone, "agreement: 0") == [("data", PASS), ("difference", ERROR)]
    none = replace(BETTER, result=result.model_copy(update={"outputs": []}))
    assert told(none, "agreement: 0") == [("data", PASS), ("difference", ERROR)]


def test_where_nothing_was_ever_active_only_absolute_thresholds_count() -> None:
    alone = measured({"accuracy": 0.93}, None)
    asks = "agreement: 1, metrics: {accuracy: {minimum: 0.9, max_drop: -1}}"
    assert told(alone, asks, SHADOWED, V1) == [("data", PASS), ("metric", PASS), ("metric", PASS)]
    assert messages(alone, asks, SHADOWED, V1)[-1].endswith("at most -1 below ACTIVE: nothing has been ACTIVE before")
    assert told(alone, "metrics: {accuracy: {minimum: 0.94}}", SHADOWED, V1)[-1] == ("metric", ERROR)


def test_a_stage_below_active_is_judged_where_the_policy_names_it() -> None:
    policy = parse_policy(b"evaluation_set: {dataset: eval_1, stages: [staging], metrics: {accuracy: {minimum: 1}}}")
    decision = decide(BOTH, asked(Stage.STAGING, V2), replace(V2, evaluation=BETTER), policy=policy)
    assert refused_by(decision) == {"evaluation.metric"}
    decision = decide(BOTH, asked(Stage.ACTIVE, V2), replace(V2, evaluation=BETTER), policy=policy)
    assert isinstance(decision, Plan)


def test_below_active_and_on_the_way_back_nothing_is_asked() -> None:
    policy = parse_policy(b"evaluation_set: {dataset: eval_1, metrics: {accuracy: {minimum: 1}}}")
    below = decide(BOTH, asked(Stage.STAGING, V2), V2, policy=policy)
    new = after(BOTH, Stage.ACTIVE, V2)
    back = [
        decide(new, asked(Stage.ACTIVE, V1, action=one), V1, policy=policy) for one in (Action.ROLLBACK, Action.PROMOTE)
    ]
    same = decide(LIVE, asked(Stage.ACTIVE, V1, artifact_id="renamed"), V1, policy=policy)
    for decision in (below, *back, same):
        assert not [one for one in decision.findings if one.rule.startswith("evaluation.")]
    assert all(isinstance(one, Plan) for one in (below, *back))


def test_two_patterns_with_two_datasets_refuse_and_with_one_dataset_the_strictest_counts() -> None:
    text = """
models:
  "regime_*": {evaluation_set: {dataset: one, metrics: {accuracy: {minimum: 0.9}}}}
  "*": {evaluation_set: {dataset: DATASET, rows: 500, metrics: {accuracy: {minimum: 0.95, max_drop: 0.1}}}}
"""
    both = parse_policy(text.replace("DATASET", "two").encode()).for_model("regime_x").evaluation_set
    assert both
    assert both.dataset == "one and two"
    again = strictest_evaluation([both, EvaluationSet(dataset="one")])
    assert again is not None
    assert again.dataset == "one and two"
    one = parse_policy(text.replace("DATASET", "one").encode()).for_model("regime_x").evaluation_set
    assert one
    assert (one.dataset, one.rows, str(one)) == ("one", 10_000, "accuracy at least 0.95, at most 0.1 below ACTIVE")


@pytest.mark.parametrize(
    "text",
    [
        "evaluation_set: {}",
        "evaluation_set: {dataset: ../x}",
        "evaluation_set: {dataset: eval_1, rows: 0}",
        "evaluation_set: {dataset: eval_1, seconds: 601}",
        "evaluation_set: {dataset: eval_1, metrics: {f2: {minimum: 0}}}",
        "evaluation_set: {dataset: eval_1, metrics: {accuracy: {}}}",
        "evaluation_set: {dataset: eval_1, metric: {}}",
    ],
)
def test_a_key_that_says_nothing_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        parse_policy(text.encode())


def test_an_exception_lets_a_metric_pass_that_is_not_reached() -> None:
    policy = parse_policy(b"evaluation_set: {dataset: eval_1, metrics: {accuracy: {minimum: 0.99}}}")
    decision = decide(BOTH, asked(Stage.ACTIVE, V2), replace(V2, evaluation=BETTER), policy=policy)
    assert refused_by(decision) == {"evaluation.metric"}
    assert len(errors_in(decision.findings)) == 1


@given(st.integers(0, 1000), st.integers(0, 1000), st.integers(0, 1000), st.integers(-1000, 1000))
def test_thresholds_are_exact_and_a_higher_one_never_lets_more_through(
    have: int, other: int, least: int, drop: int
) -> None:
    found = measured({"accuracy": have / 1000}, {"accuracy": other / 1000})
    asks = f"metrics: {{accuracy: {{minimum: {least / 1000}, max_drop: {drop / 1000}}}}}"
    _, lowest, beside = told(found, asks)
    assert (lowest[1] is PASS) == (have >= least)
    assert (beside[1] is PASS) == (have - other + drop >= 0)
