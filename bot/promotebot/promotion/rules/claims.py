"""Rules about claimed evidence: that it is there and of these bytes, and that it reaches what the policy asks for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal, localcontext

from promotebot.artifact.claims import Claims, EvidenceFile, Metric
from promotebot.findings import Finding, error, passed
from promotebot.promotion.rules.context import RuleContext
from promotebot.promotion.thresholds import StageEvidence, Thresholds
from promotebot.remedies import in_shell
from promotebot.text import counted, distance, duration, quoted

EXISTS, METRIC = "evidence.exists", "evidence.metric"
_DIGITS = 300
"""Enough for the difference of any two numbers that are read to be exact."""
_AHEAD = timedelta(days=1)
"""A date is over at its end, somewhere on Earth up to a day before UTC says so."""
_PLAIN = re.compile(r"[\w.:/@+%=-]{1,60}")
_MAX_NAMED = 4
"""Metrics that a remedy names."""


def evidence_is_given(context: RuleContext) -> Iterator[Finding]:
    """Check that claimed evidence is there where the policy asks for it, reads, and speaks of these very bytes."""
    claims, asked = context.facts.claims, context.policy.evidence.of(context.request.stage)
    if context.is_rollback:
        return
    if claims and claims.problem:
        remedy = "correct that file, or remove it where the policy asks for none"
        yield error(EXISTS, f"The evidence does not count: {claims.problem}.", where=claims.path, remedy=remedy)
    elif claims and claims.file:
        count = counted(len(claims.file.metrics), "metric")
        yield passed(EXISTS, f"{count}, {claimed(claims, claims.file)}", where=claims.path)
    elif asked:
        there = f": there is no {claims.path}" if claims else ", and the artifact's digest is not known"
        message = f"{context.request.stage.label} needs evidence ({asked}){there}."
        yield error(
            EXISTS,
            message,
            where=claims.path if claims else context.request.artifact_dir,
            remedy=_write(context.request.artifact_dir, asked),
        )


def evidence_suffices(context: RuleContext) -> Iterator[Finding]:
    """Check each threshold of the policy against what is claimed; what cannot be compared does not pass."""
    claims, asked = context.facts.claims, context.policy.evidence.of(context.request.stage)
    if asked is None or context.is_rollback or claims is None or claims.file is None:
        return
    with localcontext() as exact:
        exact.prec = _DIGITS
        yield from _Comparison(context, asked, claims, claims.file).findings()


def claimed(claims: Claims, file: EvidenceFile) -> str:
    """Return who claims it, and in which commit it was read."""
    return f"{file.claimant}, in {claims.read_from}"


def without_claimant(message: str) -> str:
    """Return the beginning of a message about a threshold, before it says who claims the number."""
    before, mark, _ = message.rpartition("; claimed by `")  # of which a name of the file has no backtick
    return before if mark else message


def claimed_of_other(claims: Claims | None, former: str) -> str:
    """Return the same of what it is compared with, as an addition to it; empty where that claims nothing.

    Args:
        former: what to call it where it is not ACTIVE any more.
    """
    if claims is None or claims.file is None:
        return ""
    whose = f"those of {former}" if former else "ACTIVE's"
    return f"; {whose} {claimed(claims, claims.file)}"


@dataclass(frozen=True)
class _Comparison:
    """One artifact's evidence against what a stage asks for, and against that of ACTIVE, or of the last one."""

    context: RuleContext
    asked: StageEvidence
    claims: Claims
    file: EvidenceFile

    def findings(self) -> Iterator[Finding]:
        """Yield a finding for each threshold, and for each metric that is missing."""
        for name, limits in self.asked.metrics.items():
            own = [metric for metric in self.file.metrics if metric.name == name]
            for part in (None, *self.asked.slices):
                if all(metric.slice != part for metric in own):
                    yield self._fail(f"{name}{_of(part)} is not in the evidence")
            for metric in own:
                yield from self._limits(metric, limits)
        considered = [m for m in self.file.metrics if not self.asked.metrics or m.name in self.asked.metrics]
        if not self.asked.metrics:
            for part in self.asked.slices:
                if all(metric.slice != part for metric in considered):
                    yield self._fail(f"Nothing{_of(part)} is in the evidence")
        for metric in considered:
            yield from self._amount(metric)

    def _limits(self, metric: Metric, limits: Thresholds) -> Iterator[Finding]:
        value = metric.number
        if limits.minimum is not None:
            yield self._told(metric, f"at least {limits.minimum}", value - Decimal(limits.minimum))
        if limits.maximum is not None:
            yield self._told(metric, f"at most {limits.maximum}", Decimal(limits.maximum) - value)
        if limits.max_drop is not None:
            yield self._against(metric, distance(limits.max_drop, "below", self._active), Decimal(limits.max_drop), 1)
        if limits.max_rise is not None:
            yield self._against(metric, distance(limits.max_rise, "above", self._active), Decimal(limits.max_rise), -1)

    def _against(self, metric: Metric, asked: str, allowed: Decimal, sign: int) -> Finding:
        if self._is_first:
            return passed(METRIC, f"{_named(metric)}, {asked}: nothing else was ever ACTIVE", where=self.claims.path)
        other = self._other(metric)
        if isinstance(other, str):
            return self._fail(f"{_named(metric)}, {asked}: not compared, as {other}")
        return self._told(metric, asked, allowed + sign * (metric.number - other.number))

    def _told(self, metric: Metric, asked: str, margin: Decimal) -> Finding:
        trend = self._trend(metric)
        words, beside = f"{_named(metric)}{trend}, {asked}", self._beside if trend else ""
        if margin < 0:
            return self._fail(f"{words}: missed by {_text(-margin)}", beside)
        message = f"{words}: margin {_text(margin)}; {claimed(self.claims, self.file)}{beside}"
        return passed(METRIC, message, where=self.claims.path)

    def _amount(self, metric: Metric) -> Iterator[Finding]:
        least, rows = self.asked.duration, self.asked.rows
        if metric.period and metric.period.ends > self.context.now + _AHEAD:
            yield self._fail(f"{_named(metric)} is measured until {metric.period.end}, which is not over yet")
        if least is not None and (metric.period is None or metric.period.length < least):
            took = f"measured for {duration(metric.period.length)}" if metric.period else "without a period"
            yield self._fail(f"{_named(metric)} is {took}; {duration(least)} asked for")
        if rows is not None and (metric.rows is None or metric.rows < rows):
            count = f"from {counted(metric.rows, 'row')}" if metric.rows is not None else "without a number of rows"
            yield self._fail(f"{_named(metric)} is {count}; {rows:,} asked for")

    def _fail(self, message: str, beside: str = "") -> Finding:
        words = (
            f"{message}; {claimed(self.claims, self.file)}{beside}."  # begins with a metric's name, as it is written
        )
        return error(METRIC, words, where=self.claims.path, remedy="improve the model, or measure what is missing")

    @property
    def _is_first(self) -> bool:
        """True where no other artifact is ACTIVE on the base, or was: there is nothing to be worse than."""
        held = self.context.compared_with
        return held is None or held.pointer.digest == self.context.digest

    @property
    def _active(self) -> str:
        """What it is compared with, in words."""
        held = self.context.compared_with
        return (held.former or held.name) if held else "ACTIVE"

    @property
    def _beside(self) -> str:
        """Who claims the numbers that it is compared with."""
        held = self.context.compared_with
        return claimed_of_other(self.context.facts.claims_of_active, held.name if held and held.until else "")

    def _other(self, metric: Metric) -> Metric | str:
        """Return the other's number for the same name, dataset and slice, or why there is none."""
        active, held = self.context.facts.claims_of_active, self.context.compared_with
        what = held.name if held and held.until else "what is ACTIVE"
        if active is None or (active.file is None and not active.problem):
            return f"there is no evidence of {what}"
        if active.file is None:
            return f"the evidence of {what} does not count: {active.problem}"
        found = next((one for one in active.file.metrics if one.place == metric.place), None)
        return found or f"the evidence of {what} has none for this dataset and slice"

    def _trend(self, metric: Metric) -> str:
        """Return where it goes, beside the other one; empty where that is not known."""
        other = None if self._is_first else self._other(metric)
        if not isinstance(other, Metric):
            return ""
        arrow = "→" if metric.number == other.number else "↑" if metric.number > other.number else "↓"
        held = self.context.compared_with
        return f" ({arrow} {held.name if held else 'ACTIVE'} {_text(other.number)})"


def _write(directory: str, asked: StageEvidence) -> str:
    """Return how the file is written that the policy asks for; only the person knows the numbers."""
    names = [*asked.metrics][:_MAX_NAMED] or ["NAME"]
    # Parts of the data are the rows of a file of metrics.
    numbers = "--from FILE" if asked.slices else " ".join(f"--metric {in_shell(f'{name}=VALUE')}" for name in names)
    numbers += f" --rows {asked.rows}" if asked.rows else ""
    numbers += " --start DATE --end DATE" if asked.duration else ""
    return f"measure it, write that file: promotebot evidence {in_shell(directory)} {numbers}; then commit it"


def _of(part: str | None) -> str:
    return f" of slice {_plain(part)}" if part else ""


def _named(metric: Metric) -> str:
    on = f" on {_plain(metric.dataset)}" if metric.dataset else ""
    return f"{_plain(metric.name)} {_text(metric.number)}{_of(metric.slice)}{on}"


def _plain(name: str) -> str:
    """Return a name that the file gives; one that could be read as words of a sentence is quoted."""
    return name if _PLAIN.fullmatch(name) else quoted(name)


def _text(number: Decimal) -> str:
    """Return a number without needless zeros; one with many digits as a power of ten."""
    plain = f"{number.normalize():f}"
    return plain if len(plain) <= 24 else str(number.normalize())
