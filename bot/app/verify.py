"""Verify: the whole registry and every artifact it points to; all findings, not only the first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from bot.app.gate import Examine
from bot.artifact.evidence import Evidence
from bot.artifact.limits import Limits
from bot.artifact.source import Source, WorkTree
from bot.errors import InvalidInput
from bot.findings import Finding, error, errors_in, passed, warning
from bot.git import Repository
from bot.promotion.history import check_entry
from bot.promotion.rules import short
from bot.registry.model import Pointer
from bot.registry.names import ModelName, Stage
from bot.registry.registry import ModelRegistry


@dataclass(frozen=True)
class Report:
    """What verification found, model by model, in the registry's order."""

    findings: tuple[tuple[ModelName, Finding], ...]

    @property
    def verified(self) -> bool:
        """Something was looked at and nothing is wrong."""
        return bool(self.findings) and not errors_in(finding for _, finding in self.findings)


def verify(registry: ModelRegistry, files: Source, *, examine: Examine, limits: Limits, now: datetime) -> Report:
    """Every model's history, every pointer, every pointer's bytes.

    Raises:
        InvalidInput: for a registry without models: nothing looked at is nothing verified.
    """
    if not registry.entries:
        raise InvalidInput("the registry holds no model, so nothing was verified", where=registry.where)
    seen: dict[str, Evidence] = {}
    findings: list[tuple[ModelName, Finding]] = []
    for name in registry:
        findings += [(name, finding) for finding in check_entry(registry, name, now)]
        for stage in Stage:
            pointer = registry.entries[name].pointer(stage)
            if pointer is None:
                continue
            fresh = pointer.artifact_dir not in seen
            if fresh:
                seen[pointer.artifact_dir] = examine(files, pointer.artifact_dir, limits)
            evidence = seen[pointer.artifact_dir]
            findings += [(name, finding) for finding in (evidence.findings if fresh else ())]
            findings += [(name, finding) for finding in _pinned(stage, pointer, evidence)]
        if not any(model == name for model, _ in findings):
            findings.append((name, passed("history.pointer", "no pointer, no history")))
    return Report(tuple(findings))


def _pinned(stage: Stage, pointer: Pointer, evidence: Evidence) -> Iterator[Finding]:
    what = f"{stage.label} {pointer.artifact_id}"
    manifest = evidence.manifest
    if pointer.digest is None:
        yield warning(
            "artifact.pinned",
            f"{what} has no digest (written by an older tool).",
            where=pointer.artifact_dir,
            remedy="nothing to do: the next promotion records one",
        )
    elif pointer.digest == evidence.digest:
        yield passed("artifact.pinned", f"{what} holds the bytes that were promoted: {short(pointer.digest)}")
    else:
        yield error(
            "artifact.pinned",
            f"{what} was promoted as {short(pointer.digest)}; the directory now holds {short(evidence.digest)}.",
            where=pointer.artifact_dir,
            remedy=f"restore the promoted bytes: git log -- {pointer.artifact_dir}",
        )
    for field in ("git_sha", "dataset_id"):
        said, written = getattr(pointer, field), getattr(manifest, field, None)
        if said and written and said != written:
            yield error(
                f"manifest.{field}",
                f"{what} says {said}, its manifest says {written}.",
                where=pointer.artifact_dir,
                remedy="restore the manifest that was promoted",
            )


def verify_here(path: Path, base_dir: Path, repository: Repository, *, examine: Examine, now: datetime) -> Report:
    """The terminal's door: a registry file and the work tree around it."""
    registry = ModelRegistry.load(path)
    files = WorkTree(base_dir.resolve(), repository.tracked_paths)
    return verify(registry, files, examine=examine, limits=Limits(), now=now)
