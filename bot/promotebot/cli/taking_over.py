"""What `import` and `registry adopt` have in common: plan the imports on the work tree, tell of them, write them."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from promotebot.artifact.work_tree import WorkTree
from promotebot.cli.again import Typed
from promotebot.cli.change import committed
from promotebot.cli.output import report_lines, write_document
from promotebot.cli.outputs import ImportOutput, ImportRemark
from promotebot.errors import InvalidInput
from promotebot.findings import errors_in, warnings_in
from promotebot.foreign.found import Remark
from promotebot.git.checkout import Checkout
from promotebot.planning.committed import read_policy, read_registry
from promotebot.planning.decide import PromotionContext
from promotebot.planning.examiner import Examiner
from promotebot.planning.imports import ImportPlan
from promotebot.planning.legacy_digests import LegacyDigests
from promotebot.planning.worktree import WorkTreePaths
from promotebot.promotion.diff import unified_diff
from promotebot.promotion.plan import document
from promotebot.promotion.policy import Policy
from promotebot.registry.files import replace_registry
from promotebot.registry.registry import Layout, ModelRegistry
from promotebot.registry.store import StoredRegistry
from promotebot.remedies import Remedy
from promotebot.text import counted, visible

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TargetRegistry:
    """The registry that is written: what is there now, and the base that the rules compare with."""

    registry: ModelRegistry
    base: ModelRegistry
    stored: StoredRegistry | None
    """None for a file that is not there yet, or is replaced as a whole."""
    data: bytes | None
    """The bytes that are replaced as a whole."""


def work_context(
    repository: Checkout, work_tree: WorkTreePaths, target: TargetRegistry, examiner: Examiner
) -> PromotionContext:
    """Return what imports are decided from: the work tree, with HEAD's policy and history."""
    head = repository.resolve("HEAD")
    files = WorkTree(work_tree.root, repository.tracked_paths, repository.left_out_paths, repository.held)
    policy = read_policy(repository, head, work_tree.policy_path) if head else Policy()
    legacy = LegacyDigests(repository, head, work_tree.registry_path, examiner)
    return PromotionContext(target.registry, target.base, policy, files, head, work_tree.datasets_dir, legacy)


def base_registry(repository: Checkout, work_tree: WorkTreePaths, otherwise: ModelRegistry) -> ModelRegistry:
    """Return HEAD's registry; `otherwise` where it has none that reads."""
    head = repository.resolve("HEAD")
    try:
        return (read_registry(repository, head, work_tree.registry_path) if head else None) or otherwise
    except InvalidInput:
        return otherwise


def tell_plan(plan: ImportPlan, typed: Typed, *, verbose: bool) -> None:
    """Log what is taken over, and what the rules refuse."""
    for one in plan.decided:
        request = one.decision.request
        place = request.found.imported if request.found else None
        what = f"{request.model} {request.stage.label} ← {place.place if place else 'the registry'}"
        findings = typed.findings(one.decision.findings)
        problems = errors_in(findings)
        log.info("%s", visible(f"{'cannot import' if problems else 'import'} {what}: {request.artifact_dir}"))
        for told in report_lines(findings if verbose else [*problems, *warnings_in(findings)], verbose=verbose):
            log.info("  %s", told)


def write_imports(plan: ImportPlan, remarks: Sequence[Remark], *, written: bool, exit_code: Literal[0, 1]) -> None:
    """Print what was decided of each pointer, and what is not taken over, as JSON."""
    told = (ImportRemark(place=one.place, message=one.message, blocking=one.is_blocking) for one in remarks)
    decided = tuple(document(one.decision, written=written) for one in plan.decided)
    write_document(ImportOutput(written=written, imports=decided, remarks=tuple(told), exit_code=exit_code))


def _diff_text(plan: ImportPlan, target: TargetRegistry) -> str:
    """Return the unified diff of every file that is written."""
    if plan.after.layout is Layout.SINGLE:
        return unified_diff(target.data or b"", plan.after.to_bytes(), plan.after.where) if plan.plans else ""
    before, names = plan.before, dict.fromkeys(one.request.model for one in plan.plans)
    old = {name: before.file_bytes(name) if name in before else b"" for name in names}
    return "".join(unified_diff(old[name], plan.after.file_bytes(name), plan.after.file_of(name)) for name in names)


def carry_out(
    plan: ImportPlan, target: TargetRegistry, work_tree: WorkTreePaths, typed: Typed, *, title: str, dry_run: bool
) -> None:
    """Print the diff; but for a dry run, write the registry, and log the command that commits it.

    Raises:
        InvalidInput: when the file changed since, or cannot be written; it is as it was then.
        CouldNotVerify: when the disk does not confirm the write.
    """
    if typed.format == "text":
        sys.stdout.write(_diff_text(plan, target))
    if not dry_run:
        _write(plan, target, work_tree.registry)
        _tell_next(work_tree, plan, typed, title)


def _write(plan: ImportPlan, target: TargetRegistry, path: Path) -> None:
    if target.stored is None or plan.after.layout is Layout.SINGLE:
        replace_registry(path, plan.after.to_bytes(), expected=target.data)
        return
    for name in dict.fromkeys(one.request.model for one in plan.plans):
        target.stored.write(plan.after, name)


def _tell_next(work_tree: WorkTreePaths, plan: ImportPlan, typed: Typed, title: str) -> None:
    unknown = any(finding.rule == "import.unknown" for one in plan.plans for finding in one.findings)
    line = committed(str(Path(work_tree.registry_path).parent), title)
    if unknown:  # it does not verify before it is completed, and nothing after `verify &&` would run
        line = replace(line, steps=line.steps[1:])
    models = {one.request.model for one in plan.plans}
    done = f"{counted(len(plan.plans), 'pointer')} of {counted(len(models), 'model')}"
    log.info("imported: %s. Next: %s", done, typed.here(Remedy(line)))
