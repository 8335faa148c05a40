"""A candidate beside ACTIVE on the same inputs, as a small table: computed in this run, not claimed."""

from __future__ import annotations

from promotebot.artifact.comparison import Comparison, OutputDifference
from promotebot.artifact.evidence import Evidence
from promotebot.comments.markdown import code, table, text
from promotebot.text import counted, percent

MAX_ROWS = 8
"""Outputs in the table."""
MAX_PROBLEM = 200
"""Characters of why something was not compared."""
NONE = "—"


def compared_section(evidence: Evidence, *, is_merged: bool = False) -> str:
    """Return how the outputs differ from those of ACTIVE, or why that is not known; empty where nobody asked."""
    found = evidence.comparison
    if found is None:
        return ""
    today = "the ACTIVE before" if is_merged else "the current ACTIVE"
    active = f"{found.former or today}** in {code(found.incumbent)}"
    if not found.outputs:
        return f"**Not compared with {active}: {_shown(found.problem or 'there is no output')}."
    title = f"**Outputs beside those of {active}, on its golden inputs, computed in this run ({_sets(found)}):"
    rows = [_row(output) for output in found.outputs[:MAX_ROWS]]
    left = len(found.outputs) - MAX_ROWS
    more = f"\n\n… and {counted(left, 'more output')}." if left > 0 else ""
    wrong = f"\n\n**Not compared on everything:** {_shown(found.problem)}." if found.problem else ""
    columns = ("output", "same class", "largest difference", "mean difference")
    return f"{title}\n\n{table(columns, rows)}{more}{wrong}"


def _sets(found: Comparison) -> str:
    return counted(found.sets, "set")


def _row(output: OutputDifference) -> tuple[str, ...]:
    if output.problem:
        return code(output.name), f"**not compared**: {_shown(output.problem)}", NONE, NONE
    share = output.agreement
    same = f"{percent(share)} of {output.classes:,}" if share is not None else NONE
    if not output.values:
        return code(output.name), same, NONE, NONE
    apart = f", and {counted(output.apart, 'value')} not finite in one of the two" if output.apart else ""
    mean = f"{output.mean:.3g}" if output.mean is not None else NONE
    return code(output.name), same, f"{output.largest:.3g}{apart}", mean


def _shown(problem: str) -> str:
    return text(problem[:MAX_PROBLEM]).removesuffix(".")
