"""The gate on pull requests that started no job of it: one by hand, every open one by hand, or what the timers find.

The timer of every hour judges those again that were judged before a freeze, a window or an exception began or ended.
The daily one does that, too, and judges those without a verdict.
A pull request that was open before the installation, or that another workflow opened or pushed with the Actions token,
sends no event that starts the gate: https://docs.github.com/en/actions/concepts/security/github_token
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from promotebot.action import outdated, pull_request
from promotebot.action.outdated import outdated_pulls
from promotebot.action.reply import comment_context, refusal_answer
from promotebot.action.requester import Requester
from promotebot.action.result import Answer, Outcome
from promotebot.comments.markdown import text
from promotebot.errors import PromotebotError
from promotebot.gate.refusal import Reason, Refusal
from promotebot.gate.status import published_verdict
from promotebot.github.checks import gate_context
from promotebot.github.events import BRANCH, Dispatched, Reviewed, Scheduled
from promotebot.pulls.affected import open_pulls
from promotebot.pulls.context import JobContext
from promotebot.pulls.default_policy import base_policies, default_contacts
from promotebot.text import counted

if TYPE_CHECKING:  # PyGithub is loaded by whoever makes the client
    from promotebot.github.ports import PullRequest

log = logging.getLogger(__name__)
ALL = "all"
MAX_LOOKED_AT, MAX_JUDGED = 100, 20
"""Pull requests in one job. A look costs one request and a judgement about five, of a thousand in an hour for all of a
repository's workflows: https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api"""
BUDGET = timedelta(minutes=5)
"""For the artifacts of one pull request."""
_REMEDY = "give the number of an open pull request, such as 12, or all"


def sweep(event: Dispatched | Scheduled, job: JobContext) -> Answer:
    """Judge what somebody names, or the open pull requests that have no verdict yet; all of them when asked for all.

    Raises:
        CouldNotVerify: when the open pull requests cannot be listed.
    """
    asked = event.pull_request.strip().removeprefix("#") if isinstance(event, Dispatched) else ""
    if isinstance(event, Dispatched) and event.ref != f"{BRANCH}{job.default_branch}":
        remedy = f"start it on the default branch, {job.default_branch}"
        return _refused(Refusal(Reason.WRONG_BASE, f"started on {event.ref}", remedy), event, job)
    if asked.isascii() and asked.isdecimal() and len(asked) <= len("999999999"):
        return pull_request.evaluate_pulls(Reviewed((int(asked),)), job)
    if isinstance(event, Dispatched) and asked != ALL:
        refusal = Refusal(Reason.UNREADABLE_COMMAND, f"{asked[:50]!r} is not a pull request", _REMEDY)
        return _refused(refusal, event, job)
    policies = base_policies(job)
    if isinstance(event, Scheduled) and event.is_frequent:
        return _judge_outdated(outdated_pulls(policies, outdated.SOON, job), job)
    first = outdated_pulls(policies, outdated.ALL, job) if isinstance(event, Scheduled) else []
    unjudged, judged = _by_verdict(open_pulls(policies, job)[:MAX_LOOKED_AT], job)
    others = [pull.number for pull in ([*unjudged, *judged] if asked == ALL else unjudged)]
    return _judge(list(dict.fromkeys([*first, *others])), job)


def _judge_outdated(numbers: Sequence[int], job: JobContext) -> Answer:
    if not numbers:
        return Answer(Outcome.IGNORED, Reason.OTHER_EVENT, "no verdict is older than what the policy says of now")
    return _judge(numbers, job)


def _refused(refusal: Refusal, event: Dispatched, job: JobContext) -> Answer:
    """Return the refusal of a job that somebody started by hand: its summary says why, and whom to call."""
    requester = Requester(0, event.sender, "", job.settings.run_url or "")
    context = replace(comment_context(job.settings, requester), contacts=default_contacts(job))
    return refusal_answer(refusal, context)


def _by_verdict(pulls: Sequence[PullRequest], job: JobContext) -> tuple[list[PullRequest], list[PullRequest]]:
    """Return the pull requests without a verdict of the bot's on their head, and those with one.

    A status that waits is none: the job that was to judge again may have died. Those come last, as they may wait for
    people, and then wait again after every run.
    """
    unjudged: list[PullRequest] = []
    waiting: list[PullRequest] = []
    judged: list[PullRequest] = []
    for pull in pulls:
        context = gate_context(pull.base_ref, job.default_branch)
        last = published_verdict(job.github, pull.head_sha, context, job.settings.bot_login)
        (unjudged if last is None else waiting if last.state == "pending" else judged).append(pull)
    return [*unjudged, *waiting], judged


def _judge(numbers: Sequence[int], job: JobContext) -> Answer:
    """Judge as many as one job may; a failure in one of them keeps no other from its turn."""
    answers = [_of_one(number, job) for number in numbers[:MAX_JUDGED]]
    left = len(numbers) - len(answers)
    outcomes = Counter(answer.outcome for answer in answers)
    refused, failed = outcomes[Outcome.REFUSED], outcomes[Outcome.FAILED]
    message = f"{counted(len(answers), 'pull request')} judged: {refused} refused, {failed} failed"
    message += f"; {left} left for the next run" if left else ""
    summary = "\n\n".join([f"**{text(message)}**", *(answer.summary for answer in answers if answer.summary)])
    outcome = Outcome.FAILED if failed else Outcome.REFUSED if refused else Outcome.PASSED
    return Answer(outcome, Reason.COULD_NOT_VERIFY if failed else Reason.GATE, message, summary=summary)


def _of_one(number: int, job: JobContext) -> Answer:
    try:
        answer = pull_request.evaluate_pulls(Reviewed((number,)), job.within(BUDGET, f"#{number}"))
    except PromotebotError as problem:
        summary = f"⛔ {text(f'#{number} could not be judged: {problem}')}"
        answer = Answer(Outcome.FAILED, Reason.COULD_NOT_VERIFY, str(problem), summary=summary)
    log.info("#%d: %s: %s", number, answer.outcome.value, answer.message)
    return answer
