"""The output of commands: a finding as a line for a terminal, a file written whole."""

from __future__ import annotations

from pathlib import Path

from promotebot.errors import UsageError
from promotebot.files import write_atomically
from promotebot.findings import Finding, Severity
from promotebot.text import visible

_SIGNS = {
    Severity.PASS: "ok     ",
    Severity.WARNING: "warning",
    Severity.ERROR: "error  ",
    Severity.UNKNOWN: "unknown",
}


def line(finding: Finding, model: str = "") -> str:
    """Return a finding in one line, with the next command under it unless it passed.

    What stands in a registry is shown as plain characters: none of it can move a terminal's cursor.
    """
    where = f" [{finding.where}]" if finding.where else ""
    about = f"{model}: " if model else ""
    text = visible(f"{_SIGNS[finding.severity]} {about}{finding.rule}: {finding.message}{where}")
    if not finding.remedy or finding.severity is Severity.PASS:
        return text
    return f"{text}\n        Next: {visible(finding.remedy)}"


def write_file(path: Path, data: bytes) -> None:
    """Write a whole file, readable by everybody (0644), or nothing.

    Raises:
        UsageError: when the directory takes no file.
    """
    try:
        write_atomically(path, data, 0o644)
    except OSError as problem:
        raise UsageError(
            f"cannot write: {problem.strerror}", where=str(path), remedy="check space and permissions"
        ) from None
