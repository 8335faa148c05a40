"""The output of commands: a finding as a line for a terminal, a file written whole."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from shutil import get_terminal_size

from pydantic import BaseModel

from promotebot.errors import UsageError
from promotebot.files import write_atomically
from promotebot.findings import Finding, Severity, clean_rules, is_unopened
from promotebot.promotion.causes import by_cause
from promotebot.text import counted, fitted, visible

_SIGNS = {
    Severity.PASS: "ok     ",
    Severity.WARNING: "warning",
    Severity.ERROR: "error  ",
    Severity.UNKNOWN: "unknown",
}
_GRAVEST_FIRST = (Severity.ERROR, Severity.UNKNOWN, Severity.WARNING)
CHOICES = ("rollback.candidate", "rollback.passed_over")
"""The rules that say where a rollback goes, and why not elsewhere."""


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


def add_format(parser: argparse.ArgumentParser) -> None:
    """Add the option by which a command prints its document instead of lines."""
    parser.add_argument("--format", choices=("text", "json"), default="text", help="lines, or one JSON document")


def write_document(document: BaseModel) -> None:
    """Print a document as JSON."""
    sys.stdout.write(document.model_dump_json(indent=2) + "\n")


def add_verbose(parser: argparse.ArgumentParser) -> None:
    """Add the option that `report_lines` asks for."""
    parser.add_argument("-v", "--verbose", action="store_true", help="also show every rule that passed")


def report_lines(findings: Sequence[Finding], *, verbose: bool) -> Iterator[str]:
    """Yield that a model was not opened, then what is wrong, each cause with what follows from it, then warnings.

    Args:
        verbose: yield every finding in the order of evaluation instead.
    """
    if verbose:
        yield from (line(finding, getattr(finding, "model", "")) for finding in findings)
        return
    # That nobody opened the model weighs on whatever else is said.
    for cause in sorted(by_cause(findings), key=lambda cause: _place(cause.finding)):
        yield line(cause.finding, getattr(cause.finding, "model", ""))
        if cause.follows:
            rules = ", ".join(dict.fromkeys(finding.rule for finding in cause.follows))
            yield f"        follows from it: {rules} (-v shows them)"
    # What a rollback chose and skipped is what somebody has to know before anything else.
    yield from (line(one) for one in findings if one.severity is Severity.PASS and one.rule in CHOICES)
    clean = clean_rules(findings) - {*CHOICES}
    if clean:
        yield f"ok      {counted(len(clean), 'rule')} passed (-v shows them)"


def write_lines(lines: Iterable[str]) -> None:
    """Print lines, on a terminal broken between words where it ends."""
    columns = get_terminal_size().columns if sys.stdout.isatty() else None
    sys.stdout.writelines(f"{fitted(line, columns) if columns else line}\n" for line in lines)


def _place(finding: Finding) -> tuple[bool, int]:
    return not is_unopened([finding]), _GRAVEST_FIRST.index(finding.severity)


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
