"""The report of a verification, a document with a schema: lines, JSON, SARIF and JUnit are views of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from promotebot.errors import CouldNotVerify, InvalidInput
from promotebot.findings import Finding, Severity
from promotebot.registry.codec import parse_json
from promotebot.registry.names import Stage
from promotebot.text import counted

MAX_BYTES = 256 * 1024 * 1024
"""Of a report in a file."""
Verdict = Literal["verified", "mismatch", "could_not_verify"]
EXIT_CODES: dict[str, int] = {"verified": 0, "mismatch": 1, "could_not_verify": 4}


class ReportScope(BaseModel):
    """What a report is about: a registry at a commit, all of it or a part."""

    model_config = ConfigDict(frozen=True)

    registry: str
    commit: str | None = None
    since: str | None = None
    base: str | None = None
    only: tuple[str, ...] | None = None
    """The models asked for by name; None for all."""
    stages: tuple[Stage, ...] | None = None
    """The stages whose content was looked at; None for all."""
    without_git: bool = False
    """A deployed copy: what only git could tell is not looked at."""
    shard: str | None = Field(default=None, pattern=r"^[1-9][0-9]{0,3}/[1-9][0-9]{0,3}$")
    dealt: int | None = Field(default=None, ge=0)
    """How many models all shards have together."""


class ModelFinding(Finding):
    """A finding on one model; on the whole where `model` is empty."""

    model: str


class NotLookedAt(BaseModel):
    """A rule that this verification did not apply, because it was asked to go without; never a pass."""

    model_config = ConfigDict(frozen=True)

    rule: str
    message: str


class VerifyReport(BaseModel):
    """`verified` only when something was looked at and nothing is wrong or unknown; a mismatch outweighs an unknown.

    `not_looked_at` says what the verdict says nothing of.
    """

    model_config = ConfigDict(frozen=True)

    schema_version: Literal["v1"] = "v1"
    about: ReportScope
    verdict: Verdict
    models: tuple[str, ...]
    """The models looked at."""
    counts: dict[Severity, int]
    findings: tuple[ModelFinding, ...]
    not_looked_at: tuple[NotLookedAt, ...] = ()

    @property
    def exit_code(self) -> int:
        """0 verified, 1 does not verify, 4 could not verify."""
        return EXIT_CODES[self.verdict]


def report_of(about: ReportScope, models: Sequence[str], findings: Sequence[ModelFinding]) -> VerifyReport:
    """Return the report on some models, with the verdict that its findings lead to."""
    counts = {severity: sum(finding.severity is severity for finding in findings) for severity in Severity}
    verdict: Verdict = "could_not_verify"
    if counts[Severity.ERROR]:
        verdict = "mismatch"
    elif counts[Severity.PASS] and not counts[Severity.UNKNOWN]:
        verdict = "verified"
    return VerifyReport(about=about, verdict=verdict, models=tuple(models), counts=counts, findings=tuple(findings))


def read_report(data: bytes, *, where: str) -> VerifyReport:
    """Return a report that `verify --format json` printed.

    Raises:
        InvalidInput: for anything else.
    """
    try:
        return VerifyReport.model_validate(parse_json(data, where=where, max_bytes=MAX_BYTES))
    except ValidationError as problem:
        first = problem.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise InvalidInput(
            f"not a report of verify --format json: {place}: {first['msg']}",
            where=where,
            remedy="give the complete files",
        ) from None


def merge_reports(reports: Sequence[VerifyReport]) -> VerifyReport:
    """Return one report of all shards.

    Raises:
        CouldNotVerify: when shards are missing, double, or of different registries or commits, or a model is in none.
    """
    wholes = {report.about.model_copy(update={"shard": None, "dealt": None}) for report in reports}
    shards = [report.about.shard for report in reports]
    count = int((shards[0] or "1/1").partition("/")[2]) if shards else 0
    expected = [f"{number}/{count}" for number in range(1, count + 1)]
    part = any(report.about.only or report.about.stages or report.about.since for report in reports)
    if part or len(wholes) != 1 or sorted(shard or "1/1" for shard in shards) != sorted(expected):
        given = ", ".join(shard or "all" for shard in shards) or "none"
        raise CouldNotVerify(
            f"these reports are not the {count} shards of one verification: {given}"
            + (" (of different registries or commits)" if len(wholes) > 1 else "")
            + (" (of some models or stages only)" if part else ""),
            remedy=f"verify every shard, from --shard 1/{count or 1} to the last one, each with --format json",
        )
    models = [name for report in reports for name in report.models]
    dealt = {report.about.dealt for report in reports} - {None}
    if dealt and dealt != {len(set(models))}:
        raise CouldNotVerify(
            f"these reports have {counted(len(set(models)), 'model')}, and not all that were dealt out to them",
            remedy="verify every shard again, each in a checkout of the same files",
        )
    merged = report_of(wholes.pop(), models, [finding for report in reports for finding in report.findings])
    not_looked_at = dict.fromkeys(one for report in reports for one in report.not_looked_at)
    return merged.model_copy(update={"not_looked_at": tuple(not_looked_at)})
