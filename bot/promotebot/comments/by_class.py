"""F1 of each class beside ACTIVE's, folded: a mean over the classes can hide that one of them got worse."""

from __future__ import annotations

from collections.abc import Sequence

from promotebot.artifact.evaluation import ClassScore, most_changed
from promotebot.comments.chart import chart
from promotebot.comments.markdown import details, table, text
from promotebot.comments.output_table import NONE
from promotebot.text import short_difference, short_number, shortened

MAX_ROWS = 8
"""Classes in the table."""
MAX_NAME = 40
"""Characters of a class in the headline."""


def classes_section(scores: Sequence[ClassScore], active: str) -> str:
    """Return the table as Markdown, and a drawing where three classes or more are not as before; empty without classes.

    Args:
        active: what to call the other model.
    """
    if not scores:
        return ""
    shown = most_changed(scores, MAX_ROWS)
    is_beside = any(one.incumbent is not None for one in scores)
    which = "that changed most" if is_beside else "with the lowest F1"
    parts = [f"The {MAX_ROWS} of {len(scores)} classes {which}:"] if len(shown) < len(scores) else []
    parts.append(table(("class", "rows", active, "candidate", "difference"), [_row(one) for one in shown]))
    pairs = [(at, one.candidate, one.incumbent) for at, one in enumerate(shown, 1) if one.incumbent is not None]
    values = [(candidate, incumbent) for _, candidate, incumbent in pairs]
    words, numbers = [shown[at - 1].name for at, _, _ in pairs], [at for at, _, _ in pairs]
    is_other = any(candidate != incumbent for candidate, incumbent in values)
    parts += [chart(words, numbers, values, ("candidate", active))] if is_other else []
    return details(f"F1 of each class{_worst(scores, active)}", "\n\n".join(filter(None, parts)))


def _row(one: ClassScore) -> tuple[str, ...]:
    beside = short_number(one.incumbent) if one.incumbent is not None else NONE
    difference = short_difference(one.difference) if one.difference is not None else NONE
    return text(one.name), f"{one.rows:,}", beside, short_number(one.candidate), difference


def _worst(scores: Sequence[ClassScore], active: str) -> str:
    """Return the end of a headline: which class lost most; empty where nothing is known beside it."""
    known = [(one.difference, one.name) for one in scores if one.difference is not None]
    if not known:
        return ""
    most, name = min(known)
    if not any(difference for difference, _ in known):
        return f": the same as {active}"
    if most >= 0:
        return f": none is below {active}"
    return f": class {shortened(name, MAX_NAME)} is {-most:.3g} below {active}"
