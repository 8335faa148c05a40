"""The merge queue: evaluate the commit that it built, and publish the required check on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from promotebot.action.result import GATE_OUTCOMES, Answer, Reason
from promotebot.errors import CouldNotVerify
from promotebot.findings import Finding, error
from promotebot.gate.approvals import separation
from promotebot.gate.evaluate import evaluate_gate
from promotebot.gate.requests import confirm
from promotebot.git.branch import FetchedRepository
from promotebot.github.checks import CHECK_NAME
from promotebot.github.events import BRANCH, QUEUE_BRANCH, Queued
from promotebot.promotion.policy import Policy
from promotebot.promotion.replay import Step
from promotebot.pulls.changeset import Changeset
from promotebot.pulls.context import JobContext
from promotebot.pulls.snapshot import BASE, HEAD, remote
from promotebot.registry.model import Source


def evaluate_queue(event: Queued, job: JobContext) -> Answer:
    """Evaluate what the merge queue built: everything queued so far on top of the base.

    Raises:
        CouldNotVerify: when git or GitHub does not answer; then the check stays away, and the queue waits.
    """
    with FetchedRepository.fetched(remote(job.settings), {HEAD: event.head_ref, BASE: event.base_ref}) as repository:
        settings = job.settings
        base, head = repository.commit_id(event.base_sha or BASE), repository.commit_id(event.head_sha)
        changeset = Changeset(repository, base, head, settings.registry_path, settings.policy_path)
        result = evaluate_gate(changeset, examine=job.examine, now=job.clock())
        result = replace(result, findings=(*result.findings, *_confirmed(result.steps, changeset, job)))
        result = result.with_approval(_approved(event, result.steps, changeset.policy, job))
    text = "\n".join(f"- {finding.rule}: {finding.message}" for finding in result.findings)
    job.github.publish_check(
        event.head_sha, name=CHECK_NAME, conclusion=result.conclusion, title=result.title, summary=text, text=""
    )
    return Answer(GATE_OUTCOMES[result.conclusion], Reason.GATE, result.title, summary=text)


def _approved(event: Queued, steps: Sequence[Step], policy: Policy, job: JobContext) -> Finding | None:
    """Return the approval of the queued pull request's own head; the queue's branch name says which it is."""
    if policy.separation is None or not steps:
        return None
    named = QUEUE_BRANCH.fullmatch(event.head_ref.removeprefix(BRANCH))
    if named is None:
        raise CouldNotVerify(
            f"{event.head_ref} names no pull request", remedy="take it out of the queue, and add it again"
        )
    pull = job.github.pull(int(named[2]))
    # What was queued before it is approved in a group of its own.
    own = [step for step in steps if step.event.request is None or step.event.request.pull == pull.number]
    return separation(own, pull.head_sha, pull, policy, job.github)


def _confirmed(steps: Sequence[Step], changeset: Changeset, job: JobContext) -> list[Finding]:
    """Confirm each event by its own pull request.

    An event made at a terminal is left out: the pull request that it came with was asked about it already.
    """
    findings: list[Finding] = []
    for step in (step for step in steps if step.event.source is Source.GITHUB):
        ref = step.event.request
        if ref is None or ref.repo != job.settings.repository:
            findings.append(error("gate.request", f"{step.model}: an event names no request of this repository."))
        else:
            findings += confirm([step], job.github, ref.repo, job.github.pull(ref.pull), changeset.policy)
    return findings
