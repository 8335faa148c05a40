"""The runbook's checklist in a card, and the answer to whoever ticked a box of it."""

from __future__ import annotations

from collections.abc import Sequence

from promotebot.comments.comment import CommentContext, Rendered, contacts_line, requested_by, sentence
from promotebot.comments.findings import inline, next_step
from promotebot.comments.markdown import code, details, text
from promotebot.comments.notices import note
from promotebot.promotion.checklist import Box
from promotebot.promotion.commands import with_prefix

SUBJECT = "@check"
"""The subject of these answers; no model's name holds an @."""


def checklist_section(boxes: Sequence[Box]) -> str:
    """Return the seven boxes, folded, each with what ticked it, what is missing, or what to write.

    They are no boxes of Markdown: whoever may write could tick those.
    """
    ticked = sum(box.is_ticked for box in boxes)
    body = "\n".join(f"{box.number}. {_line(box)}" for box in boxes)
    return details(f"Checklist of the runbook: {ticked} of {len(boxes)}", body)


def render_ticked(boxes: Sequence[Box], context: CommentContext) -> Rendered:
    """Return the answer to `/check`: these boxes are ticked on this commit."""
    parts = [
        "\n".join(f"- ☑ {box.number}. {text(box.words)}" for box in boxes),
        f"This counts for {context.commit(context.head_sha)} alone: a new commit needs it again. The card shows the "
        f"whole checklist. {requested_by(context)}",
    ]
    return note(SUBJECT, "☑️ Ticked", [with_prefix(part, context.prefix) for part in parts], context, title="ticked")


def render_not_ticked(message: str, remedy: str, context: CommentContext) -> Rendered:
    """Return the answer to `/check` where nothing was ticked: whoever asked must not believe that it was."""
    parts = [f"- ❌ {sentence(message)}{next_step(remedy)}", requested_by(context) + contacts_line(context)]
    return note(SUBJECT, "⛔ Not ticked", [with_prefix(p, context.prefix) for p in parts], context, title="not ticked")


def _line(box: Box) -> str:
    said = f"{'☑' if box.is_ticked else '☐'} {text(box.words)}: {text(box.why.rstrip('.'))}"
    if box.is_open:
        return f"{said}, then comment {code(box.command)}"
    return f"{said}. Next: {inline(box.remedy)}" if box.remedy else said
