"""The comment: what was decided, told so that a reviewer can sign off without opening anything else."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from promotebot.artifact.evidence import Evidence
from promotebot.comments.comparison import compare, describe, history, registry_diff
from promotebot.comments.findings import bullets, count_line, every_rule, next_step, problems, prose, waits
from promotebot.comments.markdown import bounded, code, details, fence, link, marker, table, text
from promotebot.errors import CouldNotVerify, PromotebotError
from promotebot.findings import Finding, warnings_in
from promotebot.promotion.commands import Unreadable
from promotebot.promotion.plan import Plan, Rejected, Unchanged
from promotebot.promotion.request import Request
from promotebot.promotion.rules.catalogue import short
from promotebot.registry.model import Action, Event
from promotebot.registry.names import ModelName, Stage
from promotebot.text import visible

MAX_PROBLEMS = 25
RULES_BYTES = 14_000
GENERAL = "general"
REFUSED = "refused, nothing was committed"

COMMANDS: tuple[tuple[str, str], ...] = (
    (
        "/promote active",
        "finds model and artifact by itself: what this pull request touches, else what the nearest lower stage holds",
    ),
    ("/promote <stage> <model>", "stage is `shadow`, `staging` or `active`"),
    ("… --artifact-dir DIR --artifact-id ID --dataset-id ID --git-sha SHA", "says what should not be looked up"),
    ('… --reason "why" --notes "more"', "kept in the registry's history; a rollback needs the reason"),
    ("… --sha HEAD", "only if the branch still stands at this commit"),
    ("… --new-model", "adds a model that the registry does not know"),
    ("… --dry-run", "shows everything, commits nothing"),
    ('/rollback <model> --reason "why"', "back to the last ACTIVE whose bytes still verify; `--to ID` names another"),
    ('/demote <model> <stage> --reason "why"', "clears a stage; the event stays in history"),
    ("/withdraw", "takes back what this pull request promotes, before the merge; `/withdraw <model>` one model's"),
    ("/status", "what stands in each stage, and what merging changes"),
    ("/why", "everything the gate looked at, and what it says"),
    ("/verify", "verifies the registry and its artifacts at this head"),
    ("/help", "this list"),
)
"""What can be asked, as `/help` shows it: the command, and what it does (Markdown)."""


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
    contacts: tuple[str, ...] = ()
    """Whom the policy names where a failure is shown."""
    request_word: str = "this comment"
    """What is at `request_url`."""

    @property
    def repo_url(self) -> str:
        return f"{self.server_url}/{self.repo}"

    def commit(self, sha: str) -> str:
        """A commit as a link, Markdown."""
        return link(code(sha[:7]), f"{self.repo_url}/commit/{sha}")


@dataclass(frozen=True)
class Rendered:
    """A comment: its hidden first line, its title as plain words, the bounded body, and all of it."""

    marker: str
    title: str
    body: str
    full: str


Sections = Callable[[bool], Sequence[str]]
"""The sections below the heading, asked for twice: bounded for the comment (False), whole for the summary (True)."""


def render_plan(
    plan: Plan,
    evidence: Evidence,
    today: Evidence | None,
    setting: Setting,
    *,
    commit_sha: str | None,
    dry_run: bool,
    now: datetime,
    merged_at: Mapping[int, datetime] | None = None,
    promotions: Sequence[tuple[str, Event]] = (),
    gate: Sequence[Finding] = (),
    waiting: Finding | None = None,
) -> Rendered:
    """An accepted promotion, committed or as a dry run.

    Args:
        today: what was found of the artifact the stage holds now, for comparison.
        merged_at: pull request number → when it was merged; the same facts that the soak rules saw.
        promotions: every (model, event) the pull request carries, this one included; merging makes them all live.
        gate: what the gate refuses of the new head; empty when it refuses nothing.
        waiting: what people have to do before the required check turns green.
    """
    request = plan.request
    if plan.action is Action.DEMOTE:
        comparison = describe(plan.pointer, request.stage, repo_url=setting.repo_url)
    else:
        comparison = compare(plan, evidence, today, repo_url=setting.repo_url, now=now, merged_at=merged_at or {})
    warned = warnings_in(plan.findings)

    def sections(whole: bool) -> Sequence[str]:
        return [
            problems(gate, limit=_limit(whole)) if gate else "",
            f"{_effect(plan, dry_run=dry_run)} {_asked(setting, commit_sha)}",
            _together(promotions),
            _words(request.reason, request.notes, request.origins.get("reason", "")),
            comparison,
            "\n".join([count_line(plan.findings), *bullets(warned, limit=_limit(whole))]),
            details("Every rule", every_rule(plan.findings, budget=None if whole else RULES_BYTES)),
            registry_diff(plan, whole=whole),
            history(plan.after.history.get(request.model, ()), whole=whole),
            *([waits(waiting)] if waiting else []),
            *(_closing(request, setting, commit_sha) if not gate else ["Do not merge before the gate is green."]),
        ]

    state = "dry run, nothing was committed" if dry_run else "ready to sign off"
    state = "committed, but the gate refuses this pull request" if gate else state
    state = f"committed, {waiting.message}" if waiting and not gate else state
    icon = {Action.ROLLBACK: "⏪", Action.DEMOTE: "⬇️"}.get(plan.action, "⬆️")
    return _rendered(request.model, icon, request.stage, state, sections, setting)


def render_rejected(decision: Rejected, evidence: Evidence, setting: Setting) -> Rendered:
    """A request that rules refuse: what is wrong first, with the next command for each."""
    request = decision.request
    again = request.retry(notes=request.notes) + _switches(request)

    def sections(whole: bool) -> Sequence[str]:
        return [
            problems(decision.findings, limit=_limit(whole)),
            f"Once that is fixed, ask again in a new comment: {code(again)}",
            details("Every rule", every_rule(decision.findings, budget=None if whole else RULES_BYTES)),
            f"{_asked(setting)} {_understood(request, evidence)}",
        ]

    return _rendered(request.model, "⛔", request.stage, REFUSED, sections, setting)


def render_unchanged(decision: Unchanged, setting: Setting) -> Rendered:
    """The stage already holds exactly this."""
    request, pointer = decision.request, decision.pointer
    other = f"/promote {request.stage.value} {request.model} --artifact-dir DIR"
    said = [
        f"On this branch {request.stage.label} already holds {code(pointer.artifact_id)} with exactly these bytes "
        f"({code(short(pointer.digest))}). {_asked(setting)}",
        describe(pointer, request.stage, repo_url=setting.repo_url),
        "\n".join([count_line(decision.findings), *bullets(warnings_in(decision.findings), limit=MAX_PROBLEMS)]),
        f"Meant another artifact? Name it: {code(other)}",
    ]
    return _rendered(request.model, "☑️", request.stage, "nothing to change", lambda _: said, setting)


def render_done(event: Event, model: str, setting: Setting, *, commit_sha: str | None = None) -> Rendered:
    """The same request was carried out before, by `commit_sha` where that is known."""
    stage = event.stage or Stage.ACTIVE
    by = f" by {setting.commit(commit_sha)}" if commit_sha else ""
    said = [
        f"This very request was carried out before{by}; nothing was written a second time. {_asked(setting)}",
        _words(event.reason, event.notes, ""),
        describe(event.pointer, stage, repo_url=setting.repo_url),
        "**Sign off:** approve and merge.",
    ]
    return _rendered(ModelName(model), "☑️", stage, "already done, ready to sign off", lambda _: said, setting)


def render_unclear(findings: Sequence[Finding], model: str | None, setting: Setting) -> Rendered:
    """A request that cannot be judged yet, with what to choose or mend."""

    def sections(whole: bool) -> Sequence[str]:
        return [problems(findings, limit=_limit(whole)), _asked(setting)]

    return _rendered(ModelName(model) if model else None, "⛔", None, REFUSED, sections, setting)


def render_unreadable(commands: Sequence[Unreadable], setting: Setting) -> Rendered:
    """Lines that mean to be commands and are not."""
    lines = [
        f"- ❌ line {command.line}, {code(command.text[:120])}: {_sentence(command.problem)}{next_step(command.remedy)}"
        for command in commands
    ]
    after = f"Nothing of the comment was carried out. Write a new one; {code('/help')} lists what can be asked."
    said = ["\n".join(lines), after, _asked(setting)]
    return _rendered(None, "⛔", None, "command not understood, nothing was committed", lambda _: said, setting)


def render_refused_event(message: str, remedy: str, setting: Setting) -> Rendered:
    """A comment that is not listened to, whatever it asks for (a fork, a closed pull request, no permission)."""
    said = [f"- ❌ {_sentence(message)}{next_step(remedy)}", _asked(setting)]
    return _rendered(None, "⛔", None, REFUSED, lambda _: said, setting)


def render_failure(problem: PromotebotError, setting: Setting, *, commit_sha: str | None = None) -> Rendered:
    """The evidence could not be had, or a file cannot be read: unknown is never a pass.

    Args:
        commit_sha: the commit that had been pushed before it failed; None says that nothing was committed.
    """
    unknown = isinstance(problem, CouldNotVerify)
    where = f"{code(problem.where)}: " if problem.where and problem.where not in problem.message else ""
    said = [
        f"- ❌ {where}{_sentence(problem.message)}{next_step(problem.remedy)}",
        _again(setting) if unknown else "",
        _asked(setting, commit_sha) + _contacts(setting),
    ]
    state = "could not verify" if unknown else "refused"
    outcome = f"{state} after the commit" if commit_sha else f"{state}, nothing was committed"
    return _rendered(None, "⛔", None, outcome, lambda _: said, setting)


def render_internal_error(setting: Setting) -> Rendered:
    """A defect of promotebot's own: its words stay in the log."""
    said = [
        "promotebot failed on this request, which is a defect of its own. Nothing is approved by it; if the branch "
        "carries no new commit of promotebot's, nothing was committed.",
        _again(setting),
        _asked(setting) + _contacts(setting),
    ]
    return _rendered(None, "⛔", None, "internal error", lambda _: said, setting)


def render_help(setting: Setting) -> Rendered:
    """What can be asked here."""
    said = [
        "promotebot checks the request, proves the artifact's bytes, commits the registry to this branch and shows "
        "what changes. **Merging is the approval.**",
        table(("comment", "what it does"), [(code(command), what) for command, what in COMMANDS]),
        "One command per line, at the start of the line. Edited comments are not read again: write a new one.",
    ]
    return _rendered(None, "ℹ️", None, "what promotebot understands", lambda _: said, setting)


def _rendered(
    model: ModelName | None, icon: str, stage: Stage | None, state: str, sections: Sections, setting: Setting
) -> Rendered:
    """`### ⬆️ `model` → STAGE · state` over the sections; without a model the state alone is the heading."""
    first = marker(model or GENERAL)
    arrow = f" → {stage.label}" if stage else ""
    words = f"{arrow} · {state}" if model else state[0].upper() + state[1:]
    heading = f"{first}\n### {icon} {code(model) if model else ''}{words}"
    summary = link("the step summary", setting.run_url) if setting.run_url else "the step summary"
    return Rendered(
        first,
        f"{model or ''}{words}",
        bounded([heading, *filter(None, sections(False))], where_else=summary),
        "\n\n".join([heading, *filter(None, sections(True))]),
    )


def _effect(plan: Plan, *, dry_run: bool) -> str:
    """One sentence: what merging makes live."""
    request, old = plan.request, plan.today
    name, stage = f"**{code(request.artifact_id)}**", request.stage
    make, take, put = ("This would make", "This would take", "This would put")
    if not dry_run:
        make, take, put = ("Merging makes", "Merging takes", "Merging puts")
    if plan.action is Action.DEMOTE:
        return f"{take} {name} out of {stage.label}; the stage then holds nothing."
    if plan.action is Action.ROLLBACK:
        away = f", away from {code(old.artifact_id)}" if old else ""
        return f"{take} {stage.label} back to {name}{away}: bytes that have been {stage.label} before."
    instead = f" in place of {code(old.artifact_id)}" if old else ""
    if stage is Stage.ACTIVE:
        return f"{make} {name} the ACTIVE model{instead}."
    entry = plan.before.entry(request.model)
    live = entry.active if entry else None
    stays = f"ACTIVE stays {code(live.artifact_id)}." if live else "Nothing becomes ACTIVE."
    return f"{put} {name} into {stage.label}{instead}. {stays}"


def _together(promotions: Sequence[tuple[str, Event]]) -> str:
    """What else merging makes live: one comment must not hide another's promotion."""
    if len(promotions) < 2:
        return ""
    lines = [
        f"- {code(model)} → {event.stage.label if event.stage else 'no stage'}: {code(event.pointer.artifact_id)}"
        for model, event in promotions
    ]
    return f"**This pull request carries {len(lines)} promotions; merging makes all of them:**\n" + "\n".join(lines)


def _asked(setting: Setting, commit_sha: str | None = None) -> str:
    head = f" on head {code(setting.head_sha[:7])}" if setting.head_sha else ""
    committed = f"; committed as {setting.commit(commit_sha)}" if commit_sha else ""
    return (
        f"Requested by {code(setting.requester)} in {link(setting.request_word, setting.request_url)}{head}{committed}."
    )


def _understood(request: Request, evidence: Evidence) -> str:
    """The request as completed: every value that was not said, with where it was found (DESIGN §4)."""
    values = {
        "artifact_id": request.artifact_id,
        "artifact_dir": request.artifact_dir,
        "dataset_id": request.dataset_id,
        "git_sha": request.git_sha and request.git_sha[:7],
    }
    words = {"artifact_dir": "in ", "dataset_id": "dataset ", "git_sha": "trained at "}
    parts = [
        f"{words.get(field, '')}{code(value)}{_found_in(request.origins.get(field, ''))}"
        for field, value in values.items()
        if value
    ]
    proven = f", bytes {code(short(evidence.digest))}" if evidence.digest else ""
    return f"Understood as {', '.join(parts)}{proven}."


def _found_in(origin: str) -> str:
    return f" *({text(origin)})*" if origin else ""


def _words(reason: str | None, notes: str | None, origin: str) -> str:
    """Why, in the requester's own words, quoted."""
    quoted = [f"> Why: {text(reason)}{_found_in(origin)}"] if reason else []
    quoted += [f"> Notes: {text(notes)}"] if notes else []
    return "\n>\n".join(quoted)


def _closing(request: Request, setting: Setting, commit_sha: str | None) -> Sequence[str]:
    """How to sign off, and the command that asks for exactly these bytes again."""
    pinned = request.retry(sha=commit_sha or setting.head_sha, notes=request.notes) + _switches(request)
    command = fence(visible(pinned), "text")
    if commit_sha is None:
        return [f"**To commit exactly this,** comment:\n{command}"]
    return [
        f"**Sign off:** approve and merge. To ask again for exactly these bytes:\n{command}",
        f"Other required checks do not run by themselves on {setting.commit(commit_sha)} (a push by the Actions token "
        "starts no workflow, only `promotebot/gate` is set): close and reopen the pull request, or use an App token.",
    ]


def _switches(request: Request) -> str:
    return " --new-model" if request.new_model else ""


def _again(setting: Setting) -> str:
    run = f" ({link('this run', setting.run_url)})" if setting.run_url else ""
    return f"Run the failed job again{run}: what was carried out once is not carried out twice."


def _contacts(setting: Setting) -> str:
    return f" Contacts: {', '.join(code(contact) for contact in setting.contacts)}." if setting.contacts else ""


def _sentence(words: str) -> str:
    """Prose that ends in a full stop."""
    return prose(words if words.endswith((".", "!", "?", "…")) else f"{words}.")


def _limit(whole: bool) -> int | None:
    return None if whole else MAX_PROBLEMS
