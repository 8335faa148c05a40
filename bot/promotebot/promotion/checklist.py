"""The runbook's pre-promotion checklist: each of its seven boxes, ticked by the rules that stand for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from promotebot.findings import Finding, Severity
from promotebot.registry.names import Stage


@dataclass(frozen=True)
class Box:
    """One line of the checklist."""

    words: str
    """As the runbook has it."""
    is_ticked: bool
    why: str
    """What ticked it, or what is missing."""


@dataclass(frozen=True)
class _Line:
    words: str
    ticked_by: tuple[str, ...]
    """Rules: one of them has to pass, and none of them may warn."""
    unticked_by: tuple[str, ...]
    """What the rules begin with of which none may be an error, or unknown."""
    otherwise: str
    """What is missing where no rule says anything."""


_LINES = (
    _Line(
        "Artifact exists and passes integrity check",
        ("artifact.digest", "artifact.files"),
        ("artifact.", "path."),
        "no rule looked at the bytes",
    ),
    _Line(
        "Dataset ID matches training data provenance",
        ("manifest.dataset_id",),
        ("manifest.dataset_id", "active.dataset_id", "dataset."),
        "no rule compared it with the manifest",
    ),
    _Line(
        "Git SHA matches training code commit (ACTIVE only)",
        ("git_sha.ancestor",),
        ("git_sha.", "manifest.git_sha", "active.git_sha"),
        "no training commit was looked for",
    ),
    _Line(
        "Dry-run output reviewed and approved",
        ("separation",),
        ("separation",),
        "for people: review this commit and approve it",
    ),
    _Line(
        "Registry verification passes",
        ("gate.replay",),
        ("gate.replay", "gate.plan", "gate.tree", "history.", "registry."),
        "the gate has not looked at it",
    ),
    _Line(
        "Git working tree is clean",
        ("gate.plan",),
        ("gate.plan", "git.clean"),
        "the gate has not looked at the commit",
    ),
    _Line("Promotion reason documented", ("request.reason",), ("request.reason",), "no reason is asked for"),
)


def checklist(findings: Sequence[Finding], stage: Stage) -> list[Box]:
    """Return the seven boxes for a promotion into a stage; what nobody says is not ticked.

    Args:
        findings: every rule that was applied, passes included.
    """
    return [_box(line, findings, stage) for line in _LINES]


def _box(line: _Line, findings: Sequence[Finding], stage: Stage) -> Box:
    if "git_sha.ancestor" in line.ticked_by and stage is not Stage.ACTIVE:
        return Box(line.words, is_ticked=False, why="not asked for here")
    for finding in findings:
        is_wrong = finding.severity in (Severity.ERROR, Severity.UNKNOWN) and finding.rule.startswith(line.unticked_by)
        if is_wrong or (finding.severity is Severity.WARNING and finding.rule in line.ticked_by):
            return Box(line.words, is_ticked=False, why=finding.message)
    passes = (one for one in findings if one.severity is Severity.PASS and one.rule in line.ticked_by)
    first = next(passes, None)
    return Box(line.words, is_ticked=first is not None, why=first.message if first else line.otherwise)
