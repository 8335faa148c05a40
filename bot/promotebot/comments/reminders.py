"""The reminder of a candidate, in the pull request that promoted it."""

from __future__ import annotations

from datetime import datetime

from promotebot.comments.comment import CommentContext, Rendered
from promotebot.comments.markdown import code
from promotebot.comments.notices import note
from promotebot.comments.status import moment
from promotebot.promotion.overdue import Candidate, Due
from promotebot.registry.names import Stage
from promotebot.text import duration

SUBJECT = "@reminder_"


def render_reminder(candidate: Candidate, due: Due, now: datetime, context: CommentContext) -> Rendered:
    """Return the reminder; it names what to write next, and where."""
    holding = candidate.holding
    model, stage, artifact = code(holding.model), holding.stage.label, code(holding.pointer.artifact_id)
    age = duration(holding.age(now) or now - now)
    since = f" since {moment(holding.since)}" if holding.since else ""
    if due is Due.OVERDUE:
        heading = f"⏰ {model}: {artifact} has been in {stage} for {age}"
        limit = duration(candidate.longest) if candidate.longest else ""
        why = f"It has been there{since}, and the policy wants a decision after {limit} (`reminders`)."
    else:
        heading = f"⏰ {model}: {artifact} has soaked in {stage}"
        soak = duration(candidate.soak) if candidate.soak else ""
        why = f"It has been in {stage}{since}, and the policy asks for {soak} before it goes higher."
    higher = Stage.ACTIVE if holding.stage is Stage.STAGING else Stage.STAGING
    lines = "\n".join(
        [
            "Next, in a comment on an open pull request:",
            "",
            f"- to promote it: {code(f'/promote {higher.value} {holding.model}')}",
            f"- to take it out: {code(f'/demote {holding.model} {holding.stage.value}')} with a reason",
        ]
    )
    return note(f"{SUBJECT}{candidate.key(due)}", heading, [why, lines], context, title=f"{holding.model}: {due.value}")
