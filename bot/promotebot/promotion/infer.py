"""Completes a request from the artifacts it may mean and the registry, and remembers the origin of each value."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from promotebot.artifact.manifest import Manifest
from promotebot.findings import Finding, error, on_line
from promotebot.promotion.request import Actor, CommandArguments, Request, unknown_model
from promotebot.registry.model import ModelEntry, Pointer, RequestRef, Source
from promotebot.registry.names import ArtifactPath, ModelName, Stage
from promotebot.registry.registry import ModelRegistry
from promotebot.remedies import Remedy, again, choices


@dataclass(frozen=True)
class InferenceContext:
    """The facts that values are inferred from: the registry to promote in, and the artifacts a pull request touches."""

    registry: ModelRegistry
    touched: Sequence[ArtifactPath]
    """Artifact directories in which the pull request, or the branch at a terminal, changes at least one file."""
    manifest_of: Callable[[ArtifactPath], Manifest | None]
    """The readable manifest of a directory at the head, or None."""
    change: str = "this pull request"
    """What touches those artifacts, in words."""


@dataclass(frozen=True)
class IncompleteRequest:
    """A request that cannot be completed: the missing or ambiguous values, with the commands to choose from."""

    findings: tuple[Finding, ...]
    model: ModelName | None = None


@dataclass(frozen=True)
class _Inferred:
    """A value, and in words where it came from; empty for one that the person gave."""

    value: str | None
    origin: str


def complete(
    arguments: CommandArguments,
    inference: InferenceContext,
    *,
    actor: Actor,
    ref: RequestRef | None,
    default_reason: str,
) -> Request | IncompleteRequest:
    """Return the request with model, artifact, id, dataset and training commit, or the values to choose from.

    Args:
        ref: the GitHub request, recorded with the event; None at a terminal.
        default_reason: the reason where the person gave none.

    What is missing comes with the comments to choose from, where a comment asked; a terminal puts its own line there.
    See docs/architecture.md, Commands.
    """
    found = _complete(arguments, inference, actor, ref, default_reason)
    if isinstance(found, IncompleteRequest) and actor.source is Source.GITHUB:
        return replace(found, findings=on_line(found.findings, arguments.line))
    return found


def _complete(
    arguments: CommandArguments,
    inference: InferenceContext,
    actor: Actor,
    ref: RequestRef | None,
    default_reason: str,
) -> Request | IncompleteRequest:
    model = _model(arguments, inference)
    if isinstance(model, Finding):
        return IncompleteRequest((model,))
    name = ModelName(model.value or "")
    entry = inference.registry.entry(name)
    directory = _artifact(arguments, inference, name, entry)
    if isinstance(directory, Finding):
        return IncompleteRequest((directory,), name)
    path = ArtifactPath(directory.value or "")
    manifest = inference.manifest_of(path)
    pointer, stage = _nearest_pointer(entry, arguments.stage, path)
    values = {
        "model": model,
        "artifact_dir": directory,
        "artifact_id": _artifact_id(arguments, path, pointer, stage),
        "dataset_id": _provenance(arguments.dataset_id, "dataset_id", manifest, pointer, stage),
        "git_sha": _provenance(arguments.git_sha, "git_sha", manifest, pointer, stage),
        "reason": _Inferred(arguments.reason, "")
        if arguments.reason
        else _Inferred(default_reason or None, "pull request title"),
    }
    return _request(arguments, values, actor, ref)


def _request(
    arguments: CommandArguments, values: Mapping[str, _Inferred], actor: Actor, ref: RequestRef | None
) -> Request:
    # The plan's rules check the values, not this function: every problem of a request is reported in one answer.
    return Request(
        **{"artifact_id": "", **{key: item.value for key, item in values.items()}},  # type: ignore[arg-type]
        stage=arguments.stage,
        actor=actor,
        notes=arguments.notes,
        new_model=arguments.new_model,
        lift_hold=arguments.lift_hold,
        allow_signature_change=arguments.allow_signature_change,
        override=arguments.override,
        share=arguments.share,
        ref=ref,
        origins={key: item.origin for key, item in values.items() if item.origin and item.value},
        asked=arguments,
    )


def _model(arguments: CommandArguments, inference: InferenceContext) -> _Inferred | Finding:
    if arguments.model:
        return _Inferred(arguments.model, "")
    given = sorted(_models_of(arguments.artifact_dir, inference)) if arguments.artifact_dir else []
    if len(given) == 1:
        return _Inferred(given[0], "artifact of --artifact-dir")
    # What the pull request touches comes next: it is the nearest to what its author means.
    named = sorted({name for directory in inference.touched for name in _models_of(directory, inference)})
    if len(named) == 1:
        return _Inferred(named[0], f"artifact in {inference.change}")
    known = named or sorted(inference.registry)
    if len(known) == 1:
        return _Inferred(known[0], "only model in the registry")
    if not known:
        return error(
            "request.model",
            f"The registry holds no model and {inference.change} adds no artifact.",
            remedy="add an artifact whose manifest names its model, or use --new-model, --model and --artifact-dir",
        )
    return error(
        "request.model",
        f"Which model? {_first_letter(inference.change) + ' touches' if named else 'The registry holds'} "
        f"{', '.join(known)}.",
        remedy=choices("name one", [again(model=name) for name in known[:20]]),
    )


def _models_of(directory: ArtifactPath, inference: InferenceContext) -> set[str]:
    """Return the models that a touched artifact belongs to: its manifest's, else those that point to it."""
    manifest = inference.manifest_of(directory)
    if manifest is not None and manifest.model:
        return {manifest.model}
    return {
        name
        for name, entry in inference.registry.entries.items()
        if any(pointer.artifact_dir == directory for pointer in _pointers(entry))
    }


def _pointers(entry: ModelEntry) -> list[Pointer]:
    current = [entry.pointer(stage) for stage in Stage]
    return [pointer for pointer in current if pointer] + [event.pointer for event in entry.history]


def _artifact(
    arguments: CommandArguments, inference: InferenceContext, model: ModelName, entry: ModelEntry | None
) -> _Inferred | Finding:
    if arguments.artifact_dir:
        return _Inferred(arguments.artifact_dir, "")
    # An artifact that belongs to no model yet may be this one's.
    owned = [d for d in inference.touched if model in (_models_of(d, inference) or {model})]
    if len(owned) == 1:
        return _Inferred(owned[0], f"touched by {inference.change}")
    if len(owned) > 1:
        return error(
            "request.artifact_dir",
            f"Which artifact? {_first_letter(inference.change)} touches {', '.join(owned)}.",
            remedy=choices("name one", [again(model=model, artifact_dir=directory) for directory in owned[:20]]),
        )
    for stage in arguments.stage.below:
        pointer = entry.pointer(stage) if entry else None
        if pointer:
            return _Inferred(pointer.artifact_dir, f"{stage.value} pointer")
    # A misspelt name is the likelier cause than a missing artifact.
    if entry is None:
        return unknown_model(model, list(inference.registry))
    where = "no lower stage holds one" if arguments.stage.below else "shadow is the lowest stage"
    return error(
        "request.artifact_dir",
        f"Which artifact? {_first_letter(inference.change)} touches none and {where}.",
        remedy=Remedy("name its directory with --artifact-dir", changes={"artifact_dir": None}),
    )


def _first_letter(words: str) -> str:
    return words[0].upper() + words[1:]


def _nearest_pointer(entry: ModelEntry | None, stage: Stage, directory: str) -> tuple[Pointer | None, Stage | None]:
    """Return the pointer, and its stage, of the nearest lower stage that holds this artifact; else (None, None)."""
    for below in stage.below:
        pointer = entry.pointer(below) if entry else None
        if pointer and pointer.artifact_dir == directory:
            return pointer, below
    return None, None


def _artifact_id(
    arguments: CommandArguments, directory: str, pointer: Pointer | None, stage: Stage | None
) -> _Inferred:
    if arguments.artifact_id:
        return _Inferred(arguments.artifact_id, "")
    if pointer and stage:
        return _Inferred(pointer.artifact_id, f"{stage.value} pointer")
    return _Inferred(directory.rsplit("/", 1)[-1], "directory name")


def _provenance(
    given: str | None, field: str, manifest: Manifest | None, pointer: Pointer | None, stage: Stage | None
) -> _Inferred:
    if given:
        return _Inferred(given, "")
    # The manifest lies beside the bytes; a pointer repeats what was true when it was made.
    recorded: Mapping[str, str | None] = {
        "manifest": getattr(manifest, field, None),
        f"{stage.value} pointer" if stage else "": getattr(pointer, field, None),
    }
    return next((_Inferred(value, origin) for origin, value in recorded.items() if value), _Inferred(None, ""))
