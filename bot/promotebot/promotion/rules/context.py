"""The input of every rule: the request with everything that was gathered for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from promotebot.artifact.claims import Claims
from promotebot.artifact.evidence import Evidence
from promotebot.findings import Finding
from promotebot.promotion.last_active import ActivePointer, active_pointers
from promotebot.promotion.policy import Policy
from promotebot.promotion.request import Request
from promotebot.registry.model import Action, Event, ModelEntry, Pointer
from promotebot.registry.names import Digest, Stage
from promotebot.registry.registry import ModelRegistry


@dataclass(frozen=True)
class Incumbent:
    """The artifact that services use now, or used last, with which a candidate is compared."""

    held: ActivePointer
    evidence: Evidence | None
    """None where its directory does not hold the bytes that were promoted, or no signature is compared."""

    @property
    def pointer(self) -> Pointer:
        """Return the pointer that ACTIVE holds, or held."""
        return self.held.pointer


@dataclass(frozen=True)
class Facts:
    """Facts that the caller looked up for the rules, which read no file and ask no server; None where unknown."""

    commit_reachable: bool | None = None
    """True where the request's git_sha is an ancestor of (or equal to) base or head; None in a shallow clone."""
    merged_at: Mapping[Event, datetime] = field(default_factory=dict)
    """Event of the base's history → when GitHub merged it, as far as soak times count from it."""
    merged_in: int | None = None
    """A pull request, merged into the base, that had this commit; None where there is none, or GitHub was not asked."""
    artifact_changed: bool = True
    """True where this change touches an artifact directory of the base: other models may point to it."""
    files_changed: bool = False
    """For an import: True where this change touches more of the artifact's directory than its manifest."""
    groups: frozenset[str] = frozenset()
    """Teams, and `CODEOWNERS`, that whoever asks is known to be in, where the policy leaves the request to people."""
    claims: Claims | None = None
    """What is claimed of the artifact; None where its digest is not known."""
    claims_of_active: Claims | None = None
    """The same of the incumbent, as the base has it; None where nothing was read."""
    legacy: Mapping[Stage, Digest] = field(default_factory=dict)
    """What the base's pointers of older tools, which recorded no digest, stood for when they were put there."""
    incumbent: Incumbent | None = None
    """None where nothing was ever ACTIVE, or it was not looked for."""

    @property
    def former(self) -> str:
        """Return what to call the incumbent where it is not ACTIVE any more; empty for today's, and for none."""
        return self.incumbent.held.former if self.incumbent else ""


@dataclass(frozen=True)
class RuleContext:
    """Everything that a rule may look at."""

    request: Request
    evidence: Evidence
    registry: ModelRegistry
    base: ModelRegistry
    policy: Policy
    """The one that holds for the request's model."""
    facts: Facts
    now: datetime

    @property
    def entry(self) -> ModelEntry | None:
        """Return the model as the registry holds it; None for a new one."""
        return self.registry.entry(self.request.model)

    @property
    def history(self) -> tuple[Event, ...]:
        """Return the model's events, newest first, those of this pull request included."""
        entry = self.entry
        return entry.history if entry else ()

    @property
    def base_history(self) -> tuple[Event, ...]:
        """Return the model's events on the base, newest first: the ones that have been merged."""
        entry = self.base.entry(self.request.model)
        return entry.history if entry else ()

    @property
    def today(self) -> Pointer | None:
        """Return the pointer that the requested stage holds now."""
        entry = self.entry
        return entry.pointer(self.request.stage) if entry else None

    @property
    def digest(self) -> Digest | None:
        """Return the digest of the artifact; None unless every byte is proven."""
        return self.evidence.digest

    @property
    def compared_with(self) -> ActivePointer | None:
        """Return what services use now, or used last, which a candidate is held against; None for nothing."""
        if self.facts.incumbent:
            return self.facts.incumbent.held
        return next(iter(active_pointers(self.base.entry(self.request.model))), None)

    @property
    def legacy_pointers(self) -> Mapping[Stage, Pointer]:
        """Return the lower stages of the base that hold this artifact by a pointer of an older tool, nearest first.

        It recorded no digest, and git says which bytes it stood for.
        """
        entry, digest = self.base.entry(self.request.model), self.digest
        if entry is None or digest is None:
            return {}
        stages = (stage for stage in self.request.stage.below if self.facts.legacy.get(stage) == digest)
        found = {stage: pointer for stage in stages if (pointer := entry.pointer(stage))}
        return {stage: p for stage, p in found.items() if p.digest is None}

    @property
    def is_rollback(self) -> bool:
        """Return whether it is asked for as one, or makes an artifact ACTIVE again that was before and is not now.

        The same bytes under another manifest are another artifact: no soak time or freeze is spared them. See
        docs/rules.md.
        """
        if self.request.action is Action.ROLLBACK:
            return True
        if self.request.action is Action.IMPORTED:
            return False
        if self.request.stage is not Stage.ACTIVE or self.digest is None:
            return False
        # The same artifact under another id brings nothing back.
        if self.today and self.evidence.is_of(self.today):
            return False
        return any(e.to_stage is Stage.ACTIVE and self.evidence.is_of(e.pointer) for e in self.history)


Rule = Callable[[RuleContext], Iterator[Finding]]
