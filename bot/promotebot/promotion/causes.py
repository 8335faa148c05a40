"""Which findings follow from which: an answer names the cause first, and what follows from it below."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field

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
    places = _Places({one.where for one in findings})
    for index, finding in enumerate(open_ones):
        if _is_grave(finding):
            places.add(index, finding)
    above = [_cause_of(index, open_ones, places) for index in range(len(open_ones))]
    below: dict[int, list[Finding]] = {index: [] for index, cause in enumerate(above) if cause is None}
    for index, cause in enumerate(above):
        root = cause
        while root is not None and above[root] is not None:
            root = above[root]
        if root is not None:
            below[root].append(open_ones[index])
    return [Cause(open_ones[index], tuple(follows)) for index, follows in below.items()]


def _cause_of(index: int, found: Sequence[Finding], places: _Places) -> int | None:
    """Return the index of the finding that one follows from; the gate says what the rules found right before it."""
    finding = found[index]
    if finding.rule == "gate.plan":
        is_refused = index > 0 and not found[index - 1].rule.startswith("gate.") and _is_grave(found[index - 1])
        return index - 1 if is_refused else None
    rules = CAUSES.get(finding.rule, ())
    return places.first_near(finding.where, rules) if finding.where else places.only_place(rules)


@dataclass(frozen=True)
class _Places:
    """Where each rule failed: a report on many models has a hundred thousand findings, so no two are compared."""

    every: Set[str]
    """The places that findings are about."""
    at: dict[tuple[str, str], int] = field(default_factory=dict)
    """Rule and place → the index of its first finding there."""
    inside: dict[tuple[str, str], int] = field(default_factory=dict)
    """Rule and place → the same for everything below it."""
    directories: dict[str, dict[str, int]] = field(default_factory=dict)
    """Rule → directory → the same for what is about it."""

    def add(self, index: int, finding: Finding) -> None:
        """Note a finding; those before it are noted already."""
        rule, where = finding.rule, finding.where
        self.at.setdefault((rule, where), index)
        for place in _above(where):
            self.inside.setdefault((rule, place), index)
        self.directories.setdefault(rule, {}).setdefault(self._directory(where), index)

    def first_near(self, where: str, rules: Sequence[str]) -> int | None:
        """Return the first finding of these rules at a place, around or inside it, or in its directory."""
        directory, around = self._directory(where), [where, *_above(where)]
        near = [
            index
            for rule in rules
            for index in (
                *(self.at.get((rule, place)) for place in around),
                self.inside.get((rule, where)),
                self.directories.get(rule, {}).get(directory),
            )
            if index is not None
        ]
        return min(near, default=None)

    def only_place(self, rules: Sequence[str]) -> int | None:
        """Return the first finding of these rules where all of theirs are in one directory."""
        first = [self.directories[rule] for rule in rules if rule in self.directories]
        if any(len(one) > 1 for one in first) or len({place for one in first for place in one}) != 1:
            return None
        return min(index for one in first for index in one.values())

    def _directory(self, where: str) -> str:
        parent, _, name = where.rpartition("/")
        return parent if name == "manifest.json" or parent in self.every else where


def _above(where: str) -> Iterator[str]:
    """Yield the places that one lies in."""
    return (where[:end] for end, sign in enumerate(where) if sign == "/")


def _is_grave(finding: Finding) -> bool:
    return finding.severity in (Severity.ERROR, Severity.UNKNOWN)
