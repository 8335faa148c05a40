"""Answers to `/hold` and `/unhold`: first whether the pull request is held, then by whom, and who may change that."""

from __future__ import annotations

from collections.abc import Sequence

from promotebot.comments.comment import CommentContext, Rendered, contacts_line, requested_by, sentence
from promotebot.comments.findings import next_step
from promotebot.comments.markdown import code, text
from promotebot.comments.notices import note
from promotebot.promotion.commands import with_prefix

HOLD = "@hold"
"""The subject of these answers; no model's name holds an @."""


def render_held(reason: str, lifts: str, remarks: Sequence[str], context: CommentContext) -> Rendered:
    """Return the answer to a hold that stands.

    Args:
        reason: in the holder's words; may be empty.
        lifts: the role that lifts it; empty where that could not be read.
        remarks: what else there is to know, in words.
    """
    who = f"somebody with {lifts} permission" if lifts else "somebody with permission to promote it"
    parts = [
        f"Held by {code(context.requester)}{f': {sentence(reason)}' if reason else '.'} The required status "
        f"{code(context.check)} stays red, also after a push or a change of the base, until {who} comments "
        f"{code('/unhold')}.",
        *(f"- {sentence(remark)}" for remark in remarks),
        requested_by(context),
    ]
    return _answer("🛑 Held: this pull request cannot be merged", parts, context, title="held")


def render_not_held(message: str, remedy: str, context: CommentContext) -> Rendered:
    """Return the answer to a hold that was not carried out: whoever asked must not believe that it was."""
    parts = [
        f"- ❌ {sentence(message)}{next_step(remedy)}",
        f"{sentence(context.request_word.capitalize())[:-1]} does not prevent the merge of this pull request.",
        requested_by(context) + contacts_line(context),
    ]
    return _answer("⚠️ NOT held", parts, context, title="not held")


def render_lifted(words: Sequence[str], verdict: str, context: CommentContext) -> Rendered:
    """Return the answer to `/unhold`.

    Args:
        words: what was lifted, each in one line; empty where nothing was held.
        verdict: what the gate says now; empty where it was not asked.
    """
    lines = "\n".join(f"- lifted: {text(line)}" for line in words)
    parts = [
        lines or "This pull request has no hold, so there was nothing to lift.",
        f"The gate checked the pull request again: {text(verdict)}." if verdict else "",
        requested_by(context),
    ]
    heading = "▶️ No longer held" if words else "▶️ Not held"
    return _answer(heading, parts, context, title="not held")


def render_not_lifted(message: str, remedy: str, context: CommentContext) -> Rendered:
    """Return the answer to `/unhold` by somebody who may not, or that could not be carried out."""
    parts = [f"- ❌ {sentence(message)}{next_step(remedy)}", requested_by(context) + contacts_line(context)]
    return _answer("⛔ Not lifted", parts, context, title="not lifted")


def _answer(heading: str, parts: Sequence[str], context: CommentContext, *, title: str) -> Rendered:
    return note(HOLD, heading, [with_prefix(part, context.prefix) for part in parts if part], context, title=title)
