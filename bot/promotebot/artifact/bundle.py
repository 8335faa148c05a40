"""A bundle: what a stage holds in one small file that is proven without the repository: pointer, history, manifest."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import StringConstraints

from promotebot.artifact.manifest import Manifest, parse_manifest
from promotebot.errors import InvalidInput
from promotebot.files import read_given
from promotebot.registry.chain import chain_breaks
from promotebot.registry.codec import MAX_BYTES, canonical_json, parse_json
from promotebot.registry.model import Action, ModelEntry, Record, StageField, TimeField, read_record
from promotebot.registry.names import ModelName, Stage, to_timestamp
from promotebot.registry.registry import ModelRegistry
from promotebot.remedies import Command, Remedy, shell


class Bundle(Record):
    """`promotebot bundle MODEL STAGE`: a model's entry of the registry, and the manifest of what one stage holds.

    See docs/architecture.md, Bundles.
    """

    schema_version: Literal["v1"]
    made_at_utc: TimeField
    model: Annotated[str, StringConstraints(pattern="^[a-z0-9_]{1,128}$")]
    stage: StageField
    entry: ModelEntry
    manifest: Manifest


def bundle_command(model: str, stage: Stage) -> Command:
    """Return the line that makes a bundle, in a checkout of the default branch."""
    return shell("promotebot", "bundle", model, stage.value, "--out", f"{model}-{stage.value}.json")


def bundle_bytes(registry: ModelRegistry, model: str, stage: Stage, manifest: Manifest, now: datetime) -> bytes:
    """Return a bundle as canonical JSON, made now, and read again before anybody gets it.

    Raises:
        InvalidInput: for a history that is no whole chain, or whose newest event is not the stage's pointer.
    """
    document = {
        "schema_version": "v1",
        "made_at_utc": to_timestamp(now),
        "model": model,
        "stage": stage.value,
        "entry": registry.raw_entry(model),
        "manifest": manifest.model_dump(mode="json", exclude_unset=True),
    }
    check_history(registry, model, stage)
    data = canonical_json(document) + b"\n"
    parse_bundle(data, model, stage, where=registry.where)
    return data


def read_bundle(path: Path, model: str, stage: Stage) -> tuple[ModelRegistry, Manifest]:
    """Return what a bundle holds of a model, as a registry of that model alone, and the manifest of the stage.

    The history is a whole chain, the stage's pointer that of its newest event, and the manifest the one that the
    pointer pins. Whether the default branch holds the same, no file can say.

    Raises:
        InvalidInput: for anything else.
        CouldNotVerify: when the file cannot be read.
    """
    remedy = Remedy("make it in a checkout of the default branch: ", bundle_command(model, stage))
    data = read_given(path, max_bytes=MAX_BYTES, remedy=remedy)
    try:
        return parse_bundle(data, model, stage, where=str(path))
    except InvalidInput as problem:
        raise InvalidInput(problem.message, where=problem.where, remedy=remedy) from None


def parse_bundle(data: bytes, model: str, stage: Stage, *, where: str) -> tuple[ModelRegistry, Manifest]:
    """Return what `read_bundle` returns, from bytes. Raises InvalidInput."""
    document = parse_json(data, where=where)
    raw = document if isinstance(document, Mapping) else {}
    entry: Any = raw.get("entry")
    # Each part by its own reader, in the words that it has for its file.
    parts = {
        "entry": read_record(ModelEntry, entry, where=where, path="$.entry"),
        "manifest": parse_manifest(canonical_json(raw.get("manifest")), where=f"{where} $.manifest"),
    }
    bundle = read_record(Bundle, {**raw, **parts}, where=where, path="$")
    if (bundle.model, bundle.stage) != (model, stage):
        raise InvalidInput(f"is of {bundle.stage.label} of {bundle.model}, not {stage.label} of {model}", where=where)
    head = {"schema_version": "v1", "generated_at_utc": bundle.made_at_utc}
    registry = ModelRegistry({**head, "models": {model: entry}}, where=where)
    check_history(registry, model, stage)
    pointer = bundle.entry.pointer(stage)
    if pointer is None or not pointer.pins(bundle.manifest.digest, bundle.manifest.full_digest):
        raise InvalidInput(f"$.manifest is not the one that {stage.label} of {model} pins", where=where)
    return registry, bundle.manifest


def check_history(registry: ModelRegistry, model: str, stage: Stage) -> None:
    """Check that a model's history is a whole chain, and the pointer of a stage that of its newest event.

    Raises:
        InvalidInput: saying where it is not.
    """
    where, entry = registry.at(model), registry.entries[ModelName(model)]
    if not entry.history:
        raise InvalidInput("there is no event that says who brought it there", where=where)
    for index, difference in chain_breaks(registry.raw_history(model), entry.history_digest):
        raise InvalidInput(f"the chain is broken at history[{index}]: {difference}", where=where)
    newest = next((event for event in entry.history if event.stage is stage), None)
    expected = newest.pointer if newest and newest.action is not Action.DEMOTE else None
    if entry.pointer(stage) != expected:
        raise InvalidInput(f"{stage.label} is not what its newest event says", where=where)
