"""Where an event on a branch came from: the pull request that was merged with it, and the bot's own verdict on it.

After a merge this is asked again, since a branch may be pushed to directly, and a required status may be overridden.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from promotebot.errors import InvalidInput
from promotebot.gate.attestation import attestation_problems
from promotebot.gate.ticks import ticks_in
from promotebot.github.checks import gate_context, other_base
from promotebot.planning.committed import read_policy
from promotebot.promotion.checklist import Tick
from promotebot.promotion.past import closed_at
from promotebot.promotion.policy import MAX_BYTES, Policy
from promotebot.promotion.replay import Step
from promotebot.pulls.context import JobContext
from promotebot.pulls.heads import NOTHING, push_that_brought
from promotebot.pulls.mainline import Mainline
from promotebot.registry.model import Source
from promotebot.registry.names import GitSha, to_timestamp

if TYPE_CHECKING:  # PyGithub is loaded by whoever makes the client
    from promotebot.github.ports import CommitStatus, PullRequest


@dataclass(frozen=True)
class Origin:
    """An event with where it came from."""

    step: Step
    commit: GitSha | None
    """The branch's own commit that brought it."""
    pull: PullRequest | None
    problem: str = ""
    """Why the gate did not let it through; empty when it did."""
    ticks: Mapping[int, Tick] = field(default_factory=dict, hash=False)
    """Boxes of the runbook's checklist that people had ticked on the head when it was merged."""


def origin_of(step: Step, branch: Mainline, job: JobContext) -> Origin:
    """Return where an event came from, and whether the gate was green on the head that was merged.

    What speaks against it is asked about again: GitHub shows a merge, and a verdict, some seconds late.

    Raises:
        CouldNotVerify: when git or GitHub does not answer.
    """
    origin = job.patience.ask_until(lambda: _origin_now(step, branch, job), lambda origin: not origin.problem)
    return origin if origin.problem else replace(origin, problem=_closed_problem(origin, branch, job))


def _closed_problem(origin: Origin, branch: Mainline, job: JobContext) -> str:
    """Return why the policy of then allowed no merge at that time, which its verdict was older than; or nothing."""
    pull, commit = origin.pull, origin.commit
    if pull is None or pull.merged_at is None or commit is None:
        return ""
    try:
        policy = _policy_before(commit, branch, job)
    except InvalidInput as problem:
        return f"#{pull.number} was merged while the policy did not read: {problem.message}"
    closed = closed_at(policy, origin.step, pull.merged_at)
    when = f"#{pull.number} was merged at {to_timestamp(pull.merged_at)}, by an older verdict"
    return f"{when}: {closed[0].message.removesuffix('.')}" if closed else ""


def _policy_before(commit: GitSha, branch: Mainline, job: JobContext) -> Policy:
    """Return the policy that the branch had before what was merged with a commit.

    Its own branch may change the policy, and a rebase puts each of its commits on the base. So where the policy changed
    since the last announced state, GitHub is asked what the branch was before.

    Raises:
        InvalidInput: when it does not read.
        CouldNotVerify: when git or GitHub does not answer.
    """
    repository, path = branch.repository, job.settings.policy_path
    before = repository.resolve(f"{commit}^1") or commit
    commits = (branch.announced or before, before)
    if len({repository.read_file(one, path, max_bytes=MAX_BYTES) for one in commits}) > 1:
        push = job.patience.ask_until(lambda: push_that_brought(commit, branch.name, repository, job), bool)
        if push and push.before != NOTHING:
            before = repository.fetch_commit(push.before)
    return read_policy(repository, before, path)


def _origin_now(step: Step, branch: Mainline, job: JobContext) -> Origin:
    ref, commit = step.event.request, branch.commit_that_brought(step)
    pulls: Sequence[PullRequest] = ()
    if step.event.source is not Source.GITHUB:
        pulls = job.github.pulls_with(commit) if commit else ()
    elif ref is None or ref.repo != job.settings.repository:
        return Origin(step, commit, None, "it claims to come from GitHub, but names no request of this repository")
    elif problem := _attestation_problem(step, branch, job):
        return Origin(step, commit, None, problem)  # its request may name any pull request, also one that is not there
    else:
        pulls = [job.github.pull(ref.pull)]
    origins = [_origin_in(step, commit, pull, branch, job) for pull in pulls]
    green = [origin for origin in origins if not origin.problem]
    return next(iter([*green, *origins]), Origin(step, commit, None, "no pull request contained it"))


def _attestation_problem(step: Step, branch: Mainline, job: JobContext) -> str:
    base = other_base(branch.name, job.default_branch)
    return attestation_problems([step], job.github, base, job.settings.bot_login).get(step, "")


def _origin_in(step: Step, commit: GitSha | None, pull: PullRequest, branch: Mainline, job: JobContext) -> Origin:
    number = f"#{pull.number}"
    if not pull.merged or pull.base_ref != branch.name:
        return Origin(step, commit, pull, f"{number} was not merged into {branch.name}")
    if not branch.is_at(pull.head_sha, step):
        return Origin(step, commit, pull, f"{number} was merged without it")
    statuses = [status for status in job.github.statuses(pull.head_sha) if _is_before(status, pull)]
    base = other_base(branch.name, job.default_branch)
    ticks = ticks_in(statuses, pull.number, base, job.settings.bot_login)
    return Origin(step, commit, pull, _verdict_problem(statuses, pull, branch, job), ticks)


def _verdict_problem(statuses: Sequence[CommitStatus], pull: PullRequest, branch: Mainline, job: JobContext) -> str:
    number, head = f"#{pull.number}", pull.head_sha[:7]
    gate, bot = gate_context(branch.name, job.default_branch), job.settings.bot_login
    newest = next((status for status in statuses if (status.context, status.creator) == (gate, bot)), None)
    if newest is None:
        return f"{bot} never set {job.settings.shown(gate)} on {head}, the head with which {number} was merged"
    shown = job.settings.shown(gate)
    return "" if newest.state == "success" else f"{number} was merged while {shown} was {newest.state} on {head}"


def _is_before(status: CommitStatus, pull: PullRequest) -> bool:
    """Return whether a status stood when a pull request was merged: what is said later changes nothing about that.

    GitHub tells whole seconds, and merges what waits for it as soon as it is green.
    """
    return bool(status.created_at and pull.merged_at and status.created_at <= pull.merged_at)
