"""The gate's whole judgement of a pull request: legal, proven, confirmed by GitHub, and approved."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from promotebot.gate.approvals import separation
from promotebot.gate.evaluate import GateResult, evaluate_gate
from promotebot.gate.pinned_commands import check_pinned_intent
from promotebot.gate.requests import confirm
from promotebot.pulls.changeset import Changeset
from promotebot.pulls.context import JobContext
from promotebot.pulls.facts import facts_of
from promotebot.pulls.snapshot import PullSnapshot


def evaluate_pull(space: PullSnapshot, change: Changeset, tools: JobContext, now: datetime) -> GateResult:
    """The gate's whole judgement of base → head: legal, proven, and confirmed by GitHub."""
    base = change.base_registry
    facts = (lambda request: facts_of(request, space, tools, base)) if base else None
    found = evaluate_gate(change, examine=tools.examine, now=now, facts=facts)
    judge = check_pinned_intent(change, found.steps, tools.examine)
    confirmed = confirm(found.steps, tools.github, tools.settings.repository, space.pull, change.policy, judge)
    approval = separation(found.steps, change.head, space.pull, change.policy, tools.github)
    return replace(found, findings=(*found.findings, *confirmed)).with_approval(approval)
