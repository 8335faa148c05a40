"""The policy's evaluation set: what of a dataset and of the incumbent is put beside a candidate, proven first.

See docs/decisions, 0020.
"""

from __future__ import annotations

from pathlib import Path

from promotebot.artifact.dataset import EVALUATION as FOLDER
from promotebot.artifact.dataset import is_dataset_id, read_dataset_manifest
from promotebot.artifact.digest import OverLimit
from promotebot.artifact.evaluation_terms import EvaluationTerms
from promotebot.artifact.limits import Terms
from promotebot.artifact.proven_copy import copy_proven, copy_stored
from promotebot.artifact.source import FileSource, Kind
from promotebot.artifact.stored import ObjectStore
from promotebot.errors import InvalidInput
from promotebot.registry.names import ArtifactPath

MAX_FILES = 100
MAX_DATA = 200 * 1024 * 1024
"""Bytes of it that are copied."""


def copy_evaluation(terms: EvaluationTerms, target: Path, policy: Terms, store: ObjectStore | None = None) -> None:
    """Copy the data into a folder, each file proven by the dataset's manifest.

    Args:
        policy: where files outside of git may be, and the seconds for those and for what is in Git LFS.
        store: reads files outside of git.

    Raises:
        InvalidInput: saying why it is not there, and what to do where that is known.
        CouldNotVerify: when the source, the store or the disk does not answer.
    """
    place, files = f"{terms.directory}/{terms.dataset}", terms.files
    if not is_dataset_id(terms.dataset):
        raise InvalidInput(f"the policy names more than one evaluation set for this model ({terms.dataset})")
    if files is None:
        raise InvalidInput("the base's files are not known here")
    if files.kind(place) is not Kind.DIRECTORY:
        raise InvalidInput(f"the base has no {place}")
    try:
        _copy(files, place, terms.dataset, target, policy, store)
    except OverLimit:
        raise InvalidInput(f"{place}/{FOLDER} has more than {MAX_DATA:,} bytes") from None
    except InvalidInput as problem:
        where = f"{problem.where}: " if problem.where else ""
        raise InvalidInput(f"{place} cannot be used: {where}{problem.message}", remedy=problem.remedy) from None


def _copy(files: FileSource, place: str, dataset: str, target: Path, policy: Terms, store: ObjectStore | None) -> None:
    files.expect(f"{place}/{FOLDER.rstrip('/')}", max_files=MAX_FILES, max_bytes=MAX_DATA)
    manifest = read_dataset_manifest(files, place)
    if manifest.dataset_id != dataset:
        raise InvalidInput(f"it says it is {manifest.dataset_id!r}")
    names: list[str] = [name for name in manifest.sha256 if name.startswith(FOLDER) and name.endswith(".npy")]
    if not names:
        raise InvalidInput(f"its manifest lists no {FOLDER}NAME.npy")
    if len(names) > MAX_FILES:
        raise InvalidInput(f"its manifest lists more than {MAX_FILES} files in {FOLDER}")
    kinds = {name: files.kind(f"{place}/{name}") for name in names}
    stored = {name: file for name, file in manifest.stored_files.items() if name in kinds and kinds[name] is None}
    gone = next((name for name, kind in kinds.items() if kind is not Kind.FILE and name not in stored), None)
    if gone is not None:
        raise InvalidInput(f"git has no {place}/{gone}, and its manifest does not say in `storage` where it is")
    proofs = {name: (target / name.removeprefix(FOLDER), manifest.sha256[ArtifactPath(name)]) for name in names}
    in_git = {f"{place}/{name}": proof for name, proof in proofs.items() if name not in stored}
    room = copy_proven(files, in_git, max_bytes=MAX_DATA, seconds=policy.storage_seconds)
    copy_stored(files, store, {file: proofs[name] for name, file in stored.items()}, policy, room=room)
