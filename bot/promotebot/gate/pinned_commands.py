"""A command that was pinned with --sha, worked out again on the commit it was pinned to.

A command may leave its artifact to inference. Whoever may push could then exchange what an event promotes; pinned,
the command still means what it meant when it was written.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from promotebot.planning.committed import read_registry
from promotebot.planning.complete import prepare
from promotebot.planning.decide import PromotionContext
from promotebot.planning.examiner import Examine
from promotebot.planning.genesis import LegacyDigests
from promotebot.promotion.infer import IncompleteRequest
from promotebot.promotion.replay import Step
from promotebot.promotion.request import Actor, CommandArguments
from promotebot.pulls.changeset import Changeset
from promotebot.registry.model import Source
from promotebot.registry.names import parse_git_sha
from promotebot.registry.registry import ModelRegistry

IntentCheck = Callable[[Step, CommandArguments], str]
"""Why an event is not what its command meant; empty when nothing speaks against it."""
_FIELDS = ("artifact_dir", "artifact_id", "dataset_id", "git_sha")


def check_pinned_intent(changeset: Changeset, steps: Sequence[Step], examine: Examine) -> IntentCheck:
    """A judge of pinned commands for the promotions of a change."""
    stood = dict(_before_each(changeset, steps))
    return lambda step, arguments: (
        _problem(step, arguments, stood[id(step)], changeset, examine) if arguments.sha else ""
    )


def _before_each(changeset: Changeset, steps: Sequence[Step]) -> list[tuple[int, ModelRegistry]]:
    """The registry as it stood before each step."""
    current, found = changeset.base_registry, []
    for step in steps:
        if current is None:
            break
        found.append((id(step), current))
        event = step.event.model_dump(mode="json")
        pointer = event["pointer"] if step.event.to_stage else None
        if step.event.stage:
            current = current.with_event(step.model, event, pointer, step.event.stage)
    return found


def _problem(
    step: Step, arguments: CommandArguments, before: ModelRegistry, changeset: Changeset, examine: Examine
) -> str:
    event, pinned = step.event, parse_git_sha(str(arguments.sha))
    if event.request is None or event.request.head_sha != pinned:
        return f"the command is pinned to {pinned[:7]}, the event is not"
    if not changeset.reachable(pinned):
        return f"{pinned[:7]}, which the command is pinned to, is not in this branch any more"
    then = Changeset(changeset.repository, changeset.base, pinned, changeset.registry_path, changeset.policy_path)
    own = read_registry(changeset.repository, pinned, changeset.registry_path)
    problems = [
        _read_again(step, arguments, registry, then, changeset, examine)
        for registry in (own, before)  # as the branch had it, or the base's where that was ahead of the branch
        if registry is not None
    ]
    return "" if "" in problems else problems[0]


def _read_again(
    step: Step,
    arguments: CommandArguments,
    registry: ModelRegistry,
    then: Changeset,
    changeset: Changeset,
    examine: Examine,
) -> str:
    first = LegacyDigests(changeset.repository, changeset.base, changeset.registry_path, examine)
    context = PromotionContext(registry, registry, changeset.policy, then.head_files, then.head, first_digest=first)
    actor = Actor(step.event.actor or "", Source.GITHUB)
    prepared = prepare(arguments, context, then.inference(registry), actor, step.event.request, "", examine)
    if isinstance(prepared, IncompleteRequest):
        return f"on {then.head[:7]} the command is not clear: {prepared.findings[0].message.rstrip('.')}"
    request, _ = prepared
    wrong = [name for name in _FIELDS if getattr(request, name) != getattr(step.event.pointer, name)]
    return f"on {then.head[:7]} the command means another {', '.join(wrong)}" if wrong else ""
