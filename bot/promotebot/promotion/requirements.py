"""What a policy asks for before something is promoted into a stage, each with the key that says so."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone

from promotebot.promotion.evaluation_policy import EvaluationSet
from promotebot.promotion.freezes import Freeze
from promotebot.promotion.model_policies import patterns_of
from promotebot.promotion.policy import Policy
from promotebot.promotion.required import label_words
from promotebot.promotion.sections import ComparisonPolicy, SharePolicy, percentage
from promotebot.promotion.windows import Windows, windows_of
from promotebot.registry.names import Stage
from promotebot.text import counted, duration, listed, percent


@dataclass(frozen=True)
class Requirement:
    """One thing that the policy asks for, or allows."""

    key: str
    """Dotted: `stages.active.permission`; empty where every policy asks for it."""
    words: str
    """As it ends a sentence that begins with what is promoted where."""


def requirements(policy: Policy, stage: Stage, now: datetime, model: str | None = None) -> Iterator[Requirement]:
    """Yield what the policy says about promotions into a stage, in the order in which people meet it.

    Args:
        model: the one that is promoted; None for any.
    """
    general, patterns = policy, patterns_of(model, policy.models) if model else []
    policy = general.for_model(model) if model else general
    yield Requirement(f"stages.{stage.value}.permission", f"whoever asks needs the {who_may(policy, stage)}")
    yield _terminal(policy, stage)
    windows = [
        ("windows", general.windows),
        *((f"models.{one}.windows", general.models[one].windows) for one in patterns),
    ]
    yield from conditions(policy, stage, windows)
    if "opaque" in policy.formats:
        yield Requirement("formats", "a model of another format than ONNX is accepted, and not opened")
    elif "opaque" in general.formats:
        yield Requirement("formats", "the model has to be ONNX, and is opened")
    if policy.drafts:
        yield Requirement("drafts", "a draft pull request may carry it")
    if policy.stages.holds_after_rollback(stage):
        words = "after a rollback nothing newer is promoted until somebody gives --lift-hold"
        yield Requirement(f"stages.{stage.value}.hold_after_rollback", words)
    yield from _frozen("freezes", general.freezes, stage, now)
    for one in patterns:
        yield from _frozen(f"models.{one}.freezes", policy.models[one].freezes, stage, now)
    if policy.models and not model:
        yield Requirement("models", f"other rules hold for {listed([*policy.models])} (--model says which)")


def _frozen(key: str, freezes: Sequence[Freeze], stage: Stage, now: datetime) -> Iterator[Requirement]:
    for freeze in freezes:
        period = freeze.period(now) if stage in freeze.stages else None
        if period:
            when = f"{_moment(period.begins)} to {_moment(period.ends)}"
            if freeze.recurs:
                when = f"every week from {freeze.start} to {freeze.end} {freeze.timezone}"
            yield Requirement(key, f"frozen {'now, ' if freeze.holds_at(now) else ''}{when}: {freeze.reason}")


def who_may(policy: Policy, stage: Stage) -> str:
    """Return who may request a promotion into a stage: `role maintain or higher`."""
    role = policy.stages.permission(stage).name.lower()
    words = f"role {role}" if role == "admin" else f"role {role} or higher"
    return f"{words}, or is {listed(policy.stages.people(stage))}" if policy.stages.people(stage) else words


def conditions(
    policy: Policy, stage: Stage, windows: Sequence[tuple[str, Windows]] | None = None
) -> Iterator[Requirement]:
    """Yield what a promotion into a stage has to have, whoever requests it.

    Args:
        windows: by the key that says them, where several do.
    """
    yield from _before(policy, stage)
    if stage is Stage.STAGING:
        yield _share(policy.stages.staging.share)
    if stage is Stage.ACTIVE:
        yield from _for_active(policy)
    yield from _close_to_active(policy.comparison, stage)
    yield from _on_evaluation_set(policy.evaluation_set, stage)
    if stage in policy.signatures.required:
        yield Requirement("signatures.required", "a signature by one of the policy's signers")
    if asked := policy.evidence.of(stage):
        yield Requirement(f"evidence.{stage.value}", f"evidence: {asked}")
    for key, said in windows or [("windows", policy.windows)]:
        for one in windows_of(said, stage):
            yield Requirement(key, f"a time that is open: {one}")
    for exception in policy.overrides:
        people, uses = listed(list(exception.people)), counted(exception.uses, "time")
        of = f" of {listed(list(exception.models))}" if exception.models else ""
        until = f"from {exception.start} to {exception.end} ({exception.timezone}), {uses} for each model{of}"
        words = f"{people} may make an exception from {exception.rule} in a comment, with --override, {until}"
        yield Requirement("overrides", words)
    yield from on_the_pull_request(policy, stage)
    if policy.separation:
        approvals = counted(policy.separation.approvals, "approval")
        words = f"{approvals} of the exact head, by others than the requester, the author and the last pusher"
        yield Requirement("separation.approvals", words)


def _terminal(policy: Policy, stage: Stage) -> Requirement:
    if stage in policy.terminal_stages:
        return Requirement("terminal", "it may be made at a terminal, too: whoever pushes the branch needs this role")
    asks = "require_sha" if policy.require_sha else "separation.approvals"
    return Requirement("terminal" if stage not in policy.terminal else asks, "it may not be made at a terminal")


def _before(policy: Policy, stage: Stage) -> Iterator[Requirement]:
    for lower, soak in ((Stage.SHADOW, policy.stages.shadow.soak), (Stage.STAGING, policy.stages.staging.soak)):
        if soak and lower.rank < stage.rank:
            asked = "required" if soak.required else "recommended"
            words = f"at least {duration(soak.minimum)} in {lower.label}, if it was there ({asked})"
            yield Requirement(f"stages.{lower.value}.soak.minimum", words)


def _share(bounds: SharePolicy) -> Requirement:
    span = f"{percentage(bounds.minimum)} to {percentage(bounds.maximum)} of production"
    if bounds.required:
        return Requirement("stages.staging.share.required", f"--share with {span}")
    return Requirement("stages.staging.share.maximum", f"with --share: {span}")


def _for_active(policy: Policy) -> Iterator[Requirement]:
    if policy.signature == "refuse":
        words = "the inputs, outputs and features of today's ACTIVE, or --allow-signature-change with the reason"
        yield Requirement("signature", words)
    if policy.signature != "allow" and policy.signature_people is not None:
        allowed = listed(list(policy.signature_people)) if policy.signature_people else "nobody"
        yield Requirement("signature_people", f"--allow-signature-change is for {allowed}, in a comment")
    if policy.stages.active.require_prior_stage:
        words = "the same artifact was in SHADOW or STAGING on the base before"
        yield Requirement("stages.active.require_prior_stage", words)
    yield Requirement("", "a training commit and a dataset")
    if policy.stages.active.confirm:
        words = f"👍 on the dry run by whoever requested it, within {duration(policy.stages.active.confirm)}"
        yield Requirement("stages.active.confirm", words)
    if policy.require_reason:
        yield Requirement("require_reason", "a reason (--reason)")
    if policy.require_sha:
        yield Requirement("require_sha", "the head that was looked at (--sha), also for a rollback of any stage")
    if policy.require_dataset:
        yield Requirement("require_dataset", "the dataset's files and manifest in the repository")


def on_the_pull_request(policy: Policy, stage: Stage) -> Iterator[Requirement]:
    """Yield what the pull request needs that promotes into a stage, which only GitHub knows."""
    asked = policy.stages.of(stage)
    if asked.labels:
        yield Requirement(f"stages.{stage.value}.labels", f"{label_words(asked.labels)} on the pull request")
    if asked.checks:
        many, names = "s" if len(asked.checks) > 1 else "", listed(list(map(str, asked.checks)))
        yield Requirement(f"stages.{stage.value}.checks", f"success of the check{many} {names} on the exact head")


def _close_to_active(asked: ComparisonPolicy, stage: Stage) -> Iterator[Requirement]:
    on = f"on the golden inputs of today's ACTIVE{'' if stage in asked.stages else ' (recommended)'}"
    if asked.agreement is not None:
        yield Requirement("comparison.agreement", f"at least {percent(float(asked.agreement))} of its classes {on}")
    if asked.max_difference is not None:
        yield Requirement("comparison.max_difference", f"outputs that differ by {asked.max_difference:f} at most {on}")
    if asked.mean_difference is not None:
        words = f"outputs that differ by {asked.mean_difference:f} on average at most {on}"
        yield Requirement("comparison.mean_difference", words)


def _on_evaluation_set(asked: EvaluationSet | None, stage: Stage) -> Iterator[Requirement]:
    if asked is not None and stage in asked.stages:
        words = f"measured beside today's ACTIVE on the dataset {asked.dataset}, {counted(asked.rows, 'row')} at most"
        yield Requirement("evaluation_set", f"{words}: {asked}" if asked.asks else words)


def _moment(at: datetime) -> str:
    return f"{at.astimezone(timezone.utc):%Y-%m-%d %H:%M} UTC"
