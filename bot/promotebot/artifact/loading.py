"""The service's door: an artifact proven against the pointer of a stage, not only against the manifest beside it.

Whoever can exchange a model can exchange its manifest with it; the pointer is what people reviewed and merged. See
docs/runbook.md.
"""

from __future__ import annotations

import shutil
import tempfile
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import BinaryIO

from promotebot.artifact import Artifact
from promotebot.artifact.digest import copy_hashed, hash_stream
from promotebot.artifact.manifest import FILE_NAME, parse_manifest
from promotebot.artifact.proof import Digest, prove_files
from promotebot.artifact.work_tree import WorkTree
from promotebot.errors import CouldNotVerify, InvalidInput
from promotebot.registry.codec import stored_json
from promotebot.registry.model import Pointer
from promotebot.registry.names import ModelName, Stage, parse_stage, to_datetime
from promotebot.registry.registry import DEFAULT_PATH, ModelRegistry
from promotebot.remedies import Remedy, shell

_DEPLOY = "deploy the files again from the commit that the registry comes from, after its verification passed"
_NO_LIMIT = 1 << 62
"""Bytes: what the manifest lists is what was promoted, however large."""


def load(
    model: str,
    stage: str | Stage,
    *,
    registry: str | Path | None = None,
    base_dir: str | Path = ".",
    max_age: timedelta | None = None,
) -> Artifact:
    """Return the artifact that a stage of a model holds, every byte of it proven against the pointer.

    Args:
        registry: the registry's file; `ml/registry/models.json` below `base_dir` where none is given.
        base_dir: where the pointer's path starts: a checkout, a copy of one, or what `fetch` wrote.
        max_age: how long ago the artifact may have been promoted.

    Raises:
        InvalidInput: for a model or stage that holds nothing, a pointer that pins no digest or is older than `max_age`,
            and for bytes or a manifest that are not the pinned ones.
        CouldNotVerify: when a file cannot be read.
    """
    base, stage = Path(base_dir), parse_stage(stage) if not isinstance(stage, Stage) else stage
    found = ModelRegistry.load(registry or base / DEFAULT_PATH)
    pointer = _pointer(found, model, stage)
    if max_age is not None:
        _check_age(pointer, max_age, found.where)
    return _proven(base / pointer.artifact_dir, pointer, lambda stream, name: hash_stream(stream, where=name))


def fetch(
    model: str, stage: str | Stage, to: str | Path, *, registry: str | Path | None = None, base_dir: str | Path = "."
) -> Artifact:
    """Copy the artifact that a stage holds into a new directory, proven while it is copied, with the model's pointers.

    `load(model, stage, base_dir=to)` proves it there again, on a machine that has nothing else of the repository. The
    directory comes into being whole or not at all.

    Raises:
        InvalidInput: as `load`, and for a directory that holds something already.
        CouldNotVerify: when a file cannot be read or written.
    """
    base, target, stage = Path(base_dir), Path(to), parse_stage(stage) if not isinstance(stage, Stage) else stage
    found = ModelRegistry.load(registry or base / DEFAULT_PATH)
    pointer = _pointer(found, model, stage)
    if target.is_symlink() or (target.exists() and (not target.is_dir() or any(target.iterdir()))):
        raise InvalidInput("is there already", where=str(target), remedy="name a directory that does not exist yet")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
        try:
            proven = _copy(base / pointer.artifact_dir, pointer, scratch / pointer.artifact_dir)
            _write_pointers(found, model, scratch / DEFAULT_PATH)
            scratch.chmod(0o755)  # mkdtemp's are for their owner only
            scratch.replace(target)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    except OSError as problem:
        message = f"cannot be written: {problem.strerror}"
        raise CouldNotVerify(message, where=str(target), remedy="check the disk and its permissions") from None
    return Artifact(target / pointer.artifact_dir, proven.manifest)


def _pointer(registry: ModelRegistry, model: str, stage: Stage) -> Pointer:
    pointer = registry.get_stage_pointer(model, stage)
    if pointer is None:
        message = f"{stage.label} of {model} holds nothing"
        raise InvalidInput(message, where=registry.where, remedy=Remedy(shell("promotebot", "show", "--model", model)))
    if pointer.digest is None:
        message = f"{stage.label} of {model} pins no digest, so that nobody can tell whether these are its bytes"
        raise InvalidInput(message, where=registry.where, remedy="promote it again, which pins its bytes")
    return pointer


def _check_age(pointer: Pointer, max_age: timedelta, where: str) -> None:
    now, promoted = datetime.now(timezone.utc), pointer.promoted_at_utc
    if promoted is None or now - to_datetime(promoted) > max_age:
        message = f"{pointer.artifact_id} was promoted at {promoted or 'an unknown time'}, longer ago than {max_age}"
        raise InvalidInput(message, where=where, remedy="bring the registry up to date, or promote a newer artifact")


def _proven(path: Path, pointer: Pointer, digest_of: Digest) -> Artifact:
    """Return the artifact in a directory, its files proven by the manifest there, and that by the pointer."""
    try:
        manifest = prove_files(path, digest_of)
        if pointer.digest != manifest.digest:
            raise InvalidInput(f"the files are {manifest.digest}, and {pointer.artifact_id} is {pointer.digest}")
        if pointer.manifest_digest not in (None, manifest.full_digest):
            message = f"is {manifest.full_digest}, and that of {pointer.artifact_id} is {pointer.manifest_digest}"
            raise InvalidInput(message, where=f"{path}/{FILE_NAME}")
    except InvalidInput as problem:
        # Here nothing is mended by a new manifest: the pointer says which bytes were promoted.
        raise InvalidInput(problem.message, where=problem.where or str(path), remedy=_DEPLOY) from None
    return Artifact(path, manifest)


def _copy(source: Path, pointer: Pointer, target: Path) -> Artifact:
    """Copy an artifact's listed files and its manifest, proven by the very bytes that are written."""

    def copied(stream: BinaryIO, name: str) -> str:
        return copy_hashed(stream, target / name, where=name, max_bytes=_NO_LIMIT)[0]

    proven = _proven(source, pointer, copied)
    with WorkTree(source).open(FILE_NAME) as stream:
        copied(stream, FILE_NAME)
    here = parse_manifest((target / FILE_NAME).read_bytes(), where=str(source / FILE_NAME))
    if here.full_digest != proven.manifest.full_digest:
        raise InvalidInput("changed while it was copied", where=str(source / FILE_NAME), remedy="fetch it again")
    return proven


def _write_pointers(registry: ModelRegistry, model: str, file: Path) -> None:
    """Write a registry of one model with all of its history, for `load` in the copy."""
    whole = {**registry.document, "models": {model: registry.raw_entry(ModelName(model))}}
    file.parent.mkdir(parents=True)
    file.write_bytes(stored_json({key: whole[key] for key in ("schema_version", "models")}))
