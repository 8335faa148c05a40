"""`/help`: reads policy, registry and what the pull request touches, so that the answer is about this place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from promotebot.action.result import Answer, Outcome
from promotebot.action.retry import Attempt
from promotebot.comments.help import HelpFacts, render_help
from promotebot.errors import InvalidInput
from promotebot.gate.refusal import Reason
from promotebot.promotion.infer import IncompleteRequest, complete
from promotebot.promotion.request import Actor, CommandArguments
from promotebot.promotion.standing import freezes_in_force
from promotebot.pulls.changeset import Changeset
from promotebot.pulls.promotions import carried_steps
from promotebot.pulls.replan import InvalidPromotions
from promotebot.registry.model import Source
from promotebot.registry.names import ModelName, Stage
from promotebot.registry.registry import ModelRegistry


def answer_help(attempt: Attempt) -> Answer:
    """Answer `/help` on a pull request; a policy that does not read is said so, and stops nothing of it."""
    snapshot, replier = attempt.snapshot, attempt.replier
    facts = help_facts(snapshot.changeset, snapshot.pull.base_ref, snapshot.now)
    if facts.policy:
        replier.set_head(snapshot.changeset.head, facts.policy.contacts)
    if not facts.problem:
        facts = _of_pull(facts, snapshot.changeset)
    return replier.answer(Answer(Outcome.HELPED, Reason.HELP), render_help(facts, replier.context))


def help_facts(changeset: Changeset, branch: str, now: datetime) -> HelpFacts:
    """Return what a branch's policy and registry say."""
    try:
        policy, registry = changeset.policy, changeset.base_registry
    except InvalidInput as problem:
        return HelpFacts(branch, None, None, problem=str(problem))
    model = next(iter(registry or ()), None)
    return HelpFacts(branch, registry, policy, freezes_in_force(policy, now), is_pull=False, model=model)


def _of_pull(facts: HelpFacts, changeset: Changeset) -> HelpFacts:
    try:
        carried = carried_steps(changeset)
    except InvalidInput:
        carried = InvalidPromotions(())  # the gate says what is wrong with it
    steps = () if isinstance(carried, InvalidPromotions) else carried
    found = _next(changeset, facts.registry) if facts.registry is not None else []
    lines = [f"/promote {stage.value} {model}" for stage, model in found]
    model = found[0][1] if found else facts.model
    return replace(facts, is_pull=True, carried=steps, next_lines=lines, model=model)


def _next(changeset: Changeset, registry: ModelRegistry) -> Sequence[tuple[Stage, ModelName]]:
    """Return the stages that what this pull request means can go to, lowest first; none where that is ambiguous."""
    inference, actor = changeset.inference(registry), Actor("", Source.GITHUB)
    found: list[tuple[Stage, ModelName]] = []
    for stage in Stage:
        request = complete(CommandArguments(stage=stage), inference, actor=actor, ref=None, default_reason="")
        if isinstance(request, IncompleteRequest):
            continue
        held = [one for one in Stage if _holds(registry, request.model, one) == request.artifact_dir]
        highest = max((one.rank for one in held), default=-1)
        if stage.rank > highest and (held or stage is Stage.SHADOW):
            found.append((stage, request.model))
    return found


def _holds(registry: ModelRegistry, model: str, stage: Stage) -> str | None:
    pointer = registry.get_stage_pointer(model, stage) if model in registry else None
    return pointer.artifact_dir if pointer else None
