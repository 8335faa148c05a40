"""The rules: one small function each, with a stable id; every finding is reported at once (DESIGN §3)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from promotebot.artifact.evidence import Evidence
from promotebot.findings import Finding, error, passed, warning
from promotebot.promotion.history import check_entry
from promotebot.promotion.policy import Policy, Soak
from promotebot.promotion.request import Request
from promotebot.registry.model import Action, Event, ModelEntry, Pointer
from promotebot.registry.names import Digest, ModelName, Stage, to_datetime, to_timestamp
from promotebot.registry.registry import ModelRegistry


@dataclass(frozen=True)
class Facts:
    """What the shell looked up for the rules; None where it could not be known."""

    commit_reachable: bool | None = None
    """Whether the request's git_sha is an ancestor of (or equal to) base or head."""
    merged_at: Mapping[int, datetime] = field(default_factory=dict)
    """Pull request number → when GitHub merged it."""
    artifact_changed: bool = True
    """Whether this change touches an artifact directory that was there before, so that others may point to it."""


@dataclass(frozen=True)
class Case:
    """Everything a rule may look at."""

    request: Request
    evidence: Evidence
    registry: ModelRegistry
    base: ModelRegistry
    policy: Policy
    facts: Facts
    now: datetime

    @property
    def entry(self) -> ModelEntry | None:
        return self.registry.entry(self.request.model)

    @property
    def history(self) -> tuple[Event, ...]:
        entry = self.entry
        return entry.history if entry else ()

    @property
    def base_history(self) -> tuple[Event, ...]:
        entry = self.base.entry(self.request.model)
        return entry.history if entry else ()

    @property
    def today(self) -> Pointer | None:
        entry = self.entry
        return entry.pointer(self.request.stage) if entry else None

    @property
    def digest(self) -> Digest | None:
        return self.evidence.digest

    @property
    def is_rollback(self) -> bool:
        """Asked for as one, or ACTIVE again with bytes that were ACTIVE before and are not now (DESIGN §3)."""
        if self.request.action is Action.ROLLBACK:
            return True
        if self.request.stage is not Stage.ACTIVE or self.digest is None:
            return False
        if self.today and self.today.digest == self.digest:
            return False
        return any(e.to_stage is Stage.ACTIVE and e.pointer.digest == self.digest for e in self.history)


Rule = Callable[[Case], Iterator[Finding]]


def evaluate(case: Case) -> tuple[Finding, ...]:
    """The artifact's evidence first, as causes come before what follows from them, then `RULES` in order."""
    rules = DEMOTION_RULES if case.request.action is Action.DEMOTE else RULES
    found = [finding for rule in rules for finding in rule(case)]
    return (*case.evidence.findings, *found)


def actor_is_known(case: Case) -> Iterator[Finding]:
    name = case.request.actor.name
    if name.strip():
        yield passed("request.actor", f"asked by {name}")
    else:
        yield error(
            "request.actor",
            "Nobody is named as the actor.",
            remedy='export ML_PROMOTION_ACTOR="you@example.com", or git config user.email',
        )


def model_is_known(case: Case) -> Iterator[Finding]:
    request = case.request
    manifest_model = case.evidence.manifest.model if case.evidence.manifest else None
    if manifest_model and manifest_model != request.model:
        yield error(
            "request.model",
            f"The artifact belongs to {manifest_model!r} (its manifest), not to {request.model!r}.",
            where=request.artifact_dir,
            remedy="name that model, or the artifact of this one",
        )
    elif request.model in case.registry:
        yield passed("request.model", f"{request.model} is in the registry")
    elif request.stage is not Stage.SHADOW:
        yield error(
            "request.model",
            f"Unknown model {request.model!r}. {_known(case.registry)}",
            remedy="a new model starts in shadow: promote it there first",
        )
    elif request.new_model or manifest_model == request.model:
        yield passed("request.model", f"{request.model} is new; this adds it")
    else:
        yield error(
            "request.model",
            f"Unknown model {request.model!r}. {_known(case.registry)}",
            remedy=f"to add it: {request.retry()} --new-model",
        )


def _known(registry: ModelRegistry) -> str:
    names = list(registry)
    return f"Known models: {', '.join(names[:20])}." if names else "The registry holds no model yet."


def active_has_git_sha(case: Case) -> Iterator[Finding]:
    if case.request.stage is not Stage.ACTIVE:
        return
    if case.request.git_sha:
        yield passed("active.git_sha", f"training commit {case.request.git_sha[:12]} is given")
    else:
        yield error(
            "active.git_sha",
            "ACTIVE promotion requires --git-sha: the commit of the training code.",
            remedy=f"git rev-parse HEAD shows the current one; then {case.request.retry(git_sha='<40-CHAR-HEX-SHA>')}",
        )


def active_has_dataset_id(case: Case) -> Iterator[Finding]:
    if case.request.stage is not Stage.ACTIVE:
        return
    if case.request.dataset_id:
        yield passed("active.dataset_id", f"dataset {case.request.dataset_id} is given")
    else:
        yield error(
            "active.dataset_id",
            "ACTIVE promotion requires --dataset-id: neither the manifest nor the lower stage's pointer names one.",
            remedy=case.request.retry(dataset_id="<DATASET_ID>"),
        )


def reason_is_given(case: Case) -> Iterator[Finding]:
    request = case.request
    if request.stage is not Stage.ACTIVE and request.action is Action.PROMOTE:
        return
    asked = request.reason and "reason" not in request.origins
    retry = request.retry(reason="<WHY>")
    if request.action is Action.DEMOTE and not asked:
        yield error("request.reason", "A demotion requires --reason.", remedy=retry)
    elif case.is_rollback and not asked:
        yield error(
            "request.reason", "A rollback requires --reason: these bytes have been ACTIVE before.", remedy=retry
        )
    elif case.policy.require_reason and not asked:
        yield error("request.reason", "The policy requires a --reason for ACTIVE.", remedy=retry)
    elif request.reason:
        yield passed("request.reason", f"reason given{'' if asked else ' by the ' + request.origins['reason']}")
    else:
        yield warning("request.reason", "No reason is given.", remedy=retry)


def manifest_agrees(case: Case) -> Iterator[Finding]:
    """git_sha and dataset_id are pinned by the pointer and must equal the manifest's where it has them."""
    manifest = case.evidence.manifest
    if manifest is None:
        return  # artifact.manifest has said so already
    for name, said, written in (
        ("git_sha", case.request.git_sha, manifest.git_sha),
        ("dataset_id", case.request.dataset_id, manifest.dataset_id),
    ):
        if not (said and written):
            continue
        if said == written:
            yield passed(f"manifest.{name}", f"{name} equals the manifest's: {written[:40]}")
        else:
            yield error(
                f"manifest.{name}",
                f"{name} is {said}, the manifest says {written}.",
                where=f"{case.request.artifact_dir}/manifest.json",
                remedy=case.request.retry(**{name: written}),
            )


def commit_is_reachable(case: Case) -> Iterator[Finding]:
    sha = case.request.git_sha
    if case.request.stage is not Stage.ACTIVE or sha is None:
        return
    if case.facts.commit_reachable:
        yield passed("git_sha.ancestor", f"{sha[:12]} is an ancestor of the base or the head")
    elif case.is_rollback and any(event.pointer.git_sha == sha for event in case.base_history):
        yield warning(
            "git_sha.ancestor",
            f"{sha[:12]} is not in the history any more (a squash merge, a shallow clone), but it was recorded before.",
            remedy="nothing to do: a rollback takes the commit that history names",
        )
    elif case.facts.commit_reachable is None:
        yield error(
            "git_sha.ancestor",
            f"Whether {sha} is in this repository's history could not be found out.",
            remedy="run it again",
        )
    else:
        yield error(
            "git_sha.ancestor",
            f"{sha} is not an ancestor of the base or the head of this change.",
            remedy="name the commit on this branch that trained the model: git log --format=%H",
        )


def prior_stage(case: Case) -> Iterator[Finding]:
    """ACTIVE only what has stood in shadow or staging in the base's history: a step nobody can skip in one PR."""
    if case.request.stage is not Stage.ACTIVE or not case.policy.stages.active.require_prior_stage:
        return
    if case.digest is None:
        yield error(
            "active.prior_stage",
            "The artifact's digest is not known, so no earlier stage can be shown.",
            remedy="mend the artifact first",
        )
        return
    stood = [e for e in case.base_history if e.to_stage and e.pointer.digest == case.digest]
    if not stood and case.request.action is Action.ROLLBACK and _was_active_unpinned(case):
        yield warning(
            "active.prior_stage",
            "It was ACTIVE before digests were recorded (older tool): these bytes cannot be proven to be those.",
            where=case.request.artifact_dir,
            remedy=f"compare them with the commit that made it ACTIVE: git log -- {case.request.artifact_dir}",
        )
    elif stood and stood[0].to_stage:
        yield passed("active.prior_stage", f"the same bytes went to {stood[0].to_stage.label} at {stood[0].ts_utc}")
    else:
        yield error(
            "active.prior_stage",
            f"{short(case.digest)} has never been in SHADOW or STAGING on the base.",
            where=case.request.artifact_dir,
            remedy="promote it to shadow, merge, let it run, then ask for ACTIVE: "
            + _to_stage(case.request, Stage.SHADOW),
        )


def _was_active_unpinned(case: Case) -> bool:
    return any(
        e.to_stage is Stage.ACTIVE and e.pointer.digest is None and e.pointer.artifact_dir == case.request.artifact_dir
        for e in case.base_history
    )


def something_stands(case: Case) -> Iterator[Finding]:
    """A demotion clears a stage that holds something."""
    request = case.request
    if case.entry is None:
        yield error("request.model", f"Unknown model {request.model!r}. {_known(case.registry)}", remedy="name one")
    elif case.today is None:
        yield error(
            "demote.stage", f"{request.stage.label} holds nothing.", remedy=f"{_status(request)} shows what does"
        )
    else:
        yield passed("demote.stage", f"{request.stage.label} holds {case.today.artifact_id}; this clears it")


def _status(request: Request) -> str:
    return f"promotebot show --model {request.model}"


def _to_stage(request: Request, stage: Stage) -> str:
    return replace(request, stage=stage, action=Action.PROMOTE, reason=None).retry()


def soak_time(case: Case) -> Iterator[Finding]:
    for stage, soak in (
        (Stage.SHADOW, case.policy.stages.shadow.soak),
        (Stage.STAGING, case.policy.stages.staging.soak),
    ):
        if soak is None or stage.rank >= case.request.stage.rank or case.digest is None or case.is_rollback:
            continue
        event = next((e for e in case.base_history if e.to_stage is stage and e.pointer.digest == case.digest), None)
        if event is not None:
            yield _soak(case, stage, soak, event)


def _soak(case: Case, stage: Stage, soak: Soak, event: Event) -> Finding:
    merged = case.facts.merged_at.get(event.request.pull) if event.request else None
    since = merged or to_datetime(event.ts_utc)
    stood = max(case.now - since, timedelta(0))
    rule, clock = f"soak.{stage.value}", "" if merged else " (by the event's own, self-asserted time)"
    if stood >= soak.minimum:
        return passed(rule, f"in {stage.value} for {duration(stood)}, at least {duration(soak.minimum)} asked{clock}")
    kind = error if soak.required else warning
    asked = "required" if soak.required else "recommended"
    explained = case.request.reason and "reason" not in case.request.origins
    return kind(
        rule,
        f"In {stage.value} for {duration(stood)}, {duration(soak.minimum)} {asked}{clock}.",
        remedy=f"wait until {to_timestamp(since + soak.minimum)}"
        + ("" if soak.required or explained else ", or say why not in --reason"),
    )


def nothing_is_frozen(case: Case) -> Iterator[Finding]:
    """No promotion into a stage while the policy freezes it; a rollback or a demotion is never held up."""
    request = case.request
    if case.is_rollback:
        return
    for freeze in case.policy.freezes:
        if request.stage in freeze.stages and freeze.begins <= case.now < freeze.ends:
            yield error(
                "freeze",
                f"{request.stage.label} is frozen until {to_timestamp(freeze.ends)}: {freeze.reason}.",
                remedy="ask again then; a rollback is not held up",
            )


def bytes_are_pinned(case: Case) -> Iterator[Finding]:
    """A directory that a pointer names must still hold the bytes that were promoted from it."""
    if case.digest is None:
        return
    held = [
        (name, stage, pointer)
        for name, entry in _neighbours(case)
        for stage in Stage
        if (pointer := entry.pointer(stage)) and pointer.artifact_dir == case.request.artifact_dir
    ]
    changed = [(n, s, p) for n, s, p in held if p.digest and p.digest != case.digest and (n, s) != _slot(case)]
    for name, stage, pointer in changed:
        yield error(
            "artifact.pinned",
            f"{name} {stage.label} ({pointer.artifact_id}) was promoted from this directory as "
            f"{short(pointer.digest)}; it now holds {short(case.digest)}.",
            where=case.request.artifact_dir,
            remedy="restore the promoted bytes and put the new ones into a directory of their own",
        )
    if held and not changed:
        yield passed("artifact.pinned", f"bytes unchanged under {len(held)} pointer(s) to {case.request.artifact_dir}")


def _neighbours(case: Case) -> list[tuple[ModelName, ModelEntry]]:
    """The models to ask: all where a directory changed under them, else this one, whose file is read anyway."""
    if case.facts.artifact_changed:
        return list(case.registry.entries.items())
    return [(case.request.model, case.entry)] if case.entry else []


def _slot(case: Case) -> tuple[str, Stage]:
    return case.request.model, case.request.stage


def history_is_whole(case: Case) -> Iterator[Finding]:
    if case.entry is not None:
        yield from check_entry(case.registry, case.request.model, case.now)


def duration(span: timedelta) -> str:
    """`9 d`, `1 d 4 h`, `35 min`: the two largest units."""
    minutes = int(span.total_seconds()) // 60
    days, hours, rest = minutes // 1440, minutes // 60 % 24, minutes % 60
    if days:
        return f"{days} d {hours} h" if hours else f"{days} d"
    if hours:
        return f"{hours} h {rest} min" if rest else f"{hours} h"
    return f"{rest} min"


def short(digest: str | None) -> str:
    """A digest as people compare it: the first eight hex digits."""
    return f"{digest[:15]}…" if digest else "unknown bytes"


RULES: tuple[Rule, ...] = (
    actor_is_known,
    model_is_known,
    active_has_git_sha,
    active_has_dataset_id,
    reason_is_given,
    manifest_agrees,
    commit_is_reachable,
    prior_stage,
    soak_time,
    nothing_is_frozen,
    history_is_whole,
    bytes_are_pinned,
)
DEMOTION_RULES: tuple[Rule, ...] = (actor_is_known, something_stands, reason_is_given, history_is_whole)
