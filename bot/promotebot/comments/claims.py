"""Claimed evidence in a card: each number beside ACTIVE's, who says so, and how far it is from each threshold."""

from __future__ import annotations

from collections.abc import Sequence

from promotebot.artifact.claims import Claims, Metric
from promotebot.comments.chart import claims_chart
from promotebot.comments.findings import prose
from promotebot.comments.markdown import details, table, text
from promotebot.findings import Finding, Severity
from promotebot.promotion.rules.claims import METRIC, claimed, claimed_of_other, without_claimant

MAX_METRICS = 20
"""Metrics that a card shows; the file has all."""
MAX_LINES = 4
"""Thresholds that stand below the table; more of them are folded, unless one is not reached."""


def claims_section(
    claims: Claims | None, active: Claims | None, findings: Sequence[Finding], *, former: str = ""
) -> str:
    """Return what is claimed of an artifact, as Markdown; empty where nothing is.

    Args:
        active: what is claimed of what it is compared with.
        findings: of the promotion; those on thresholds are shown.
        former: what to call the other one where it is not ACTIVE any more.
    """
    if claims is None or claims.file is None:
        return ""
    known = {one.place: one for one in active.file.metrics} if active and active.file else {}
    shown = claims.file.metrics[:MAX_METRICS]
    rows = [_row(metric, known.get(metric.place)) for metric in shown]
    more = len(claims.file.metrics) - len(shown)
    compared = active if any(metric.place in known for metric in shown) else None
    who = claimed(claims, claims.file) + claimed_of_other(compared, former)
    parts = [
        f"**Evidence**, {prose(who)}; promotebot did not measure it:",
        table(("metric", "on", "claimed", former or "ACTIVE", "rows", "period"), rows),
        f"… and {more} more in the file." if more > 0 else "",
        claims_chart(shown, known, former or "ACTIVE"),
        _thresholds(findings),
    ]
    return "\n\n".join(filter(None, parts))


def _row(metric: Metric, other: Metric | None) -> tuple[str, ...]:
    on = ", ".join(part for part in (metric.dataset, metric.slice) if part)
    period = f"{metric.period.start} to {metric.period.end}" if metric.period else ""
    rows = f"{metric.rows:,}" if metric.rows is not None else ""
    arrow = ""
    if other:
        arrow = " →" if metric.number == other.number else " ↑" if metric.number > other.number else " ↓"
    beside = text(other.value) if other else "not compared"
    return (
        text(metric.name),
        text(on) or "—",
        f"{text(metric.value)}{arrow}",
        beside,
        rows or "—",
        _unbroken(period) if period else "—",
    )


def _unbroken(period: str) -> str:
    """Return dates in one line: a narrow table, as on a phone, would break them into five."""
    return text(period).replace("-", "\u2011").replace(" ", "&nbsp;")


def _thresholds(findings: Sequence[Finding]) -> str:
    """Return each threshold with its margin; many that are all reached are folded."""
    found = [one for one in findings if one.rule == METRIC]
    lines = "\n".join(f"- {prose(without_claimant(one.message))}" for one in found)
    is_reached = all(one.severity is Severity.PASS for one in found)
    return details(f"{len(found)} thresholds, all reached", lines) if is_reached and len(found) > MAX_LINES else lines
