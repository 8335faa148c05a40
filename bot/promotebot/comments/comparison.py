"""The change that merging makes: today beside after as a table, the registry's diff, the history it ends in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from promotebot.artifact.answer import Tensor
from promotebot.artifact.claims import in_words
from promotebot.artifact.evidence import Evidence, ModelCard
from promotebot.artifact.manifest import Manifest
from promotebot.comments.findings import within
from promotebot.comments.markdown import code, details, fence, link, table, text
from promotebot.comments.model_differences import accuracy, evidence_of, signature_difference
from promotebot.comments.stage_times import StageTimes, before_and_after
from promotebot.comments.weights import in_a_line
from promotebot.promotion.diff import change_counts, unified_diff
from promotebot.promotion.plan import Plan
from promotebot.registry.codec import stored_json
from promotebot.registry.model import Action, Event, Pointer
from promotebot.registry.names import ModelName, Stage, to_datetime
from promotebot.registry.registry import ModelRegistry
from promotebot.text import counted, short_digest, size_words, visible

NONE = "—"
# A comment has 65,536 bytes, and its sections share them; the step summary shows the diff and the history whole.
MAX_EVENTS = 8
"""Rows of the history."""
MAX_REASON = 200
"""Characters of a reason in the history."""
DIFF_BYTES = 20_000
"""UTF-8 bytes of the diff."""
MAX_OPSETS = 8
"""Operator sets in a table cell."""
MAX_TENSORS = 4
"""Inputs or outputs in a table cell."""
MAX_STORED = 3
"""Versions of files outside of git in a table cell."""
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
    is_merged: bool = False,
) -> str:
    """Return a table of today's pointer beside the new one; of the new one alone where the stage is empty today.

    Args:
        today: the evidence of the artifact that the stage holds now.
        merged_at: event → when it was merged, as far as that is known.
        is_merged: the change has been merged, so that "today" was before it.
    """
    label, events = plan.request.stage.label, plan.before.history.get(plan.request.model, ())
    new = _Side(plan.pointer, evidence, plan.request.origins or _origins(plan, evidence))
    times = StageTimes(events, now, merged_at)
    before_merge, after_merge = before_and_after(is_merged=is_merged)
    after = _rows(new, None, repo_url) | {"time in stages": times.in_every_stage(plan.pointer)}
    if plan.today is None:
        return table(("", f"{label} {after_merge}"), [(name, cell) for name, cell in after.items() if cell != NONE])
    old = _Side(plan.today, evidence_of(plan.today, today, evidence), {})
    before = _rows(old, None, repo_url) | {"time in stages": _span(times, plan.today, plan.request.stage)}
    after = _rows(new, old, repo_url) | {"time in stages": after["time in stages"]}
    rows = [(name, before[name], cell) for name, cell in after.items() if (before[name], cell) != (NONE, NONE)]
    return table(("", f"{label} {before_merge}", after_merge), rows)


def _origins(plan: Plan, evidence: Evidence) -> dict[str, str]:
    """Return where else the values of a pointer are found: in the manifest, or in the pointer of a lower stage.

    An event does not say which of its values were given and which were looked up.
    """
    entry, places = plan.before.entry(plan.request.model), dict[str, Manifest | Pointer | None]()
    places["manifest"] = evidence.manifest
    for stage in plan.request.stage.below if entry else ():
        places[f"{stage.value} pointer"] = entry.pointer(stage) if entry else None
    origins = dict[str, str]()
    for field in ("artifact_dir", "artifact_id", "dataset_id", "git_sha"):
        value = getattr(plan.pointer, field)
        found = (place for place, there in places.items() if value and getattr(there, field, None) == value)
        origins[field] = next(found, "")
    return origins


def describe(pointer: Pointer, stage: Stage, *, repo_url: str) -> str:
    """Return a table of the pointer that a stage holds."""
    rows = {
        **_rows(_Side(pointer, None, {}), None, repo_url),
        "since": _time(pointer.promoted_at_utc),
        "promoted by": code(pointer.actor) if pointer.actor else NONE,
    }
    return table(("", stage.label), [(name, cell) for name, cell in rows.items() if cell != NONE])


def _time(timestamp: str | None) -> str:
    return f"{to_datetime(timestamp):%Y-%m-%d %H:%M} UTC" if timestamp else NONE


def registry_diff(before: ModelRegistry, after: ModelRegistry, name: ModelName, *, whole: bool) -> str:
    """Return the folded diff of one model between two registries, cut to DIFF_BYTES unless `whole`."""
    diff = unified_diff(_alone(before, name), _alone(after, name), before.where)
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


_ARROWS = {Action.PROMOTE: "⬆️", Action.ROLLBACK: "⏪", Action.DEMOTE: "⬇️", Action.IMPORTED: "📥"}


def _moved(event: Event) -> str:
    stage = event.stage.label if event.stage else "nowhere"
    return f"{_ARROWS[event.action]} {stage}"


def _span(times: StageTimes, pointer: Pointer, stage: Stage) -> str:
    span = times.in_stage(pointer, stage)
    return f"{stage.value} {span}" if span else NONE


def _rows(side: _Side, beside: _Side | None, repo_url: str) -> dict[str, str]:
    pointer, other = side.pointer, beside.pointer if beside else None
    return {
        "artifact": _artifact(side),
        "stored in": _stored(side),
        "bytes": _value(
            short_digest(pointer.digest) if pointer.digest else None, short_digest(other.digest) if other else None
        ),
        "trained at": _trained(side, other, repo_url),
        "dataset": _value(pointer.dataset_id, other.dataset_id if other else None) + _origin(side, "dataset_id"),
        "share of production": _value(pointer.share, other.share if other else None),
        "time in stages": NONE,
        "features": _features(pointer, other),
        "inputs → outputs": _signatures(side.card, beside.card if beside else None),
        "model": _measurements(side),
        "accuracy, claimed by the train report": _accuracy(side.evidence),
    }


def _artifact(side: _Side) -> str:
    name, place = code(side.pointer.artifact_id), code(side.pointer.artifact_dir)
    first, second = _origin(side, "artifact_id"), _origin(side, "artifact_dir")
    return f"{name} in {place}{second}" if first == second else f"{name}{first} in {place}{second}"


def _stored(side: _Side) -> str:
    """Return where the bytes are that git does not have, and in which versions."""
    manifest = side.evidence.manifest if side.evidence else None
    if manifest is None or manifest.storage is None:
        return NONE
    files = manifest.stored_files.values()
    versions = [f"{code(file.name)} in version {code(file.version)}" for file in files if file.version][:MAX_STORED]
    size = size_words(sum(file.size for file in files))
    return " · ".join([f"{code(manifest.storage.uri)} ({counted(len(files), 'file')}, {size})", *versions])


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
    difference = signature_difference(card, other)
    if difference == "same inputs and outputs":
        return "same"
    return f"**{difference}**: {code(_signature(card, named=True))}, today {code(_signature(other, named=True))}"


def _signature(card: ModelCard, *, named: bool) -> str:
    def tensors(items: Sequence[Tensor]) -> str:
        shown = [(f"{item.name}: {item}" if named else str(item))[:MAX_TENSOR] for item in items[:MAX_TENSORS]]
        more = [f"{len(items) - MAX_TENSORS} more"] if len(items) > MAX_TENSORS else []
        return ", ".join(shown + more) or "nothing"

    return f"{tensors(card.opened.inputs)} → {tensors(card.opened.outputs)}"


def _measurements(side: _Side) -> str:
    """Return the model's size and its operator sets; of one that was not opened, what its header says.

    Times are left out: one short run on a shared machine says nothing about a service.
    """
    card = side.card
    if side.evidence and side.evidence.unopened:
        return f"**not opened** · {in_a_line(side.evidence, side.evidence.unopened)}"
    if card is None:
        return NONE
    # Operators of other domains than ONNX's own first: not every runtime has them.
    opsets = sorted(card.opsets, key=lambda opset: opset[0] in ("", "ai.onnx"))
    shown = [f"{domain[:40] or 'opset'} {version}" for domain, version in opsets[:MAX_OPSETS]]
    more = [f"{len(opsets) - MAX_OPSETS} more operator sets"] if len(opsets) > MAX_OPSETS else []
    return " · ".join([size_words(card.size), text(", ".join(shown + more))] if shown else [size_words(card.size)])


def _accuracy(evidence: Evidence | None) -> str:
    claims = [(word, accuracy(evidence, word)) for word in ("holdout", "train")]
    shown = ", ".join(f"{value:.3f} {word}" for word, value in claims if value is not None)
    return f"{shown}, in {text(in_words(evidence.source))}" if evidence and shown else NONE
