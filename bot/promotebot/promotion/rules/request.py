"""Rules about the request itself: the actor, the model, and the values that a stage requires."""

from __future__ import annotations

from collections.abc import Iterator

from promotebot.findings import Finding, error, passed, warning
from promotebot.promotion.request import default_reason
from promotebot.promotion.rules.context import RuleContext
from promotebot.registry.model import Action, Source
from promotebot.registry.names import Stage
from promotebot.registry.registry import ModelRegistry
from promotebot.remedies import Remedy, comment
from promotebot.text import listed

CONFIRMED = "request.confirmed"


def actor_is_known(context: RuleContext) -> Iterator[Finding]:
    """Check that somebody is named as the actor: every event records one."""
    name = context.request.actor.name
    if name.strip():
        yield passed("request.actor", f"requested by {name}")
    else:
        yield error(
            "request.actor",
            "No actor is given.",
            remedy="set ML_PROMOTION_ACTOR to your address, or git's user.email",
        )


def stage_takes_terminal_events(context: RuleContext) -> Iterator[Finding]:
    """Check that the policy lets the stage be changed by an event made at a terminal."""
    request = context.request
    if request.actor.source is not Source.CLI or request.stage in context.policy.terminal_stages:
        return
    in_comments = Remedy("request it with a comment on the pull request: ", request.line({}))
    yield error(
        "request.terminal",
        f"The policy does not allow events made at a terminal for {request.stage.label}.",
        remedy=_instead_of_import(context) if request.action is Action.IMPORTED else in_comments,
    )


def asks_for_confirmation(context: RuleContext) -> bool:
    """Return whether the policy wants whoever asks to confirm the dry run: what goes back is never held up."""
    request, asked = context.request, context.policy.stages.active.confirm
    goes_up = request.action is not Action.DEMOTE and not context.is_rollback
    return request.stage is Stage.ACTIVE and asked is not None and goes_up


def is_confirmed(context: RuleContext) -> bool:
    """Return whether the event says that its dry run was confirmed; GitHub alone knows who confirmed."""
    by_github = context.request.actor.source is Source.GITHUB
    return by_github and context.request.confirmed and asks_for_confirmation(context)


def promotion_is_confirmed(context: RuleContext) -> Iterator[Finding]:
    """Check that whoever asked has confirmed the dry run, where the policy asks for that."""
    if not asks_for_confirmation(context):
        return
    if is_confirmed(context):
        name = context.request.actor.name
        yield passed(CONFIRMED, f"{name} confirms the dry run with 👍 before anything is committed")
        return
    yield error(
        CONFIRMED,
        "Nobody confirmed this promotion to ACTIVE, and the policy asks for it (`stages.active.confirm`).",
        remedy=_instead_of_import(context)
        if context.request.action is Action.IMPORTED
        else Remedy("request it with a comment on the pull request, and confirm it: ", context.request.line({})),
    )


def _instead_of_import(context: RuleContext) -> Remedy:
    """Return how an artifact comes into a stage that takes no import: a comment is GitHub's to confirm."""
    request = context.request
    new = () if request.model in context.base else ("--new-model",)
    return Remedy(
        "leave it out of the import, and promote the artifact with comments on pull requests, to shadow first: ",
        comment("/promote", "shadow", request.model, "--artifact-dir", request.artifact_dir, *new),
    )


def model_is_known(context: RuleContext) -> Iterator[Finding]:
    """Check that the model exists, or is meant to be new, and that the artifact is its own."""
    request = context.request
    # First of all: another model's artifact is wrong whether or not this model exists.
    manifest_model = context.evidence.manifest.model if context.evidence.manifest else None
    if manifest_model and manifest_model != request.model:
        yield error(
            "request.model",
            f"The artifact belongs to {manifest_model!r} (its manifest), not to {request.model!r}.",
            where=request.artifact_dir,
            remedy="name that model, or the artifact of this one",
        )
    elif request.model in context.registry:
        yield passed("request.model", f"{request.model} is in the registry")
    elif request.stage is not Stage.SHADOW:
        yield error(
            "request.model",
            f"Unknown model {request.model!r}. {known_models(context.registry)}",
            remedy="a new model starts in shadow: promote it there first",
        )
    # A typing error must not add a model: either the person says that it is new, or the manifest names it.
    elif request.new_model or manifest_model == request.model:
        yield passed("request.model", f"{request.model} is new; this adds it")
    else:
        yield error(
            "request.model",
            f"Unknown model {request.model!r}. {known_models(context.registry)}",
            remedy=Remedy("to add it, use --new-model", changes={"new_model": True}),
        )


def known_models(registry: ModelRegistry) -> str:
    """Return the models of a registry as a sentence, at most 20 of them."""
    names = list(registry)
    return f"Known models: {listed(names)}." if names else "The registry holds no model yet."


def active_has_git_sha(context: RuleContext) -> Iterator[Finding]:
    """Check, for ACTIVE, that the commit of the training code is given."""
    if context.request.stage is not Stage.ACTIVE:
        return
    if context.request.git_sha:
        yield passed("active.git_sha", f"training commit {context.request.git_sha[:12]} is given")
    else:
        yield error(
            "active.git_sha",
            "ACTIVE promotion requires --git-sha: the commit of the training code.",
            remedy=Remedy(
                "name the commit of the training code with --git-sha (all 40 digits); "
                "a manifest that was promoted stays as it is",
                changes={"git_sha": None},
            ),
        )


def active_has_dataset_id(context: RuleContext) -> Iterator[Finding]:
    """Check, for ACTIVE, that a dataset is given."""
    if context.request.stage is not Stage.ACTIVE:
        return
    if context.request.dataset_id:
        yield passed("active.dataset_id", f"dataset {context.request.dataset_id} is given")
    else:
        yield error(
            "active.dataset_id",
            "ACTIVE promotion requires --dataset-id: neither the manifest nor the lower stage's pointer names one.",
            remedy=Remedy(
                "name the dataset that the model was trained on with --dataset-id; "
                "a manifest that was promoted stays as it is",
                changes={"dataset_id": None},
            ),
        )


def reason_is_given(context: RuleContext) -> Iterator[Finding]:
    """Check that a demotion, a rollback, or ACTIVE under a policy that requires it, has a reason; else warn."""
    request = context.request
    # Shadow affects no user, and staging few.
    if request.stage is not Stage.ACTIVE and request.action is Action.PROMOTE:
        return
    # A pull request's title is recorded as the reason, but it is nobody's answer to the question why.
    given = request.reason and "reason" not in request.origins
    why = Remedy("give the reason with --reason", changes={"reason": default_reason(request)})
    if request.action is Action.DEMOTE and not given:
        yield error("request.reason", "A demotion requires --reason.", remedy=why)
    elif context.is_rollback and not given:
        yield error("request.reason", "A rollback requires --reason: these bytes have been ACTIVE before.", remedy=why)
    elif context.policy.require_reason and not given:
        yield error("request.reason", "The policy requires a --reason for ACTIVE.", remedy=why)
    elif request.reason:
        yield passed("request.reason", f"reason given{'' if given else ' by the ' + request.origins['reason']}")
    else:
        yield warning("request.reason", "No reason is given.", remedy=why)
