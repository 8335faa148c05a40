"""Which findings follow from which, beside a definition that compares every two of them."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from hypothesis import example, given
from hypothesis import strategies as st

from promotebot.findings import Finding, Severity
from promotebot.promotion.causes import CAUSES, by_cause

RULES = sorted({"gate.plan", "freeze", *CAUSES, *(rule for causes in CAUSES.values() for rule in causes)})
PLACES = ["", "ml", "ml/a", "ml/a/manifest.json", "ml/a/model.onnx", "ml/ab", "ml/a/x/y", "models.json", "/", "a//b"]


def finding(rule: str, where: str, severity: Severity = Severity.ERROR) -> Finding:
    """Return a finding, which may pass."""
    remedy = "" if severity is Severity.PASS else "look"
    return Finding(rule=rule, severity=severity, message=f"{rule} at {where}", where=where, remedy=remedy)


FINDINGS = st.lists(
    st.builds(finding, st.sampled_from(RULES), st.sampled_from(PLACES), st.sampled_from(Severity)), max_size=12
)


def pairwise(findings: Sequence[Finding]) -> list[int | None]:
    """Return for each finding that did not pass the index of the one that it follows from directly."""
    found = [one for one in findings if one.severity is not Severity.PASS]
    every = {one.where for one in findings}

    def directory(where: str) -> str:
        parent, _, name = where.rpartition("/")
        return parent if name == "manifest.json" or parent in every else where

    def near(one: str, other: str) -> bool:
        inside = one == other or one.startswith(f"{other}/") or other.startswith(f"{one}/")
        return inside or directory(one) == directory(other)

    def cause(index: int) -> int | None:
        one, before = found[index], found[index - 1] if index else None
        if one.rule == "gate.plan":
            follows = before and not before.rule.startswith("gate.") and before.severity is not Severity.WARNING
            return index - 1 if follows else None
        grave = [
            place
            for place, other in enumerate(found)
            if other.rule in CAUSES.get(one.rule, ()) and other.severity is not Severity.WARNING
        ]
        if not one.where:
            return grave[0] if len({directory(found[place].where) for place in grave}) == 1 else None
        return next((place for place in grave if near(one.where, found[place].where)), None)

    return [cause(index) for index in range(len(found))]


@given(FINDINGS)
@example([finding("artifact.exists", "ml/a"), finding("artifact.digest", "ml/a/x/y")])
@example([finding("artifact.exists", "ml/a"), finding("artifact.exists", "ml/ab"), finding("active.git_sha", "")])
def test_what_follows_from_what_is_as_comparing_every_two_findings_says(findings: list[Finding]) -> None:
    found = [one for one in findings if one.severity is not Severity.PASS]
    above = pairwise(findings)

    def root(index: int) -> int:
        cause = above[index]
        return index if cause is None else root(cause)

    wanted: dict[int, list[Finding]] = {index: [] for index, cause in enumerate(above) if cause is None}
    for index, cause in enumerate(above):
        if cause is not None:
            wanted[root(index)].append(found[index])
    causes = by_cause(findings)
    assert [(cause.finding, list(cause.follows)) for cause in causes] == [(found[i], wanted[i]) for i in wanted]


def _calls(findings: Sequence[Finding]) -> int:
    """Return how many functions are called to tell what follows from what; no clock counts."""
    count = 0

    def called(_frame: object, _event: str, _argument: object) -> None:
        nonlocal count
        count += 1

    before = sys.getprofile()
    sys.setprofile(called)
    try:
        by_cause(findings)
    finally:
        sys.setprofile(before)
    return count


def test_twice_as_many_findings_take_twice_as_many_steps() -> None:
    def report(models: int) -> list[Finding]:
        return [
            finding(rule, f"ml/artifacts/model_{number}")
            for number in range(models)
            for rule in ("artifact.exists", "artifact.pinned", "manifest.changed", "active.dataset_id")
        ]

    assert _calls(report(200)) < 2.2 * _calls(report(100))
