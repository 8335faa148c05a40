"""The service's door: an artifact proven against the pointer of a stage, not only against the manifest beside it.

Whoever can exchange a model can exchange its manifest with it; the pointer is what people reviewed and merged. See
docs/runbook.md.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from promotebot.artifact import Artifact
from promotebot.artifact.age import check_age
from promotebot.artifact.bundle import bundle_bytes, bundle_command, check_history, read_bundle
from promotebot.artifact.digest import Readable, copy_hashed, hash_stream
from promotebot.artifact.manifest import FILE_NAME, Manifest, parse_manifest
from promotebot.artifact.pinned_files import bring, pinned_files
from promotebot.artifact.proof import Digest, Elsewhere, NotHere, prove_files
from promotebot.artifact.quarantine import check_quarantine
from promotebot.artifact.signature import Signature, check_signature, read_signature
from promotebot.artifact.statements import MAX_BYTES as MAX_SIGNATURE
from promotebot.artifact.statements import is_signature_name
from promotebot.artifact.work_tree import WorkTree
from promotebot.errors import CouldNotVerify, InvalidInput, UsageError
from promotebot.files import whole_directory
from promotebot.registry.codec import stored_json
from promotebot.registry.model import Pointer
from promotebot.registry.names import (
    ModelName,
    Stage,
    Timestamp,
    parse_digest,
    parse_stage,
    to_datetime,
)
from promotebot.registry.registry import DEFAULT_PATH, ModelRegistry
from promotebot.remedies import CallerLine, Remedy, again, shell

_DEPLOY = "deploy the files again from the commit that the registry comes from, after its verification passed"
_NO_LIMIT = 1 << 62
"""Bytes: what the manifest lists is what was promoted, however large."""


def load(
    model: str,
    stage: str | Stage,
    *,
    registry: str | Path | None = None,
    bundle: str | Path | None = None,
    base_dir: str | Path = ".",
    max_age: timedelta | None = None,
    expect_signature: str | Path | Mapping[str, Any] | None = None,
    expect_history_digest: str | None = None,
    cache: str | Path | None = None,
    allow_quarantined: bool = False,
) -> Artifact:
    """Return the artifact that a stage of a model holds, every byte of it proven against the pointer.

    Args:
        registry: the registry's file; `ml/registry/models.json` below `base_dir` where none is given.
        bundle: in place of a registry, a file of `promotebot bundle`, whose history and manifest are proven, too.
        base_dir: where the pointer's path starts: a checkout, a copy of one, or what `fetch` wrote.
        max_age: how old the registry or the bundle may be (docs/architecture.md, Loading).
        expect_signature: what the service was built for: a document as schemas/signature.schema.json has it, its
            file, or a manifest with a `feature_order`.
        expect_history_digest: the digest of the model's newest event, as it is known from elsewhere.
        cache: a directory for artifacts of which files are outside of git: each is copied there once, and proven again
            whenever it is loaded. Credentials come from the environment.
        allow_quarantined: load it although the policy below `base_dir`, where there is one, has it in quarantine.

    Raises:
        InvalidInput: for a model or stage that holds nothing, a pointer that pins no digest, a registry older than
            `max_age`, a bundle that does not prove itself, bytes or a manifest that are not the pinned ones, what
            is in quarantine, and another signature or history than the expected one.
        UsageError: for a registry and a bundle at once.
        CouldNotVerify: when a file cannot be read, or says nothing of its age or signature.
    """
    expected = None if expect_signature is None else read_signature(expect_signature)
    held = _held(model, stage, registry=registry, bundle=bundle, base=Path(base_dir))
    held.check_history(expect_history_digest)
    held.check_age(max_age)
    artifact = held.proven(_hashed) if cache is None else held.cached(Path(cache))
    held.check_signature(artifact, expected)
    otherwise = "; `allow_quarantined=True` loads it all the same"
    held.check_quarantine(artifact.manifest, otherwise, allowed=allow_quarantined)
    return artifact


def fetch(
    model: str,
    stage: str | Stage,
    to: str | Path,
    *,
    registry: str | Path | None = None,
    bundle: str | Path | None = None,
    base_dir: str | Path = ".",
    max_age: timedelta | None = None,
    expect_signature: str | Path | Mapping[str, Any] | None = None,
    expect_history_digest: str | None = None,
    allow_quarantined: bool = False,
) -> Artifact:
    """Copy the artifact that a stage holds into a new directory, proven while it is copied, with the model's pointers.

    `load(model, stage, base_dir=to)` proves it there again, on a machine that has nothing else of the repository; what
    is copied is as old there as it is here. The directory comes into being whole or not at all.

    Raises:
        InvalidInput, UsageError: as `load`, and for a directory that holds something already.
        CouldNotVerify: as `load`, and when a file cannot be written.
    """
    expected, target = None if expect_signature is None else read_signature(expect_signature), Path(to)
    held = _held(model, stage, registry=registry, bundle=bundle, base=Path(base_dir))
    held.check_history(expect_history_digest)
    held.check_age(max_age)
    if target.is_symlink() or (target.exists() and (not target.is_dir() or any(target.iterdir()))):
        raise InvalidInput("is there already", where=str(target), remedy="name a directory that does not exist yet")
    with whole_directory(target) as scratch:
        copy = held.copied(scratch / held.pointer.artifact_dir)
        held.check_signature(copy, expected)
        otherwise = ("; to copy it all the same: ", again(allow_quarantined=True))
        held.check_quarantine(copy.manifest, *otherwise, allowed=allow_quarantined)
        held.write_pointers(scratch / DEFAULT_PATH)
    return Artifact(target / held.pointer.artifact_dir, copy.manifest, copy.share)


def make_bundle(
    model: str, stage: str | Stage, *, now: datetime, registry: str | Path | None = None, base_dir: str | Path = "."
) -> bytes:
    """Return the bundle of what a stage holds, made now, after every byte of the artifact was proven.

    Raises:
        InvalidInput: as `load`, and for a history that is no whole chain.
        CouldNotVerify: when a file cannot be read.
    """
    held = _held(model, stage, registry=registry, bundle=None, base=Path(base_dir))
    artifact = held.proven(_hashed, reads_elsewhere=True)
    held.check_quarantine(artifact.manifest)
    return bundle_bytes(held.registry, held.model, held.stage, artifact.manifest, now)


def _hashed(stream: Readable, name: str) -> str:
    return hash_stream(stream, where=name)


def _held(
    model: str, stage: str | Stage, *, registry: str | Path | None, bundle: str | Path | None, base: Path
) -> _Held:
    """Return what a stage holds. Raises InvalidInput where that is nothing, or nothing that can be proven."""
    stage = stage if isinstance(stage, Stage) else parse_stage(stage)
    manifest = None
    if bundle is None:
        found = ModelRegistry.load(registry or base / DEFAULT_PATH)
    elif registry is None:
        found, manifest = read_bundle(Path(bundle), model, stage)
    else:
        raise UsageError("there is a registry and a bundle", where=str(bundle), remedy="give one of the two")
    pointer = found.get_stage_pointer(model, stage)
    if pointer is None:
        message = f"{stage.label} of {model} holds nothing"
        raise InvalidInput(message, where=found.where, remedy=Remedy(shell("promotebot", "show", "--model", model)))
    if pointer.digest is None:
        message = f"{stage.label} of {model} has no digest, so it is unknown whether these are its bytes"
        raise InvalidInput(message, where=found.where, remedy="promote it again: the new pointer has a digest")
    return _Held(found, ModelName(model), stage, pointer, base, manifest)


@dataclass(frozen=True)
class _Held:
    """What a stage holds: its pointer, the registry or bundle that says so, and where its path starts."""

    registry: ModelRegistry
    model: ModelName
    stage: Stage
    pointer: Pointer
    base: Path
    manifest: Manifest | None
    """The bundle's, which that of the directory has to equal; None without a bundle."""
    cache: Path | None = None
    """The directory in place of the pointer's."""

    @property
    def path(self) -> Path:
        """The directory of the artifact's files."""
        return self.cache or self.base / self.pointer.artifact_dir

    @property
    def known_at(self) -> Timestamp | None:
        """The newest moment that the registry records for this model; None where it records none.

        It was true then. Whether anything was promoted since, it cannot know.
        """
        history = self.registry.entries[self.model].history
        moments = [self.registry.document.get("generated_at_utc"), *(event.ts_utc for event in history[:1])]
        return max((moment for moment in moments if moment), key=to_datetime, default=None)

    def check_history(self, expected: str | None) -> None:
        """Raise InvalidInput for another history than the expected one, or one that is no whole chain."""
        if expected is None:
            return
        digest = parse_digest(expected)
        check_history(self.registry, self.model, self.stage)
        newest = self.registry.entries[self.model].history_digest
        if newest != digest:
            message = f"the history of {self.model} ends with {newest}, expected {digest}"
            raise InvalidInput(message, where=self.registry.where, remedy="copy the registry with that history here")

    def check_age(self, max_age: timedelta | None) -> None:
        """Raise InvalidInput for a registry that is too old, CouldNotVerify for one that does not say how old it is."""
        if max_age is not None:
            check_age(self.known_at, max_age, where=self.registry.where, bundle=bundle_command(self.model, self.stage))

    def check_quarantine(self, manifest: Manifest, *otherwise: str | CallerLine, allowed: bool = False) -> None:
        """Raise InvalidInput for an artifact that the policy beside the registry has in quarantine."""
        if not allowed:
            held = f"{self.stage.label} of {self.model} holds {self.pointer.artifact_id}"
            check_quarantine(self.base, self.model, manifest, held, where=str(self.path), otherwise=otherwise)

    def check_signature(self, artifact: Artifact, expected: Signature | None) -> None:
        """Raise InvalidInput for a model of another signature, and for an order of features that nothing pins."""
        if expected is None:
            return
        pointer, manifest = self.pointer, artifact.manifest
        pinned = pointer.manifest_digest or pointer.feature_order_hash == manifest.feature_order_hash
        if expected.feature_order is not None and not pinned:
            message = f"{pointer.artifact_id} pins no order of features, so it is unknown whether this order is right"
            raise InvalidInput(
                message, where=self.registry.where, remedy="promote it again: the new pointer pins its manifest"
            )
        check_signature(artifact, expected, where=f"{self.path}/{manifest.model_file}")

    def cached(self, cache: Path) -> Artifact:
        """Return the artifact, proven where it is; one with files outside of git from the cache, brought there once."""
        try:
            return self.proven(_hashed)
        except NotHere:
            place = cache / str(self.pointer.manifest_digest).removeprefix("sha256:")
        there = replace(self, cache=place)
        if place.is_dir():
            try:
                return there.proven(_hashed)
            except InvalidInput:  # it was damaged there, and is brought again
                shutil.rmtree(place, ignore_errors=True)
        try:
            with whole_directory(place) as scratch:
                self.copied(scratch)
        except CouldNotVerify:
            if not place.is_dir():
                raise
            # Another process that started at the same time was faster.
        return there.proven(_hashed)

    def proven(self, digest_of: Digest, *, reads_elsewhere: bool = False) -> Artifact:
        """Return the artifact, its files proven by the manifest beside them, and that by the pointer.

        Args:
            reads_elsewhere: whether files outside of git are read that are not in the directory.
        """
        if not reads_elsewhere:
            return self._proven(digest_of, None)
        with pinned_files(self.pointer) as elsewhere:
            return self._proven(digest_of, elsewhere)

    def _proven(self, digest_of: Digest, elsewhere: Elsewhere | None) -> Artifact:
        pointer = self.pointer
        try:
            manifest = prove_files(self.path, digest_of, elsewhere)
            if pointer.digest != manifest.digest:
                raise InvalidInput(f"the files are {manifest.digest}, and {pointer.artifact_id} is {pointer.digest}")
            if pointer.manifest_digest not in (None, manifest.full_digest):
                message = f"is {manifest.full_digest}, and that of {pointer.artifact_id} is {pointer.manifest_digest}"
                raise InvalidInput(message, where=f"{self.path}/{FILE_NAME}")
            if self.manifest and self.manifest.full_digest != manifest.full_digest:
                message = f"is {manifest.full_digest}, and that of the bundle is {self.manifest.full_digest}"
                raise InvalidInput(message, where=f"{self.path}/{FILE_NAME}")
        except NotHere as problem:
            raise NotHere(
                problem.message, where=problem.where, remedy=bring(self.model, self.stage, str(self.base))
            ) from None
        except InvalidInput as problem:
            # Here nothing is mended by a new manifest: the pointer says which bytes were promoted.
            raise InvalidInput(problem.message, where=problem.where or str(self.path), remedy=_DEPLOY) from None
        return Artifact(self.path, manifest, pointer.share)

    def copied(self, target: Path) -> Artifact:
        """Copy the listed files and the manifest, proven by the very bytes that are written; return the copy.

        Signatures come along, for whoever verifies them there: no pointer pins them.
        """

        def copy(stream: Readable, name: str) -> str:
            return copy_hashed(stream, target / name, where=name, max_bytes=_NO_LIMIT)[0]

        proven = self.proven(copy, reads_elsewhere=True)
        with WorkTree(self.path).open(FILE_NAME) as stream:
            copy(stream, FILE_NAME)
        for name in sorted(path.name for path in self.path.iterdir() if is_signature_name(path.name)):
            with WorkTree(self.path).open(name) as stream:
                copy_hashed(stream, target / name, where=name, max_bytes=MAX_SIGNATURE)
        here = parse_manifest((target / FILE_NAME).read_bytes(), where=str(self.path / FILE_NAME))
        if here.full_digest != proven.manifest.full_digest:
            raise InvalidInput("changed while it was copied", where=str(self.path / FILE_NAME), remedy="fetch it again")
        return Artifact(target, here, self.pointer.share)

    def write_pointers(self, file: Path) -> None:
        """Write a registry of this model alone with all of its history, as old as this one, for `load` in the copy."""
        document = {
            "schema_version": self.registry.document["schema_version"],
            **({"generated_at_utc": self.known_at} if self.known_at else {}),
            "models": {self.model: self.registry.raw_entry(self.model)},
        }
        file.parent.mkdir(parents=True)
        file.write_bytes(stored_json(document))
