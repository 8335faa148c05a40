"""The gate's whole judgement of a pull request: legal, proven, confirmed by GitHub, and approved."""

from __future__ import annotations

from dataclasses import replace

from promotebot.gate.approvals import separation
from promotebot.gate.evaluate import GateResult, evaluate_gate
from promotebot.gate.pinned_commands import check_pinned_intent
from promotebot.gate.policy import changes_policy
from promotebot.gate.requests import confirm
from promotebot.pulls.changeset import Changeset
from promotebot.pulls.context import JobContext
from promotebot.pulls.facts import facts_of
from promotebot.pulls.snapshot import PullSnapshot


def evaluate_pull(snapshot: PullSnapshot, changeset: Changeset, job: JobContext) -> GateResult:
    """Evaluate base → head of a pull request with everything that GitHub knows.

    Args:
        snapshot: the pull request and the moment of the judgement.
        changeset: what is judged: the snapshot's own, or the one with the bot's new commit as its head.

    Raises:
        CouldNotVerify: when git or GitHub does not answer.
    """
    base, pull, policy = changeset.base_registry, snapshot.pull, changeset.policy
    facts = (lambda request: facts_of(request, snapshot, job, base)) if base else None
    result = evaluate_gate(changeset, examine=job.examine, now=snapshot.now, facts=facts)
    intent = check_pinned_intent(changeset, job.examine)
    confirmed = confirm(result.steps, job.github, job.settings.repository, pull, policy, intent)
    changed = changes_policy(changeset)
    approval = separation(result.steps, changeset.head, pull, policy, job.github, changes_policy=changed)
    return replace(result, findings=(*result.findings, *confirmed)).with_approval(approval)
