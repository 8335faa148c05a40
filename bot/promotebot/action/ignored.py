"""Events that get no reply: most jobs are started by one, so this module loads nothing that answers need."""

from __future__ import annotations

from collections.abc import Mapping

from promotebot.action.outputs import write_answer
from promotebot.action.result import Answer, Outcome
from promotebot.cost import Cost
from promotebot.environment import MAX_EVENT_BYTES, is_own_name
from promotebot.errors import PromotebotError
from promotebot.gate.refusal import Reason
from promotebot.github.events import (
    CheckReported,
    CommentChanged,
    CommentCreated,
    Dispatched,
    Event,
    Ignored,
    LabelChanged,
    PullChanged,
    PullClosed,
    Pushed,
    Queued,
    Reviewed,
    Scheduled,
)
from promotebot.github.payloads import parse_event
from promotebot.promotion.commands import parse_holds
from promotebot.promotion.labels import PREFIX
from promotebot.promotion.slips import read_comment
from promotebot.settings import Settings

_GATE = (PullChanged, Reviewed, Queued)
_ACTS_ON: Mapping[str, tuple[type, ...]] = {
    "announce": (PullClosed, Pushed),
    "gate": (*_GATE, CheckReported, LabelChanged, PullClosed, Dispatched, Scheduled),
    "verify": (*_GATE, Dispatched, Scheduled, Pushed),
    "doctor": (Dispatched, Scheduled),
}
"""What each command but `auto` acts on."""


def answer_ignored(environment: Mapping[str, str]) -> tuple[bool, bytes | None]:
    """Answer the event of this job where it gets no reply.

    Returns:
        Whether it was such a one, and the bytes of the event; None where they were not read. What is wrong with the
        environment or the event is told by `run_action`.
    """
    data = None
    try:
        settings = Settings.from_env(environment)
        with settings.event_path.open("rb") as file:
            data = file.read(MAX_EVENT_BYTES + 1)
        answer = ignored(parse_event(settings.event_name, data), settings)
    except (PromotebotError, OSError):
        return False, data
    if answer:
        write_answer(settings, answer, Cost())
    return answer is not None, data


def ignored(event: Event, settings: Settings) -> Answer | None:
    """Return the answer to what gets no reply: other events, bots, ourselves, and what asks for nothing."""
    if isinstance(event, Ignored):
        return Answer(Outcome.IGNORED, Reason.OTHER_EVENT, event.reason)
    if settings.command != "auto" and not isinstance(event, _ACTS_ON[settings.command]):
        return Answer(Outcome.IGNORED, Reason.OTHER_EVENT, f"command {settings.command} does not act on this event")
    if isinstance(event, CommentCreated):
        return _ignored_comment(event, settings)
    if isinstance(event, CommentChanged):
        return _ignored_change(event, settings)
    if isinstance(event, LabelChanged):
        return _ignored_label(event, settings)
    if isinstance(event, CheckReported) and _is_ours(event, settings):
        return Answer(Outcome.IGNORED, Reason.BOT_COMMENT, "promotebot's own checks ask for nothing")
    if isinstance(event, PullClosed) and not event.merged and settings.command != "gate":
        return Answer(Outcome.IGNORED, Reason.OTHER_EVENT, "the pull request was closed without a merge")
    if isinstance(event, Scheduled) and settings.command == "auto":
        message = "a scheduled run needs command: verify, doctor or gate"
        return Answer(Outcome.IGNORED, Reason.OTHER_EVENT, message)
    return None


def _ignored_comment(event: CommentCreated, settings: Settings) -> Answer | None:
    """Return the answer to bots, to ourselves, and to comments without a command: none of them gets a reply."""
    if event.author_type == "Bot" or event.via_app or event.author == settings.bot_login:
        return Answer(Outcome.IGNORED, Reason.BOT_COMMENT)
    return None if read_comment(event.body, settings.prefix) else Answer(Outcome.IGNORED, Reason.NO_COMMAND)


def _is_ours(event: CheckReported, settings: Settings) -> bool:
    """Return whether it is what the gate itself reports, which must not start it again for ever."""
    is_suite_of_bot = not event.context and event.by == settings.bot_login
    return is_suite_of_bot or is_own_name(event.context)


def _ignored_label(event: LabelChanged, settings: Settings) -> Answer | None:
    """Return the answer to other labels, and to labels that bots put on or take off: none of them gets a reply.

    The gate is the other way round: what the policy may ask for is any label that is no command, whoever puts it on.
    """
    is_command = settings.own_label(event.label).lower().startswith(PREFIX)
    if settings.command == "gate":
        return Answer(Outcome.IGNORED, Reason.OTHER_EVENT, "the label is a command") if is_command else None
    if not is_command:
        return Answer(Outcome.IGNORED, Reason.NO_COMMAND)
    if event.sender_type == "Bot" or event.sender == settings.bot_login:
        return Answer(Outcome.IGNORED, Reason.BOT_COMMENT)
    return None


def _ignored_change(event: CommentChanged, settings: Settings) -> Answer | None:
    """Return the answer to a change of a comment, but for our card by somebody else, and for one that says `/hold`."""
    is_card = event.author == settings.bot_login and event.sender != event.author
    if is_card or parse_holds(event.body, settings.prefix):
        return None
    return Answer(Outcome.IGNORED, Reason.OTHER_EVENT, "only a card that somebody else changed is written again")
