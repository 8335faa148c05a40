"""The approved texts can be reviewed in a diff: short lines, and laying them out loses nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promotebot.errors import InvalidInput
from promotebot.findings import error
from tests.approved import FOLD, SAID, WIDTH, finding_text, fold, json_text, refusal_text, unfold
from tests.screenshots.golden import SITUATIONS

TEXTS = sorted(path for path in SAID.iterdir() if path != SITUATIONS)
LINE = st.text(st.characters(exclude_categories=("C", "Z"), include_characters=" ", exclude_characters=FOLD))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=WIDTH), inner),
)


def test_there_are_approved_texts() -> None:
    assert {path.suffix for path in TEXTS} == {".txt"}


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.name)
def test_every_line_of_an_approved_text_fits_into_a_diff(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").split("\n")
    assert [line for line in lines if len(line) > WIDTH] == []
    assert [line for line in lines if line != line.rstrip()] == []


@given(LINE | LINE.map(lambda line: line * 30) | LINE.map(lambda line: " " * 90 + line * 30))
def test_a_folded_line_is_short_and_can_be_put_together_again(line: str) -> None:
    pieces = fold(line)
    assert unfold("\n".join(pieces)) == line
    assert max(map(len, pieces)) <= WIDTH


@given(JSON)
def test_laid_out_json_is_the_same_json(value: object) -> None:
    assert json.loads(json_text(value)) == value


def test_what_does_not_fit_into_one_line_has_one_field_a_line() -> None:
    long = "x" * WIDTH
    assert finding_text(error("a.b", "m", remedy="r")) == "error | a.b | m |  | r"
    assert finding_text(error("a.b", long, remedy="r")) == f"error | a.b\n    message: {long}\n    remedy: r"
    assert refusal_text(InvalidInput("m", where="w", remedy="r")) == "✗ w: m | r"
    assert refusal_text(InvalidInput(long, where="w", remedy="r")) == f"✗ w: {long}\n  | r"
