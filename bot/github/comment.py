"""The comment: what was decided, told so that a reviewer can sign off without opening anything else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.artifact.evidence import Evidence
from bot.errors import PromotebotError
from bot.findings import Finding, Severity, errors_in, warnings_in
from bot.github.markdown import bounded, code, details, fence, link, marker, table, text
from bot.promotion.commands import Unreadable
from bot.promotion.diff import change_counts, unified_diff
from bot.promotion.plan import Plan, Rejected, Unchanged
from bot.promotion.rules import duration, short
from bot.registry.model import Action, Event, Pointer
from bot.registry.names import Stage, to_datetime

_SIGNS = {Severity.PASS: "✅", Severity.WARNING: "⚠️", Severity.ERROR: "❌"}
_COMMANDS = ("/promote", "/help", "promotebot ", "git ", "ls ", "rmdir ")


@dataclass(frozen=True)
class Setting:
    """Where the comment stands and who is answered."""

    repo: str
    server_url: str
    pull: int
    head_sha: str
    requester: str
    request_url: str
    base_ref: str
    run_url: str | None

    def commit_url(self, sha: str) -> str:
        return f"{self.server_url}/{self.repo}/commit/{sha}"


@dataclass(frozen=True)
class Rendered:
    """A comment: its hidden first line, its title as plain words, the bounded body, and all of it."""

    marker: str
    title: str
    body: str
    full: str


def render_plan(
    plan: Plan, evidence: Evidence, today: Evidence | None, setting: Setting, *,
    commit_sha: str | None, dry_run: bool, now: datetime,
) -> Rendered:
    """An accepted promotion, committed or as a dry run."""
    request = plan.request
    state = "dry run, nothing was committed" if dry_run else "ready to sign off"
    icon = "⏪" if plan.action is Action.ROLLBACK else "⬆️"
    asked = f"Requested by {code(setting.requester)} in {link('this comment', setting.request_url)} on head {code(setting.head_sha[:7])}"
    committed = f"; committed as {link(code(commit_sha[:7]), setting.commit_url(commit_sha))}." if commit_sha else "."
    verb = "would make" if dry_run else "makes"
    sections = [
        f"{asked}{committed} Merging {verb} **{code(request.artifact_id)}** the {request.stage.label} model of {code(request.model)}.",
        _comparison(plan, evidence, today, now),
        _verdict(plan.findings),
        *_folded(plan, now),
        _closing(plan, setting, committed=bool(commit_sha)),
    ]
    return _rendered(request.model, f"{request.model} → {request.stage.label} · {state}", icon, sections, setting)


def render_rejected(decision: Rejected, evidence: Evidence, setting: Setting) -> Rendered:
    """A request that rules refuse: what is wrong first, with the next command for each."""
    request = decision.request
    sections = [_asked(setting), _problems(decision.findings), details("Every rule", _every_rule(decision.findings))]
    title = f"{request.model} → {request.stage.label} · refused, nothing was committed"
    return _rendered(request.model, title, "⛔", sections, setting)


def render_unchanged(decision: Unchanged, setting: Setting) -> Rendered:
    """The stage already holds exactly this."""
    request = decision.request
    body = f"{request.stage.label} already holds {code(decision.pointer.artifact_id)} with these bytes ({code(short(decision.pointer.digest))}). Nothing was committed."
    title = f"{request.model} → {request.stage.label} · nothing to change"
    return _rendered(request.model, title, "☑️", [_asked(setting), body], setting)


def render_done(event: Event, model: str, setting: Setting) -> Rendered:
    """The same request was carried out before."""
    stage = event.stage.label if event.stage else "no stage"
    body = (f"This request was carried out before: {code(event.pointer.artifact_id)} → {stage}, recorded at {event.ts_utc} "
            "in the registry's history. Nothing was written a second time; approve and merge to sign off.")
    return _rendered(model, f"{model} → {stage} · already done", "☑️", [_asked(setting), body], setting)


def render_unclear(findings: Sequence[Finding], model: str | None, setting: Setting) -> Rendered:
    """A request that cannot be judged yet, with what to choose or mend."""
    title = f"{model or 'Promotion'} · refused, nothing was committed"
    return _rendered(model or "general", title, "⛔", [_asked(setting), _problems(findings)], setting)


def render_unreadable(commands: Sequence[Unreadable], setting: Setting) -> Rendered:
    """Lines that mean to be commands and are not."""
    lines = [f"- ❌ line {c.line}, {code(c.text[:120])}: {text(c.problem)}. {_remedy(c.remedy)}" for c in commands]
    sections = [_asked(setting), "\n".join(lines), "Nothing of the comment was carried out."]
    return _rendered("general", "Command not understood · nothing was committed", "⛔", sections, setting)


def render_refused_event(message: str, remedy: str, setting: Setting) -> Rendered:
    """A comment that is not listened to, whatever it asks for."""
    sections = [_asked(setting), f"- ❌ {text(message)} {_remedy(remedy)}"]
    return _rendered("general", "Refused, nothing was committed", "⛔", sections, setting)


def render_failure(problem: PromotebotError, setting: Setting) -> Rendered:
    """The evidence could not be had, or a file cannot be read: unknown is never a pass."""
    where = f" in {code(problem.where)}" if problem.where else ""
    sections = [_asked(setting), f"- ❌ {text(problem.message)}{where}. {_remedy(problem.remedy)}".rstrip()]
    return _rendered("general", "Could not be carried out, nothing was committed", "⛔", sections, setting)


def render_internal_error(setting: Setting) -> Rendered:
    """A defect of promotebot's own."""
    log = link("the job's log", setting.run_url) if setting.run_url else "the job's log"
    body = f"promotebot failed on this request, which is a defect of its own. The branch is untouched unless a commit shows above; {log} says more."
    return _rendered("general", "Internal error", "⛔", [_asked(setting), body], setting)


def render_help(setting: Setting) -> Rendered:
    """What can be asked here."""
    rows = [
        (code("/promote active"), "promote what stands in the nearest lower stage, or what this pull request adds"),
        (code("/promote <stage> [model] [--artifact-dir D] [--artifact-id I] [--dataset-id X] [--git-sha S]"), "say what is not to be inferred"),
        (code('… --reason "…" --notes "…"'), "recorded in history"),
        (code("… --sha HEAD"), "only if the branch is still at this commit"),
        (code("… --dry-run"), "show the diff, commit nothing"),
        (code("… --new-model"), "add a model the registry does not know"),
    ]
    body = "One command per line, at the start of the line."
    return _rendered("general", "What promotebot understands", "ℹ️", [body, table(("command", "what it does"), rows)], setting)


def _rendered(subject: str, title: str, icon: str, sections: Sequence[str], setting: Setting) -> Rendered:
    first = marker(subject)
    name, dot, rest = title.partition(" → ")
    heading = f"### {icon} {code(name)} → {text(rest)}" if dot else f"### {icon} {text(title)}"
    every = [f"{first}\n{heading}", *[section for section in sections if section]]
    where = link("the step summary", setting.run_url) if setting.run_url else "the step summary"
    return Rendered(first, title, bounded(every, where_else=where), "\n\n".join(every))


def _asked(setting: Setting) -> str:
    head = f" on head {code(setting.head_sha[:7])}" if setting.head_sha else ""
    return f"Requested by {code(setting.requester)} in {link('this comment', setting.request_url)}{head}."


def _remedy(remedy: str) -> str:
    """The next step; a remedy that is a command is shown as one to copy."""
    if not remedy:
        return ""
    if "`" in remedy:  # written with its commands marked
        parts = remedy.split("`")
        return "Next: " + "".join(code(p) if i % 2 else text(p) for i, p in enumerate(parts) if p)
    prefix, colon, command = remedy.rpartition(": ")
    if colon and command.startswith(_COMMANDS):
        return f"Next: {text(prefix)}: {code(command)}"
    return f"Next: {code(remedy)}" if remedy.startswith(_COMMANDS) else f"Next: {text(remedy)}"


def _problems(findings: Sequence[Finding]) -> str:
    wrong, warned = errors_in(findings), warnings_in(findings)
    lines = [_problem(finding) for finding in (*wrong, *warned)]
    others = len(findings) - len(wrong) - len(warned)
    return "\n".join(lines) + (f"\n\n{others} other rules passed." if others else "")


def _verdict(findings: Sequence[Finding]) -> str:
    warned = warnings_in(findings)
    passed = len(findings) - len(warned)
    count = f"{len(warned)} warning{'' if len(warned) == 1 else 's'}"
    lines = [f"**{passed} rules passed, {count}.**"]
    lines += [_problem(finding) for finding in warned]
    return "\n".join(lines)


def _problem(finding: Finding) -> str:
    """One line: rule, what is wrong, where (unless the sentence says so), the next command."""
    where = f" ({code(finding.where)})" if finding.where and finding.where not in finding.message else ""
    return f"- {_SIGNS[finding.severity]} {code(finding.rule)}: {text(finding.message)}{where} {_remedy(finding.remedy)}".rstrip()


def _every_rule(findings: Sequence[Finding]) -> str:
    rows = [(_SIGNS[f.severity], code(f.rule), text(f.message), code(f.where) if f.where else "") for f in findings]
    return table(("", "rule", "what was found", "where"), rows)


def _comparison(plan: Plan, evidence: Evidence, today: Evidence | None, now: datetime) -> str:
    request, old, new = plan.request, plan.today, plan.pointer
    rows = [
        ("artifact", _artifact(old, ""), _artifact(new, request.origins.get("artifact_dir", ""))),
        ("bytes", code(short(old.digest)) if old else "—", code(short(new.digest))),
        ("trained at", _short_sha(old), _short_sha(new) + _origin(request.origins.get("git_sha", ""))),
        ("dataset", code(old.dataset_id) if old and old.dataset_id else "—",
         (code(new.dataset_id) if new.dataset_id else "—") + _origin(request.origins.get("dataset_id", ""))),
        ("stood in", _stood(plan, old, now), _stood(plan, new, now)),
        *_card_rows(evidence, today),
    ]
    return table(("", f"{request.stage.label} today", "after merging"), rows)


def _artifact(pointer: Pointer | None, origin: str) -> str:
    if pointer is None:
        return "nothing"
    return f"{code(pointer.artifact_id)} in {code(pointer.artifact_dir)}{_origin(origin)}"


def _origin(origin: str) -> str:
    return f" *({text(origin)})*" if origin else ""


def _short_sha(pointer: Pointer | None) -> str:
    return code(f"{pointer.git_sha[:7]}…") if pointer and pointer.git_sha else "—"


def _stood(plan: Plan, pointer: Pointer | None, now: datetime) -> str:
    """How long these bytes have stood where they stand on the base, highest stage first."""
    entry = plan.before.entry(plan.request.model)
    if pointer is None or entry is None:
        return "—"
    parts = []
    for stage in reversed(Stage):
        held = entry.pointer(stage)
        if held and held.digest == pointer.digest and held.promoted_at_utc:
            parts.append(f"{stage.value} {duration(now - to_datetime(held.promoted_at_utc))}")
    return ", ".join(parts) or "nowhere yet"


def _card_rows(evidence: Evidence, today: Evidence | None) -> list[tuple[str, str, str]]:
    new, old = evidence.card, today.card if today else None
    if new is None:
        return []
    faces = ", ".join(map(str, new.opened.inputs)), ", ".join(map(str, new.opened.outputs))
    face = code(" → ".join(faces))
    before = code(" → ".join((", ".join(map(str, old.opened.inputs)), ", ".join(map(str, old.opened.outputs))))) if old else "—"
    rows = [("inputs → outputs", before, "same" if before == face else face)]
    speed = _speed(new.opened.latency_ms.p95 if new.opened.latency_ms else None,
                   old.opened.latency_ms.p95 if old and old.opened.latency_ms else None)
    rows.append(("size, load, p95", _figures(old.size, old.opened.load_ms, _ms(old.opened.latency_ms.p95 if old.opened.latency_ms else None)) if old else "—",
                 _figures(new.size, new.opened.load_ms, speed)))
    accuracy = [_accuracy(item) for item in (today, evidence)]
    return [*rows, ("accuracy *(train report)*", *accuracy)] if any(a != "—" for a in accuracy) else rows  # type: ignore[list-item]  # two cells


def _figures(size: int, load_ms: float, latency: str) -> str:
    shown = f"{size:,} B" if size < 10_000 else f"{size / 1000:,.0f} KB"
    return f"{shown}, {load_ms:.0f} ms, {latency}"


def _ms(value: float | None) -> str:
    return "—" if value is None else f"{value:.3f} ms"


def _speed(new: float | None, old: float | None) -> str:
    return f"{_ms(new)} ({new / old:.2f}×)" if new and old else _ms(new)


def _accuracy(evidence: Evidence | None) -> str:
    report = evidence.report if evidence else {}
    for key in ("holdout_accuracy", "train_accuracy"):
        value = report.get(key)
        if isinstance(value, (int, float)):
            return f"{value:.3f} {key.split('_')[0]}"
    return "—"


def _folded(plan: Plan, now: datetime) -> list[str]:
    diff = unified_diff(plan.before.to_bytes(), plan.after.to_bytes(), plan.before.where)
    added, removed = change_counts(diff)
    rows = [
        (event.ts_utc, f"{event.from_stage.value if event.from_stage else '—'} → {event.to_stage.value if event.to_stage else '—'}",
         code(event.pointer.artifact_id), code(event.actor or "unknown"), text((event.reason or "")[:200]))
        for event in plan.after.history[plan.request.model][:10]
    ]
    return [
        details("Every rule", _every_rule(plan.findings)),
        details(f"Registry diff (+{added} −{removed})", fence(diff, "diff")),
        details("History", table(("when (UTC)", "from → to", "artifact", "by", "reason"), rows)),
    ]


def _closing(plan: Plan, setting: Setting, *, committed: bool) -> str:
    request = plan.request
    pinned = request.retry() + f" --sha {setting.head_sha}"
    if not committed:
        return f"To commit exactly this: {code(pinned)}"
    note = ("The commit was pushed with the Actions token, which starts no workflow: only `promotebot/gate` is set on it. "
            "Other required checks run after a push of yours, or when promotebot is given an App token.")
    return f"**Sign off: approve and merge.** Ask again for exactly this head's bytes: {code(pinned)}\n\n<sub>{note}</sub>"
