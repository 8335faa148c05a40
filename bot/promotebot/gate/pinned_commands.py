"""A command that was pinned with --sha, completed again on the commit that it names.

A command may leave its artifact to inference. Whoever may push could then exchange what an event promotes; pinned,
the command still means what it meant when it was written.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from promotebot.planning.committed import read_registry
from promotebot.planning.complete import prepare
from promotebot.planning.decide import PromotionContext
from promotebot.planning.examiner import Examine
from promotebot.planning.legacy_digests import LegacyDigests
from promotebot.promotion.infer import IncompleteRequest
from promotebot.promotion.replay import Step
from promotebot.promotion.request import Actor, CommandArguments
from promotebot.pulls.changeset import Changeset
from promotebot.registry.model import Source
from promotebot.registry.names import parse_git_sha
from promotebot.registry.registry import ModelRegistry

IntentCheck = Callable[[Step, CommandArguments], str]
"""Returns why an event is not what its command meant; empty when nothing speaks against it."""
_FIELDS = ("artifact_dir", "artifact_id", "dataset_id", "git_sha")


def check_pinned_intent(changeset: Changeset, examine: Examine) -> IntentCheck:
    """Return the check of pinned commands for the promotions of a change."""
    return lambda step, arguments: _problem(step, arguments, changeset, examine) if arguments.sha else ""


def _problem(step: Step, arguments: CommandArguments, changeset: Changeset, examine: Examine) -> str:
    event, sha = step.event, parse_git_sha(str(arguments.sha))
    if event.request is None or event.request.head_sha != sha:
        return f"the command is pinned to {sha[:7]}, the event is not"
    if not changeset.reachable(sha):
        return f"{sha[:7]}, which the command is pinned to, is not in this branch any more"
    pinned = replace(changeset, head=sha)
    own = read_registry(changeset.repository, sha, changeset.registry_path)
    problems = [
        _complete_again(step, arguments, registry, pinned, examine)
        for registry in (own, step.before)  # as the branch had it, or the base's where that was ahead of the branch
        if registry is not None
    ]
    return "" if "" in problems else problems[0]


def _complete_again(
    step: Step, arguments: CommandArguments, registry: ModelRegistry, pinned: Changeset, examine: Examine
) -> str:
    """Return in what the command, completed on the pinned commit, differs from the event; empty when in nothing."""
    legacy = LegacyDigests(pinned.repository, pinned.base, pinned.registry_path, examine)
    context = PromotionContext(registry, registry, pinned.policy, pinned.head_files, pinned.head, first_digest=legacy)
    actor = Actor(step.event.actor or "", Source.GITHUB)
    prepared = prepare(arguments, context, pinned.inference(registry), actor, step.event.request, "", examine)
    if isinstance(prepared, IncompleteRequest):
        return f"on {pinned.head[:7]} the command is not clear: {prepared.findings[0].message.rstrip('.')}"
    request, _ = prepared
    different = [name for name in _FIELDS if getattr(request, name) != getattr(step.event.pointer, name)]
    return f"on {pinned.head[:7]} the command means another {', '.join(different)}" if different else ""
