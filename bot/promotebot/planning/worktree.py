"""A promotion on a work tree: plan on what is there, with HEAD as the base, and write the registry."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath

from promotebot.artifact import load_artifact
from promotebot.artifact.dataset import DEFAULT_DIR as DATASETS_DIR
from promotebot.artifact.evidence import Evidence
from promotebot.artifact.source import GitTree, fetching
from promotebot.artifact.work_tree import WorkTree
from promotebot.errors import CouldNotVerify, InvalidInput
from promotebot.findings import Finding, error, warning
from promotebot.git.checkout import Checkout
from promotebot.git.repository import paths_below
from promotebot.planning.committed import read_policy, read_registry
from promotebot.planning.decide import Decided, PromotionContext, decide, with_findings
from promotebot.planning.examiner import Examine
from promotebot.planning.legacy_digests import LegacyDigests
from promotebot.promotion.plan import Decision, Plan
from promotebot.promotion.policy import Policy
from promotebot.promotion.request import Request
from promotebot.promotion.required import GOES_BACK
from promotebot.promotion.requirements import on_the_pull_request
from promotebot.promotion.rules.context import Facts
from promotebot.registry.files import registry_lock
from promotebot.registry.split_layout import models_directory
from promotebot.registry.store import StoredRegistry
from promotebot.remedies import Remedy, again, shell

Prepare = Callable[[PromotionContext], tuple[Request, Sequence[Finding]]]


@dataclass(frozen=True)
class WorkTreePaths:
    """A work tree: the repository's root, its registry, where the policy stands in HEAD, and the datasets."""

    root: Path
    registry: Path
    registry_path: str
    policy_path: str
    datasets_dir: str = DATASETS_DIR
    base_dir: str = ""
    """The folder that the registry is for, from the root, and that paths are typed from; empty for the root."""

    def from_root(self, path: str) -> str:
        """Return a path that a person typed as it is from the root; one that is so already stays as it is."""
        inside = f"{self.base_dir}/" if self.base_dir else ""
        return path if path.startswith(inside) else inside + path


def check_whole(repository: Checkout, work_tree: WorkTreePaths) -> None:
    """Raises CouldNotVerify where a sparse checkout leaves out a part of the registry: it would seem not to exist."""
    files = work_tree.registry_path, models_directory(work_tree.registry_path)
    left_out = sorted(path for file in files for path in repository.left_out_paths(file))
    if left_out:
        more = f" and {len(left_out) - 1} more" if len(left_out) > 1 else ""
        raise CouldNotVerify(
            f"git has {left_out[0]}{more}, but this sparse checkout leaves it out",
            where=work_tree.registry_path,
            remedy=fetching(str(PurePosixPath(work_tree.registry_path).parent)),
        )


def promote_here(
    repository: Checkout,
    work_tree: WorkTreePaths,
    prepare: Prepare,
    *,
    examine: Examine,
    now: datetime,
    dry_run: bool,
    allow_dirty: bool,
) -> Decided:
    """Plan on the work tree, with HEAD as the base; write the registry unless it is a dry run.

    Args:
        prepare: makes the request from the context, with findings of its own (what a rollback skipped).

    Raises:
        InvalidInput: when the registry cannot be read or written.
    """
    check_whole(repository, work_tree)
    with registry_lock(work_tree.registry):
        stored = StoredRegistry(work_tree.registry, where=work_tree.registry_path)
        context = _context(repository, work_tree, stored, examine)
        request, remarks = prepare(context)
        dirty = repository.dirty_paths()
        head = context.commit or ""
        facts = Facts(
            commit_reachable=repository.reaches(request.git_sha, head) if request.git_sha else None,
            artifact_changed=bool(paths_below(dirty, request.artifact_dir)),
        )
        decided = decide(context, request, lambda: facts, examine=examine, now=now)
        clean = _clean_tree(dirty, dry_run=dry_run, allow_dirty=allow_dirty)
        decided = with_findings(decided, [*clean, *_on_github(decided.decision, context.policy), *remarks])
        if isinstance(decided.decision, Plan) and not dry_run:
            _check_unchanged(work_tree.root, evidence=decided.evidence)
            stored.write(decided.decision.after, request.model)
        return decided


def _context(
    repository: Checkout, work_tree: WorkTreePaths, stored: StoredRegistry, examine: Examine
) -> PromotionContext:
    """Return what is decided from: the work tree's registry and files, with HEAD's registry and policy as the base.

    Of either registry only the models are checked that the request is about.
    """
    registry, head = stored.read(check_models=False), repository.commit_id("HEAD")
    base = read_registry(repository, head, work_tree.registry_path, check_models=False, known=stored.known)
    if base is None:
        raise InvalidInput(
            "the registry is not committed",
            where=work_tree.registry_path,
            remedy=Remedy(
                "commit it: ",
                shell("git", "add", "--", work_tree.registry_path).then(
                    "git", "commit", "--message", "feat(ml): Add the registry"
                ),
            ),
        )
    files = WorkTree(work_tree.root, repository.tracked_paths, repository.left_out_paths, repository.held)
    policy = read_policy(repository, head, work_tree.policy_path)
    legacy = LegacyDigests(repository, head, work_tree.registry_path, examine)
    datasets, committed = work_tree.datasets_dir, GitTree(repository, head)
    return PromotionContext(registry, base, policy, files, head, datasets, legacy, base_files=committed)


def _check_unchanged(root: Path, *, evidence: Evidence) -> None:
    """Hash again what the registry is about to vouch for: opening a model takes up to its time limit."""
    directory, digest = evidence.artifact_dir, evidence.digest
    if digest is not None and load_artifact(root / directory).manifest.digest != digest:
        raise InvalidInput(
            "changed after it was examined",
            where=directory,
            remedy=Remedy("when nothing else writes there, run it again: ", again()),
        )


def _on_github(decision: Decision, policy: Policy) -> Iterator[Finding]:
    """Yield what the pull request will need that carries the event: a terminal knows no pull request."""
    request = decision.request
    if not isinstance(decision, Plan) or decision.action in GOES_BACK:
        return
    remedy = "open the pull request, and see to it there; promotebot/gate waits for it"
    for asked in on_the_pull_request(policy.for_model(request.model), request.stage):
        message = f"{request.stage.label} asks for {asked.words}, which is not known at a terminal."
        if asked.key.endswith(".labels"):
            yield warning("gate.labels", message, remedy=remedy)
        else:
            yield warning("gate.checks", message, remedy=remedy)


def _clean_tree(dirty: Sequence[str], *, dry_run: bool, allow_dirty: bool) -> list[Finding]:
    if not dirty:
        return []
    shown = ", ".join(dirty[:5]) + (f" and {len(dirty) - 5} more" if len(dirty) > 5 else "")
    if dry_run or allow_dirty:
        return [
            warning(
                "git.clean",
                f"The work tree is not clean: {shown}.",
                remedy=Remedy("see what differs: ", shell("git", "status")),
            )
        ]
    return [
        error(
            "git.clean",
            f"The work tree is not clean: {shown}.",
            remedy=Remedy("commit or stash them first, or use --allow-dirty", changes={"allow_dirty": True}),
        )
    ]
