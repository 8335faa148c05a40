"""Gather the evidence for one request, and decide."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from promotebot.artifact.claims import Claims, claims_after_merge, read_claims
from promotebot.artifact.dataset import DEFAULT_DIR as DATASETS_DIR
from promotebot.artifact.dataset import examine_dataset, expect_dataset
from promotebot.artifact.evaluation_terms import EvaluationTerms
from promotebot.artifact.evidence import Evidence
from promotebot.artifact.limits import IncumbentArtifact, Limits, Terms
from promotebot.artifact.quarantine import Quarantined, digests_of, quarantined
from promotebot.artifact.source import FileSource
from promotebot.findings import Finding, errors_in
from promotebot.planning.examiner import Examine
from promotebot.planning.incumbent import find_incumbent, incumbents
from promotebot.promotion.patterns import is_for
from promotebot.promotion.plan import Decision, Rejected, Unchanged, plan
from promotebot.promotion.policy import Policy
from promotebot.promotion.request import Request
from promotebot.promotion.rules.context import Facts, Incumbent
from promotebot.promotion.sections import Monitoring
from promotebot.registry.model import Action, Pointer
from promotebot.registry.names import Digest, Stage
from promotebot.registry.registry import ModelRegistry

FirstDigest = Callable[[str, Stage, Pointer], Digest | None]
"""Returns what an older tool's pointer, which has no digest, stood for when it was put there; None for unknown."""


@dataclass(frozen=True)
class Decided:
    """A decision with what it was made from, as the comment and the terminal show it."""

    decision: Decision
    evidence: Evidence
    facts: Facts
    today: Evidence | None
    """The artifact the stage holds now, where it can be examined; for comparison only."""
    monitoring: tuple[Monitoring, ...] = ()
    """What the policy wants people to watch afterwards, in this stage."""
    quarantined: Quarantined | None = None
    """Why nobody can go back to what the stage holds now; None where that may come back."""


@dataclass(frozen=True)
class PromotionContext:
    """Where a promotion happens: the registry it changes, the base it is judged by, the files it is proven on."""

    registry: ModelRegistry
    base: ModelRegistry
    policy: Policy
    files: FileSource
    commit: str | None
    datasets_dir: str = DATASETS_DIR
    first_digest: FirstDigest = lambda *_: None
    base_files: FileSource | None = None
    """The base's files, for what is claimed of the incumbent; without them that is unknown."""
    fork_files: FileSource | None = None
    """Those of the commit at which the branch left its base, for what merging makes of evidence."""
    """What an older tool's pointer meant when it was put there; None where that is not known."""


def expect_artifacts(files: FileSource, directories: Iterable[str], limits: Limits) -> None:
    """Tell the source which directories are read soon, so that they come together where they are far away."""
    for directory in directories:
        files.expect(directory, max_files=limits.files, max_bytes=limits.artifact_bytes)


def _expect(context: PromotionContext, request: Request) -> None:
    """Tell the source what the decision reads: the artifact, its dataset, and what the stage holds today."""
    entry = context.registry.entry(request.model)
    today = entry.pointer(request.stage) if entry else None
    beside = [one.pointer for one in incumbents(context.base, request.model, request.action)]
    directories = [request.artifact_dir, *(one.artifact_dir for one in [*([today] if today else []), *beside])]
    expect_artifacts(context.files, dict.fromkeys(directories), context.policy.limits)
    if request.stage is Stage.ACTIVE and request.dataset_id:
        expect_dataset(context.files, request.dataset_id, directory=context.datasets_dir)


def decide(
    context: PromotionContext, request: Request, ask_facts: Callable[[], Facts], *, examine: Examine, now: datetime
) -> Decided:
    """Examine the artifact and make the plan. Nothing is written.

    Args:
        ask_facts: waits for what the rules need from git and GitHub; called when the artifact has been examined.
    """
    incumbent = None
    if request.action is Action.DEMOTE:
        evidence = Evidence(request.artifact_dir, context.files.description)  # what is taken out need not be proven
    else:
        _expect(context, request)
        pointers = incumbents(context.base, request.model, request.action)
        incumbent = find_incumbent(pointers, request, context.policy, context.files, examine, context.base_files)
        evidence = examine(context.files, request.artifact_dir, _terms(context, request, incumbent))
        evidence = replace(evidence, findings=(*evidence.findings, *_dataset(context, request)))
    facts = replace(ask_facts(), legacy=_legacy(context, request), incumbent=incumbent)
    facts = _with_claims(context, request, evidence, facts)
    decision = plan(
        context.registry, request, evidence, context.policy, now, base=context.base, facts=facts, commit=context.commit
    )
    today = decision.pointer if isinstance(decision, Unchanged) else decision.today
    shown = None
    if today is not None and today.artifact_dir != request.artifact_dir:
        shown = examine(context.files, today.artifact_dir, context.policy.terms_for(request.model))
    pages = (one for one in context.policy.monitoring if is_for(request.model, one.models))
    watched = tuple(one for one in pages if request.stage in one.stages)
    return Decided(decision, evidence, facts, shown, watched, _no_way_back(context.policy, request, today, shown))


def _no_way_back(
    policy: Policy, request: Request, today: Pointer | None, evidence: Evidence | None
) -> Quarantined | None:
    files = digests_of(evidence.manifest) if evidence and evidence.manifest else ()
    digests = {*([today.digest] if today and today.digest else []), *files}
    return quarantined(policy.quarantine, request.model, digests)


def _with_claims(context: PromotionContext, request: Request, evidence: Evidence, facts: Facts) -> Facts:
    """Return the facts with what is claimed of the artifact, and of the one that it is compared with."""
    if request.action not in (Action.PROMOTE, Action.ROLLBACK) or evidence.digest is None:
        return facts
    claims = claims_after_merge(evidence.digest, context.files, context.base_files, context.fork_files)
    return replace(facts, claims=claims, claims_of_active=_of_active(context, request, facts.incumbent))


def _of_active(context: PromotionContext, request: Request, incumbent: Incumbent | None) -> Claims | None:
    """Return what the base claims of the incumbent; whatever changed since it was promoted does not count."""
    entry, digest = context.base.entry(request.model), incumbent.pointer.digest if incumbent else None
    if context.base_files is None or entry is None or digest is None:
        return None
    claims = read_claims(context.base_files, digest)
    became = (one for one in entry.history if one.to_stage is Stage.ACTIVE and one.pointer.digest == digest)
    event = next(became, None)
    if event and event.evidence and claims.digest != event.evidence:
        return Claims(claims.path, problem="it is not the one that was there when it became ACTIVE")
    return claims


def _terms(context: PromotionContext, request: Request, incumbent: Incumbent | None) -> Terms:
    """Return the policy's terms; for a candidate with the incumbent, on whose golden inputs it is run.

    Nothing is compared on the way back, which nothing may slow down.
    """
    terms = context.policy.terms_for(request.model)
    if request.action is not Action.PROMOTE:
        return terms
    terms = terms.model_copy(update={"evaluation": _evaluation(context, request)})
    if incumbent is None:
        return terms
    pointer, former = incumbent.pointer, incumbent.held.former
    beside = IncumbentArtifact(pointer.artifact_dir, pointer.digest, pointer.manifest_digest, former)
    return terms.model_copy(update={"incumbent": beside})


def _evaluation(context: PromotionContext, request: Request) -> EvaluationTerms | None:
    """Return what is measured of a candidate, on data of the base; None where the policy asks for none."""
    asked, files = context.policy.for_model(request.model).evaluation_set, context.base_files
    if asked is None or request.stage not in asked.stages:
        return None
    place = f"{context.datasets_dir}/{asked.dataset}"
    mark = files.fingerprint(place) if files else None
    return EvaluationTerms(asked.dataset, asked.rows, asked.seconds, asked.asked, context.datasets_dir, mark, files)


def _legacy(context: PromotionContext, request: Request) -> dict[Stage, Digest]:
    """Return what the lower stages' pointers of older tools to this directory stood for, as far as that is known."""
    entry = context.base.entry(request.model)
    # An import completes the pointer of its own stage.
    asked = {Action.PROMOTE: request.stage.below, Action.IMPORTED: [request.stage]}.get(request.action, [])
    pointers = ((stage, entry.pointer(stage)) for stage in asked) if entry else ()
    return {
        stage: digest
        for stage, pointer in pointers
        if pointer and pointer.digest is None and pointer.artifact_dir == request.artifact_dir
        if (digest := context.first_digest(request.model, stage, pointer))
    }


def _dataset(context: PromotionContext, request: Request) -> tuple[Finding, ...]:
    """Verify the dataset for ACTIVE, where it is present (docs/architecture.md, Files)."""
    if request.stage is not Stage.ACTIVE or not request.dataset_id:
        return ()
    required = context.policy.for_model(request.model).require_dataset
    return examine_dataset(context.files, request.dataset_id, directory=context.datasets_dir, required=required)


def with_findings(decided: Decided, findings: Sequence[Finding]) -> Decided:
    """Return the decision with the caller's own findings in front; an error among them rejects."""
    decision = decided.decision
    together = (*findings, *decision.findings)
    if errors_in(findings):
        today = decision.pointer if isinstance(decision, Unchanged) else decision.today
        return replace(decided, decision=Rejected(decision.request, today, together))
    return replace(decided, decision=replace(decision, findings=together))
