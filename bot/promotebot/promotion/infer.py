"""Completes what a comment left unsaid, from the pull request and the base; says where each value came from."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from promotebot.artifact.manifest import Manifest
from promotebot.findings import Finding, error
from promotebot.promotion.request import Actor, CommandArguments, Request
from promotebot.registry.model import ModelEntry, Pointer, RequestRef
from promotebot.registry.names import ArtifactPath, ModelName, Stage
from promotebot.registry.registry import ModelRegistry

_FLAGS = {
    "artifact_dir": "--artifact-dir",
    "artifact_id": "--artifact-id",
    "dataset_id": "--dataset-id",
    "git_sha": "--git-sha",
}


@dataclass(frozen=True)
class InferenceContext:
    """What a pull request lets us see: the registry to promote in, and the artifacts it touches."""

    registry: ModelRegistry
    touched: Sequence[ArtifactPath]
    """Artifact directories in which the pull request changes at least one file."""
    manifest_of: Callable[[ArtifactPath], Manifest | None]
    """The readable manifest of a directory at the head, or None."""


@dataclass(frozen=True)
class IncompleteRequest:
    """The request cannot be completed: what is missing or ambiguous, with the commands to choose from."""

    findings: tuple[Finding, ...]
    model: ModelName | None = None


@dataclass(frozen=True)
class _Found:
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
    """Fill in model, artifact, id, dataset and training commit, or say what to choose.

    See docs/architecture.md, Commands.
    """
    model = _model(arguments, inference)
    if isinstance(model, Finding):
        return IncompleteRequest((model,))
    name = ModelName(model.value or "")
    entry = inference.registry.entry(name)
    place = _artifact(arguments, inference, name, entry)
    if isinstance(place, Finding):
        return IncompleteRequest((place,), name)
    directory = ArtifactPath(place.value or "")
    manifest = inference.manifest_of(directory)
    pointer, stage = _nearest_pointer(entry, arguments.stage, directory)
    found = {
        "model": model,
        "artifact_dir": place,
        "artifact_id": _artifact_id(arguments, directory, pointer, stage),
        "dataset_id": _provenance(arguments.dataset_id, "dataset_id", manifest, pointer, stage),
        "git_sha": _provenance(arguments.git_sha, "git_sha", manifest, pointer, stage),
        "reason": _Found(arguments.reason, "") if arguments.reason else _Found(default_reason, "pull request title"),
    }
    return Request(
        **{"artifact_id": "", **{key: item.value for key, item in found.items()}},  # type: ignore[arg-type]
        stage=arguments.stage,
        actor=actor,
        notes=arguments.notes,
        new_model=arguments.new_model,
        ref=ref,
        origins={key: item.origin for key, item in found.items() if item.origin and item.value},
    )


def command_text(arguments: CommandArguments, model: str | None = None, **flags: str | None) -> str:
    """The same command with more of it spelled out, to copy."""
    words = ["/promote", arguments.stage.value, *([model or arguments.model] if model or arguments.model else [])]
    said = {"artifact_dir": arguments.artifact_dir, "artifact_id": arguments.artifact_id, **flags}
    words += [f"{_FLAGS[key]} {value}" for key, value in said.items() if value]
    return " ".join(str(word) for word in words)


def _model(arguments: CommandArguments, inference: InferenceContext) -> _Found | Finding:
    if arguments.model:
        return _Found(arguments.model, "")
    named = sorted({name for directory in inference.touched for name in _models_of(directory, inference)})
    if len(named) == 1:
        return _Found(named[0], "artifact in this pull request")
    known = named or sorted(inference.registry)
    if len(known) == 1:
        return _Found(known[0], "only model in the registry")
    if not known:
        return error(
            "request.model",
            "The registry holds no model and the pull request adds no artifact.",
            remedy="`/promote shadow MODEL --artifact-dir DIR --new-model`",
        )
    return error(
        "request.model",
        f"Which model? {'This pull request touches' if named else 'The registry holds'} {', '.join(known)}.",
        remedy="comment one of: " + " or ".join(f"`{command_text(arguments, name)}`" for name in known[:20]),
    )


def _models_of(directory: ArtifactPath, inference: InferenceContext) -> set[str]:
    """The model a touched artifact belongs to: what its manifest says, else whoever points to it."""
    manifest = inference.manifest_of(directory)
    if manifest is not None and manifest.model:
        return {manifest.model}
    return {
        name
        for name, entry in inference.registry.entries.items()
        if any(pointer.artifact_dir == directory for pointer in _pointers(entry))
    }


def _pointers(entry: ModelEntry) -> list[Pointer]:
    standing = [entry.pointer(stage) for stage in Stage]
    return [pointer for pointer in standing if pointer] + [event.pointer for event in entry.history]


def _artifact(
    arguments: CommandArguments, inference: InferenceContext, model: ModelName, entry: ModelEntry | None
) -> _Found | Finding:
    if arguments.artifact_dir:
        return _Found(arguments.artifact_dir, "")
    owned = [d for d in inference.touched if model in (_models_of(d, inference) or {model})]
    if len(owned) == 1:
        return _Found(owned[0], "touched by this pull request")
    if len(owned) > 1:
        commands = [f"`{command_text(arguments, model, artifact_dir=directory)}`" for directory in owned[:20]]
        return error(
            "request.artifact_dir",
            f"Which artifact? This pull request touches {', '.join(owned)}.",
            remedy="comment one of: " + " or ".join(commands),
        )
    for stage in arguments.stage.below:
        pointer = entry.pointer(stage) if entry else None
        if pointer:
            return _Found(pointer.artifact_dir, f"{stage.value} pointer")
    if entry is None:
        return _unknown_model(arguments, inference, model)
    where = "no lower stage holds one" if arguments.stage.below else "shadow is the lowest stage"
    return error(
        "request.artifact_dir",
        f"Which artifact? This pull request touches none and {where}.",
        remedy=f"`{command_text(arguments, model, artifact_dir='ml/artifacts/NAME')}`",
    )


def _unknown_model(arguments: CommandArguments, inference: InferenceContext, model: ModelName) -> Finding:
    near = difflib.get_close_matches(model, list(inference.registry), n=1)
    known = ", ".join(list(inference.registry)[:20]) or "none yet"
    return error(
        "request.model",
        f"Unknown model {model!r}. Known models: {known}.",
        remedy=f"did you mean: {command_text(arguments, near[0])}" if near else "add its artifact in this pull request",
    )


def _nearest_pointer(entry: ModelEntry | None, stage: Stage, directory: str) -> tuple[Pointer | None, Stage | None]:
    """The pointer of the nearest lower stage that holds this artifact."""
    for below in stage.below:
        pointer = entry.pointer(below) if entry else None
        if pointer and pointer.artifact_dir == directory:
            return pointer, below
    return None, None


def _artifact_id(arguments: CommandArguments, directory: str, pointer: Pointer | None, stage: Stage | None) -> _Found:
    if arguments.artifact_id:
        return _Found(arguments.artifact_id, "")
    if pointer and stage:
        return _Found(pointer.artifact_id, f"{stage.value} pointer")
    return _Found(directory.rsplit("/", 1)[-1], "directory name")


def _provenance(
    said: str | None, field: str, manifest: Manifest | None, pointer: Pointer | None, stage: Stage | None
) -> _Found:
    if said:
        return _Found(said, "")
    written: Mapping[str, str | None] = {
        "manifest": getattr(manifest, field, None),
        f"{stage.value} pointer" if stage else "": getattr(pointer, field, None),
    }
    return next((_Found(value, origin) for origin, value in written.items() if value), _Found(None, ""))
