"""The gate: whether a change of the registry is a sequence of legal promotions over proven bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from promotebot.findings import Finding, Severity, error, errors_in, on_line, passed, said_once, warnings_in
from promotebot.gate.hold import LIFTS, StandingHold, hold_findings
from promotebot.gate.hold import RULE as HOLD
from promotebot.gate.policy import RULE as POLICY_RULE
from promotebot.gate.policy import check_own_quarantine, check_policy
from promotebot.gate.rebase import check_rebase
from promotebot.gate.surroundings import check_surroundings
from promotebot.gate.tree import check_trees
from promotebot.github.checks import Conclusion
from promotebot.planning.decide import Decided, decide, expect_artifacts
from promotebot.planning.examiner import Examine
from promotebot.promotion.causes import by_cause
from promotebot.promotion.checklist import Tick
from promotebot.promotion.history import check_entry
from promotebot.promotion.orphans import check_orphans
from promotebot.promotion.plan import Plan, Rejected
from promotebot.promotion.reconstruct import differences, request_of
from promotebot.promotion.replay import Described, Diverged, Step, artifacts_of
from promotebot.promotion.request import Request
from promotebot.promotion.rules.context import Facts
from promotebot.pulls.branch_commands import restored
from promotebot.pulls.compare import ChangesetLike, changes_files, planning_on, replay_change
from promotebot.registry.model import Action, Source
from promotebot.remedies import Remedy, comment
from promotebot.text import counted, headline, shortened

if TYPE_CHECKING:  # a terminal judges without GitHub
    from promotebot.gate.approvals import Approvers
    from promotebot.gate.conditions import Conditions

MAX_TITLE = 120
"""Characters of a problem in the status, of which GitHub shows 140."""
FactsOf = Callable[[Request], Callable[[], Facts]]
"""Starts to ask for what the rules need for a request; returns what waits for it."""


@dataclass(frozen=True)
class GateResult:
    """What the gate found, and the promotions it recognised, oldest first."""

    steps: tuple[Step, ...]
    findings: tuple[Finding, ...]
    waiting: tuple[Finding, ...] = ()
    """What is still to be done before it passes, where nothing is wrong."""
    planned: tuple[tuple[Step, Decided], ...] = ()
    """Each promotion that the rules allow, planned again on what stands before it, for card and report."""
    is_replayed: bool = True
    """False where nobody can tell what the head promotes: its registry cannot be read, or is not base plus events."""
    described: tuple[Described, ...] = ()
    """What the head says otherwise of models, beside their stages."""
    holds: tuple[StandingHold, ...] = ()
    """What keeps the pull request from being merged until somebody lifts it, among the findings, too."""
    ticks: Mapping[int, Tick] = field(default_factory=dict, hash=False)
    """Boxes of the runbook's checklist that people ticked on this head."""
    approvers: Approvers | None = None
    """Who had approved the head by then; None where nobody looked."""
    shared: tuple[int, ...] = ()
    """Pull requests that promote from the same commit into the same base, among the findings, too."""

    @property
    def passes(self) -> bool:
        """True when something was looked at and nothing is wrong: zero checks are never a pass."""
        return self.conclusion == "success"

    @property
    def conclusion(self) -> Conclusion:
        """The required check's conclusion."""
        if not self.findings or errors_in(self.findings):
            return "failure"
        return "action_required" if self.waiting else "success"

    def with_conditions(self, conditions: Conditions) -> GateResult:
        """Return the result with what else a merge needs: what is there is a finding, and what is not is waited for."""
        met = tuple(one for one in conditions.findings if one.severity is Severity.PASS)
        waiting = tuple(one for one in conditions.findings if one.severity is not Severity.PASS)
        return replace(self, findings=(*self.findings, *met), waiting=(*self.waiting, *waiting))

    def with_holds(self, holds: Sequence[StandingHold], pull: int) -> GateResult:
        """Return the result with what holds the pull request, which comes before everything else."""
        return replace(self, findings=(*hold_findings(holds, pull), *self.findings), holds=(*self.holds, *holds))

    @property
    def title(self) -> str:
        """One line for the check: the first problem, what is waited for, or what passed."""
        held = next((finding for finding in self.findings if finding.rule == HOLD), None)
        if held:  # whatever else is wrong: this is what somebody wants everybody to see
            return f"{shortened(held.message, MAX_TITLE - len(LIFTS))}{LIFTS}"
        wrong = errors_in(cause.finding for cause in by_cause(self.findings))
        if wrong:
            return f"refused: {headline(wrong[0].message, MAX_TITLE)}"
        if self.waiting:
            return shortened(self.waiting[0].message, MAX_TITLE)
        told = (
            f"{counted(len(self.steps), 'promotion')}, valid and verified"
            if self.steps
            else _without_promotion(self.described)
        )
        weaker = any(finding.rule == POLICY_RULE for finding in warnings_in(self.findings))
        return f"{told}; the policy becomes weaker" if weaker else told


def _without_promotion(described: Sequence[Described]) -> str:
    if not described:
        return "no promotion in this pull request"
    first, *others = described
    more = f" and of {counted(len(others), 'more model')}" if others else ""
    return f"no promotion; changes {first.words}{more}"


def evaluate_gate(
    changeset: ChangesetLike, *, examine: Examine, now: datetime, facts: FactsOf | None = None
) -> GateResult:
    """Evaluate base → head and return every finding; nothing is written (docs/architecture.md, The gate).

    Args:
        facts: returns what GitHub knows for the rules; without it, git alone is asked.
    """
    replayed, after = replay_change(changeset), changeset.head_registry
    told = tuple(check_policy(changeset))
    if isinstance(replayed, Diverged):
        return GateResult((), (*replayed.findings, *told), is_replayed=False)
    promoted = {step.event.pointer.artifact_dir for step in replayed.steps if step.event.action is not Action.DEMOTE}
    around = [
        *check_surroundings(changeset, changeset.base_registry, after, promoted),
        *check_rebase(changeset, replayed.steps),
    ]
    if after is None:
        return GateResult((), (passed("gate.replay", "neither base nor head has a registry"), *told, *around))
    findings = [
        *told,
        passed("gate.replay", f"the registry is the base's plus {counted(len(replayed.steps), 'event')}"),
    ]
    findings += (
        passed("gate.metadata", f"{one.words} changed; no stage is touched by it") for one in replayed.described
    )
    findings += check_orphans(after, changeset.base_registry)
    findings += _answered_once(changeset, replayed.steps)
    for name in sorted({step.model for step in replayed.steps}):
        findings += check_entry(after, name, now)
    facts_of = facts or (lambda request: partial(git_facts, changeset, request))
    again = plan_again(changeset, replayed.steps, facts_of, examine, now)
    for step, decided in again:
        findings += _planned(changeset, step, decided)
    if changeset.base_registry is not None:
        findings += check_trees(changeset, changeset.base_registry, after, replayed.steps, examine)
    findings += around
    legal = tuple((step, decided) for step, decided in again if isinstance(decided.decision, Plan))
    # A promotion and the trees are looked at apart, and may find the same.
    return GateResult(replayed.steps, said_once(findings), planned=legal, described=replayed.described)


def git_facts(changeset: ChangesetLike, request: Request) -> Facts:
    """Return the facts that git alone can tell."""
    return Facts(
        changeset.reachable(request.git_sha),
        artifact_changed=changeset.changes(request.artifact_dir),
        files_changed=changes_files(changeset, request),
    )


def plan_again(
    changeset: ChangesetLike, steps: Sequence[Step], facts: FactsOf, examine: Examine, now: datetime
) -> list[tuple[Step, Decided]]:
    """Decide each event's request again, on the registry before it."""
    base = changeset.base_registry
    if base is None:
        return []  # `replay_change` refuses a base without a registry
    expect_artifacts(changeset.head_files, artifacts_of(steps), changeset.policy.limits)
    again, legacy = [], changeset.first_digest(examine)
    for step in steps:
        request = request_of(step, step.before.entry(step.model))
        context = planning_on(changeset, step.before, base, legacy, commit=changeset.base)
        again.append((step, decide(context, request, facts(request), examine=examine, now=now)))
    return again


def _planned(changeset: ChangesetLike, step: Step, decided: Decided) -> Iterator[Finding]:
    """Yield whether the rules produce the very event."""
    decision = decided.decision
    request = decision.request
    subject = f"{step.event.action.noun} of {request.artifact_id} ({step.model} {request.stage.label})"
    if isinstance(decision, Plan):
        yield from warnings_in(decision.findings)
        fields = differences(step.event, decision.event)
        problem = f"{', '.join(fields[:5])} is not what a promotion writes" if fields else ""
    elif isinstance(decision, Rejected):
        yield from _refused(changeset, step, errors_in(on_line(decision.findings, request.line)))
        problem = "the rules refuse it"
    else:
        problem = "it changes nothing"
    if problem:
        take_back = Remedy("do what is asked for above, or withdraw it: ", comment("/withdraw", step.model))
        is_refused = isinstance(decision, Rejected) and step.event.source is Source.GITHUB
        remedy = take_back if is_refused else _ASK
        yield error("gate.plan", f"{subject}: {problem}.", where=changeset.registry_path, remedy=remedy)
    else:
        yield passed("gate.plan", f"{subject}: exactly what the rules produce")
    if step.event.policy_digest != changeset.policy.digest:
        yield _other_policy(changeset, step, request, subject)
    yield from check_own_quarantine(changeset, step, decided.evidence.manifest)


def _refused(changeset: ChangesetLike, step: Step, findings: Sequence[Finding]) -> Iterator[Finding]:
    """Yield why the rules refuse an event. Files that changed since it was decided can come back as they were."""
    ref, directory = step.event.request, step.event.pointer.artifact_dir
    back = changeset.restored_to(ref.head_sha, directory) if ref else None
    for finding in findings:
        is_about_files = finding.where == directory or finding.where.startswith(f"{directory}/")
        if back and is_about_files:
            otherwise = "; if the new files are intended, commit them with a new manifest and request them again"
            yield finding.model_copy(update={"remedy": Remedy("restore what was promoted: ", back, otherwise)})
        else:
            yield finding


_ASK = "restore the registry from the base branch, then request it with a comment, or at a terminal"


def _other_policy(changeset: ChangesetLike, step: Step, request: Request, subject: str) -> Finding:
    """Refuse an event that was decided by another policy than the base's (SECURITY.md, Replay)."""
    take_back = comment("/withdraw", step.model)
    remedy = Remedy("withdraw it and request it again: ", take_back, ", then ", request.line({}))
    if step.event.source is not Source.GITHUB:
        back = restored(changeset.fork_point, changeset.registry_path)
        remedy = Remedy("restore the registry: ", back, "; then request it: ", request.line({}))
    made, ours = (step.event.policy_digest or "none")[:15], changeset.policy.digest[:15]
    message = f"{subject} was made under another policy than the base's: {made}, not {ours}."
    return error("gate.policy", message, where=changeset.registry_path, remedy=remedy)


def _answered_once(changeset: ChangesetLike, steps: tuple[Step, ...]) -> Iterator[Finding]:
    """Refuse a second event for one request: what somebody asked for once is one promotion."""
    seen: set[str] = set()
    for step in steps:
        ref = step.event.request
        if ref is not None and ref.id in seen:
            message = (
                f"{ref.id} was carried out twice, the second time for {step.event.pointer.artifact_id} ({step.model})."
            )
            yield error("gate.request", message, where=changeset.registry_path, remedy=_ASK)
        seen |= {ref.id} if ref is not None else set()
