"""A finding as a terminal shows it: one line, and the next command under it."""

from __future__ import annotations

from promotebot.findings import Finding, Severity
from promotebot.text import visible

_SIGNS = {
    Severity.PASS: "ok     ",
    Severity.WARNING: "warning",
    Severity.ERROR: "error  ",
    Severity.UNKNOWN: "unknown",
}


def line(finding: Finding, model: str = "") -> str:
    """What stands in a registry is shown as plain characters: none of it can move a terminal's cursor."""
    where = f" [{finding.where}]" if finding.where else ""
    about = f"{model}: " if model else ""
    text = visible(f"{_SIGNS[finding.severity]} {about}{finding.rule}: {finding.message}{where}")
    if not finding.remedy or finding.severity is Severity.PASS:
        return text
    return f"{text}\n        Next: {visible(finding.remedy)}"
