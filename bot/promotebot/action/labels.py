"""A label put on asks for a promotion; taken off before the merge, it withdraws it (docs/architecture.md, Commands)."""

from __future__ import annotations

import logging
from collections.abc import Callable

from promotebot.action.late_holds import hear_reviews
from promotebot.action.promote import PromotionJob
from promotebot.action.question import Question
from promotebot.action.reply import Replier
from promotebot.action.requester import Requester
from promotebot.action.result import Answer, Outcome
from promotebot.action.retry import Attempt, report_errors, retry_on_moved_head
from promotebot.action.withdraw import Withdrawal
from promotebot.comments.refusals import render_refused_event
from promotebot.errors import InvalidInput, PromotebotError
from promotebot.gate.admission import people_refusal, pull_refusal
from promotebot.gate.refusal import Reason
from promotebot.github.events import LabelChanged
from promotebot.promotion.labels import parse_label
from promotebot.promotion.request import CommandArguments
from promotebot.pulls.context import JobContext
from promotebot.pulls.default_policy import default_contacts, read_aliases
from promotebot.pulls.model_owners import policies_for

log = logging.getLogger(__name__)
LINE = 1
"""A label asks for one thing, as the first line of a comment would."""


def answer_label(event: LabelChanged, job: JobContext) -> Answer:
    """Promote, or withdraw; take a refused label off again, and put back one that nobody may take off."""
    settings = job.settings
    url = settings.run_url or f"{settings.server_url}/{settings.repository}/pull/{event.pull}"
    run = f"run:{settings.run_id or '0'}"
    requester = Requester(event.pull, event.sender, run, url, run_by=settings.triggering_actor)
    replier = Replier(job.github, settings, requester)
    replier.set_contacts(lambda: default_contacts(job))
    replier.set_question(Question("label", event.label.casefold()))
    answer = report_errors(replier, lambda: _decide(event, requester, job, replier))
    if event.added and not answer.succeeded:
        _quietly(lambda: job.github.remove_label(event.pull, event.label))
    elif not event.added and answer.reason is Reason.PERMISSION:
        _quietly(lambda: job.github.add_label(event.pull, event.label))
    return answer


def _decide(event: LabelChanged, requester: Requester, job: JobContext, replier: Replier) -> Answer:
    pull, comments = job.github.conversation(event.pull)
    replier.set_pull(pull, job.default_branch)
    replier.set_comments(comments)
    hear_reviews(pull, job, comments)
    refusal = pull_refusal(pull)
    if refusal and not event.added:
        return Answer(Outcome.IGNORED, refusal.reason, refusal.message)  # after the merge a label is only a label
    if refusal:
        return replier.refuse(refusal)
    try:
        arguments = _arguments(job.settings.own_label(event.label), pull.base_ref, job)
    except InvalidInput as problem:
        answer = Answer(Outcome.REFUSED, Reason.LABEL, problem.message)
        rendered = render_refused_event(f"Label {problem.message}.", problem.remedy, replier.failure_context)
        return replier.answer(answer, rendered)
    if arguments is None:
        return Answer(Outcome.IGNORED, Reason.NO_COMMAND)
    has_changed = job.patience.ask_until(
        lambda: (event.label in job.github.labels(event.pull)) is event.added, lambda found: found
    )
    if not has_changed:
        return Answer(Outcome.IGNORED, Reason.LABEL, "the label was changed again meanwhile")

    def work(attempt: Attempt) -> Answer:
        if event.added:
            return PromotionJob(attempt, arguments, LINE, event.label).run()
        return _withdraw(arguments, attempt)

    return retry_on_moved_head(requester, job, replier, work, known=pull, asked_by=event.sender)


def _arguments(label: str, base: str, job: JobContext) -> CommandArguments | None:
    """Return the request of a label; the base's policy may have words of its own for stages."""
    try:
        return parse_label(label)
    except InvalidInput:
        return parse_label(label, read_aliases(job, base))


def _withdraw(arguments: CommandArguments, attempt: Attempt) -> Answer:
    """Check permission first: whoever may not withdraw gets the label back, whatever it stands for."""
    people, github = attempt.requester.people, attempt.job.github
    # Without a model only what no model allows is refused here; the withdrawal asks about each that it finds.
    possible = policies_for(attempt.snapshot.changeset, arguments.model)
    refusals = [people_refusal(people, arguments.stage, one, github, "withdrawing from") for one in possible]
    if refusals[0] and all(refusals):
        return attempt.replier.refuse(refusals[0])
    return Withdrawal(attempt, model=arguments.model, stage=arguments.stage, quiet=True).run()


def _quietly(edit: Callable[[], None]) -> None:
    """Change a label; one that cannot be changed changes nothing about the outcome."""
    try:
        edit()
    except PromotebotError as problem:
        log.warning("the label stays as it is: %s", problem)
