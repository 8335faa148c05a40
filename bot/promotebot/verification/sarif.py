"""A report as SARIF, which code scanning shows beside the code."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from promotebot import __version__
from promotebot.findings import Severity
from promotebot.verification.report import ModelFinding, VerifyReport

_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.UNKNOWN: "error"}


def to_sarif(report: VerifyReport) -> str:
    """Return SARIF 2.1.0 of all that did not pass: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html"""
    shown = [finding for finding in report.findings if finding.severity is not Severity.PASS]
    rules = sorted({finding.rule for finding in shown})
    notes = [
        {"level": "note", "descriptor": {"id": one.rule}, "message": {"text": f"not looked at: {one.message}"}}
        for one in report.not_looked_at
    ]
    run = {
        "tool": {
            "driver": {"name": "promotebot", "version": __version__, "rules": [{"id": rule} for rule in rules]},
        },
        "invocations": [
            {
                "executionSuccessful": report.verdict != "could_not_verify",
                **({"toolExecutionNotifications": notes} if notes else {}),
            }
        ],
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
