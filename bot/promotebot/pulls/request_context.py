"""One request on a change of a branch: completed from what the change says, and decided on. Nothing is written."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

from promotebot.findings import Finding
from promotebot.planning.complete import prepare
from promotebot.planning.decide import Decided, PromotionContext, decide, with_findings
from promotebot.promotion.infer import IncompleteRequest
from promotebot.promotion.request import Actor, CommandArguments, Request
from promotebot.pulls.changeset import Changeset
from promotebot.pulls.compare import planning_on
from promotebot.pulls.context import JobContext
from promotebot.pulls.facts import ask_facts_on
from promotebot.registry.model import RequestRef, Source
from promotebot.registry.names import MAX_TEXT
from promotebot.registry.registry import ModelRegistry

if TYPE_CHECKING:  # PyGithub is loaded by whoever makes the client
    from promotebot.github.ports import PullRequest


def title_reason(pull: PullRequest) -> str:
    """Return the reason of a request that gives none: the title, without characters that nobody sees, cut to size."""
    title = f"#{pull.number}: {pull.title}"
    return "".join(c for c in title if c.isprintable() and unicodedata.category(c) != "Cf")[:MAX_TEXT]


@dataclass(frozen=True)
class RequestContext:
    """Where one request is completed and decided on."""

    changeset: Changeset
    base_ref: str
    """The branch that the change goes into."""
    registry: ModelRegistry
    """What the request changes: the base's registry with the change's other promotions."""
    base: ModelRegistry
    job: JobContext

    @cached_property
    def _context(self) -> PromotionContext:
        change = self.changeset
        legacy = change.first_digest(self.job.examine)
        return planning_on(change, self.registry, self.base, legacy, commit=change.head)

    def complete(
        self, arguments: CommandArguments, login: str, ref: RequestRef | None, reason: str
    ) -> tuple[Request, Sequence[Finding]] | IncompleteRequest:
        """Return the whole request and what was remarked on the way, or what is missing.

        Args:
            login: who asks on GitHub.
            reason: the one to take where none was given.
        """
        actor, inference = Actor(login, Source.GITHUB), self.changeset.inference(self.registry)
        return prepare(arguments, self._context, inference, actor, ref, reason, self.job.examine)

    def decide(self, request: Request, remarks: Sequence[Finding], now: datetime) -> Decided:
        """Return what the rules say of it, with the remarks.

        Raises:
            CouldNotVerify: when git or GitHub does not answer.
        """
        # Whoever carries the plan out shows it first, and waits for its confirmation where that is asked for.
        request = replace(request, confirmed=True)
        facts = ask_facts_on(request, self.changeset, self.base_ref, self.job, self.base)
        return with_findings(decide(self._context, request, facts, examine=self.job.examine, now=now), remarks)
