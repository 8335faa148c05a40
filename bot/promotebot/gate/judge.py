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


def evaluate_pull(snapshot: PullSnapshot, changeset: Changeset, job: JobContext, now: datetime) -> GateResult:
    """The gate's whole judgement of base → head: legal, proven, and confirmed by GitHub."""
    base = changeset.base_registry
    facts = (lambda request: facts_of(request, snapshot, job, base)) if base else None
    found = evaluate_gate(changeset, examine=job.examine, now=now, facts=facts)
    judge = check_pinned_intent(changeset, found.steps, job.examine)
    confirmed = confirm(found.steps, job.github, job.settings.repository, snapshot.pull, changeset.policy, judge)
    approval = separation(found.steps, changeset.head, snapshot.pull, changeset.policy, job.github)
    return replace(found, findings=(*found.findings, *confirmed)).with_approval(approval)
