"""The facts of a card: what merging does, who asked and why, what stands there today, the way back, the approvals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from promotebot.comments.comment import CommentContext
from promotebot.comments.decisions import PlanComment, effect
from promotebot.comments.findings import inline
from promotebot.comments.markdown import code, link, text
from promotebot.comments.model_differences import evidence_of
from promotebot.findings import Finding, Severity
from promotebot.promotion.replay import Step
from promotebot.registry.metadata import read_metadata
from promotebot.registry.model import Action, Event, Pointer, Source
from promotebot.registry.names import Stage
from promotebot.remedies import Changes, comment, flag_words

APPROVALS = "separation"
CONDITIONS = {APPROVALS: "Approvals", "gate.labels": "Labels", "gate.checks": "Other checks"}
"""The rules that say what is there, or is waited for → how a card calls it."""


@dataclass(frozen=True)
class CardPromotion:
    """One promotion as a card shows it: the event on the branch, and the plan that the rules make of its request."""

    step: Step
    plan: PlanComment | None
    """None where the rules refuse it."""
    first: Step
    """The pull request's first event of the stage, often the same; what the base holds stands before that one."""

    @property
    def stage(self) -> Stage:
        """The stage that it changes."""
        return self.step.event.stage or Stage.ACTIVE

    @property
    def action(self) -> Action:
        """What it does."""
        return self.step.event.action

    @property
    def is_by_bot(self) -> bool:
        """True when it was asked for on GitHub, so that the bot committed it."""
        return self.step.event.source is Source.GITHUB

    @property
    def today(self) -> Pointer | None:
        """The pointer that the stage holds on the base."""
        entry = self.first.before.entry(self.step.model)
        return entry.pointer(self.stage) if entry else None

    def bare_line(self) -> str:
        """Return the sentence on a promotion that the rules refuse, of which nothing can be compared."""
        held = f" in place of {code(self.today.artifact_id)}" if self.today else ""
        new = self.step.event.pointer.artifact_id
        if self.action is Action.DEMOTE:
            gone = self.today.artifact_id if self.today else new
            return f"Merging would remove {code(gone)} from {self.stage.label}."
        return f"Merging would put {code(new)} into {self.stage.label}{held}."

    def again(self, head_sha: str) -> str:
        """Return the comment that asks for it again, pinned to a head; empty where the rules refuse it."""
        if self.plan is None or self.action is Action.IMPORTED:  # a terminal alone imports
            return ""
        request = self.plan.plan.request
        pinned: Changes = {"sha": head_sha, "notes": request.notes} if self.is_by_bot else {}
        return str(request.line({"dry_run": False, **pinned}))


def fact_list(
    one: CardPromotion,
    context: CommentContext,
    *,
    waiting: Sequence[Finding],
    findings: Sequence[Finding],
    approvers: Sequence[str] = (),
    is_merged: bool,
) -> Iterator[str]:
    """Yield the facts of a promotion, each as one item of a list.

    Args:
        waiting: what is waited for.
        findings: the gate's, of which one may say who approved, and that they are enough.
        approvers: logins of those who had approved it when it was checked, whether or not anything asks for it.
    """
    event = one.step.event
    if one.plan and not is_merged:
        yield f"- {effect(one.plan.plan, dry_run=False).replace('Merging', '**Merging**', 1)}"
    owner = read_metadata(one.step.before.raw_entry(one.step.model)).owner
    if owner:
        yield f"- **Owner of the model:** {code(owner)}"
    yield f"- **Requested by** {_requested(event, context)}"
    if event.reason:
        yield f"- **Reason:** {text(event.reason)}"
    if event.notes:
        yield f"- **Notes:** {text(event.notes)}"
    if one.today and one.action is not Action.DEMOTE:
        yield f"- **{one.stage.label} {'before' if is_merged else 'today'}:** {_since(one.today)}"
    yield from _way_back(one, is_merged=is_merged)
    if not is_merged:
        if approvers and not any(finding.rule == APPROVALS for finding in findings):
            yield f"- **Approved by** {', '.join(map(code, approvers))} when this was checked"
        yield from _conditions(waiting, findings)
    run = f" in {link('this run', context.run_url)}" if context.run_url else ""
    yield f"- **{'Announced' if is_merged else 'Checked'}** on {context.commit(context.head_sha)}{run}"


def _requested(event: Event, context: CommentContext) -> str:
    by = code(event.actor) if event.actor else "an unknown requester"
    ref = event.request
    if ref is None or event.source is not Source.GITHUB:
        return f"{by} at a terminal (self-asserted), planned at {text(event.ts_utc)}"
    kind, _, rest = ref.id.partition(":")
    number = rest.partition("#")[0]
    if not number.isdecimal():
        return f"{by}, planned at {text(event.ts_utc)}"
    if kind == "comment":
        return f"{by} in {link('this comment', f'{context.repo_url}/pull/{ref.pull}#issuecomment-{number}')}"
    return f"{by} in {link('this run', f'{context.repo_url}/actions/runs/{number}')}"


def _since(pointer: Pointer) -> str:
    when = (
        f", promoted on {text(pointer.promoted_at_utc[:16].replace('T', ' '))} UTC" if pointer.promoted_at_utc else ""
    )
    by = f" by {code(pointer.actor)}" if pointer.actor else ""
    return f"{code(pointer.artifact_id)}{when}{by}"


def _way_back(one: CardPromotion, *, is_merged: bool) -> Iterator[str]:
    """Yield the command that undoes it after the merge, and whether the bytes that it brings back are proven."""
    if one.stage is not Stage.ACTIVE:
        return
    back, model = one.today, one.step.model
    if back is None and one.action is Action.DEMOTE:
        return  # it was empty before this pull request, too
    if back is None:
        line = comment("/demote", model, "active", "--reason", f"{one.step.event.pointer.artifact_id} failed")
        yield f"- **To undo it:** ACTIVE is empty today; {code(str(line))} empties it again"
        return
    held = one.plan.quarantined if one.plan else None
    if held:
        yield f"- **No way back:** {code(back.artifact_id)} is in quarantine: {text(held.reason)}"
        return
    why = ("--reason", f"back to {back.artifact_id}")
    line = comment("/rollback", model, *flag_words("to", back.artifact_id), *why)
    examined = evidence_of(back, one.plan.today, one.plan.evidence) if one.plan else None
    proven = "its bytes were verified in this run" if examined else "its bytes were not verified here"
    where = " in a comment on any open issue or pull request" if is_merged else " after the merge"
    yield f"- **To roll back{where}:** {code(str(line))} restores {code(back.artifact_id)} ({proven})"


def _conditions(waiting: Sequence[Finding], findings: Sequence[Finding]) -> Iterator[str]:
    """Yield what else the policy asks for before a merge: what is there, or what is missing and who can give it."""
    met = [finding for finding in findings if finding.severity is Severity.PASS]
    for rule, heading in CONDITIONS.items():
        missing = next((one for one in waiting if one.rule == rule), None)
        given = next((one for one in met if one.rule == rule), None)
        if missing:
            yield f"- **{heading}:** {text(missing.message)}; {inline(missing.remedy)}"
        elif given:
            yield f"- **{heading}:** {text(given.message)}"
