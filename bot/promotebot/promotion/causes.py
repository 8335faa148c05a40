"""Which findings follow from which: an answer names the cause first, and what follows from it below."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from promotebot.findings import Finding, Severity

_UNREADABLE = ("artifact.exists", "path.symlink", "artifact.manifest", "artifact.lfs")
_OTHER_BYTES = (*_UNREADABLE, "artifact.files", "artifact.limits", "artifact.digest", "artifact.storage")
CAUSES: Mapping[str, tuple[str, ...]] = {
    "artifact.manifest": ("artifact.exists", "path.symlink", "artifact.lfs"),
    "artifact.files": _UNREADABLE,
    "artifact.tracked": _UNREADABLE,
    "artifact.digest": ("artifact.exists", "path.symlink", "artifact.manifest", "artifact.lfs", "artifact.files"),
    "artifact.graph": _OTHER_BYTES,
    "artifact.external_data": _OTHER_BYTES,
    "artifact.format": _OTHER_BYTES,
    "artifact.executable": _OTHER_BYTES,
    "artifact.unreferred": _OTHER_BYTES,
    "artifact.checker": (*_OTHER_BYTES, "artifact.graph", "artifact.external_data", "artifact.opens"),
    "artifact.opens": (*_OTHER_BYTES, "artifact.graph", "artifact.external_data"),
    "artifact.serves": (*_OTHER_BYTES, "artifact.graph", "artifact.external_data", "artifact.opens"),
    "artifact.golden": (*_OTHER_BYTES, "artifact.graph", "artifact.external_data", "artifact.opens"),
    "artifact.pinned": _OTHER_BYTES,
    "manifest.changed": _UNREADABLE,
    "manifest.git_sha": (*_UNREADABLE, "manifest.changed"),
    "manifest.dataset_id": (*_UNREADABLE, "manifest.changed"),
    "manifest.feature_order_hash": (*_UNREADABLE, "manifest.changed"),
    "active.git_sha": _UNREADABLE,
    "active.dataset_id": _UNREADABLE,
    "active.prior_stage": _OTHER_BYTES,
    "request.model": _UNREADABLE,
    "dataset.manifest": ("dataset.exists", "dataset.id"),
    "dataset.files": ("dataset.exists", "dataset.id", "dataset.manifest"),
    "dataset.digest": ("dataset.exists", "dataset.id", "dataset.manifest", "dataset.files"),
    "gate.tree": (*_OTHER_BYTES, "artifact.pinned", "manifest.changed"),
    "history.chain": ("registry.schema", "gate.replay"),
    "history.event": ("registry.schema", "gate.replay"),
    "history.order": ("registry.schema", "gate.replay"),
    "history.pointer": ("registry.schema", "gate.replay", "history.chain"),
    "history.append_only": ("registry.schema", "gate.replay"),
    "gate.attestation": ("gate.replay",),
}
"""Rule → the rules whose failure at the same place explains its own; in no circle."""


@dataclass(frozen=True)
class Cause:
    """A finding that stands for itself, and those that follow from it."""

    finding: Finding
    follows: tuple[Finding, ...] = ()


def by_cause(findings: Sequence[Finding]) -> list[Cause]:
    """Return what did not pass, in its order, each finding below the one that it follows from.

    What follows from a consequence stands below the same cause. Only an error, or what is unknown, is a cause; what has
    no place of its own follows from a cause only where there is just one place with causes.
    """
    open_ones = [finding for finding in findings if finding.severity is not Severity.PASS]
    above = [_cause_of(index, open_ones, findings) for index in range(len(open_ones))]
    below: dict[int, list[Finding]] = {index: [] for index, cause in enumerate(above) if cause is None}
    for index, cause in enumerate(above):
        root = cause
        while root is not None and above[root] is not None:
            root = above[root]
        if root is not None:
            below[root].append(open_ones[index])
    return [Cause(open_ones[index], tuple(follows)) for index, follows in below.items()]


def _cause_of(index: int, found: Sequence[Finding], every: Sequence[Finding]) -> int | None:
    """Return the index of the finding that one follows from; the gate says what the rules found right before it."""
    finding = found[index]
    if finding.rule == "gate.plan":
        is_refused = index > 0 and not found[index - 1].rule.startswith("gate.") and _is_grave(found[index - 1])
        return index - 1 if is_refused else None
    rules = CAUSES.get(finding.rule, ())
    causes = [place for place, one in enumerate(found) if one.rule in rules and _is_grave(one)]
    directories = {one.where for one in every}
    if not finding.where:
        return causes[0] if len({_directory(found[place].where, directories) for place in causes}) == 1 else None
    near = (place for place in causes if _is_near(finding.where, found[place].where, directories))
    return next(near, None)


def _is_grave(finding: Finding) -> bool:
    return finding.severity in (Severity.ERROR, Severity.UNKNOWN)


def _is_near(one: str, other: str, directories: set[str]) -> bool:
    """Return whether two places are one, or one in the other, or in one directory that findings are about."""
    inside = one == other or one.startswith(f"{other}/") or other.startswith(f"{one}/")
    return inside or _directory(one, directories) == _directory(other, directories)


def _directory(where: str, directories: set[str]) -> str:
    parent, _, name = where.rpartition("/")
    return parent if name == "manifest.json" or parent in directories else where
