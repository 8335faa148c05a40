"""The rule about a candidate's outputs on the golden inputs of ACTIVE, or of the last one: computed, not claimed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from promotebot.artifact.comparison import Comparison
from promotebot.findings import Finding, Severity, error, passed, warning
from promotebot.promotion.rules.context import RuleContext
from promotebot.promotion.sections import ComparisonPolicy
from promotebot.text import counted, percent

DATA, AGREEMENT, DIFFERENCE = "comparison.data", "comparison.agreement", "comparison.difference"
_GOLDEN = (
    "keep the inputs and outputs of the model that it is compared with; or, as a promoted artifact gets no golden data "
    "later, change `comparison` in the policy of the base branch first"
)
_BETTER = "look at what differs; if it is meant to, change `comparison` in the policy of the base branch first"


def outputs_are_close(context: RuleContext) -> Iterator[Finding]:
    """Judge the outputs by the policy's thresholds, for each stage; what cannot be compared is not close.

    Stages that the policy does not name take it with a warning, and the way back is never refused. Where nothing is
    ACTIVE, the last one counts. There is nothing to compare with where nothing ever was, or the same artifact.
    """
    is_refused = context.request.stage in context.policy.comparison.stages
    for finding in _judged(context):
        is_told = is_refused or finding.severity is not Severity.ERROR
        yield finding if is_told else finding.model_copy(update={"severity": Severity.WARNING})


def _judged(context: RuleContext) -> Iterator[Finding]:
    asked = context.policy.comparison
    if not asked.is_set or context.is_rollback or context.digest is None:
        return
    held = context.compared_with
    if held is None:
        message = "Not compared: nothing has been ACTIVE before."
        yield warning(DATA, message, remedy="nothing to do: there is nothing to compare it with")
        return
    if context.evidence.is_of(held.pointer):
        return
    found = context.evidence.comparison
    if found is None or not found.is_whole:
        message = f"Not compared with {held}: {_why(found)}."
        yield error(DATA, message, where=context.request.artifact_dir, remedy=_GOLDEN)
        return
    yield from Closeness(found, asked, context.request.artifact_dir, held.name).findings()


def _why(found: Comparison | None) -> str:
    if found is None:
        return "it was not opened"
    wrong = next((output for output in found.outputs if output.problem), None)
    return found.problem or (f"output {wrong.name}: {wrong.problem}" if wrong else "there is no output")


@dataclass(frozen=True)
class Closeness:
    """Outputs that were compared on everything, beside what the policy asks of them."""

    found: Comparison
    asked: ComparisonPolicy
    where: str
    active: str
    """What to call what they are compared with: `ACTIVE`."""

    def findings(self) -> Iterator[Finding]:
        """Yield what each threshold comes to."""
        yield from self._agreement()
        yield from self._difference()

    def _agreement(self) -> Iterator[Finding]:
        where, asked = self.where, self.asked.agreement
        if asked is None:
            return
        having = [output for output in self.found.outputs if output.classes]
        if not having:
            message = "No output has classes, so their agreement (comparison.agreement) is not known."
            yield error(AGREEMENT, message, where=where, remedy=_GOLDEN)
            return
        worst = min(having, key=lambda output: output.agreeing / output.classes)
        told = f"{percent(worst.agreeing / worst.classes)} of the classes of {worst.name} are those of {self.active}"
        asks = f"the policy asks for {percent(float(asked))}"
        if worst.agreeing < asked * worst.classes:
            yield error(AGREEMENT, f"{told}; {asks}.", where=where, remedy=_BETTER)
        else:
            yield passed(AGREEMENT, f"{told}; {asks}", where=where)

    def _difference(self) -> Iterator[Finding]:
        where, asked = self.where, self.asked
        if asked.max_difference is None and asked.mean_difference is None:
            return
        numbers = [output for output in self.found.outputs if output.values]
        apart = next((output for output in numbers if output.apart), None)
        if not numbers:
            message = "No output has numbers, so no difference is known."
            yield error(DIFFERENCE, message, where=where, remedy=_GOLDEN)
            return
        if apart:
            are = "are" if apart.apart > 1 else "is"
            told = f"{counted(apart.apart, 'value')} of {apart.name} {are} finite in one of the two models only"
            yield error(DIFFERENCE, f"{told}.", where=where, remedy=_BETTER)
            return
        worst = max(numbers, key=lambda output: output.largest)
        means = [(output.mean if output.mean is not None else float("inf"), output.name) for output in numbers]
        mean, name = max(means)
        for limit, value, words in (
            (asked.max_difference, worst.largest, f"the largest difference to {self.active}, of {worst.name},"),
            (asked.mean_difference, mean, f"the mean difference to {self.active}, of {name},"),
        ):
            if limit is None:
                continue
            told = f"{words} is {value:.3g}; the policy allows {float(limit):g}"
            if value > float(limit):
                yield error(DIFFERENCE, f"{told[0].upper()}{told[1:]}.", where=where, remedy=_BETTER)
            else:
                yield passed(DIFFERENCE, told, where=where)
