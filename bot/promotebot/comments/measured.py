"""A candidate and ACTIVE on the policy's evaluation set, as small tables: computed by promotebot, not claimed."""

from __future__ import annotations

from collections.abc import Iterator

from promotebot.artifact.evaluation import Evaluation, Judged, Limit
from promotebot.comments.by_class import classes_section
from promotebot.comments.markdown import code, table, text
from promotebot.comments.output_table import NONE, outputs_table, shown_problem
from promotebot.text import short_difference, short_number


def measured_section(found: Evaluation | None, *, is_merged: bool = False) -> str:
    """Return the metrics of both models with what is asked of them, as Markdown; empty where nobody asked."""
    if found is None:
        return ""
    on = f"the evaluation set {code(found.dataset)}"
    if found.why_not:
        return f"**Not measured** on {on}: {shown_problem(found.why_not)}."
    active = found.former or ("the ACTIVE before" if is_merged else "ACTIVE")
    beside = f", beside {active} ({code(found.incumbent)})" if found.incumbent and not found.why_not_beside else ""
    parts = [f"**Computed by promotebot** on {on} of the base, {found.amount}{beside}:"]
    judged = found.judged()
    if judged:
        head = ("metric", active, "candidate", "difference", "asked for", "margin")
        parts.append(table(head, [row for one in judged for row in _rows(one)]))
    elif not (found.result and found.result.labels):
        parts.append("There are no labels (`evaluation/labels.npy`), so no metric is known.")
    unknown = found.unknown().items()
    parts.append("\n".join(f"- {code(name)} is not known: {shown_problem(problem)}." for name, problem in unknown))
    parts.append(classes_section(found.by_class, active))
    if found.outputs and not found.why_not_beside:
        parts.append(outputs_table(found.outputs))
    if found.why_not_beside:
        parts.append(f"**{active} was not measured**: {shown_problem(found.why_not_beside)}.")
    return "\n\n".join(filter(None, parts))


def _rows(one: Judged) -> Iterator[tuple[str, ...]]:
    """Yield a row for each thing that is asked of a metric; one row where nothing is."""
    difference = one.difference
    values = [short_number(value) if value is not None else NONE for value in (one.incumbent, one.candidate)]
    values.append(short_difference(difference) if difference is not None else NONE)
    for number, limit in enumerate(one.limits or (None,)):
        told = (code(one.name), *values) if not number else ("", "", "", "")
        yield (*told, *(_asked(limit) if limit else (NONE, NONE)))


def _asked(limit: Limit) -> tuple[str, str]:
    if limit.problem:
        return text(limit.words), "**not known**"
    if limit.margin is None:
        return text(limit.words), "nothing has been ACTIVE before"
    mark = "" if limit.margin >= 0 else "❌ "
    return text(limit.words), f"{mark}{short_number(limit.margin)}"
