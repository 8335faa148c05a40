"""Promote: gather the evidence for one request, decide, and apply the plan to a work tree."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path, PurePosixPath

from promotebot.artifact import load_artifact
from promotebot.artifact.dataset import DEFAULT_DIR as DATASETS_DIR
from promotebot.artifact.dataset import examine_dataset
from promotebot.artifact.evidence import Evidence
from promotebot.artifact.source import Source as Files
from promotebot.artifact.source import WorkTree, fetching
from promotebot.errors import CouldNotVerify, InvalidInput
from promotebot.findings import Finding, error, errors_in, warning
from promotebot.git.repository import Repository, paths_below
from promotebot.planning.examiner import Examine
from promotebot.planning.genesis import Genesis
from promotebot.promotion.plan import Decision, Plan, Rejected, Unchanged, plan
from promotebot.promotion.policy import Policy
from promotebot.promotion.request import Request
from promotebot.promotion.rules.catalogue import Facts
from promotebot.pulls.changeset import read_policy, read_registry
from promotebot.registry.model import Action, Pointer
from promotebot.registry.names import Digest, Stage
from promotebot.registry.registry import ModelRegistry
from promotebot.registry.split import models_directory
from promotebot.registry.store import StoredRegistry, registry_lock


@dataclass(frozen=True)
class Decided:
    """A decision with what it was made from, as the comment and the terminal show it."""

    decision: Decision
    evidence: Evidence
    facts: Facts
    today: Evidence | None
    """The artifact the stage holds now, where it can be examined; for comparison only."""


@dataclass(frozen=True)
class Ground:
    """Where a promotion happens: the registry it changes, the base it is judged by, the files it is proven on."""

    registry: ModelRegistry
    base: ModelRegistry
    policy: Policy
    files: Files
    commit: str | None
    datasets_dir: str = DATASETS_DIR
    first_digest: Callable[[str, Stage, Pointer], Digest | None] = lambda *_: None
    """What an older tool's pointer meant when it was put there; None where that is not known."""


def decide(ground: Ground, request: Request, facts: Facts, *, examine: Examine, now: datetime) -> Decided:
    """Examine the artifact and make the plan. Nothing is written."""
    if request.action is Action.DEMOTE:
        evidence = Evidence(request.artifact_dir, ground.files.description)  # what is taken out need not be proven
    else:
        evidence = examine(ground.files, request.artifact_dir, ground.policy.limits)
        evidence = replace(evidence, findings=(*evidence.findings, *_dataset(ground, request)))
    decision = plan(
        ground.registry, request, evidence, ground.policy, now, base=ground.base, facts=facts, commit=ground.commit
    )
    today = decision.pointer if isinstance(decision, Unchanged) else decision.today
    shown = None
    if today is not None and today.artifact_dir != request.artifact_dir:
        shown = examine(ground.files, today.artifact_dir, ground.policy.limits)
    return Decided(decision, evidence, facts, shown)


def _dataset(ground: Ground, request: Request) -> tuple[Finding, ...]:
    """For ACTIVE, a dataset that is present must verify (DESIGN §2)."""
    if request.stage is not Stage.ACTIVE or not request.dataset_id:
        return ()
    required = ground.policy.require_dataset
    return examine_dataset(ground.files, request.dataset_id, directory=ground.datasets_dir, required=required)


Prepare = Callable[[Ground], tuple[Request, Sequence[Finding]]]


@dataclass(frozen=True)
class Place:
    """A work tree: the repository's root, its registry, where the policy stands in HEAD, and the datasets."""

    root: Path
    registry: Path
    registry_path: str
    policy_path: str
    datasets_dir: str = DATASETS_DIR


def check_whole(repository: Repository, place: Place) -> None:
    """Raises CouldNotVerify where a sparse checkout leaves out a part of the registry: it would seem not to exist."""
    files = place.registry_path, models_directory(place.registry_path)
    left_out = sorted(path for file in files for path in repository.left_out_paths(file))
    if left_out:
        more = f" and {len(left_out) - 1} more" if len(left_out) > 1 else ""
        raise CouldNotVerify(
            f"git has {left_out[0]}{more}, but this sparse checkout leaves it out",
            where=place.registry_path,
            remedy=fetching(str(PurePosixPath(place.registry_path).parent)),
        )


def promote_here(
    repository: Repository,
    place: Place,
    prepare: Prepare,
    *,
    examine: Examine,
    now: datetime,
    dry_run: bool,
    allow_dirty: bool,
) -> Decided:
    """The terminal's door: plan on the work tree, HEAD being the base; write unless it is a dry run.

    Args:
        prepare: makes the request from the ground, with findings of its own (what a rollback passed over).

    Raises:
        InvalidInput: when the registry cannot be read or written.
    """
    check_whole(repository, place)
    with registry_lock(place.registry):
        stored = StoredRegistry(place.registry, where=place.registry_path)
        registry = stored.read()
        head = repository.commit_id("HEAD")
        base = read_registry(repository, head, place.registry_path)
        if base is None:
            raise InvalidInput(
                "the registry is not committed",
                where=place.registry_path,
                remedy=f"git add {place.registry_path} && git commit",
            )
        files = WorkTree(place.root, repository.tracked_paths, repository.left_out_paths)
        policy = read_policy(repository, head, place.policy_path)
        genesis = Genesis(repository, head, place.registry_path, examine)
        ground = Ground(registry, base, policy, files, head, place.datasets_dir, genesis)
        request, remarks = prepare(ground)
        dirty = repository.dirty_paths()
        facts = Facts(
            commit_reachable=repository.is_ancestor(request.git_sha, head) if request.git_sha else None,
            artifact_changed=bool(paths_below(dirty, request.artifact_dir)),
        )
        decided = decide(ground, request, facts, examine=examine, now=now)
        clean = _clean_tree(dirty, request, dry_run=dry_run, allow_dirty=allow_dirty)
        decided = with_findings(decided, [*clean, *remarks])
        if isinstance(decided.decision, Plan) and not dry_run:
            _check_unchanged(place.root, evidence=decided.evidence)
            stored.write(decided.decision.after, request.model)
        return decided


def _check_unchanged(root: Path, *, evidence: Evidence) -> None:
    """Hash once more what the registry is about to vouch for: opening a model takes as long as its limit."""
    directory, digest = evidence.artifact_dir, evidence.digest
    if digest is not None and load_artifact(root / directory).manifest.digest != digest:
        raise InvalidInput(
            "changed after it was examined", where=directory, remedy="run it again when nobody writes there"
        )


def _clean_tree(dirty: Sequence[str], request: Request, *, dry_run: bool, allow_dirty: bool) -> list[Finding]:
    if not dirty:
        return []
    shown = ", ".join(dirty[:5]) + (f" and {len(dirty) - 5} more" if len(dirty) > 5 else "")
    if dry_run or allow_dirty:
        return [warning("git.clean", f"The work tree is not clean: {shown}.", remedy="git status")]
    return [
        error(
            "git.clean",
            f"The work tree is not clean: {shown}.",
            remedy=f"commit or stash first (git status), or {request.retry()} --allow-dirty",
        )
    ]


def with_findings(decided: Decided, findings: Sequence[Finding]) -> Decided:
    """The same decision with the shell's own findings in front; an error among them rejects."""
    decision = decided.decision
    together = (*findings, *decision.findings)
    if errors_in(findings):
        today = decision.pointer if isinstance(decision, Unchanged) else decision.today
        return replace(decided, decision=Rejected(decision.request, today, together))
    return replace(decided, decision=replace(decision, findings=together))


def commit_message(decided: Plan, *, title: str, trailers: Mapping[str, str]) -> str:
    """Conventional subject, the reason, and trailers that carry the request (DESIGN §4)."""
    request = decided.request
    if decided.action is Action.ROLLBACK:
        subject = f"fix(ml): Emergency rollback of {request.model} to {request.artifact_id}"
    elif decided.action is Action.DEMOTE:
        subject = f"fix(ml): Demote {request.artifact_id} from {request.stage.label} of {request.model}"
    else:
        subject = f"feat(ml): Promote {request.artifact_id} to {request.stage.label}"
    body = [request.reason or title]
    lines = [f"{key}: {value}" for key, value in trailers.items()]
    return "\n".join([subject, "", *body, "", *lines, ""])
