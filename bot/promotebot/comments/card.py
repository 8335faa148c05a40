"""The card: one comment for each model that a pull request promotes, a function of the pull request's state alone.

Whatever changes the state renders it again, so that its heading always says what merging does and what the required
status says (docs/architecture.md, Commands).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from promotebot.comments.card_facts import APPROVALS, CardPromotion, fact_list
from promotebot.comments.checklist import checklist_section
from promotebot.comments.comment import RULES_BYTES, CommentContext, Rendered, contacts_line, render_comment, row_limit
from promotebot.comments.compared import compared_section
from promotebot.comments.comparison import registry_diff, render_history
from promotebot.comments.decisions import comparison
from promotebot.comments.exceptions import exception_lines
from promotebot.comments.findings import bullets, count_line, every_rule, problems, waits
from promotebot.comments.markdown import code, details, fence
from promotebot.comments.pictures import render_stage_flow, render_timeline
from promotebot.comments.risk import risk_line
from promotebot.comments.weights import weights_section
from promotebot.findings import Finding, Severity, errors_in, warnings_in
from promotebot.promotion.causes import by_cause
from promotebot.promotion.checklist import Box, Tick, checklist
from promotebot.promotion.contacts import Purpose
from promotebot.promotion.replay import Step
from promotebot.registry.model import Action
from promotebot.registry.names import ModelName, Stage
from promotebot.registry.registry import ModelRegistry
from promotebot.text import headline, visible

MAX_WHY = 100
"""Characters of the first problem in a heading."""
HOLD = "gate.hold"
"""The rule of what somebody holds."""
AGAINST_GATE = "gate.merged"
"""The rule of an event that the gate did not let through."""
MAX_OTHERS = 20
"""Promotions of the pull request that a card lists beside its own."""


class Phase(str, Enum):
    """The state of a promotion, as the heading says it."""

    READY = "ready for review"
    WAITING = "waiting"
    BLOCKED = "blocked"
    MERGED = "merged"
    WITHDRAWN = "withdrawn"
    CLOSED = "closed without a merge"


@dataclass(frozen=True)
class Merge:
    """How a pull request was merged, and what is wrong with what the branch holds since."""

    commit: str
    by: str
    """The login; empty where GitHub does not say."""
    at: datetime | None
    problems: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class CardState:
    """All that a card says: base, head, events, verdict, approvals, merge."""

    model: ModelName
    base: ModelRegistry | None
    head: ModelRegistry | None
    promotions: tuple[CardPromotion, ...]
    """Of this model, one for each stage; empty where the pull request does not carry any, or nobody can tell."""
    every: tuple[Step, ...]
    """All that the pull request carries, of every model; merging makes all of it live."""
    findings: tuple[Finding, ...]
    """The gate's."""
    conclusion: str
    """Of the required check: success, action_required (people are waited for) or failure."""
    waiting: tuple[Finding, ...] = ()
    merge: Merge | None = None
    is_closed: bool = False
    is_unknown: bool = False
    """Nobody can tell what the branch carries, since its registry is not the base's plus events."""
    withdrawn_by: tuple[str, ...] = ()
    """Who withdrew what, in Markdown, as far as the branch's commits tell."""
    ticks: Mapping[int, Tick] = field(default_factory=dict)
    """Boxes of the runbook's checklist that people ticked on this head."""
    approvers: tuple[str, ...] = ()
    """Logins of those who had approved the head when the gate judged it, as far as that is known."""
    remark: str = ""
    """What happened a moment ago, in Markdown; empty where nothing needs to be said."""

    @property
    def phase(self) -> Phase:
        """The state that the heading names."""
        if self.merge:
            return Phase.MERGED
        if self.is_closed:
            return Phase.CLOSED
        if not self.promotions and not self.is_unknown:
            return Phase.WITHDRAWN
        return {"success": Phase.READY, "action_required": Phase.WAITING}.get(self.conclusion, Phase.BLOCKED)

    @property
    def main(self) -> CardPromotion | None:
        """The promotion that production feels most: the one into the highest stage."""
        return max(self.promotions, key=lambda one: one.stage.rank, default=None)

    @property
    def rules(self) -> list[Finding]:
        """Every rule that was applied: to each promotion, and by the gate to the whole."""
        planned = (finding for one in self.promotions if one.plan for finding in one.plan.plan.findings)
        return list(dict.fromkeys([*planned, *self.findings]))

    @property
    def boxes(self) -> list[Box]:
        """The runbook's checklist for it; none where it only takes something out, or nothing is promoted."""
        if self.main is None or self.main.action not in (Action.PROMOTE, Action.ROLLBACK):
            return []
        return checklist([*self.rules, *self.waiting], self.main.stage, self.ticks)

    @property
    def words(self) -> str:
        """The phase with what belongs to it: why it is blocked, who merged it."""
        if self.merge:
            by = f" by {self.merge.by}" if self.merge.by else ""
            at = f" on {self.merge.at:%Y-%m-%d %H:%M} UTC" if self.merge.at else ""
            wrong = ", but it does not verify" if self.merge.problems else ""
            wrong = ", without passing the gate" if any(f.rule == AGAINST_GATE for f in self.merge.problems) else wrong
            return f"merged{by} in {self.merge.commit[:7]}{at}{wrong}"
        if self.phase is Phase.WAITING and self.waiting:
            return self.waiting[0].message.replace("waits for", "waiting for")
        errors = errors_in(cause.finding for cause in by_cause(self.findings))
        if self.phase is Phase.BLOCKED and errors:
            more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
            return f"blocked: {headline(errors[0].message, MAX_WHY)}{more}"
        return self.phase.value


def render_card(state: CardState, context: CommentContext) -> Rendered:
    """Return the card of one model."""
    main, phase = state.main, state.phase

    def sections(whole: bool) -> Sequence[str]:
        if phase is Phase.WITHDRAWN or main is None:
            return [*_not_carried(state, context, whole=whole)]
        return [*_carried(state, context, whole=whole)]

    words, stage = state.words, main.stage if main else None
    if main and main.action is Action.DEMOTE and stage is Stage.ACTIVE:
        # Production without a model must not look like one promotion among others.
        words, stage = f"ACTIVE {'was' if state.merge else 'is'} left without a model · {words}", None
    return render_comment(state.model, _icon(state), stage, words, sections, context)


def _icon(state: CardState) -> str:
    if state.merge:
        return "🔴" if state.merge.problems else "✅"
    icons = {Phase.WAITING: "⏳", Phase.BLOCKED: "⛔", Phase.WITHDRAWN: "↩️", Phase.CLOSED: "⚪"}
    if state.phase in icons or state.main is None:
        return icons.get(state.phase, "⛔")
    main = state.main
    if main.action is Action.DEMOTE and main.stage is Stage.ACTIVE:
        return "🛑"
    return {Action.ROLLBACK: "⏪", Action.DEMOTE: "⬇️", Action.IMPORTED: "📥"}.get(main.action, "⬆️")


def _carried(state: CardState, context: CommentContext, *, whole: bool) -> Iterator[str]:
    limit, ordered = row_limit(whole), sorted(state.promotions, key=lambda one: -one.stage.rank)
    keeps_active = ordered[0].stage is not Stage.ACTIVE
    yield from (line for one in ordered if one.plan for line in exception_lines(one.plan.plan))
    for one in ordered:
        plan, is_merged = one.plan, bool(state.merge)
        yield risk_line(plan, is_merged=is_merged, keeps_active=keeps_active) if plan else one.bare_line()
    yield from _verdict(state, context, limit)
    yield "\n".join(
        fact_list(
            ordered[0],
            context,
            waiting=state.waiting,
            findings=state.findings,
            approvers=state.approvers,
            is_merged=bool(state.merge),
        )
    )
    yield state.remark
    yield from _together(state)
    for one in ordered:
        if one.plan:
            yield comparison(one.plan, context, is_merged=bool(state.merge))
            yield one.plan.watched
            yield one.plan.claimed(is_merged=bool(state.merge))
            yield compared_section(one.plan.evidence, is_merged=bool(state.merge))
            yield weights_section(one.plan.evidence)
    if not state.merge:
        if state.phase is not Phase.BLOCKED:
            yield "\n".join([count_line(state.rules), *bullets(warnings_in(state.rules), limit=limit)])
        yield checklist_section(state.boxes) if state.boxes else ""
        yield details("Every rule", every_rule(state.rules, budget=None if whole else RULES_BYTES))
    if state.base is not None and state.head is not None:
        yield registry_diff(state.base, state.head, state.model, whole=whole)
        yield from _pictures(state)
        yield render_history(state.head.history.get(state.model, ()), whole=whole)
    yield from _closing(state, ordered[0], context)


def _pictures(state: CardState) -> Iterator[str]:
    """Yield what moves between the stages, and the newest events of the model, each as a folded drawing."""
    events = [step.event for step in state.every if step.model == state.model]
    entry = state.base.entry(state.model) if state.base else None
    yield details("Stages", fence(render_stage_flow(entry, events, is_merged=bool(state.merge)), "mermaid"))
    main = state.main
    if state.head is None or main is None or main.plan is None:
        return
    pending = () if state.merge else events
    history = state.head.history.get(state.model, ())
    drawn = render_timeline(history, main.plan.now, merged_at=main.plan.merged_at, pending=pending)
    yield details("Timeline", fence(drawn, "mermaid"))


def _verdict(state: CardState, context: CommentContext, limit: int | None) -> Iterator[str]:
    """Yield what stands in the way, or went wrong."""
    if state.merge and state.merge.problems:
        yield problems(state.merge.problems, limit=limit) + contacts_line(context, Purpose.MISMATCH)
    elif state.phase is Phase.BLOCKED:
        yield problems(state.rules, limit=limit) + contacts_line(context)
        yield "Do not merge before this is fixed: the required check is red."
    elif state.phase is Phase.WAITING and state.waiting:
        yield waits(state.waiting)
    elif state.phase is Phase.CLOSED:
        yield "The pull request was closed, and nothing was merged. If you reopen it, promotebot checks it again."


def _not_carried(state: CardState, context: CommentContext, *, whole: bool) -> Iterator[str]:
    limit = row_limit(whole)
    if state.phase is Phase.BLOCKED:
        yield from _verdict(state, context, limit)
        return
    if state.phase is Phase.CLOSED:
        yield "The pull request was closed, and nothing was merged."
        return
    yield f"This pull request no longer promotes {code(state.model)}. Nothing was merged."
    yield "\n".join(f"- {line}" for line in state.withdrawn_by)
    yield state.remark
    yield "To request it again, write a new comment."


def _together(state: CardState) -> Iterator[str]:
    """Yield the list of all promotions of the pull request, where it carries others: merging applies all of them."""
    if len(state.every) < 2:
        return
    lines = [f"- {_told(step)}" for step in state.every[:MAX_OTHERS]]
    lines += [f"- … and {len(state.every) - MAX_OTHERS} more"] if len(state.every) > MAX_OTHERS else []
    verb = "applied all of them" if state.merge else "applies all of them"
    yield f"**This pull request contains {len(state.every)} promotions; merging {verb}:**\n" + "\n".join(lines)


def _told(step: Step) -> str:
    stage, held = step.event.stage.label if step.event.stage else "no stage", code(step.event.pointer.artifact_id)
    becomes = f"nothing, removes {held}" if step.event.action is Action.DEMOTE else held
    return f"{code(step.model)} → {stage}: {becomes}"


def _closing(state: CardState, main: CardPromotion, context: CommentContext) -> Iterator[str]:
    """Yield what to do next: approve and merge, hold, withdraw, or ask for exactly these bytes again."""
    if state.merge or state.phase is Phase.CLOSED:
        return
    asks = any(one.rule == APPROVALS for one in state.waiting)
    is_approved = any(one.rule == APPROVALS and one.severity is Severity.PASS for one in state.findings)
    act = {
        Phase.READY: f"**Next:** {'merge' if is_approved else 'approve and merge'}.",
        Phase.WAITING: f"**Next:** {'approve exactly this commit in a review' if asks else 'add what is missing'}, "
        "then merge.",
    }.get(state.phase, "")
    is_held = any(finding.rule == HOLD for finding in errors_in(state.findings))
    stop = f"To lift the hold: {code('/unhold')}." if is_held else f"To stop it: {code('/hold')}."
    # --sha ties the command to this commit: it is refused once the branch holds other bytes.
    again = main.again(context.head_sha)
    yield f"{act} {stop} To withdraw it: {code(f'/withdraw {state.model}')}.".strip()
    if again:
        yield details("Request exactly these bytes again", fence(visible(again), "text"))
    if context.by_actions and main.is_by_bot:
        # https://docs.github.com/en/actions/concepts/security/github_token
        yield (
            f"Other required checks have not started on {context.commit(context.head_sha)}, because the Actions token "
            f"made this commit; only {code(context.check)} is set. Press *Approve workflows to run* below. If there is "
            "no such button, close and reopen the pull request. With an App's token, all checks start at once."
        )
