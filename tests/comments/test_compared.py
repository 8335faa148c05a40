"""The table of a card that puts a candidate beside today's ACTIVE, for pairs of models that really ran."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from promotebot.artifact.comparison import Comparison, OutputDifference
from promotebot.comments.compared import compared_section
from tests.approved import approve
from tests.artifact.pairs import ROWS, WEIGHTS, Pair, model, proto
from tests.comments.plans import examined

pytestmark = pytest.mark.thorough


def _three(pair: Pair) -> None:
    scores = ROWS @ WEIGHTS
    outputs = {"scores": scores, "label": scores.argmax(axis=1), "sum": scores.sum().reshape(1, 1)}
    pair.write_active({f"output_{number}": proto(outputs[name], name) for number, name in enumerate(outputs)})


def _two_of_three(pair: Pair) -> Comparison:
    _three(pair)
    return pair.compare(model(outputs=("scores", "sum")))


def _numbers_alone(pair: Pair) -> Comparison:
    pair.write_active({"output_0": proto((ROWS @ WEIGHTS).sum().reshape(1, 1), "sum")})
    return pair.compare(model(WEIGHTS * 1.01, outputs=("sum",)))


WORSE = np.array([[0.0, 1.0, 2.5], [0.0, 1.0, 2.0]], "float32")
PAIRS: dict[str, Callable[[Pair], Comparison]] = {
    "nearly the same": lambda pair: pair.compare(model(WEIGHTS * np.float32(1.0001))),
    "worse": lambda pair: pair.compare(model(WORSE)),
    "quantised": lambda pair: pair.compare(model((WEIGHTS * 1.003).astype("float16").astype("float32"))),
    "other inputs": lambda pair: pair.compare(model(np.ones((5, 3), "float32"))),
    "two outputs of three": _two_of_three,
    "no labels": _numbers_alone,
    "not finite": lambda pair: pair.compare(model(-WEIGHTS, power=0.5)),
    "other bytes": lambda pair: pair.compare(model(), pair.pointer._replace(digest="sha256:" + "0" * 64)),
}


def test_each_pair_reads_as_approved(tmp_path: Path) -> None:
    found = {name: compare(Pair(tmp_path / name)) for name, compare in PAIRS.items()}
    shown = {name: compared_section(replace(examined("v1", seed="1"), comparison=one)) for name, one in found.items()}
    approve("comparisons", [(name, section.split("\n")) for name, section in shown.items()])


def test_without_a_comparison_nothing_is_said() -> None:
    assert compared_section(examined("v1", seed="1")) == ""


def test_names_and_reasons_are_harmless_and_bounded() -> None:
    outputs = tuple(OutputDifference(f"`|{'x' * 90}{number}", problem="<b>|" * 300) for number in range(20))
    found = Comparison("ml/artifacts/v1", sets=1, outputs=outputs, problem="[x](y) " * 100)
    shown = compared_section(replace(examined("v1", seed="1"), comparison=found), is_merged=True)
    assert "the ACTIVE before" in shown
    assert "… and 12 more outputs." in shown
    assert "<b>" not in shown
    assert "[x](y)" not in shown
    assert len(shown) < 20_000
