"""Rules about imports: what another tool put into a stage is taken over once, and completed without changing it."""

from __future__ import annotations

from collections.abc import Iterator

from promotebot.artifact.manifest import FILE_NAME
from promotebot.findings import Finding, error, passed, warning
from promotebot.promotion.request import ADOPTED
from promotebot.promotion.rules.context import RuleContext
from promotebot.promotion.rules.request import active_has_dataset_id, active_has_git_sha
from promotebot.registry.model import Action, Pointer
from promotebot.registry.names import Stage
from promotebot.remedies import Command, Remedy, again, shell
from promotebot.text import short_digest

_PINNED = ("digest", "manifest_digest")
_FEATURES = "feature_order_hash"
_KEPT = (
    *_PINNED,
    _FEATURES,
    "artifact_dir",
    "artifact_id",
    "git_sha",
    "dataset_id",
    "promoted_at_utc",
    "notes",
    "actor",
)
"""Fields that completing a pointer may add, and may not change."""


def artifact_is_the_models(context: RuleContext) -> Iterator[Finding]:
    """Check that the artifact's manifest names no other model."""
    model = context.evidence.manifest.model if context.evidence.manifest else None
    if model and model != context.request.model:
        message = f"The artifact belongs to {model!r} (its manifest), not to {context.request.model!r}."
        yield error("request.model", message, where=context.request.artifact_dir, remedy="import it under that name")


def import_is_allowed(context: RuleContext) -> Iterator[Finding]:
    """Check that the import adds a model that the base does not have, or completes a pointer that nobody chained.

    Anything else would be a promotion without its rules.
    """
    request, today = context.request, context.today
    if request.found is None:
        yield error("import.model", "An import names where it was found.", where=context.registry.at(request.model))
    elif today is not None:
        yield from _completes(context, today)
    elif request.model in context.base or any(e.action is not Action.IMPORTED for e in context.history):
        yield error(
            "import.model",
            f"The registry has {request.model} already, so nothing is imported into {request.stage.label}, which is "
            "empty.",
            where=context.registry.at(request.model),
            remedy=Remedy("promote it: ", _promotion(context)),
        )
    else:
        place = f"{request.found.imported.file} {request.found.imported.place}"
        taken = f"{request.model} is new, and {request.stage.label} is taken over from {place}"
        yield warning(
            "import.model",
            f"{taken}: it went through no stage here.",
            where=request.artifact_dir,
            remedy="compare it with what this stage runs; merging is the approval",
        )


def _promotion(context: RuleContext) -> Command:
    request = context.request
    place = ("--model", request.model, "--stage", request.stage.value, "--artifact-dir", request.artifact_dir)
    return shell("promotebot", "promote", *place)


def _completes(context: RuleContext, today: Pointer) -> Iterator[Finding]:
    request, where = context.request, context.registry.at(context.request.model)
    if _changes_nothing(context):
        yield passed("import.model", f"{request.stage.label} of {request.model} says the same already")
        return
    if not lacks_something(today, request.stage):
        message = f"{request.stage.label} of {request.model} lacks nothing that an import could add."
        yield error("import.model", message, where=where, remedy="promote another artifact with its rules")
        return
    changed = [name for name in _KEPT if getattr(today, name) not in (None, _new(context, name))]
    if changed:
        message = (
            f"An import completes {request.stage.label} of {request.model}, and would change {', '.join(changed)}."
        )
        yield error("import.model", message, where=where, remedy="leave what it says as it is, or promote the artifact")
    elif today.digest is None:
        yield _first_bytes(context)
    else:
        yield passed("import.model", f"{request.stage.label} of {request.model} is completed, nothing in it changes")


def _changes_nothing(context: RuleContext) -> bool:
    """Return whether an import was made already; whoever completes a pointer has something to add."""
    today, found = context.today, context.request.found
    if today is None or found is None or found.imported.format == ADOPTED:
        return False
    return all(getattr(today, name) == _new(context, name) for name in _KEPT)


def _new(context: RuleContext, name: str) -> object:
    if name in _PINNED:
        return getattr(context.evidence, name)
    if name == _FEATURES:
        manifest = context.evidence.manifest
        return (manifest and manifest.feature_order_hash) or (context.today and context.today.feature_order_hash)
    return getattr(context.request.found if name in ("promoted_at_utc", "actor") else context.request, name)


def lacks_something(pointer: Pointer, stage: Stage) -> bool:
    """Return whether a pointer is one that an older tool wrote, or that an import could not complete."""
    whole = pointer.git_sha and pointer.dataset_id and pointer.promoted_at_utc
    return pointer.digest is None or (stage is Stage.ACTIVE and not whole)


def _first_bytes(context: RuleContext) -> Finding:
    """Return whether the directory still holds what was there when the pointer was written, by git."""
    request, first = context.request, context.facts.legacy.get(context.request.stage)
    name = f"{request.stage.label} of {request.model}"
    if first is not None and first == context.digest:
        return passed("import.bytes", f"{name} holds the bytes that were there when it was put there, by git")
    if first is not None:
        return error(
            "import.bytes",
            f"{name} was put there as {short_digest(first)}; the directory now holds {short_digest(context.digest)}.",
            where=request.artifact_dir,
            remedy=Remedy("see what changed, and restore it: ", shell("git", "log", "--", request.artifact_dir)),
        )
    message = f"Git does not say which bytes {name} stood for when it was put there"
    if context.facts.files_changed:  # what the base has is all that somebody's word can be about
        return error(
            "import.bytes",
            f"{message}, and this change touches more of {request.artifact_dir} than {FILE_NAME}.",
            where=request.artifact_dir,
            remedy="put the other files back to what the base has, or promote the new ones from another directory",
        )
    if request.reason:
        return warning(
            "import.bytes", f"{message}; today's are recorded: {request.reason}.", where=request.artifact_dir
        )
    return error(
        "import.bytes",
        f"{message}.",
        where=request.artifact_dir,
        remedy=Remedy(
            "in a shallow clone, fetch the rest of the history (",
            shell("git", "fetch", "--unshallow"),
            "); else say how you know that these bytes are the right ones: ",
            again(reason="compared with what production runs"),
        ),
    )


def active_becomes_whole(context: RuleContext) -> Iterator[Finding]:
    """Check, for ACTIVE, that completing it leaves nothing open; say of a new import what is not known."""
    request = context.request
    if request.found is None or _changes_nothing(context):
        return
    values = {"git_sha": request.git_sha, "dataset_id": request.dataset_id}
    values["promoted_at_utc"] = request.found.promoted_at_utc
    missing = [name for name, value in values.items() if not value]
    if context.today is not None and request.stage is Stage.ACTIVE:
        yield from active_has_git_sha(context)
        yield from active_has_dataset_id(context)
        if "promoted_at_utc" in missing:
            yield error(
                "active.promoted_at",
                f"ACTIVE of {request.model} does not say since when it is there.",
                where=context.registry.at(request.model),
                remedy=Remedy("say when it went live with --promoted-at", changes={"promoted_at": None}),
            )
    elif missing and request.stage is Stage.ACTIVE:
        yield warning(
            "import.unknown",
            f"ACTIVE of {request.model}: {', '.join(missing)} not known, so that it does not verify yet.",
            where=context.registry.at(request.model),
            remedy=Remedy("complete it: ", shell("promotebot", "registry", "adopt", "--model", request.model)),
        )
