"""`/help`: what can be asked for here, by the live policy and registry, in lines that run as they are pasted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from promotebot.comments.comment import CommentContext, Rendered, contacts_line, render_comment
from promotebot.comments.markdown import code, details, fence, table, text
from promotebot.comments.status import freeze_line
from promotebot.promotion.policy import Policy
from promotebot.promotion.replay import Step
from promotebot.promotion.requirements import conditions, who_may
from promotebot.promotion.standing import FreezeInForce
from promotebot.registry.names import ModelName, Stage
from promotebot.registry.registry import ModelRegistry
from promotebot.text import counted

MAX_MODELS = 20
"""Rows of the table of models."""
ON_ISSUES = ("/status", "/verify", "/rollback", "/reject", "/doctor", "/help")
"""What works on a plain issue."""


@dataclass(frozen=True)
class HelpFacts:
    """What the answer goes by."""

    branch: str
    """The one that is promoted into."""
    registry: ModelRegistry | None
    policy: Policy | None
    """None where it does not read."""
    freezes: Sequence[FreezeInForce] = ()
    """Those in force."""
    is_pull: bool = True
    next_lines: Sequence[str] = ()
    """What can be asked for on this pull request, the next stage first."""
    carried: Sequence[Step] = ()
    """What the pull request promotes already."""
    model: ModelName | None = None
    """The model that the examples name."""
    problem: str = ""
    """Why policy or registry does not read."""


def render_help(facts: HelpFacts, context: CommentContext) -> Rendered:
    """Return the answer to `/help`: what to do here first, then who may what, then every command, folded."""
    parts = [
        _first(facts),
        f"⚠️ The policy or the registry is not valid, so nothing can be promoted: {text(facts.problem)}"
        if facts.problem
        else "",
        _models(facts),
        _stages(facts.policy) if facts.policy else "",
        *(freeze_line(freeze) for freeze in facts.freezes),
        details("Every command", _every(facts)),
        f"One command per line, at the start of the line. An edited comment counts for `/hold` only: write a new one."
        f"{contacts_line(context)}",
    ]
    return render_comment(None, "ℹ️", None, "available commands", lambda _: [p for p in parts if p], context)


def _first(facts: HelpFacts) -> str:
    if not facts.is_pull:
        shown = ", ".join(map(code, ON_ISSUES))
        opens = "A rollback and a rejection open a pull request; merging it is the approval."
        return f"On an issue you can use {shown}. {opens}"
    merging = f"Merging into {code(facts.branch)} is the approval."
    if facts.carried:
        models = ", ".join(code(name) for name in dict.fromkeys(step.model for step in facts.carried))
        asked = f"{code('/why')} shows what blocks the merge, {code('/withdraw')} withdraws the promotion."
        return f"This pull request promotes {models}. {merging} {asked}"
    if facts.next_lines:
        first, *others = facts.next_lines
        more = f"\n\nOr: {', '.join(map(code, others))}." if others else ""
        return f"Next for this pull request, in a comment:\n\n{fence(first, 'text')}{more}\n\n{merging}"
    return f"This pull request changes no artifact, and no stage holds one that could be promoted further. {merging}"


def _models(facts: HelpFacts) -> str:
    if facts.registry is None:
        return (
            "" if facts.problem else f"{code(facts.branch)} has no registry yet: a maintainer runs `promotebot init`."
        )
    registry = facts.registry
    rows = [(code(name), *(_holds(registry, name, stage) for stage in Stage)) for name in [*registry][:MAX_MODELS]]
    if not rows:
        return "The registry holds no model yet."
    more = len([*registry]) - len(rows)
    shown = table(("model", *(stage.label for stage in Stage)), rows)
    return f"{shown}\n\n… and {counted(more, 'model')} more: {code('/status')}." if more else shown


def _holds(registry: ModelRegistry, name: str, stage: Stage) -> str:
    pointer = registry.get_stage_pointer(name, stage)
    return code(pointer.artifact_id) if pointer else "—"


def _stages(policy: Policy) -> str:
    rows = [
        (
            _named(stage, policy),
            who_may(policy, stage),
            "; ".join(text(one.words) for one in conditions(policy, stage)) or "—",
        )
        for stage in Stage
    ]
    return table(("stage", "who may request", "what is required"), rows)


def _named(stage: Stage, policy: Policy) -> str:
    """Return a stage with the words for it that commands take, too."""
    words = [code(word) for word, meant in policy.aliases.items() if meant is stage]
    return f"{stage.label} ({', '.join(words)})" if words else stage.label


def _every(facts: HelpFacts) -> str:
    shown = table(("comment", "what it does"), [(code(line), said) for line, said in commands(facts)])
    return f"{shown}\n\n{_FLAGS}" if facts.is_pull else shown


_FLAGS = (
    "A promotion also takes `--artifact-dir`, `--artifact-id`, `--dataset-id` and `--git-sha`, which set values "
    "explicitly, `--sha` to accept only this head, `--new-model` to add a model, `--lift-hold` with the reason to end "
    "the hold after a rollback, `--allow-signature-change` with the reason for other inputs, outputs or features, and, "
    "to STAGING, `--share` for its part of production, such as `--share 5%`. `--override` is only accepted where the "
    "policy grants an exception under `overrides`."
)


def commands(facts: HelpFacts) -> Iterator[tuple[str, str]]:
    """Yield every command with this repository's values, and what it does (Markdown); each runs as it is pasted."""
    model = facts.model
    if facts.is_pull:
        for stage in Stage:
            source = "the artifact that this pull request changes, otherwise that of the next lower stage"
            yield f"/promote {stage.value}", f"promotes to {stage.label}: {source}"
        named = f" {model}" if model else ""
        yield f"/promote active{named} --dry-run", "shows the result, commits nothing"
        yield (
            f'/promote active{named} --reason "evaluation passed"',
            "records a reason in the history; `--notes` records more",
        )
        yield "/withdraw", "withdraws the promotions of this pull request, before the merge"
        yield "/hold p95 went up", "blocks the merge of this pull request, also after later pushes"
        yield (
            "/unhold",
            "lifts every hold of this pull request; needs the role for the highest stage that it promotes to",
        )
        yield "/check 4", "ticks a box of the card's checklist that no rule answers, for this commit"
        yield "/why", "explains the gate's result: the causes, the policy's lines and the fixes"
    if model:
        back = (
            "returns to the last ACTIVE artifact whose bytes still verify; `--to` chooses another by its id or digest"
        )
        yield f'/rollback {model} --reason "incident"', back
    if model and facts.is_pull:
        yield f'/demote {model} active --reason "incident"', "empties the stage: ACTIVE is then without a model"
    if model:
        barred = (
            "proposes an artifact for quarantine: its bytes are never promoted again; `--artifact` names its directory"
        )
        yield f'/reject {model} --reason "wrong labels"', barred
    yield "/status", "shows what each stage holds, since when, and what open pull requests promote"
    yield "/verify", "verifies the registry and its artifacts"
    yield "/doctor", "checks the repository's settings for promotions; for maintainers"
    yield "/help", "this answer"
