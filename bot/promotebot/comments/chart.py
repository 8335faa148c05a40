"""A small drawing of numbers beside those of ACTIVE, where a table has too many for a glance.

It is the source of one of Mermaid's XY charts. No word of a file is drawn but one that can mean nothing there; in the
place of any other stands the number of its row in the table.

Of what is claimed, one metric on several datasets or slices is drawn; of what promotebot computes, F1 of each class.
Its other numbers are not: at most two metrics of a model have one unit (accuracy and macro F1, or the two errors), and
the differences of each output have a unit of their own, so that on one axis the largest would hide the others.
https://mermaid.js.org/syntax/xyChart.html
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal

from promotebot.artifact.claims import Metric
from promotebot.comments.markdown import details, fence

MIN_BARS, MAX_BARS = 3, 8
_PLAIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9 _-]{0,10}[A-Za-z0-9])?")
_MAX_DECIMALS = 9
_LARGEST = Decimal(10) ** 9
# Narrow, so that a phone shows it as it was laid out; the colours can be seen on a light and on a dark page.
_LOOK = (
    '%%{{init: {{"xyChart": {{"width": 340, "height": {height}, "xAxis": {{"labelFontSize": 12}}, '
    '"yAxis": {{"showLabel": false}}}}, "themeVariables": {{"xyChart": {{"plotColorPalette": "#2da44e, #818b98", '
    '"backgroundColor": "transparent"}}}}}}}}%%'
)
Known = Mapping[tuple[str, str | None, str | None], Metric]
"""What is claimed of ACTIVE, by name, dataset and slice."""


def claims_chart(shown: Sequence[Metric], known: Known, active: str) -> str:
    """Return a folded drawing of the first metric that has several values beside ACTIVE's; empty where none has.

    Args:
        shown: the rows of the table.
        active: what to call the other one, in Markdown.
    """
    rows = [(number, metric) for number, metric in enumerate(shown, 1) if metric.place in known]
    for name in dict.fromkeys(metric.name for _, metric in rows):
        own = [(number, metric) for number, metric in rows if metric.name == name][:MAX_BARS]
        values = [(metric.number, known[metric.place].number) for _, metric in own]
        drawn = chart(_words(own), [number for number, _ in own], values, ("claimed", active))
        if drawn:
            return details(f"{name} beside ACTIVE", drawn)
    return ""


def _words(rows: Sequence[tuple[int, Metric]]) -> list[str]:
    is_one = len({metric.dataset for _, metric in rows}) == 1
    return [metric.slice or (not is_one and metric.dataset) or "all" for _, metric in rows]


def chart(
    words: Sequence[str], rows: Sequence[int], values: Sequence[tuple[Decimal, Decimal]], kinds: tuple[str, str]
) -> str:
    """Return a drawing of pairs of numbers, and what it shows; empty for fewer than three, or where no axis shows them.

    Args:
        words: what to call each pair, of any characters.
        rows: the number of each in the table, for words that cannot be drawn.
        values: of the candidate and of the other one.
        kinds: what to call the two, in Markdown.
    """
    safe = [
        word if _PLAIN.fullmatch(word) and words.count(word) == 1 else f"row {row}"
        for word, row in zip(words, rows, strict=True)
    ]
    source = _chart(safe, values) if len(values) >= MIN_BARS else ""
    told = f"Bars: {kinds[0]}. Line: {kinds[1]}."
    return f"{told} The axis goes {_axis(source)}.\n\n{fence(source, 'mermaid')}" if source else ""


def _axis(source: str) -> str:
    """Return where the axis begins and ends: its numbers would lie on each other in a small drawing."""
    begin, end = re.findall(r"y-axis (\S+) --> (\S+)", source)[0]
    return f"from {begin} to {end}"


def _chart(words: Sequence[str], values: Sequence[tuple[Decimal, Decimal]]) -> str:
    """Return the source; empty where all numbers are one, or too large or too close for an axis."""
    numbers = [number for pair in values for number in pair]
    low, high = min(numbers), max(numbers)
    if max(abs(low), abs(high)) >= _LARGEST or low == high:
        return ""
    spread = float(high - low)
    decimals = max(0, 2 - math.floor(math.log10(spread))) if spread > 0 else _MAX_DECIMALS + 1
    if decimals > _MAX_DECIMALS:
        return ""
    ours, theirs = (", ".join(f"{float(pair[side]):.{decimals}f}" for pair in values) for side in (0, 1))
    begin, end = float(low) - spread / 5, float(high) + spread / 10
    return "\n".join(
        [
            _LOOK.format(height=80 + 28 * len(words)),
            "xychart-beta horizontal",
            "  accTitle: Values of the candidate as bars, and those of ACTIVE as a line",
            f"  x-axis [{', '.join(f'{chr(34)}{word}{chr(34)}' for word in words)}]",
            f"  y-axis {begin:.{decimals}f} --> {end:.{decimals}f}",
            f"  bar [{ours}]",
            f"  line [{theirs}]",
        ]
    )
