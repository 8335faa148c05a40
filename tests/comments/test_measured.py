"""The tables of a card on the policy's evaluation set, and the same as JSON and at a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from promotebot.artifact.answer import ComparedOutput, Evaluated, Measured, MeasuredClass, MeasuredModel
from promotebot.artifact.evaluation import ClassScore, Evaluation, most_changed
from promotebot.artifact.evaluation_terms import Asked
from promotebot.comments.compared import compared_section
from promotebot.promotion.evaluation_report import evaluation_lines, evaluation_report
from tests.approved import approve
from tests.comments.plans import examined


def outputs_on(rows: int) -> list[ComparedOutput]:
    """Three probabilities and a class for each row."""
    probs = {"values": 3 * rows, "largest": 0.25, "total": 0.15 * rows, "classes": rows, "agreeing": rows * 9 // 10}
    return [
        ComparedOutput.model_validate({"name": "probs", **probs}),
        ComparedOutput(name="label", classes=rows, agreeing=rows),
    ]


def model(**metrics: float | None) -> MeasuredModel:
    told = [
        Measured.model_validate(
            {"name": name, "value": value, "problem": "" if value is not None else "the output y has no probabilities"}
        )
        for name, value in metrics.items()
    ]
    return MeasuredModel(metrics=told)


def measured(
    candidate: MeasuredModel,
    incumbent: MeasuredModel | None,
    asked: Mapping[str, Asked] | None = None,
    outputs: Sequence[ComparedOutput] | None = None,
    **changes: Any,
) -> Evaluation:
    if outputs is None:
        outputs = outputs_on(10_000) if incumbent and not incumbent.problem else []
    given = {"rows": 10_000, "total": 52_000, "labels": "classes", "outputs": outputs}
    result = Evaluated.model_validate({**given, "candidate": candidate, "incumbent": incumbent})
    directory = "ml/artifacts/v1" if incumbent else ""
    return replace(Evaluation("eval_2026_q3", asked or {}, directory, result=result), **changes)


def scored(known: MeasuredModel, *classes: tuple[str, int, float]) -> MeasuredModel:
    told = [MeasuredClass(name=name, rows=rows, f1=f1) for name, rows, f1 in classes]
    return known.model_copy(update={"classes": told})


BETTER = model(accuracy=0.93125, macro_f1=0.91, log_loss=0.21)
TODAY = model(accuracy=0.91, macro_f1=0.91, log_loss=0.25)
ASKED = {"accuracy": Asked("0.9", None, "0.01"), "log_loss": Asked(None, "0.3", None, "0")}
CASES = {
    "nothing is asked": measured(BETTER, TODAY),
    "better": measured(BETTER, TODAY, ASKED),
    "worse": measured(model(accuracy=0.85, macro_f1=0.8, log_loss=0.4), TODAY, ASKED),
    "no probabilities": measured(model(accuracy=0.93, macro_f1=0.9, log_loss=None), TODAY, ASKED),
    "nothing is asked, and not all is known": measured(
        model(accuracy=0.93, macro_f1=0.9, log_loss=None),
        TODAY,
        outputs=[*outputs_on(10_000)[:1], ComparedOutput(name="label", problem="the candidate has no such output")],
    ),
    "nothing was ever ACTIVE": measured(BETTER, None, ASKED),
    "beside the last ACTIVE": measured(BETTER, TODAY, ASKED, former="the last ACTIVE (until 2026-02-15)"),
    "ACTIVE does not run": measured(BETTER, MeasuredModel(problem="InvalidArgument: [x](y)"), ASKED),
    "ACTIVE is not read": measured(BETTER, model(), ASKED, incumbent_problem="it is no ONNX model"),
    "no labels": Evaluation(
        "eval_2026_q3",
        incumbent="ml/artifacts/v1",
        result=Evaluated(rows=50, total=50, incumbent=MeasuredModel(), outputs=outputs_on(50)),
    ),
    "one class got worse": measured(
        scored(BETTER, ("calm", 6000, 0.97), ("trend", 3200, 0.95), ("storm", 800, 0.61)),
        scored(TODAY, ("calm", 6000, 0.95), ("trend", 3200, 0.93), ("storm", 800, 0.85)),
    ),
    "every class got better": measured(
        scored(BETTER, ("0", 9000, 0.97), ("1", 1000, 0.5)), scored(TODAY, ("0", 9000, 0.95), ("1", 1000, 0.5))
    ),
    "every class is as before": measured(
        scored(BETTER, *((name, 100, 0.9) for name in "abc")), scored(TODAY, *((name, 100, 0.9) for name in "abc"))
    ),
    "classes with nothing beside them": measured(
        scored(BETTER, *((f"class {at}", 1000, at / 10) for at in range(10))), None
    ),
    "ten classes": measured(
        scored(BETTER, *((f"c{at}", 1000, 0.9 - at / 50) for at in range(10))),
        scored(TODAY, *((f"c{at}", 1000, 0.9 - at / 40) for at in range(10))),
    ),
    "not run": Evaluation("eval_2026_q3", ASKED, "ml/artifacts/v1", problem="the base has no ml/datasets/eval_2026_q3"),
    "too slow": Evaluation("eval_2026_q3", result=Evaluated(problem="the models run longer than 60 s")),
}


AS_JSON = ("worse", "not run", "one class got worse")


def shown(found: Evaluation | None, **options: Any) -> str:
    return compared_section(replace(examined("v1", seed="1"), evaluation=found), **options)


def test_each_evaluation_reads_as_approved_in_card_terminal_and_json() -> None:
    sections = []
    for name, found in CASES.items():
        report = evaluation_report(found)
        assert report
        lines = [*shown(found).split("\n"), "", "At a terminal:", *evaluation_lines(found), "", "As JSON:"]
        lines += report.model_dump_json(indent=1).split("\n") if name in AS_JSON else ["(as above)"]
        sections.append((name, lines))
    approve("evaluations", sections)


def test_where_nobody_asked_nothing_is_said() -> None:
    assert shown(None) == ""
    assert evaluation_report(None) is None
    assert list(evaluation_lines(None)) == []


def test_after_a_merge_the_other_one_is_the_active_before() -> None:
    assert "| metric | the ACTIVE before | candidate |" in shown(CASES["better"], is_merged=True)


def test_names_and_reasons_are_harmless_and_bounded() -> None:
    output = ComparedOutput(name="`|<b>" + "x" * 90, problem="[x](y)\x1b\n" * 100)
    hostile = ["<b>@alice", "[x](y)", "#35;\x1b", *"|`*\u202e"]
    classes = [MeasuredClass(name=one + "x" * 90, rows=2**62, f1=0.5) for one in hostile]
    problem = "<b>@alice\x1b\n" * 50
    told = MeasuredModel(metrics=[Measured(name="accuracy", value=None, problem=problem)], classes=classes)
    result = Evaluated(rows=1, total=1, labels="classes", candidate=told, incumbent=told, outputs=[output] * 20)
    found = Evaluation("eval_1", incumbent="ml/artifacts/v1", result=result)
    said = shown(found)
    assert "<b>@" not in said
    assert "[x](y)" not in said
    assert "… and 12 more outputs." in said
    assert all(line.isprintable() for line in evaluation_lines(found))
    assert len(said) < 10_000


def test_what_was_not_run_has_no_classes_whatever_the_process_claims() -> None:
    claimed = scored(TODAY, ("calm", 6000, 0.95), ("trend", 3200, 0.93))
    found = measured(scored(BETTER, ("calm", 6000, 0.97)), claimed)
    assert [one.incumbent for one in found.by_class] == [Decimal("0.95")]
    assert [one.incumbent for one in replace(found, incumbent_problem="it is no ONNX model").by_class] == [None]
    assert [one.incumbent for one in replace(found, incumbent="").by_class] == [None]
    assert replace(found, problem="the base has no such dataset").by_class == ()


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), max_size=12), st.integers(1, 9))
def test_the_classes_that_are_shown_changed_most_and_keep_their_order(pairs: list[tuple[int, int]], most: int) -> None:
    scores = [ClassScore(str(at), 1, Decimal(one), Decimal(other)) for at, (one, other) in enumerate(pairs)]
    chosen = most_changed(scores, most)
    assert chosen == [one for one in scores if one in chosen]
    assert len(chosen) == min(most, len(scores))
    least = min((abs(one.candidate - (one.incumbent or 0)) for one in chosen), default=Decimal(0))
    assert all(abs(one.candidate - (one.incumbent or 0)) <= least for one in scores if one not in chosen)
