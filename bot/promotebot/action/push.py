"""The base moved: pull requests that carry promotions are brought up to date, and those made anew.

See docs/architecture.md, Commands.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import datetime

from promotebot.action.reply import Replier
from promotebot.action.requester import Requester
from promotebot.action.result import Answer, Outcome, Reason
from promotebot.action.retry import report_errors, retry_on_moved_head
from promotebot.comments import notices as notes
from promotebot.comments.refusals import render_failure, render_unclear
from promotebot.errors import BaseMoved
from promotebot.findings import errors_in
from promotebot.gate.judge import evaluate_pull
from promotebot.git.branch import FetchedRepository
from promotebot.github.events import Pushed
from promotebot.planning.committed import read_policy
from promotebot.promotion.replay import Diverged
from promotebot.pulls.commit import commit_registry
from promotebot.pulls.context import JobContext
from promotebot.pulls.promotions import InvalidPromotions, is_of_another_policy, load_pending
from promotebot.pulls.replan import own_steps
from promotebot.pulls.snapshot import DEFAULT, PullSnapshot, remote

log = logging.getLogger(__name__)


def refresh(event: Pushed, job: JobContext) -> Answer:
    """Bring every open pull request up to date whose promotions conflict now, or were judged by another policy."""
    if not _takes_promotions(event.branch, job):
        return Answer(Outcome.IGNORED, Reason.OTHER_EVENT, f"{event.branch} takes no promotions")
    answers = [_one(number, job) for number in job.github.open_pulls(event.branch)]
    made = [answer for answer in answers if answer.reason is Reason.RECOMPUTED]
    failed = [answer for answer in answers if answer.outcome is Outcome.FAILED]
    summary = "\n\n".join(answer.summary for answer in answers if answer.summary)
    message = f"{len(made)} pull request(s) made anew on {event.branch}, {len(failed)} failed, of {len(answers)} open"
    if failed:
        return replace(failed[0], message=f"{message}: {failed[0].message}", summary=summary)
    return Answer(Outcome.UNCHANGED if not made else Outcome.PROMOTED, Reason.RECOMPUTED, message, summary=summary)


def _takes_promotions(branch: str, job: JobContext) -> bool:
    default = job.github.default_branch()
    if branch == default:
        return True
    with FetchedRepository.fetched(remote(job.settings), {DEFAULT: f"refs/heads/{default}"}) as repository:
        policy = read_policy(repository, repository.commit_id(DEFAULT), job.settings.policy_path)
    return branch in policy.bases


def _one(number: int, job: JobContext) -> Answer:
    settings = job.settings
    url = settings.run_url or f"{settings.server_url}/{settings.repository}/pull/{number}"
    replier = Replier(job.github, settings, Requester(number, settings.bot_login, "", url))
    pull = job.github.pull(number)
    if pull.is_fork:
        return Answer(Outcome.IGNORED, Reason.FORK)
    replier.set_pull(pull)
    return report_errors(
        replier, lambda: retry_on_moved_head(number, job, replier, lambda s, now: _refresh(s, job, replier, now))
    )


def _refresh(snapshot: PullSnapshot, job: JobContext, replier: Replier, now: datetime) -> Answer:
    changeset = snapshot.changeset
    steps = own_steps(changeset)
    if isinstance(steps, Diverged) or not steps:
        return Answer(Outcome.UNCHANGED, Reason.NOTHING_TO_CHANGE)
    replier.set_head(changeset.head, changeset.policy.contacts)
    if not changeset.has_conflict and not any(is_of_another_policy(step, changeset) for step in steps):
        return _judge_again(snapshot, job, replier, now)
    pending = load_pending(snapshot, job, now, anew=True)
    if isinstance(pending, InvalidPromotions):
        rendered = render_unclear(pending.findings, pending.model, replier.context)
        replier.check(changeset.head, "failure", rendered.title, rendered)
        return replier.post(Answer(Outcome.UNCHANGED, Reason.RULES, rendered.title), rendered)
    models = sorted({step.model for step in steps})
    try:
        commit = commit_registry(
            snapshot,
            job,
            pending.registry,
            models,
            message=f"chore(ml): Make the promotions of #{snapshot.pull.number} anew on {snapshot.pull.base_ref}\n",
            merge=True,
            now=now,
        )
    except BaseMoved as problem:
        rendered = render_failure(problem, replier.context)
        replier.check(changeset.head, "failure", rendered.title, rendered)
        return replier.post(Answer(Outcome.UNCHANGED, Reason.BASE_MOVED, problem.message), rendered)
    after = replace(changeset, head=commit)
    found = evaluate_pull(snapshot, after, job, now)
    answer = Answer(Outcome.PROMOTED, Reason.RECOMPUTED, commit_sha=commit)
    for model in models:
        mine = [step for step in pending.steps if step.model == model]
        rendered = notes.render_recomputed(
            model, mine, commit, errors_in(found.findings), replier.context, waiting=found.waiting
        )
        replier.check(commit, found.conclusion, found.title, rendered)
        answer = replier.post(replace(answer, message=rendered.title), rendered)
    return answer


def _judge_again(snapshot: PullSnapshot, job: JobContext, replier: Replier, now: datetime) -> Answer:
    """What was legal on the base before need not be on the base as it is now: the check says what holds today."""
    found = evaluate_pull(snapshot, snapshot.changeset, job, now)
    rendered = notes.render_gate(found.findings, found.title, replier.context, waiting=found.waiting)
    replier.check(snapshot.changeset.head, found.conclusion, found.title, rendered)
    answer = Answer(Outcome.UNCHANGED, Reason.GATE, found.title)
    return (
        replier.post(answer, rendered) if found.conclusion == "failure" else replier.update_if_present(answer, rendered)
    )
