"""What a verification found, as a document with a schema: lines, JSON, SARIF and JUnit are views of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Literal
from urllib.parse import quote
from xml.etree import ElementTree

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from promotebot import __version__
from promotebot.errors import CouldNotVerify, InvalidInput
from promotebot.findings import Finding, Severity
from promotebot.registry.codec import parse_json

MAX_BYTES = 256 * 1024 * 1024
Verdict = Literal["verified", "mismatch", "could_not_verify"]
EXIT_CODES: dict[str, int] = {"verified": 0, "mismatch": 1, "could_not_verify": 4}
_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.UNKNOWN: "error"}


class About(BaseModel):
    """What a report is about: a registry at a commit, all of it or a part."""

    model_config = ConfigDict(frozen=True)

    registry: str
    commit: str | None = None
    since: str | None = None
    base: str | None = None
    only: tuple[str, ...] | None = None
    """The models asked for by name; None for all."""
    shard: str | None = Field(default=None, pattern=r"^[1-9][0-9]{0,3}/[1-9][0-9]{0,3}$")


class ModelFinding(Finding):
    """A finding on one model; on the whole where `model` is empty."""

    model: str


class VerifyReport(BaseModel):
    """`verified` only when something was looked at and nothing is wrong or unknown; a mismatch outweighs an unknown."""

    model_config = ConfigDict(frozen=True)

    schema_version: Literal["v1"] = "v1"
    about: About
    verdict: Verdict
    models: tuple[str, ...]
    """The models looked at."""
    counts: dict[Severity, int]
    findings: tuple[ModelFinding, ...]

    @property
    def exit_code(self) -> int:
        return EXIT_CODES[self.verdict]


def report_of(about: About, models: Sequence[str], findings: Sequence[ModelFinding]) -> VerifyReport:
    counts = {severity: sum(finding.severity is severity for finding in findings) for severity in Severity}
    verdict: Verdict = "could_not_verify"
    if counts[Severity.ERROR]:
        verdict = "mismatch"
    elif counts[Severity.PASS] and not counts[Severity.UNKNOWN]:
        verdict = "verified"
    return VerifyReport(about=about, verdict=verdict, models=tuple(models), counts=counts, findings=tuple(findings))


def read_report(data: bytes, *, where: str) -> VerifyReport:
    """A report that `verify --format json` printed.

    Raises:
        InvalidInput: for anything else.
    """
    try:
        return VerifyReport.model_validate(parse_json(data, where=where, max_bytes=MAX_BYTES))
    except ValidationError as problem:
        first = problem.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise InvalidInput(
            f"not a report of verify --format json: {place}: {first['msg']}", where=where, remedy="give the files whole"
        ) from None


def merge_reports(reports: Sequence[VerifyReport]) -> VerifyReport:
    """One report of all shards.

    Raises:
        CouldNotVerify: when shards are missing, double, or of different registries or commits.
    """
    wholes = {report.about.model_copy(update={"shard": None}) for report in reports}
    shards = [report.about.shard for report in reports]
    count = int((shards[0] or "1/1").partition("/")[2]) if shards else 0
    expected = [f"{number}/{count}" for number in range(1, count + 1)]
    part = any(report.about.only or report.about.since for report in reports)
    if part or len(wholes) != 1 or sorted(shard or "1/1" for shard in shards) != sorted(expected):
        said = ", ".join(shard or "all" for shard in shards) or "none"
        raise CouldNotVerify(
            f"these reports are not the {count} shards of one verification: {said}"
            + (" (of different registries or commits)" if len(wholes) > 1 else "")
            + (" (of some models only)" if part else ""),
            remedy=f"run every shard: promotebot verify --shard I/{count or 'N'} --format json",
        )
    models = [name for report in reports for name in report.models]
    return report_of(wholes.pop(), models, [finding for report in reports for finding in report.findings])


def to_sarif(report: VerifyReport) -> str:
    """SARIF 2.1.0 of everything that is not a pass: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html"""
    shown = [finding for finding in report.findings if finding.severity is not Severity.PASS]
    rules = sorted({finding.rule for finding in shown})
    run = {
        "tool": {
            "driver": {"name": "promotebot", "version": __version__, "rules": [{"id": rule} for rule in rules]},
        },
        "invocations": [{"executionSuccessful": report.verdict != "could_not_verify"}],
        "results": [_sarif_result(finding, rules, report.about.registry) for finding in shown],
    }
    document = {"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [run]}
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _sarif_result(finding: ModelFinding, rules: Sequence[str], registry: str) -> dict[str, Any]:
    file, _, place = finding.where.partition(" ")
    text = f"{finding.message} Next: {finding.remedy}" if finding.remedy else finding.message
    logical = [{"fullyQualifiedName": part} for part in (finding.model, place) if part]
    return {
        "ruleId": finding.rule,
        "ruleIndex": rules.index(finding.rule),
        "level": _LEVELS[finding.severity],
        "message": {"text": text},
        "locations": [
            {
                "physicalLocation": {"artifactLocation": {"uri": quote(file or registry)}},
                **({"logicalLocations": logical} if logical else {}),
            }
        ],
    }


def to_junit(report: VerifyReport) -> str:
    """JUnit XML, one suite a model, one case a finding: what CI servers show as a test report."""
    root = ElementTree.Element("testsuites", name="promotebot verify")
    for model in dict.fromkeys(finding.model for finding in report.findings):
        found = [finding for finding in report.findings if finding.model == model]
        suite = ElementTree.SubElement(
            root,
            "testsuite",
            name=model or report.about.registry,
            tests=str(len(found)),
            failures=str(sum(f.severity is Severity.ERROR for f in found)),
            errors=str(sum(f.severity is Severity.UNKNOWN for f in found)),
        )
        for finding in found:
            _junit_case(suite, finding)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _junit_case(suite: ElementTree.Element, finding: ModelFinding) -> None:
    name = f"{finding.rule} {finding.where}".strip()
    case = ElementTree.SubElement(suite, "testcase", classname=finding.rule, name=_xml(name))
    text = _xml(f"{finding.message}\nNext: {finding.remedy}" if finding.remedy else finding.message)
    tag = {Severity.ERROR: "failure", Severity.UNKNOWN: "error", Severity.WARNING: "system-out"}.get(finding.severity)
    if tag:
        attributes = {} if tag == "system-out" else {"message": _xml(finding.message)}
        ElementTree.SubElement(case, tag, attributes).text = text


def _xml(text: str) -> str:
    """Characters that XML 1.0 cannot hold are shown by their code: https://www.w3.org/TR/xml/#charsets"""
    return "".join(c if c in "\t\n\r" or (c >= " " and c not in "\ufffe\uffff") else f"\\x{ord(c):02x}" for c in text)
