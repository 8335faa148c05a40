"""`promotebot verify` in a checkout: the work tree's registry and artifacts, by HEAD's policy and history."""

from __future__ import annotations

import argparse
from collections.abc import Sequence, Set
from datetime import datetime
from pathlib import PurePosixPath

from promotebot.artifact.claims import evidence_path
from promotebot.artifact.work_tree import WorkTree
from promotebot.cli.examiner import examiner_of
from promotebot.cli.registry_report import names_of, read_or_report, report_on, stages_of
from promotebot.cli.work_tree import work_tree_of
from promotebot.errors import CouldNotVerify, InvalidInput
from promotebot.findings import Finding, error, passed
from promotebot.git.checkout import NO_REPOSITORY, Checkout
from promotebot.planning.committed import read_policy, read_registry
from promotebot.planning.examiner import Examiner
from promotebot.planning.legacy_digests import LegacyDigests
from promotebot.planning.restore import PinnedEvidence, PromotedBytes
from promotebot.planning.worktree import WorkTreePaths, check_whole
from promotebot.promotion.append_only import check_append_only, same_json
from promotebot.promotion.orphans import check_orphans
from promotebot.promotion.policy import Policy
from promotebot.registry.names import Stage
from promotebot.registry.registry import ModelRegistry
from promotebot.remedies import Remedy, again, shell
from promotebot.text import counted
from promotebot.verification.evidence_files import EvidenceFiles
from promotebot.verification.report import ReportScope, VerifyReport
from promotebot.verification.shards import parse_shard
from promotebot.verification.verify import VerificationInput


def verify_checkout(options: argparse.Namespace, now: datetime) -> VerifyReport:
    """Return the report on the work tree's registry, or on the part of it that the options name.

    A registry that does not read is a finding of the report; that there is none is an error.

    Raises:
        UsageError: for options that contradict each other or name nothing, and outside of a repository.
        CouldNotVerify: when the registry is not all here.
        InvalidInput: when there is no registry.
    """
    parse_shard(options.shard)
    otherwise = Remedy(f"{NO_REPOSITORY}; a deployed copy: ", again(without_git=True))
    repository, work_tree = work_tree_of(options, otherwise=otherwise)
    scope = _scope(options, repository, work_tree)
    check_whole(repository, work_tree)
    registry = read_or_report(work_tree.registry, work_tree.registry_path, scope)
    if isinstance(registry, VerifyReport):
        return registry
    examiner = examiner_of(options)
    subject = _subject(registry, repository, work_tree, scope, examiner)
    names = names_of(subject, options.model)
    remarks = [*check_orphans(registry)]
    if scope.since:
        changed, more = _changed(subject, names, repository, scope.since, work_tree)
        others = [name for name in names if name not in changed]
        remarks += [*more, *(check_append_only(subject.base, registry, others) if subject.base else ())]
        names = changed
    with examiner.keeping():
        return report_on(subject, names, options, scope, examine=examiner, now=now, remarks=remarks)


def _scope(options: argparse.Namespace, repository: Checkout, work_tree: WorkTreePaths) -> ReportScope:
    """Return what the report is about, every revision as its commit. Raises UsageError for one that names none."""
    return ReportScope(
        registry=work_tree.registry_path,
        commit=repository.resolve("HEAD"),
        since=repository.commit_id(options.since) if options.since else None,
        base=repository.commit_id(options.base) if options.base else None,
        shard=options.shard,
        only=tuple(sorted(options.model)) if options.model else None,
        stages=stages_of(options),
    )


def _subject(
    registry: ModelRegistry, repository: Checkout, work_tree: WorkTreePaths, scope: ReportScope, examiner: Examiner
) -> VerificationInput:
    """Return what is verified: the files of the work tree, judged by HEAD's policy and history."""
    head = scope.commit
    policy = read_policy(repository, head, work_tree.policy_path) if head else Policy()
    files = WorkTree(work_tree.root, repository.tracked_paths, repository.left_out_paths, repository.held)
    return VerificationInput(
        registry,
        files,
        policy,
        lambda sha: repository.reaches(sha, head) if head else False,
        _registry_at(repository, scope.base, work_tree) if scope.base else None,
        work_tree.datasets_dir,
        LegacyDigests(repository, head, work_tree.registry_path, examiner),
        PromotedBytes(repository, head, examiner, policy.terms).remedy,
        EvidenceFiles(files, PinnedEvidence(repository, head).remedy),
        scope.stages or tuple(Stage),
    )


def _registry_at(repository: Checkout, commit: str, work_tree: WorkTreePaths) -> ModelRegistry:
    """Return the registry at a commit. Raises CouldNotVerify where there was none."""
    registry = read_registry(repository, commit, work_tree.registry_path)
    if registry is None:
        message = f"there is no registry at {commit[:12]}, so nothing can be compared with it"
        look = shell("git", "log", "--", work_tree.registry_path)
        raise CouldNotVerify(message, where=work_tree.registry_path, remedy=Remedy("see which commits have it: ", look))
    return registry


def _changed(
    subject: VerificationInput, names: Sequence[str], repository: Checkout, since: str, work_tree: WorkTreePaths
) -> tuple[list[str], list[Finding]]:
    """Return the models whose entry, artifact or dataset is not what it was at `since`, and a finding on the others.

    Where a model is gone since then, all are returned, with that error.
    """
    earlier = _registry_at(repository, since, work_tree)
    lost = [name for name in earlier if name not in subject.registry]
    if lost:
        message = (
            f"{', '.join(lost[:10])} was in the registry at {since[:12]} and was removed; a model may only be demoted."
        )
        return list(names), [
            error("verify.since", message, where=work_tree.registry_path, remedy=f"git diff {since[:12]}")
        ]
    paths = repository.changed_since(since)
    touched = {*paths, *(str(directory) for path in paths for directory in PurePosixPath(path).parents)}
    changed = [name for name in names if _differs(subject, earlier, name, touched)]
    same = len(names) - len(changed)
    if not names:
        return [], []
    message = (
        f"{counted(same, 'model')} with the same entry, artifacts and datasets as {since[:12]}; {len(changed)} changed"
    )
    return changed, [passed("verify.since", message, where=work_tree.registry_path)]


def _differs(subject: VerificationInput, earlier: ModelRegistry, name: str, touched: Set[str]) -> bool:
    """Tell whether a model is not what it was; one that does not read counts as changed, so that it is looked at.

    A model whose file git calls unchanged is not compared, and of its file only the pointers are used.

    Args:
        touched: the paths that changed, and every directory above them.
    """
    registry = subject.registry
    try:
        if name not in registry or name not in earlier:
            return True
        if registry.file_of(name) in touched and not same_json(earlier.raw_entry(name), registry.raw_entry(name)):
            return True
        pointers = [pointer for pointer in registry.pointers(name).values() if pointer]
    except InvalidInput:
        return True
    places: list[str] = [pointer.artifact_dir for pointer in pointers]
    places += [evidence_path(pointer.digest) for pointer in pointers if pointer.digest]
    places += [f"{subject.datasets_dir}/{pointer.dataset_id}" for pointer in pointers]
    return not touched.isdisjoint(places)
