"""A report as JUnit XML, which CI servers show as a test report."""

from __future__ import annotations

from xml.etree import ElementTree

from promotebot.findings import Severity
from promotebot.verification.report import ModelFinding, VerifyReport


def to_junit(report: VerifyReport) -> str:
    """Return JUnit XML: one suite for each model, one case for each finding.

    An error is a failure, an unknown an error, a warning a case's output, what was not looked at a skipped case:
    https://github.com/testmoapp/junitxml
    """
    root = ElementTree.Element("testsuites", name="promotebot verify")
    for model in dict.fromkeys(finding.model for finding in report.findings):
        findings = [finding for finding in report.findings if finding.model == model]
        suite = ElementTree.SubElement(
            root,
            "testsuite",
            name=model or report.about.registry,
            tests=str(len(findings)),
            failures=str(sum(f.severity is Severity.ERROR for f in findings)),
            errors=str(sum(f.severity is Severity.UNKNOWN for f in findings)),
        )
        for finding in findings:
            _junit_case(suite, finding)
    if report.not_looked_at:
        skipped = str(len(report.not_looked_at))
        suite = ElementTree.SubElement(root, "testsuite", name="not looked at", tests=skipped, skipped=skipped)
        for one in report.not_looked_at:
            case = ElementTree.SubElement(suite, "testcase", classname=one.rule, name=_xml(one.rule))
            ElementTree.SubElement(case, "skipped", message=_xml(one.message))
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
    """Return text with the characters that XML 1.0 cannot hold shown by their code: https://www.w3.org/TR/xml/#charsets"""
    return "".join(c if c in "\t\n\r" or (c >= " " and c not in "\ufffe\uffff") else f"\\x{ord(c):02x}" for c in text)
