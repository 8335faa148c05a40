"""Findings: the outcome of a rule as one frozen record, the same for terminal, comment and report."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum

from pydantic import BaseModel, ConfigDict

from promotebot.remedies import Line, Remedy

_UNOPENED = ("artifact.opaque", "artifact.waived")
"""The rules that show a model which nobody opened, as the policy allows; they are told before all others."""
MAX_FINDINGS = 20
"""Of one rule on one artifact; further ones are counted: a comment has a limit."""


class Severity(str, Enum):
    """The weight of a finding. Only errors refuse; warnings never change an exit code."""

    PASS = "pass"  # noqa: S105 - an outcome, not a password
    WARNING = "warning"
    ERROR = "error"
    UNKNOWN = "unknown"
    """The rule could not be evaluated: never a pass. Only a verification goes on after one."""


class Finding(BaseModel):
    """One outcome of one rule: its stable id, a message, the place it is about, and the next command."""

    model_config = ConfigDict(frozen=True)

    rule: str
    severity: Severity
    message: str
    where: str = ""
    remedy: Remedy = Remedy()


def passed(rule: str, message: str, *, where: str = "") -> Finding:
    """Return the finding of a rule that is satisfied; `message` names both sides of the comparison."""
    return Finding(rule=rule, severity=Severity.PASS, message=message, where=where)


def warning(rule: str, message: str, *, where: str = "", remedy: str = "") -> Finding:
    """Return a finding that is shown and refuses nothing."""
    return Finding(rule=rule, severity=Severity.WARNING, message=message, where=where, remedy=Remedy.of(remedy))


def error(rule: str, message: str, *, where: str = "", remedy: str = "") -> Finding:
    """Return a finding that refuses the request; `remedy` is the next command."""
    return Finding(rule=rule, severity=Severity.ERROR, message=message, where=where, remedy=Remedy.of(remedy))


def unknown(rule: str, message: str, *, where: str = "", remedy: str = "") -> Finding:
    """Return the finding of a rule that could not be evaluated, which is never a pass."""
    return Finding(rule=rule, severity=Severity.UNKNOWN, message=message, where=where, remedy=Remedy.of(remedy))


def on_line(findings: Iterable[Finding], line: Line) -> tuple[Finding, ...]:
    """Return the findings with the line that the person wrote in their remedies."""
    return tuple(finding.model_copy(update={"remedy": finding.remedy.on(line)}) for finding in findings)


def some_of(rule: str, where: str, problems: list[Finding]) -> list[Finding]:
    """Return the first MAX_FINDINGS of a rule's errors on one place, and the number of the others."""
    if len(problems) <= MAX_FINDINGS:
        return problems
    return [
        *problems[:MAX_FINDINGS],
        error(rule, f"{where}: and {len(problems) - MAX_FINDINGS} more of this kind.", where=where),
    ]


def errors_with(findings: Iterable[Finding], remedy: Remedy, *, but: str = "") -> tuple[Finding, ...]:
    """Return the findings, each error among them with this remedy instead of its own.

    Args:
        but: the rule whose errors keep their own.
    """
    return tuple(
        f.model_copy(update={"remedy": remedy}) if f.severity is Severity.ERROR and f.rule != but else f
        for f in findings
    )


def said_once(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return the findings in their order; of those that say the same of one place, the first with its remedy."""
    said: dict[tuple[str, ...], Finding] = {}
    for finding in findings:
        said.setdefault((finding.rule, finding.severity.value, finding.message, finding.where), finding)
    return tuple(said.values())


def errors_in(findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings that refuse, in their order."""
    return [f for f in findings if f.severity is Severity.ERROR]


def clean_rules(findings: Iterable[Finding]) -> set[str]:
    """Return the rules that passed and neither warned nor refused anywhere."""
    every = list(findings)
    return {f.rule for f in every} - {f.rule for f in every if f.severity is not Severity.PASS}


def is_unopened(findings: Iterable[Finding]) -> bool:
    """Return whether one of them says that nobody opened the model."""
    return any(finding.rule in _UNOPENED for finding in findings)


def warnings_in(findings: Iterable[Finding]) -> list[Finding]:
    """Return the warnings, in their order."""
    return [f for f in findings if f.severity is Severity.WARNING]
