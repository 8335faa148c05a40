"""How the outputs of two models differ, as a small table."""

from __future__ import annotations

from collections.abc import Sequence

from promotebot.artifact.comparison import OutputDifference
from promotebot.comments.markdown import code, table, text
from promotebot.text import counted, percent

MAX_ROWS = 8
"""Outputs in the table."""
MAX_PROBLEM = 500
"""Characters of why something was not compared."""
NONE = "—"


def outputs_table(outputs: Sequence[OutputDifference]) -> str:
    """Return a row for each output, as Markdown."""
    rows = [_row(output) for output in outputs[:MAX_ROWS]]
    left = len(outputs) - MAX_ROWS
    more = f"\n\n… and {counted(left, 'more output')}." if left > 0 else ""
    return f"{table(('output', 'same class', 'largest difference', 'mean difference'), rows)}{more}"


def _row(output: OutputDifference) -> tuple[str, ...]:
    if output.problem:
        return code(output.name), f"**not compared**: {shown_problem(output.problem)}", NONE, NONE
    share = output.agreement
    same = f"{percent(share)} of {output.classes:,}" if share is not None else NONE
    if not output.values:
        return code(output.name), same, NONE, NONE
    are = "are" if output.apart > 1 else "is"
    apart = f"; {counted(output.apart, 'value')} {are} finite in one model only" if output.apart else ""
    mean = f"{output.mean:.3g}" if output.mean is not None else NONE
    return code(output.name), same, f"{output.largest:.3g}{apart}", mean


def shown_problem(problem: str) -> str:
    """Return why something was not compared, as Markdown without its full stop."""
    return text(problem[:MAX_PROBLEM]).removesuffix(".")
