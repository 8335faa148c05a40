"""The runbook's pre-promotion checklist: seven boxes, each ticked by the rules that stand for it, or by a person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from promotebot.errors import InvalidInput
from promotebot.findings import Finding, Severity
from promotebot.registry.names import Stage
from promotebot.remedies import Remedy, comment


@dataclass(frozen=True)
class Check:
    """`/check 4 7`: a person ticks boxes that no rule answers, for the commit that they looked at."""

    line: int
    text: str
    boxes: tuple[int, ...]


@dataclass(frozen=True)
class Tick:
    """Who ticked a box, and when."""

    login: str
    at: datetime | None

    def __str__(self) -> str:
        return f"ticked by {self.login}{f' on {self.at:%Y-%m-%d %H:%M} UTC' if self.at else ''}"


NO_TICKS: Mapping[int, Tick] = MappingProxyType({})


@dataclass(frozen=True)
class Box:
    """One line of the checklist."""

    number: int
    words: str
    """As the runbook has it."""
    is_ticked: bool
    why: str
    """What ticked it, or what is missing."""
    remedy: str = ""
    """What to do about a rule that keeps it from being ticked."""
    is_open: bool = False
    """No rule answers it, so that a person may tick it."""

    @property
    def command(self) -> str:
        """The comment that ticks it."""
        return str(comment("/check", str(self.number)))


@dataclass(frozen=True)
class _Line:
    words: str
    ticked_by: tuple[str, ...]
    """Rules: one of them has to pass, and none of them may warn."""
    unticked_by: tuple[str, ...]
    """What the rules begin with of which none may be an error, or unknown."""
    otherwise: str
    """What is missing where no rule says anything."""
    is_for_people: bool = False
    """A person may tick it where no rule says anything; what is proven or not is nothing to have an opinion about."""


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
        "no rule compared it with the manifest, so compare it yourself",
        is_for_people=True,
    ),
    _Line(
        "Git SHA matches training code commit (ACTIVE only)",
        ("git_sha.ancestor",),
        ("git_sha.", "manifest.git_sha", "active.git_sha"),
        "no rule looked for the training commit, so look for it yourself",
        is_for_people=True,
    ),
    _Line(
        "Dry-run output reviewed and approved",
        ("separation",),
        ("separation",),
        "for somebody who did not request it: review this commit",
        is_for_people=True,
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
    _Line(
        "Promotion reason documented",
        ("request.reason",),
        ("request.reason",),
        "no rule asks for a reason here, so read it yourself",
        is_for_people=True,
    ),
)
REVIEWED = 4
"""The box that whoever requested the promotion does not tick."""


def parse_boxes(words: Sequence[str]) -> tuple[int, ...]:
    """Return the numbers of boxes, each once. Raises InvalidInput for none, and for a word that is no number of one."""
    numbers = {str(number): number for number in range(1, len(_LINES) + 1)}
    example = Remedy("the card numbers its boxes; write it like this: ", comment("/check", str(REVIEWED)))
    if not words:
        raise InvalidInput("/check needs the number of a box", remedy=example)
    wrong = next((word for word in words if word not in numbers), None)
    if wrong is not None:
        raise InvalidInput(f"{wrong[:50]!r} is not the number of a box, 1 to {len(_LINES)}", remedy=example)
    return tuple(dict.fromkeys(numbers[word] for word in words))


def checklist(findings: Sequence[Finding], stage: Stage, ticks: Mapping[int, Tick] = NO_TICKS) -> list[Box]:
    """Return the seven boxes for a promotion into a stage; what nobody says is not ticked.

    Args:
        findings: every rule that was applied, passes included.
        ticks: number of a box → who ticked it; it counts where no rule says anything.
    """
    return [_box(number, line, findings, stage, ticks.get(number)) for number, line in enumerate(_LINES, start=1)]


def _box(number: int, line: _Line, findings: Sequence[Finding], stage: Stage, tick: Tick | None) -> Box:
    if "git_sha.ancestor" in line.ticked_by and stage is not Stage.ACTIVE:
        return Box(number, line.words, is_ticked=False, why="not asked for here")
    for finding in findings:
        is_wrong = finding.severity in (Severity.ERROR, Severity.UNKNOWN) and finding.rule.startswith(line.unticked_by)
        if is_wrong or (finding.severity is Severity.WARNING and finding.rule in line.ticked_by):
            return Box(number, line.words, is_ticked=False, why=finding.message, remedy=finding.remedy)
    for finding in findings:
        if finding.severity is Severity.PASS and finding.rule in line.ticked_by:
            return Box(number, line.words, is_ticked=True, why=finding.message)
    if tick and line.is_for_people:
        return Box(number, line.words, is_ticked=True, why=str(tick))
    return Box(number, line.words, is_ticked=False, why=line.otherwise, is_open=line.is_for_people)


def told_ticks(ticks: Mapping[int, Tick]) -> str | None:
    """Return who ticked which boxes, as a receipt says it; None where nobody did."""
    return ", ".join(f"box {number} by {tick.login}" for number, tick in sorted(ticks.items())) or None
