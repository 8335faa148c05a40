"""The gate's whole judgement of a pull request: legal, proven, decided by the bot or by who may, and approved."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from promotebot.findings import error
from promotebot.gate.admission import pull_refusal
from promotebot.gate.approvals import Approvers, approvers_at
from promotebot.gate.conditions import conditions
from promotebot.gate.evaluate import GateResult, evaluate_gate
from promotebot.gate.hold import standing_holds
from promotebot.gate.policy import edit_of_policy
from promotebot.gate.record import PullRecord
from promotebot.gate.requests import RequestCheck
from promotebot.gate.shared import pulls_at, shared_findings
from promotebot.gate.ticks import read_ticks
from promotebot.pulls.changeset import Changeset
from promotebot.pulls.compare import check_apart
from promotebot.pulls.context import JobContext
from promotebot.pulls.facts import ask_facts
from promotebot.pulls.snapshot import PullSnapshot
from promotebot.registry.names import Digest


def evaluate_pull(
    snapshot: PullSnapshot,
    changeset: Changeset,
    job: JobContext,
    *,
    decided: Collection[Digest] = (),
    record: PullRecord,
    shared: Collection[int] | None = None,
) -> GateResult:
    """Evaluate base → head of a pull request with everything that GitHub knows.

    Args:
        snapshot: the pull request and the moment of the judgement.
        changeset: what is judged: the snapshot's own, or the one with the bot's new commit as its head.
        decided: digests of events that this job decided itself, or found attested.
        record: of the pull request.
        shared: other pull requests on the same commit into the same base, where they are known; GitHub is asked else.

    Raises:
        CouldNotVerify: when git or GitHub does not answer.
    """
    holds = standing_holds(record)
    result = _evaluate(snapshot, changeset, job, decided)
    if result.steps:  # what promotes nothing is the same on all of them
        if shared is None:
            shared = _sharing(snapshot, changeset, job)
        numbers = tuple(sorted(shared))
        more = (*check_apart(result.described), *shared_findings(numbers))
        ticks = read_ticks(record, changeset.head)
        result = replace(result, findings=(*result.findings, *more), shared=numbers, ticks=ticks)
    return result.with_holds(holds, snapshot.pull.number)


def _sharing(snapshot: PullSnapshot, changeset: Changeset, job: JobContext) -> list[int]:
    """Return the pull requests that promote from the same commit into the same base."""
    if changeset.head != snapshot.changeset.head:
        return []  # this job made it a moment ago
    others = pulls_at(changeset.head, snapshot, job)
    return [other.number for other in others if other.base_ref == snapshot.pull.base_ref]


def _evaluate(snapshot: PullSnapshot, changeset: Changeset, job: JobContext, decided: Collection[Digest]) -> GateResult:
    if snapshot.pull.is_fork and changeset.touched_registry_files:
        return _promoting_fork(snapshot)
    base = changeset.base_registry
    facts = (lambda request: ask_facts(request, snapshot, job, base)) if base else None
    result = evaluate_gate(changeset, examine=job.examine, now=snapshot.now, facts=facts)
    requests = RequestCheck(snapshot, changeset, job, decided)
    result = replace(result, findings=(*result.findings, *requests.findings(result.steps), *requests.policy_findings()))
    involved, edit = requests.people(result.steps), edit_of_policy(changeset)
    pull, policy = snapshot.pull, changeset.policy
    needed = conditions(result.steps, changeset.head, pull, policy, job.github, involved, edit=edit)
    approvers = approvers_at(changeset.head, result.steps, pull, snapshot.now)
    if needed.approvers:  # counted a moment ago, and without whoever pushed last
        approvers = Approvers(needed.approvers, snapshot.now)
    return replace(result.with_conditions(needed), approvers=approvers)


def _promoting_fork(snapshot: PullSnapshot) -> GateResult:
    """Return the refusal of a fork's change of the registry, of which nothing is read.

    Whoever may read can open pull requests from forks, and could have the bot plan, and ask GitHub about, any number
    of events.
    """
    refusal = pull_refusal(snapshot.pull)
    message = refusal.message if refusal else "The pull request comes from a fork."
    return GateResult((), (error("gate.fork", message, remedy=refusal.remedy if refusal else ""),), is_replayed=False)
