"""`/status`: what each stage holds, since when, and what open pull requests would change of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from promotebot.comments.comment import CommentContext, Rendered
from promotebot.comments.findings import within
from promotebot.comments.markdown import code, link, table, text
from promotebot.comments.notices import QUERY, note, step_line
from promotebot.promotion.replay import Step
from promotebot.promotion.standing import FreezeInForce, Holding, OpenPromotions
from promotebot.registry.metadata import Metadata
from promotebot.registry.model import Event
from promotebot.registry.names import ModelName, Stage, to_datetime
from promotebot.text import counted, duration, short_digest, shortened

ROWS_BYTES = 30_000
"""UTF-8 bytes of the table: half of a comment."""
MAX_LINES = 30
"""Promotions of other pull requests that are listed."""
MAX_DESCRIPTION = 200
"""Characters of a description, where there are several."""
CLAIMED = "†"
"""Behind a time for which only the event itself vouches."""


@dataclass(frozen=True)
class Status:
    """What is told of a branch."""

    branch: str
    now: datetime
    holdings: Sequence[Holding]
    empty: Sequence[ModelName]
    """Models of which no stage holds anything."""
    freezes: Sequence[FreezeInForce]
    pending: OpenPromotions
    """Of the other open pull requests."""
    carried: Sequence[Step] | None = None
    """What this pull request promotes; None where no pull request is asked about."""
    said: Sequence[tuple[ModelName, Metadata]] = ()
    """What the registry says of the models beside their stages."""
    holds: Sequence[str] = ()
    """Who holds this pull request, since when and why."""


def render_status(status: Status, context: CommentContext) -> Rendered:
    """Return the answer to `/status`."""
    title = f"What {status.branch} holds"
    parts = [
        _table(status),
        f"No stage holds anything of {', '.join(map(code, status.empty[:MAX_LINES]))}." if status.empty else "",
        "\n".join(_described(name, said, whole=len(status.said) == 1) for name, said in status.said[:MAX_LINES]),
        *(freeze_line(freeze) for freeze in status.freezes),
        "\n".join(_hold_line(one.model, one.stage, one.held_by) for one in status.holdings[:MAX_LINES] if one.held_by),
        _carried(status.carried),
        "\n".join(
            f"🛑 **This pull request cannot be merged:** {text(words)}. {code('/unhold')} lifts it."
            for words in status.holds
        ),
        _pending(status.pending, status.carried, context),
    ]
    return note(QUERY, f"📋 What {code(status.branch)} holds", [p for p in parts if p], context, title=title)


def _described(name: ModelName, said: Metadata, *, whole: bool) -> str:
    """Return the line on who answers for a model and what it is; of many models, each takes little of the comment.

    Nobody is notified by it.
    """
    owner = f"owner {code(said.owner)}" if said.owner else ""
    description = text(said.description if whole else shortened(said.description, MAX_DESCRIPTION))
    parts = [owner, description]
    if whole:
        parts += [", ".join(code(tag) for tag in said.tags)]
        parts += [", ".join(link(label, url) for label, url in said.links.items())]
    return f"- {code(name)}: {'; '.join(part for part in parts if part) or 'tags or links'}"


def freeze_line(freeze: FreezeInForce) -> str:
    """Return the line on a freeze in force."""
    stages = ", ".join(stage.label for stage in freeze.stages)
    ends = moment(freeze.ends) if freeze.ends else "more than a week from now"
    until = f"{stages} until {ends}: {text(freeze.reason)}"
    return f"🧊 **Frozen:** {until}. A freeze does not block a rollback."


def _hold_line(model: ModelName, stage: Stage, rollback: Event) -> str:
    why = f": {text(rollback.reason)}" if rollback.reason else ""
    ends = f'/promote {stage.value} {model} --lift-hold "the cause is fixed"'
    return (
        f"✋ **Held:** nothing newer goes into {stage.label} of {code(model)} since the rollback of "
        f"{to_datetime(rollback.ts_utc):%Y-%m-%d}{why}. To end that: {code(ends)}"
    )


def moment(when: datetime) -> str:
    """Return a time as people read it, to the minute: `2026-02-14 09:00 UTC`."""
    return f"{when:%Y-%m-%d %H:%M} UTC"


def _table(status: Status) -> str:
    rows = [_row(holding, status.now) for holding in status.holdings]
    if not rows:
        return "No stage holds anything."
    kept = within(["".join(row) for row in rows], ROWS_BYTES)
    parts = [table(("model", "stage", "artifact", "since", "soak time"), rows[:kept])]
    if kept < len(rows):
        parts.append(
            f"… and {counted(len(rows) - kept, 'row')} more. For one model, write {code('/status')} and its name."
        )
    if any(holding.is_claimed and holding.since for holding in status.holdings[:kept]):
        parts.append(f"{CLAIMED} The event's own time: the merge time is not known, or was not read.")
    return "\n\n".join(parts)


def _row(holding: Holding, now: datetime) -> tuple[str, ...]:
    age, pointer = holding.age(now), holding.pointer
    since = f"{holding.since:%Y-%m-%d} ({duration(age)}){CLAIMED if holding.is_claimed else ''}" if age else "not known"
    share = f" ({pointer.share} of production)" if pointer.share else ""
    artifact = f"{code(pointer.artifact_id)} {code(short_digest(pointer.digest))}{share}"
    return (code(holding.model), holding.stage.label, artifact, since, _soak(holding, now))


def _soak(holding: Holding, now: datetime) -> str:
    soak, until = holding.soak, holding.soaked_at()
    if soak is None:
        return "—"
    asked = f"{duration(soak.minimum)} {'required' if soak.required else 'recommended'}"
    if until is None:
        return f"not known; {asked}"
    return f"done ({asked})" if until <= now else f"until {moment(until)} ({asked})"


def _carried(steps: Sequence[Step] | None) -> str:
    if steps is None:
        return ""
    if not steps:
        return "This pull request promotes nothing."
    return "**Merging this pull request:**\n" + "\n".join(f"- {step_line(step)}" for step in steps)


def _pending(pending: OpenPromotions, carried: Sequence[Step] | None, context: CommentContext) -> str:
    lines = [
        f"- {link(f'#{one.number}', f'{context.repo_url}/pull/{one.number}')}{' (held)' if one.is_held else ''}: "
        f"{step_line(step)}"
        for one in pending.found
        for step in one.steps
    ]
    more = [f"- … and {len(lines) - MAX_LINES} more"] if len(lines) > MAX_LINES else []
    unread = f"{counted(pending.unread, 'other pull request')} could not be read." if pending.unread else ""
    if not lines:
        other = "" if carried is None else "other "
        return unread or f"No {other}open pull request promotes anything."
    return "\n".join(["**Other open pull requests promote:**", *lines[:MAX_LINES], *more, *filter(None, [unread])])
