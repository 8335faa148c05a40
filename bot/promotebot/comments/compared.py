"""A candidate beside ACTIVE on the same inputs, as a small table: computed in this run, not claimed."""

from __future__ import annotations

from promotebot.artifact.comparison import Comparison
from promotebot.artifact.evidence import Evidence
from promotebot.comments.markdown import code
from promotebot.comments.measured import measured_section
from promotebot.comments.output_table import outputs_table, shown_problem
from promotebot.text import counted


def compared_section(evidence: Evidence, *, is_merged: bool = False) -> str:
    """Return how a candidate did beside ACTIVE, on golden inputs and evaluation set; empty where nobody asked."""
    parts = [
        _on_golden_inputs(evidence.comparison, is_merged),
        measured_section(evidence.evaluation, is_merged=is_merged),
    ]
    return "\n\n".join(filter(None, parts))


def _on_golden_inputs(found: Comparison | None, is_merged: bool) -> str:
    """Return how the outputs differ from those of ACTIVE, or why that is not known."""
    if found is None:
        return ""
    today = "the ACTIVE before" if is_merged else "the current ACTIVE"
    active = f"{found.former or today}** in {code(found.incumbent)}"
    if not found.outputs:
        return f"**Not compared with {active}: {shown_problem(found.problem or 'there is no output')}."
    title = f"**Outputs beside those of {active}, on its golden inputs, computed in this run ({_sets(found)}):"
    wrong = f"\n\n**Not compared on everything:** {shown_problem(found.problem)}." if found.problem else ""
    return f"{title}\n\n{outputs_table(found.outputs)}{wrong}"


def _sets(found: Comparison) -> str:
    return counted(found.sets, "set")
