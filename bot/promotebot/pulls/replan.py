"""Plan a pull request's promotions again: on a base that moved, or without those that were withdrawn.

See docs/architecture.md, Commands.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from promotebot.findings import Finding, error
from promotebot.planning.decide import decide, expect_artifacts
from promotebot.promotion.last_active import ActivePointer, active_pointers
from promotebot.promotion.overridable import overridden_rule
from promotebot.promotion.plan import Plan, Rejected
from promotebot.promotion.reconstruct import request_of
from promotebot.promotion.replay import Diverged, Step, artifacts_of
from promotebot.promotion.rollback import is_same
from promotebot.pulls.branch_commands import FIRST_REGISTRY
from promotebot.pulls.changeset import Changeset
from promotebot.pulls.compare import planning_on, replay_change
from promotebot.pulls.context import JobContext
from promotebot.pulls.facts import ask_facts
from promotebot.pulls.snapshot import PullSnapshot
from promotebot.registry.model import Action, Source
from promotebot.registry.names import Stage
from promotebot.registry.registry import ModelRegistry
from promotebot.remedies import Remedy, comment


@dataclass(frozen=True)
class PendingPromotions:
    """The registry to go on from, and the promotions of this pull request in it."""

    registry: ModelRegistry
    base: ModelRegistry
    steps: tuple[Step, ...]
    behind: bool
    """The base changed a file that the branch changed: what is committed next must merge it."""
    own: tuple[Step, ...]
    """What the branch's registry says it promotes, void promotions included."""

    @property
    def needs_replan(self) -> bool:
        """True when more than the next promotion must be written."""
        return self.behind or self.steps != self.own


@dataclass(frozen=True)
class InvalidPromotions:
    """The branch's registry is not the base's plus legal promotions."""

    findings: tuple[Finding, ...]
    model: str | None = None


def replan(
    steps: Sequence[Step], own: Sequence[Step], snapshot: PullSnapshot, job: JobContext
) -> PendingPromotions | InvalidPromotions:
    """Plan each promotion again on the base as it is: new times, a new chain, every rule applied again.

    Args:
        steps: the promotions to keep, oldest first.
        own: all that the branch's registry says it promotes.
    """
    changeset = snapshot.changeset
    base = changeset.base_registry
    if base is None:
        return missing_registry(changeset)
    expect_artifacts(changeset.head_files, artifacts_of(steps), changeset.policy.limits)
    registry, planned, legacy = base, [], changeset.first_digest(job.examine)
    for step in steps:
        unpinned = _unpinned(step, changeset)
        if unpinned:
            return InvalidPromotions((unpinned,), step.model)
        request = request_of(step, registry.entry(step.model))
        context = planning_on(changeset, registry, base, legacy, commit=changeset.base)
        facts = ask_facts(request, snapshot, job, base)
        decision = decide(context, request, facts, examine=job.examine, now=snapshot.now).decision
        if isinstance(decision, Rejected):
            return InvalidPromotions(decision.findings, step.model)
        if isinstance(decision, Plan):  # what changes nothing on the new base is left out
            exchanged = _exchanged(step, decision) or _of_another_active(step, registry)
            if exchanged:
                return InvalidPromotions((exchanged,), step.model)
            planned.append(Step(step.model, decision.event, registry, decision.digest))
            registry = decision.after
    return PendingPromotions(registry, base, tuple(planned), changeset.has_conflict, tuple(own))


def _unpinned(step: Step, changeset: Changeset) -> Finding | None:
    """Return the refusal of what was asked for before the policy asked for `--sha`: nobody knows what was looked at."""
    event, policy = step.event, changeset.policy
    needs_sha = event.stage is Stage.ACTIVE or event.action is Action.ROLLBACK
    is_asked = policy.for_model(step.model).require_sha and needs_sha and event.source is Source.GITHUB
    if not is_asked or event.policy_digest == policy.digest:
        return None
    return error(
        "gate.policy",
        f"{event.pointer.artifact_id} ({step.model}) was requested under another policy; the current one requires "
        "--sha for ACTIVE and for a rollback.",
        where=step.before.at(step.model),
        remedy=Remedy(
            "look at the head, withdraw the promotion, and request it again with --sha: ",
            comment("/withdraw", step.model),
        ),
    )


_PINNED = (
    *("artifact_dir", "artifact_id", "digest", "manifest_digest", "git_sha", "dataset_id", "feature_order_hash"),
    "share",
)


def _exchanged(step: Step, plan: Plan) -> Finding | None:
    """Return the refusal of a plan for something else than was asked for.

    Whoever may push could exchange the bytes of a promotion; a demotion takes out what its requester saw in the stage.
    """
    pointer, planned = step.event.pointer, plan.pointer
    changed = [name for name in _PINNED if getattr(pointer, name) != getattr(planned, name)]
    changed += ["evidence"] if step.event.evidence != plan.event.evidence else []
    if not changed:
        return None
    if step.event.action is Action.DEMOTE:
        stage, reason = step.event.stage or Stage.ACTIVE, step.event.reason or "requested again"
        return error(
            "gate.plan",
            f"{pointer.artifact_id} ({step.model}) was to be removed, but the stage now holds {planned.artifact_id}.",
            where=step.before.at(step.model),
            remedy=Remedy(
                "withdraw it, and request it again for the current artifact: ",
                comment("/withdraw", step.model),
                ", then ",
                comment("/demote", step.model, stage.value, "--reason", reason),
            ),
        )
    return error(
        "artifact.pinned",
        f"{pointer.artifact_id} ({step.model}) differs from what was requested: {', '.join(changed)} changed.",
        where=pointer.artifact_dir,
        remedy=Remedy(
            "withdraw it, and request the current artifact: ",
            comment("/withdraw", step.model),
            ", then ",
            comment("/promote", (step.event.stage or Stage.SHADOW).value, step.model)
            if step.event.action is Action.PROMOTE
            else comment("/rollback", step.model, "--reason", step.event.reason or "requested again"),
        ),
    )


_BESIDE_ACTIVE = (
    "comparison.agreement",
    "comparison.difference",
    "evaluation.difference",
    "evaluation.metric",
    "evidence.metric",
)
"""Rules that compare with ACTIVE: an exception from one of them is made with a look at it."""


def _is_kept(was: ActivePointer | None, now: ActivePointer | None) -> bool:
    """Return whether the same artifact is ACTIVE on both sides, or the last one where nothing is."""
    if was is None or now is None:
        return was is now
    return (was.until is None) == (now.until is None) and is_same(was.pointer, now.pointer)


def _of_another_active(step: Step, registry: ModelRegistry) -> Finding | None:
    """Return the refusal of what somebody allowed or confirmed beside another ACTIVE than there is now."""
    event = step.event
    given = {
        "confirmed": event.confirmed,
        "allowed to change the signature": event.allows_signature_change,
        "allowed an exception": overridden_rule(event.override) in _BESIDE_ACTIVE,
    }
    words = " and ".join(word for word, is_given in given.items() if is_given)
    was, now = (next(iter(active_pointers(one.entry(step.model))), None) for one in (step.before, registry))
    is_held_against_it = event.stage is Stage.ACTIVE or given["allowed an exception"]
    if not is_held_against_it or not words or _is_kept(was, now):
        return None
    before, today = (one.pointer.artifact_id if one and not one.until else "nothing" for one in (was, now))
    told = f"while {before} was ACTIVE; now {today} is"
    if was and now and was.until and now.until:
        told = f"beside {was.pointer.artifact_id}, the last ACTIVE then; now that is {now.pointer.artifact_id}"
    return error(
        "gate.plan",
        f"{event.pointer.artifact_id} ({step.model}) was {words} {told}.",
        where=step.before.at(step.model),
        remedy=Remedy(
            "look at the difference to the new ACTIVE, withdraw the promotion, and request it again: ",
            comment("/withdraw", step.model),
        ),
    )


def missing_registry(changeset: Changeset) -> InvalidPromotions:
    """Return why there is nothing to promote in: the base or the head has no registry."""
    compared = replay_change(changeset)
    if isinstance(compared, Diverged):
        return InvalidPromotions(compared.findings)
    problem = error(
        "registry.exists",
        "The base has no registry.",
        where=changeset.registry_path,
        remedy=FIRST_REGISTRY,
    )
    return InvalidPromotions((problem,))
