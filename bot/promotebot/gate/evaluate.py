"""The gate: whether a change of the registry is a sequence of legal promotions over proven bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from promotebot.artifact.dataset import examine_dataset
from promotebot.findings import Finding, Severity, error, errors_in, passed
from promotebot.github.checks import Conclusion
from promotebot.planning.committed import pointed_directories
from promotebot.planning.decide import PromotionContext, decide
from promotebot.planning.examiner import Examine
from promotebot.promotion.history import check_entry
from promotebot.promotion.plan import Plan, Rejected
from promotebot.promotion.reconstruct import differences, request_of
from promotebot.promotion.replay import Diverged, Step
from promotebot.promotion.request import Request
from promotebot.promotion.rules.context import Facts
from promotebot.pulls.compare import ChangesetLike, replay_change
from promotebot.registry.model import ModelEntry, Source
from promotebot.registry.names import ArtifactPath, ModelName, Stage, parse_artifact_path
from promotebot.registry.registry import ModelRegistry
from promotebot.text import short_digest

FactsOf = Callable[[Request], Facts]


@dataclass(frozen=True)
class GateResult:
    """What the gate found, and the promotions it recognised, oldest first."""

    steps: tuple[Step, ...]
    findings: tuple[Finding, ...]
    waiting: Finding | None = None
    """What people still have to do before it passes, where nothing is wrong."""

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

    def with_approval(self, approval: Finding | None) -> GateResult:
        """Return the result with what `separation` says: others approved, or their approval is waited for."""
        if approval is None or approval.severity is Severity.PASS:
            return replace(self, findings=(*self.findings, *([approval] if approval else [])))
        return replace(self, waiting=approval)

    @property
    def title(self) -> str:
        """One line for the check: the first problem, what is waited for, or what passed."""
        wrong = errors_in(self.findings)
        if wrong:
            return f"refused: {wrong[0].message[:120]}"
        if self.waiting:
            return self.waiting.message
        if self.steps:
            return f"{len(self.steps)} promotion(s), legal and proven"
        return "no promotion in this pull request"


def evaluate_gate(
    changeset: ChangesetLike, *, examine: Examine, now: datetime, facts: FactsOf | None = None
) -> GateResult:
    """Evaluate base → head and return every finding; nothing is written (docs/architecture.md, The gate).

    Args:
        facts: returns what GitHub knows for the rules; without it, git alone is asked.
    """
    replayed, after = replay_change(changeset), changeset.head_registry
    if isinstance(replayed, Diverged):
        return GateResult((), replayed.findings)
    if after is None:
        return GateResult((), (passed("gate.replay", "neither base nor head has a registry"),))
    findings = [passed("gate.replay", f"the registry is the base's plus {len(replayed.steps)} event(s)")]
    findings += _answered_once(changeset, replayed.steps)
    for name in sorted({step.model for step in replayed.steps}):
        findings += check_entry(after, name, now)
    findings += _planned(changeset, replayed.steps, facts or (lambda request: _facts(changeset, request)), examine, now)
    for directory in _directories(changeset, after, replayed.steps):
        names = (
            list(after) if directory in changeset.changed_artifacts else sorted({step.model for step in replayed.steps})
        )
        entries = {name: after.entries[name] for name in names}
        findings += _proven(changeset, entries, replayed.steps, directory, examine)
    for dataset_id in sorted({step.event.pointer.dataset_id or "" for step in replayed.steps if _goes_active(step)}):
        required = changeset.policy.require_dataset
        findings += examine_dataset(changeset.head_files, dataset_id, required=required) if dataset_id else ()
    return GateResult(replayed.steps, tuple(findings))


def _facts(changeset: ChangesetLike, request: Request) -> Facts:
    changed = request.artifact_dir in changeset.changed_artifacts
    return Facts(changeset.reachable(request.git_sha), artifact_changed=changed)


def _planned(
    changeset: ChangesetLike, steps: tuple[Step, ...], facts: FactsOf, examine: Examine, now: datetime
) -> Iterator[Finding]:
    """Plan each event's request again, on the registry before it; the rules must produce the very event."""
    base = changeset.base_registry
    if base is None:
        return  # `replay_change` refuses a base without a registry
    for step in steps:
        request = request_of(step, step.before.entry(step.model))
        context = PromotionContext(step.before, base, changeset.policy, changeset.head_files, changeset.base)
        decision = decide(context, request, facts(request), examine=examine, now=now).decision
        subject = f"{step.event.action.value} of {request.artifact_id} ({step.model} {request.stage.label})"
        if isinstance(decision, Plan):
            fields = differences(step.event, decision.event)
            problem = f"{', '.join(fields[:5])} is not what a promotion writes" if fields else ""
        elif isinstance(decision, Rejected):
            yield from errors_in(decision.findings)
            problem = "the rules refuse it"
        else:
            problem = "it changes nothing"
        if problem:
            yield error("gate.plan", f"{subject}: {problem}.", where=changeset.registry_path, remedy=_ASK)
        else:
            yield passed("gate.plan", f"{subject}: as the rules produce it")
        if step.event.policy_digest != changeset.policy.digest:
            yield _other_policy(changeset, step, request, subject)


_ASK = "restore the file from the base branch, then ask for it: /promote <stage> in a comment, or promotebot promote"


def _other_policy(changeset: ChangesetLike, step: Step, request: Request, subject: str) -> Finding:
    """Refuse an event that was decided by another policy than the base's (SECURITY.md, Replay)."""
    remedy = f"take it back and ask again: /withdraw {step.model}, then {request.retry()}"
    if step.event.source is not Source.GITHUB:
        remedy = f"bring the branch up to date with its base, restore the registry from there, then {request.retry()}"
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
                f"{ref.id} is answered twice, the second time for {step.event.pointer.artifact_id} ({step.model})."
            )
            yield error("gate.request", message, where=changeset.registry_path, remedy=_ASK)
        seen |= {ref.id} if ref is not None else set()


def _goes_active(step: Step) -> bool:
    return step.event.to_stage is Stage.ACTIVE


def _directories(changeset: ChangesetLike, after: ModelRegistry, steps: tuple[Step, ...]) -> list[ArtifactPath]:
    """Return the artifacts to prove: those of new events, and promoted ones that the pull request touches."""
    promoted = {step.event.pointer.artifact_dir for step in steps}
    touched = pointed_directories(after) & changeset.changed_artifacts if changeset.changed_artifacts else set()
    return [parse_artifact_path(directory) for directory in sorted(promoted | touched)]


def _remedy(name: str, stage: Stage, directory: str, *, own: bool) -> str:
    if own:
        command = f"/promote {stage} {name} --artifact-dir {directory}"
        return f"ask again, in a new comment, for the bytes as they are now: {command}"
    return "restore the promoted bytes and put the new ones into a directory of their own"


def _proven(
    changeset: ChangesetLike,
    entries: Mapping[ModelName, ModelEntry],
    steps: tuple[Step, ...],
    directory: ArtifactPath,
    examine: Examine,
) -> Iterator[Finding]:
    own = {(step.model, step.event.stage) for step in steps}
    evidence = examine(changeset.head_files, directory, changeset.policy.limits)
    yield from evidence.findings
    for name, entry in entries.items():
        for stage in Stage:
            pointer = entry.pointer(stage)
            if pointer is None or pointer.artifact_dir != directory or pointer.digest is None:
                continue
            if pointer.digest == evidence.digest:
                yield passed("artifact.pinned", f"{name} {stage.label} holds the bytes that were promoted")
            else:
                yield error(
                    "artifact.pinned",
                    f"{name} {stage.label} ({pointer.artifact_id}) was promoted as {short_digest(pointer.digest)}; "
                    f"the directory now holds {short_digest(evidence.digest)}.",
                    where=directory,
                    remedy=_remedy(name, stage, directory, own=(name, stage) in own),
                )
