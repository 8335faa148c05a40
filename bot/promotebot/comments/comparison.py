"""The change that merging makes: today beside after as a table, the registry's diff, the history it ends in."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from promotebot.artifact.evidence import Evidence, ModelCard
from promotebot.artifact.runtime import Tensor
from promotebot.comments.findings import within
from promotebot.comments.markdown import code, details, fence, link, table, text
from promotebot.promotion.diff import change_counts, unified_diff
from promotebot.promotion.plan import Plan
from promotebot.registry.codec import stored_json
from promotebot.registry.model import Action, Event, Pointer
from promotebot.registry.names import ModelName, Stage, to_datetime
from promotebot.registry.registry import ModelRegistry
from promotebot.text import duration, short_digest, visible

NONE = "—"
# A comment has 65,536 bytes, and its sections share them; the step summary shows the diff and the history whole.
MAX_EVENTS = 8
"""Rows of the history."""
MAX_REASON = 200
"""Characters of a reason in the history."""
DIFF_BYTES = 20_000
"""UTF-8 bytes of the diff."""
MAX_TENSORS = 4
"""Inputs or outputs in a table cell."""
MAX_TENSOR = 80
"""Characters of one of them: its name comes out of the model."""


@dataclass(frozen=True)
class _Side:
    """One column: a pointer, the evidence of its bytes, and the origin of its values."""

    pointer: Pointer
    evidence: Evidence | None
    origins: Mapping[str, str]

    @property
    def card(self) -> ModelCard | None:
        """Return the model's card, None where the model was not opened."""
        return self.evidence.card if self.evidence else None


def render_comparison(
    plan: Plan,
    evidence: Evidence,
    today: Evidence | None,
    *,
    repo_url: str,
    now: datetime,
    merged_at: Mapping[Event, datetime],
) -> str:
    """Return a table of today's pointer beside the new one; of the new one alone where the stage is empty today.

    Args:
        today: the evidence of the artifact that the stage holds now.
        merged_at: event → when it was merged, as far as that is known.
    """
    label, events = plan.request.stage.label, plan.before.history.get(plan.request.model, ())
    new = _Side(plan.pointer, evidence, plan.request.origins)
    times = _StageTimes(events, now, merged_at)
    after = _rows(new, None, repo_url) | {"stood in": times.in_every_stage(plan.pointer)}
    if plan.today is None:
        return table(("", f"{label} after merging"), [(name, cell) for name, cell in after.items() if cell != NONE])
    old = _Side(plan.today, _evidence_of(plan.today, today, evidence), {})
    before = _rows(old, None, repo_url) | {"stood in": times.in_stage(plan.today, plan.request.stage)}
    after = _rows(new, old, repo_url) | {"stood in": after["stood in"]}
    rows = [(name, before[name], cell) for name, cell in after.items() if (before[name], cell) != (NONE, NONE)]
    return table(("", f"{label} today", "after merging"), rows)


def describe(pointer: Pointer, stage: Stage, *, repo_url: str) -> str:
    """Return a table of the pointer that a stage holds."""
    rows = {
        **_rows(_Side(pointer, None, {}), None, repo_url),
        "since": text(pointer.promoted_at_utc or NONE),
        "promoted by": code(pointer.actor) if pointer.actor else NONE,
    }
    return table(("", stage.label), [(name, cell) for name, cell in rows.items() if cell != NONE])


def registry_diff(plan: Plan, *, whole: bool) -> str:
    """Return the folded diff of the one model that a promotion changes, cut to DIFF_BYTES unless `whole`."""
    name = plan.request.model
    diff = unified_diff(_alone(plan.before, name), _alone(plan.after, name), plan.before.where)
    added, removed = change_counts(diff)
    # Each model is compared alone, so that line numbers of the file mean nothing; its name helps more.
    lines = [f"@@ {name} @@" if line.startswith("@@") else _diff_line(line) for line in diff.split("\n")]
    kept = within(lines, None if whole else DIFF_BYTES)
    more = "" if kept == len(lines) else f"\n\n… and {len(lines) - kept} more lines."
    return details(f"Registry diff (+{added} −{removed})", fence("\n".join(lines[:kept]), "diff") + more)


def _diff_line(line: str) -> str:
    # The first character is the diff's own sign; a space among the signs must stay what it is.
    return line[:1] + visible(line[1:])


def _alone(registry: ModelRegistry, name: ModelName) -> bytes:
    """Return a registry file with one model only: promoting one of ten thousand must not compare them all."""
    return stored_json({"models": {name: registry.raw_entry(name)} if name in registry else {}})


def render_history(events: Sequence[Event], *, whole: bool) -> str:
    """Return the newest events as a folded table, MAX_EVENTS of them unless `whole`.

    Unlike a drawing, a table reads the same in a mail, on a phone and in a terminal.
    """
    shown = events if whole else events[:MAX_EVENTS]
    rows = [
        (
            text(event.ts_utc[:16].replace("T", " ")).replace(" ", "&nbsp;"),
            _moved(event),
            code(event.pointer.artifact_id) + ("" if index else " *(this one)*"),
            code(event.actor) if event.actor else "unknown",
            text((event.reason or "")[:MAX_REASON]),
        )
        for index, event in enumerate(shown)
    ]
    older = "" if len(shown) == len(events) else f"\n\n… and {len(events) - len(shown)} before."
    return details(f"History ({len(events)})", table(("when (UTC)", "what", "artifact", "by", "why"), rows) + older)


def _moved(event: Event) -> str:
    stage = event.stage.label if event.stage else "nowhere"
    return {Action.PROMOTE: f"⬆️ {stage}", Action.ROLLBACK: f"⏪ {stage}", Action.DEMOTE: f"⬇️ {stage}"}[event.action]


def _evidence_of(pointer: Pointer, *examined: Evidence | None) -> Evidence | None:
    """Return the evidence of this pointer's very bytes; of its directory where the pointer has no digest.

    A directory may hold other bytes than were promoted from it; their card must not be shown as today's.
    """
    for evidence in examined:
        if evidence is None or evidence.digest is None:
            continue
        if evidence.digest == pointer.digest or (
            pointer.digest is None and evidence.artifact_dir == pointer.artifact_dir
        ):
            return evidence
    return None


def _rows(side: _Side, beside: _Side | None, repo_url: str) -> dict[str, str]:
    pointer, other = side.pointer, beside.pointer if beside else None
    return {
        "artifact": _artifact(side),
        "bytes": _value(
            short_digest(pointer.digest) if pointer.digest else None, short_digest(other.digest) if other else None
        ),
        "trained at": _trained(side, other, repo_url),
        "dataset": _value(pointer.dataset_id, other.dataset_id if other else None) + _origin(side, "dataset_id"),
        "stood in": NONE,
        "features": _features(pointer, other),
        "inputs → outputs": _signatures(side.card, beside.card if beside else None),
        "model": _measurements(side.card, beside.card if beside else None),
        "accuracy *(train report)*": _accuracy(side.evidence),
    }


def _artifact(side: _Side) -> str:
    name, place = code(side.pointer.artifact_id), code(side.pointer.artifact_dir)
    first, second = _origin(side, "artifact_id"), _origin(side, "artifact_dir")
    return f"{name} in {place}{second}" if first == second else f"{name}{first} in {place}{second}"


def _origin(side: _Side, field: str) -> str:
    origin = side.origins.get(field, "")
    return f" *({text(origin)})*" if origin else ""


def _value(value: str | None, other: str | None) -> str:
    if not value:
        return NONE
    return "same" if value == other else code(value)


def _trained(side: _Side, other: Pointer | None, repo_url: str) -> str:
    """Return the training commit, with a link to the code's changes since today's model was trained."""
    sha, before = side.pointer.git_sha, other.git_sha if other else None
    if not sha:
        return NONE
    if sha == before:
        return "same" + _origin(side, "git_sha")
    shown = link(code(sha[:7]), f"{repo_url}/commit/{sha}") + _origin(side, "git_sha")
    return f"{shown}, {link('changes', f'{repo_url}/compare/{before}...{sha}')}" if before else shown


def _features(pointer: Pointer, other: Pointer | None) -> str:
    """Return a cell only where the order of features changes: then the caller's code must change with it."""
    ours, theirs = pointer.feature_order_hash, other.feature_order_hash if other else None
    return f"**order differs from today's**: {code(ours)}" if ours and theirs and ours != theirs else NONE


def _signatures(card: ModelCard | None, other: ModelCard | None) -> str:
    if card is None:
        return NONE
    if other is None:
        return code(_signature(card, named=False))
    if (card.opened.inputs, card.opened.outputs) == (other.opened.inputs, other.opened.outputs):
        return "same"
    return f"**differs**: {code(_signature(card, named=True))}, today {code(_signature(other, named=True))}"


def _signature(card: ModelCard, *, named: bool) -> str:
    def tensors(items: Sequence[Tensor]) -> str:
        shown = [(f"{item.name}: {item}" if named else str(item))[:MAX_TENSOR] for item in items[:MAX_TENSORS]]
        more = [f"{len(items) - MAX_TENSORS} more"] if len(items) > MAX_TENSORS else []
        return ", ".join(shown + more) or "nothing"

    return f"{tensors(card.opened.inputs)} → {tensors(card.opened.outputs)}"


def _measurements(card: ModelCard | None, other: ModelCard | None) -> str:
    if card is None:
        return NONE
    opsets = ", ".join(f"{domain[:40] or 'opset'} {version}" for domain, version in card.opsets[:3])
    parts = [_size(card.size), text(opsets), f"loads in {_milliseconds(card.opened.load_ms)}"]
    # Milliseconds on this run's machine: the ratio to today's model says more than either number.
    latency = card.opened.latency_ms
    before = other.opened.latency_ms if other else None
    if latency:
        ratio = f" ({latency.p95 / before.p95:.2f}×)" if before and before.p95 > 0 else ""
        parts.append(f"p95 {_milliseconds(latency.p95)}{ratio}")
    return " · ".join(part for part in parts if part)


def _size(size: int) -> str:
    for unit, scale in (("GB", 10**9), ("MB", 10**6), ("KB", 10**3)):
        if size >= scale:
            return f"{size / scale:.3g} {unit}" if size < 100 * scale else f"{size / scale:.0f} {unit}"
    return f"{size} B"


def _milliseconds(value: float) -> str:
    return f"{value:.2g} ms" if value < 10 else f"{value:.0f} ms"


def _accuracy(evidence: Evidence | None) -> str:
    """Return the accuracies that the train report claims; they are shown, never trusted."""
    report = evidence.report if evidence else {}
    claims = [(word, report.get(f"{word}_accuracy")) for word in ("holdout", "train")]
    return (
        ", ".join(
            f"{value:.3f} {word}"
            for word, value in claims
            if isinstance(value, float) and math.isfinite(value) and 0 <= value <= 1
        )
        or NONE
    )


@dataclass(frozen=True)
class _StageTimes:
    """The time that an artifact has spent in a stage, by the events of the history, from merge times where known."""

    history: Sequence[Event]
    now: datetime
    merged_at: Mapping[Event, datetime]

    def in_every_stage(self, pointer: Pointer) -> str:
        """Return the time in each stage that has held this artifact: `shadow 10 d, staging 1 d 4 h`."""
        spans = [(stage, self._span(pointer, stage)) for stage in Stage]
        return (
            ", ".join(f"{stage.value} {duration(span)}" for stage, span in spans if span is not None) or "nowhere yet"
        )

    def in_stage(self, pointer: Pointer, stage: Stage) -> str:
        """Return the time in one stage: `active 41 d`."""
        span = self._span(pointer, stage)
        # A pointer that an older tool wrote may have no event; it says itself when it was promoted.
        if span is None and pointer.promoted_at_utc:
            span = max(self.now - to_datetime(pointer.promoted_at_utc), timedelta(0))
        return f"{stage.value} {duration(span)}" if span is not None else NONE

    def _span(self, pointer: Pointer, stage: Stage) -> timedelta | None:
        """Return all the time it was in a stage, each until the stage's next event or now; None for never."""
        events = [event for event in reversed(self.history) if event.stage is stage]
        spans = [
            # Merge times and event times are mixed, so that a later event can have the earlier time.
            max((self._since(following) if following else self.now) - self._since(event), timedelta(0))
            for event, following in zip(events, [*events[1:], None], strict=False)
            if event.action is not Action.DEMOTE and _same_artifact(event.pointer, pointer)
        ]
        return sum(spans, timedelta(0)) if spans else None

    def _since(self, event: Event) -> datetime:
        # The event's own time is when it was planned; it took effect with the merge.
        return self.merged_at.get(event) or to_datetime(event.ts_utc)


def _same_artifact(one: Pointer, other: Pointer) -> bool:
    # Older tools recorded no digest; directory and id are then all there is to compare.
    if one.digest or other.digest:
        return one.is_same_artifact(other)
    return (one.artifact_dir, one.artifact_id) == (other.artifact_dir, other.artifact_id)
