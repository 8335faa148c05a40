"""The drawing of claimed metrics: there where it says more than the table, and no word of a file can act in it."""

from __future__ import annotations

import re
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from promotebot.artifact.claims import Metric
from promotebot.comments.chart import MAX_BARS, claims_chart
from tests.comments.test_pictures import nonempty

SLICES = ("", "eu", "us", "asia")
_NUMBERS = r"\[-?\d+(?:\.\d+)?(?:, -?\d+(?:\.\d+)?)*\]"
_SOURCE = re.compile(
    r"%%\{init: [^\n]*\}%%\nxychart-beta horizontal\n  accTitle: [A-Za-z ,]+\n"
    r'  x-axis \["([A-Za-z0-9 _-]+(?:", "[A-Za-z0-9 _-]+)*)"\]\n'
    rf"  y-axis (-?\d+(?:\.\d+)?) --> (-?\d+(?:\.\d+)?)\n  bar ({_NUMBERS})\n  line ({_NUMBERS})"
)


def metrics(*values: str, name: str = "accuracy", slices: tuple[str, ...] = SLICES) -> list[Metric]:
    parts = zip(values, slices, strict=False)
    return [Metric(name=name, value=value, dataset="q4", slice=part or None) for value, part in parts]


def drawn(ours: list[Metric], theirs: list[Metric]) -> str:
    return claims_chart(ours, {one.place: one for one in theirs}, "ACTIVE")


def parts(chart: str) -> tuple[list[str], list[str], list[str], list[str]]:
    """Words, ends of the axis, bars, line. Anything else in it fails the test."""
    source = re.search(r"```mermaid\n(.*)\n```", chart, re.DOTALL)
    assert source, chart
    found = _SOURCE.fullmatch(source[1])
    assert found, source[1]
    bars, line = (found[number].strip("[]").split(", ") for number in (4, 5))
    return found[1].split('", "'), [found[2], found[3]], bars, line


BEFORE = metrics("0.93", "0.94", "0.92", "0.91")


def test_three_values_beside_those_of_active_are_drawn_and_fewer_are_not() -> None:
    chart = drawn(metrics("0.951", "0.962", "0.939"), BEFORE)
    assert chart.startswith(
        "<details><summary>accuracy beside ACTIVE</summary>\n\nBars: claimed. Line: ACTIVE. The axis goes from "
    )
    words, (begin, end), bars, line = parts(chart)
    assert words == ["all", "eu", "us"]
    assert f"The axis goes from {begin} to {end}.\n" in chart
    assert (bars, line) == (["0.9510", "0.9620", "0.9390"], ["0.9300", "0.9400", "0.9200"])
    assert Decimal(begin) < Decimal("0.92")
    assert Decimal(end) > Decimal("0.962")
    assert drawn(metrics("0.951", "0.962"), BEFORE) == ""
    assert drawn(metrics("0.951", "0.962", "0.939"), metrics("0.9", "0.9")) == ""


def test_without_slices_the_datasets_are_named() -> None:
    ours = [Metric(name="f1", value=str(number), dataset=one) for number, one in enumerate(("q1", "q2", "2026 | q3"))]
    theirs = [one.model_copy(update={"value": "1"}) for one in ours]
    assert parts(drawn(ours, theirs))[0] == ["q1", "q2", "row 3"]


@pytest.mark.parametrize(
    "values",
    [("1", "1", "1"), ("1e30", "1", "2"), ("-1e9", "1", "2"), ("1", "1", "1.00000000001"), ("0", "0", "1e-99")],
)
def test_what_no_axis_shows_is_not_drawn(values: tuple[str, ...]) -> None:
    assert drawn(metrics(*values), metrics(*["1" if values[0] != "0" else "0"] * 3)) == ""


def test_the_first_metric_that_has_enough_values_is_drawn_and_no_other() -> None:
    losses = metrics("0.2", "0.3", "0.4", name="loss")
    chart = drawn([*metrics("0.9", "0.8"), *losses], [*BEFORE, *metrics("0.3", "0.3", "0.3", name="loss")])
    assert "<summary>loss beside ACTIVE</summary>" in chart
    assert chart.count("xychart-beta") == 1


def test_a_chart_stays_small() -> None:
    slices = tuple(f"part {number}" for number in range(MAX_BARS + 5))
    values = [f"0.{number + 10}" for number in range(len(slices))]
    words, _, bars, _ = parts(drawn(metrics(*values, slices=slices), metrics(*values[::-1], slices=slices)))
    assert len(words) == len(bars) == MAX_BARS


@given(st.lists(nonempty.filter(lambda text: re.fullmatch(r"[^\x00-\x1f\x7f]{1,200}", text)), min_size=3, max_size=5))
@example(['a"]', "</text><script>", "%%{init: {}}%%"])
@example(["same", "same ", "#35;"])
@example(["x" * 13, "größe", "end"])
def test_whatever_a_slice_is_called_the_drawing_has_the_same_form(names: list[str]) -> None:
    names = list(dict.fromkeys(names))
    values = [f"0.{number + 1}" for number in range(len(names))]
    chart = drawn(metrics(*values, slices=tuple(names)), metrics(*values[::-1], slices=tuple(names)))
    if len(names) >= 3:
        words, _, bars, line = parts(chart)
        assert len(words) == len(bars) == len(line) == len(names)
        expected = [
            f"row {row}" if word != name else name for row, (word, name) in enumerate(zip(words, names, strict=True), 1)
        ]
        assert words == expected


@given(st.lists(st.decimals(-1000, 1000, places=4), min_size=6, max_size=6))
def test_the_axis_holds_every_value_in_its_order(numbers: list[Decimal]) -> None:
    ours, theirs = (metrics(*(f"{one:f}" for one in half)) for half in (numbers[:3], numbers[3:]))
    chart = drawn(ours, theirs)
    if not chart:
        assert len(set(numbers)) == 1
        return
    _, ends, bars, line = parts(chart)
    assert Decimal(ends[0]) <= min(map(Decimal, bars + line))
    assert Decimal(ends[1]) >= max(map(Decimal, bars + line))
    order = sorted(range(6), key=lambda index: numbers[index])
    shown = [Decimal([*bars, *line][index]) for index in order]
    assert all(one <= other for one, other in pairwise(shown))
