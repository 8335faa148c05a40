"""What is to be put into quarantine: the bytes of one artifact, proven, and the stages that hold them today."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence

from promotebot.artifact.evidence import Evidence
from promotebot.artifact.limits import Terms
from promotebot.artifact.manifest import FILE_NAME, MAX_BYTES, parse_manifest
from promotebot.artifact.quarantine import Quarantined, digests_of, file_to_name, quarantined
from promotebot.artifact.source import FileSource
from promotebot.errors import CouldNotVerify, InvalidInput
from promotebot.findings import errors_in
from promotebot.planning.examiner import Examine
from promotebot.promotion.reject import Holding, RejectedArtifact
from promotebot.promotion.rollback import candidates
from promotebot.registry.model import Pointer
from promotebot.registry.names import ArtifactPath, ModelName, Stage
from promotebot.registry.registry import ModelRegistry
from promotebot.remedies import Command, flag_words, shell


def is_held_by(pointer: Pointer, rejected: RejectedArtifact, files: FileSource) -> bool:
    """Return whether the entry catches what a pointer stands for: the same bytes, in whichever directory."""
    return pointer.digest in rejected.digests or rejected.entry.digest in _digests(pointer, files)


def files_of_others(registry: ModelRegistry | None, files: FileSource, digest: str) -> frozenset[str]:
    """Return the digests of the files of every artifact that a stage holds, but for the one with this digest."""
    held = [registry.get_stage_pointer(name, stage) for name in registry for stage in Stage] if registry else []
    return frozenset(
        one for pointer in held if pointer and pointer.digest != digest for one in _digests(pointer, files)
    )


def reject(
    model: ModelName,
    directory: ArtifactPath,
    files: FileSource,
    reason: str,
    *,
    examine: Examine,
    terms: Terms,
    others: Callable[[str], Collection[str]],
) -> RejectedArtifact:
    """Return the entry for the bytes in a directory. Every one of them is hashed: a manifest may claim any digest.

    Args:
        others: digest of the artifact → those of the files that other artifacts in stages have (`files_of_others`).

    Raises:
        InvalidInput: where there is no artifact, or its bytes are not those that its manifest lists.
        CouldNotVerify: when they cannot be read.
    """
    evidence = examine(files, directory, terms)
    manifest = evidence.manifest
    if manifest is None or evidence.digest is None:
        problem = next(iter(errors_in(evidence.findings)), None)
        message = problem.message if problem else "its bytes are not known."
        remedy = "name another directory, or add the sha256 of the file to `quarantine` by hand"
        raise InvalidInput(f"it cannot be rejected by its bytes: {message}", where=directory, remedy=remedy)
    external = _external(evidence)
    file = file_to_name(manifest, external, others(evidence.digest) if len(external) > 1 else ())
    entry = Quarantined(digest=f"sha256:{manifest.sha256[file]}", reason=reason)
    return RejectedArtifact(model, directory, file, entry, digests_of(manifest))


def known_entry(entries: Sequence[Quarantined], rejected: RejectedArtifact) -> Quarantined | None:
    """Return the entry that catches the artifact for its model already; None where none does."""
    return quarantined(entries, rejected.model, rejected.digests)


def holders(
    rejected: RejectedArtifact, registry: ModelRegistry, files: FileSource, known: Sequence[Quarantined]
) -> Iterator[Holding]:
    """Yield the stages that hold the rejected bytes, whatever model they are of, ACTIVE ones first.

    Args:
        known: what is in quarantine already.
    """
    entries = [*known, rejected.entry]
    for stage in sorted(Stage, key=lambda stage: -stage.rank):
        for name in registry:
            pointer = registry.get_stage_pointer(name, stage)
            if pointer and is_held_by(pointer, rejected, files):
                yield Holding(name, stage, pointer, can_go_back(registry, name, stage, files, entries))


def can_go_back(
    registry: ModelRegistry,
    name: str,
    stage: Stage,
    files: FileSource,
    entries: Sequence[Quarantined],
    *,
    broken: str = "",
) -> bool:
    """Return whether a stage's history has an earlier artifact for a rollback that is not in quarantine itself.

    No bytes are read: the rollback proves them, and says where they are not what was promoted.

    Args:
        broken: a directory that is known to hold other bytes.
    """
    entry = registry.entry(name)
    earlier = [one for one in (candidates(entry, stage).pointers if entry else ()) if one.artifact_dir != broken]
    try:
        return any(not quarantined(entries, name, _digests(pointer, files)) for pointer in earlier)
    except CouldNotVerify:  # only the line that is offered depends on it
        return bool(earlier)


def way_out(name: str, stage: Stage, reason: str, *, goes_back: bool) -> Command:
    """Return the line that takes what is in quarantine out of a stage: back in ACTIVE where that can be, else out."""
    words = flag_words("reason", reason)
    if stage is Stage.ACTIVE and goes_back:
        return shell("promotebot", "rollback", "--model", name, *words)
    return shell("promotebot", "demote", "--model", name, "--stage", stage.value, *words)


def directories(model: ModelName, registry: ModelRegistry) -> list[ArtifactPath]:
    """Return the directories that the stages of a model name, the lowest stage's first."""
    pointers = (registry.get_stage_pointer(model, stage) for stage in Stage)
    return list(dict.fromkeys(pointer.artifact_dir for pointer in pointers if pointer))


def _digests(pointer: Pointer, files: FileSource) -> Collection[str]:
    """Return the digests of what a pointer stands for: its own, and those of the files where the manifest is there."""
    path = f"{pointer.artifact_dir}/{FILE_NAME}"
    try:
        with files.open(path) as stream:
            manifest = parse_manifest(stream.read(MAX_BYTES + 1), where=path)
    except InvalidInput:  # gone or broken since: whatever verifies it says that
        return {pointer.digest} if pointer.digest else ()
    return {*digests_of(manifest), *([pointer.digest] if pointer.digest else [])}


def _external(evidence: Evidence) -> list[ArtifactPath]:
    """Return the listed files in which the model keeps its weights; none where it was not opened."""
    manifest, card = evidence.manifest, evidence.card
    if manifest is None or card is None:
        return []
    beside = manifest.model_file.rpartition("/")[0]
    named = {f"{beside}/{name}" if beside else name for name in card.opened.external_files}
    return [name for name in manifest.sha256 if name in named]
