"""After the merge: verify the merged commit, record a deployment of each stage that changed, and send an event."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from promotebot.action.reply import Replier
from promotebot.action.requester import Requester
from promotebot.action.result import Answer, Outcome
from promotebot.action.retry import report_errors
from promotebot.artifact.source import GitTree
from promotebot.comments.notices import render_live
from promotebot.errors import CouldNotVerify
from promotebot.findings import Severity
from promotebot.gate.refusal import Reason
from promotebot.git.branch import FetchedRepository
from promotebot.git.repository import Repository
from promotebot.github.events import PullClosed
from promotebot.github.ports import PullRequest
from promotebot.planning.committed import read_policy, read_registry
from promotebot.promotion.replay import Diverged, Step, replay
from promotebot.pulls.context import JobContext
from promotebot.pulls.snapshot import BASE, HEAD, remote
from promotebot.registry.model import Action
from promotebot.registry.names import GitSha
from promotebot.registry.registry import ModelRegistry
from promotebot.verification.report import ReportScope, VerifyReport
from promotebot.verification.verify import VerificationInput, verify

TASK = "promotebot"
_EVENTS = {Action.PROMOTE: "promoted", Action.ROLLBACK: "rolled_back", Action.DEMOTE: "demoted"}


@dataclass(frozen=True)
class _Merge:
    """The registry before and after a merge, and what it promoted."""

    commit: GitSha
    before: ModelRegistry | None
    after: ModelRegistry
    steps: tuple[Step, ...]


def announce(event: PullClosed, job: JobContext) -> Answer:
    """Record deployments, send `repository_dispatch` and post one comment for what a merge made live."""
    settings = job.settings
    pull = job.github.pull(event.pull)
    if not pull.merged or pull.merge_commit_sha is None:
        return Answer(Outcome.IGNORED, Reason.OTHER_EVENT, "the pull request is not merged")
    url = settings.run_url or f"{settings.server_url}/{settings.repository}/pull/{event.pull}"
    replier = Replier(job.github, settings, Requester(event.pull, pull.author, "", url))
    replier.set_pull(pull)
    return report_errors(replier, lambda: _verify_and_announce(pull, job, replier))


def _verify_and_announce(pull: PullRequest, job: JobContext, replier: Replier) -> Answer:
    refs = {BASE: f"refs/heads/{pull.base_ref}", HEAD: f"refs/pull/{pull.number}/head"}
    with FetchedRepository.fetched(remote(job.settings), refs) as repository:
        merge = _read_merge(repository, pull, job.settings.registry_path)
        if not merge or not merge.steps:
            return Answer(Outcome.IGNORED, Reason.NOTHING_TO_CHANGE, "the merge promotes nothing")
        policy = read_policy(repository, merge.commit, job.settings.policy_path)
        replier.set_head(pull.head_sha, policy.contacts)
        subject = VerificationInput(
            merge.after,
            GitTree(repository, merge.commit),
            policy,
            lambda sha: repository.is_ancestor(sha, merge.commit),
            merge.before,
        )
        scope = ReportScope(registry=job.settings.registry_path, commit=merge.commit)
        names = sorted({step.model for step in merge.steps})
        report = verify(subject, names, scope, examine=job.examine, now=job.clock())
    _announce(merge, report, pull, job)
    problems = [f for f in report.findings if f.severity in (Severity.ERROR, Severity.UNKNOWN)]
    rendered = render_live(merge.steps, merge.after, problems, merge.commit, replier.context)
    outcome = {0: Outcome.PASSED, 1: Outcome.REFUSED}.get(report.exit_code, Outcome.FAILED)
    return replier.post(Answer(outcome, Reason.LANDED, rendered.title, merge.commit), rendered)


def _read_merge(repository: Repository, pull: PullRequest, registry_path: str) -> _Merge | None:
    """Return what the merge added to history, however it was merged: a merge, a squash, or commits put on top.

    Raises:
        CouldNotVerify: when the commit is not there, or holds something that no promotion produces.
    """
    commit = repository.resolve(pull.merge_commit_sha or "")
    if commit is None:
        raise CouldNotVerify(
            f"the merge commit {pull.merge_commit_sha} is not on {pull.base_ref}", remedy="run the job again"
        )
    parent = repository.first_commit_before(commit, pull.head_sha)
    after = read_registry(repository, commit, registry_path)
    before = read_registry(repository, parent, registry_path) if parent else None
    if after is None or before is None:
        return None
    replayed = replay(before, after)
    if isinstance(replayed, Diverged):
        raise CouldNotVerify(
            f"what was merged is no sequence of promotions: {replayed.findings[0].message}",
            where=replayed.findings[0].where,
            remedy="the gate was not required, or was overridden: revert the merge, and ask for the promotion again",
        )
    return _Merge(commit, before, after, replayed.steps)


def _announce(merge: _Merge, report: VerifyReport, pull: PullRequest, job: JobContext) -> None:
    """Record a deployment for each stage that changed; send the event that a CD acts on only when it verifies."""
    approvers = job.github.approvals(pull.number, pull.head_sha)
    newest = {(step.model, step.event.stage): step for step in merge.steps}
    for step in newest.values():
        payload = _payload(step, merge, pull, approvers)
        verified = report.exit_code == 0
        job.github.deploy(
            sha=merge.commit,
            environment=f"{step.model}/{payload['stage']}",
            task=TASK,
            description=f"{step.event.pointer.artifact_id} {_EVENTS[step.event.action]} by #{pull.number}",
            payload=payload,
            state="success" if verified else "failure",
        )
        if verified:
            kept = {key: value for key, value in payload.items() if key in _SENT}
            job.github.dispatch(f"promotebot.{_EVENTS[step.event.action]}", kept)


_SENT = ("schema_version", "model", "stage", "action", "sha", "artifact_dir", "artifact_id", "digest", "pull", "actor")
"""At most ten: https://docs.github.com/en/rest/repos/repos#create-a-repository-dispatch-event"""


def _payload(step: Step, merge: _Merge, pull: PullRequest, approvers: Sequence[str]) -> Mapping[str, Any]:
    event, pointer = step.event, step.event.pointer
    registry = hashlib.sha256(merge.after.file_bytes(step.model)).hexdigest()
    return {
        "schema_version": "v1",
        "model": step.model,
        "stage": event.stage.value if event.stage else None,
        "action": event.action.value,
        "sha": merge.commit,
        "artifact_dir": pointer.artifact_dir,
        "artifact_id": pointer.artifact_id,
        "digest": pointer.digest,
        "pull": pull.number,
        "actor": event.actor,
        "approvers": list(approvers),
        "registry_digest": f"sha256:{registry}",
    }
