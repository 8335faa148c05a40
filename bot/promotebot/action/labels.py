"""A label put on asks for a promotion; taken off before the merge, it withdraws it (DESIGN §4)."""

from __future__ import annotations

import logging
from collections.abc import Callable

from promotebot.action.permissions import permission_refusal, pull_refusal
from promotebot.action.promote import PromotionJob
from promotebot.action.reply import Replier
from promotebot.action.requester import Requester
from promotebot.action.result import Answer, Outcome, Reason
from promotebot.action.retry import report_errors, retry_on_moved_head
from promotebot.action.withdraw import Withdrawal
from promotebot.comments.refusals import render_refused_event
from promotebot.errors import InvalidInput, PromotebotError
from promotebot.github.events import LabelChanged
from promotebot.promotion.labels import PREFIX, parse_label
from promotebot.promotion.request import CommandArguments
from promotebot.pulls.context import JobContext
from promotebot.pulls.snapshot import fetch_pull
from promotebot.settings import Settings

log = logging.getLogger(__name__)
LINE = 1
"""A label asks for one thing, as the first line of a comment would."""


def ignored_label(event: LabelChanged, settings: Settings) -> Answer | None:
    """Other labels, and labels that bots put on or take off."""
    if not event.label.startswith(PREFIX):
        return Answer(Outcome.IGNORED, Reason.NO_COMMAND)
    if event.sender_type == "Bot" or event.sender == settings.bot_login:
        return Answer(Outcome.IGNORED, Reason.BOT_COMMENT)
    return None


def answer_label(event: LabelChanged, tools: JobContext) -> Answer:
    """Promote, or withdraw; a refused label is taken off again, a withdrawal nobody may make is undone."""
    settings = tools.settings
    url = settings.run_url or f"{settings.server_url}/{settings.repository}/pull/{event.pull}"
    petition = Requester(event.pull, event.sender, f"run:{settings.run_id or '0'}", url)
    teller = Replier(tools.github, settings, petition)
    answer = report_errors(teller, lambda: _decide(event, petition, tools, teller))
    if event.added and answer.code:
        _quietly(lambda: tools.github.remove_label(event.pull, event.label))
    elif not event.added and answer.reason is Reason.PERMISSION:
        _quietly(lambda: tools.github.add_label(event.pull, event.label))
    return answer


def _decide(event: LabelChanged, petition: Requester, tools: JobContext, teller: Replier) -> Answer:
    pull = tools.github.pull(event.pull)
    teller.place(pull)
    refused = pull_refusal(pull)
    if refused and not event.added:
        return Answer(Outcome.IGNORED, refused[0], refused[1])  # after the merge a label is only a label
    if refused:
        answer = Answer(Outcome.REFUSED, refused[0], refused[1])
        return teller.say(answer, render_refused_event(refused[1], refused[2], teller.setting))
    try:
        asked = parse_label(event.label)
    except InvalidInput as problem:
        answer = Answer(Outcome.REFUSED, Reason.LABEL, problem.message)
        return teller.say(answer, render_refused_event(f"Label {problem.message}.", problem.remedy, teller.setting))
    if asked is None:
        return Answer(Outcome.IGNORED, Reason.NO_COMMAND)
    is_on = event.label in tools.github.labels(event.pull)
    if is_on != event.added:
        return Answer(Outcome.IGNORED, Reason.LABEL, "the label was changed again meanwhile")
    if event.added:
        return retry_on_moved_head(
            event.pull,
            tools,
            teller,
            lambda space, now: PromotionJob(asked, LINE, petition, tools, teller, space, now).run(),
        )
    return _withdraw(asked, petition, tools, teller)


def _withdraw(asked: CommandArguments, petition: Requester, tools: JobContext, teller: Replier) -> Answer:
    """Permission first: whoever may not withdraw gets the label back, whatever it stands for."""
    with fetch_pull(petition.pull, tools.settings, tools.github) as space:
        refused = permission_refusal(petition.login, asked.stage, space, tools.github, "withdrawing from")
    if refused:
        answer = Answer(Outcome.REFUSED, refused[0], refused[1])
        return teller.say(answer, render_refused_event(refused[1], refused[2], teller.setting))
    return retry_on_moved_head(
        petition.pull,
        tools,
        teller,
        lambda space, now: Withdrawal(
            petition, tools, teller, space, now, model=asked.model, stage=asked.stage, quiet=True
        ).run(),
    )


def _quietly(change: Callable[[], None]) -> None:
    """A label that cannot be changed changes nothing about the outcome."""
    try:
        change()
    except PromotebotError as problem:
        log.warning("the label stays as it is: %s", problem)
