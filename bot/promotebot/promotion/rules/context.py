"""What a rule looks at: the request with everything that was gathered for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from promotebot.artifact.evidence import Evidence
from promotebot.findings import Finding
from promotebot.promotion.policy import Policy
from promotebot.promotion.request import Request
from promotebot.registry.model import Action, Event, ModelEntry, Pointer
from promotebot.registry.names import Digest, Stage
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
class RuleContext:
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
        """Asked for as one, or ACTIVE again with bytes that were ACTIVE before and are not now (docs/rules.md)."""
        if self.request.action is Action.ROLLBACK:
            return True
        if self.request.stage is not Stage.ACTIVE or self.digest is None:
            return False
        if self.today and self.today.digest == self.digest:
            return False
        return any(e.to_stage is Stage.ACTIVE and e.pointer.digest == self.digest for e in self.history)


Rule = Callable[[RuleContext], Iterator[Finding]]
