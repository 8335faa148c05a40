"""The base moved: pull requests that carry promotions are brought up to date, and those made anew (DESIGN §4)."""

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


def refresh(event: Pushed, tools: JobContext) -> Answer:
    """Bring every open pull request up to date whose promotions conflict now, or were judged by another policy."""
    if not _takes_promotions(event.branch, tools):
        return Answer(Outcome.IGNORED, Reason.OTHER_EVENT, f"{event.branch} takes no promotions")
    answers = [_one(number, tools) for number in tools.github.open_pulls(event.branch)]
    made = [answer for answer in answers if answer.reason is Reason.RECOMPUTED]
    failed = [answer for answer in answers if answer.outcome is Outcome.FAILED]
    summary = "\n\n".join(answer.summary for answer in answers if answer.summary)
    message = f"{len(made)} pull request(s) made anew on {event.branch}, {len(failed)} failed, of {len(answers)} open"
    if failed:
        return replace(failed[0], message=f"{message}: {failed[0].message}", summary=summary)
    return Answer(Outcome.UNCHANGED if not made else Outcome.PROMOTED, Reason.RECOMPUTED, message, summary=summary)


def _takes_promotions(branch: str, tools: JobContext) -> bool:
    default = tools.github.default_branch()
    if branch == default:
        return True
    with FetchedRepository.fetched(remote(tools.settings), {DEFAULT: f"refs/heads/{default}"}) as repository:
        policy = read_policy(repository, repository.commit_id(DEFAULT), tools.settings.policy_path)
    return branch in policy.bases


def _one(number: int, tools: JobContext) -> Answer:
    settings = tools.settings
    url = settings.run_url or f"{settings.server_url}/{settings.repository}/pull/{number}"
    teller = Replier(tools.github, settings, Requester(number, settings.bot_login, "", url))
    pull = tools.github.pull(number)
    if pull.is_fork:
        return Answer(Outcome.IGNORED, Reason.FORK)
    teller.place(pull)
    return report_errors(
        teller, lambda: retry_on_moved_head(number, tools, teller, lambda s, now: _refresh(s, tools, teller, now))
    )


def _refresh(space: PullSnapshot, tools: JobContext, teller: Replier, now: datetime) -> Answer:
    change = space.change
    steps = own_steps(change)
    if isinstance(steps, Diverged) or not steps:
        return Answer(Outcome.UNCHANGED, Reason.NOTHING_TO_CHANGE)
    teller.at(change.head, change.policy.contacts)
    if not change.has_conflict and not any(is_of_another_policy(step, change) for step in steps):
        return _judge_again(space, tools, teller, now)
    standing = load_pending(space, tools, now, anew=True)
    if isinstance(standing, InvalidPromotions):
        rendered = render_unclear(standing.findings, standing.model, teller.setting)
        teller.check(change.head, "failure", rendered.title, rendered)
        return teller.say(Answer(Outcome.UNCHANGED, Reason.RULES, rendered.title), rendered)
    models = sorted({step.model for step in steps})
    try:
        commit = commit_registry(
            space,
            tools,
            standing.registry,
            models,
            message=f"chore(ml): Make the promotions of #{space.pull.number} anew on {space.pull.base_ref}\n",
            merge=True,
            now=now,
        )
    except BaseMoved as problem:
        rendered = render_failure(problem, teller.setting)
        teller.check(change.head, "failure", rendered.title, rendered)
        return teller.say(Answer(Outcome.UNCHANGED, Reason.BASE_MOVED, problem.message), rendered)
    after = replace(change, head=commit)
    found = evaluate_pull(space, after, tools, now)
    answer = Answer(Outcome.PROMOTED, Reason.RECOMPUTED, commit_sha=commit)
    for model in models:
        mine = [step for step in standing.steps if step.model == model]
        rendered = notes.render_recomputed(
            model, mine, commit, errors_in(found.findings), teller.setting, waiting=found.waiting
        )
        teller.check(commit, found.conclusion, found.title, rendered)
        answer = teller.say(replace(answer, message=rendered.title), rendered)
    return answer


def _judge_again(space: PullSnapshot, tools: JobContext, teller: Replier, now: datetime) -> Answer:
    """What was legal on the base before need not be on the base as it is now: the check says what holds today."""
    found = evaluate_pull(space, space.change, tools, now)
    rendered = notes.render_gate(found.findings, found.title, teller.setting, waiting=found.waiting)
    teller.check(space.change.head, found.conclusion, found.title, rendered)
    answer = Answer(Outcome.UNCHANGED, Reason.GATE, found.title)
    return teller.say(answer, rendered) if found.conclusion == "failure" else teller.say_again(answer, rendered)
