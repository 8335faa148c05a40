"""The policy's evaluation set: what of a dataset and of the incumbent is put beside a candidate, proven first.

See docs/decisions, 0020.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from promotebot.artifact.dataset import DatasetManifest, is_dataset_id, read_dataset_manifest
from promotebot.artifact.digest import copy_hashed
from promotebot.artifact.evaluation_terms import EvaluationTerms
from promotebot.artifact.manifest import FilePath
from promotebot.artifact.source import FileSource, Kind
from promotebot.errors import InvalidInput
from promotebot.registry.lfs import POINTER_BYTES, LfsPointer, parse_pointer

FOLDER = "evaluation/"
"""Where a dataset has the files that models are run on."""
MAX_FILES = 100
MAX_DATA = 200 * 1024 * 1024
"""Bytes of it that are copied."""


def copy_evaluation(terms: EvaluationTerms, target: Path, seconds: float) -> str:
    """Copy the data into a folder, each file proven by the dataset's manifest; return why not, empty where it is there.

    Args:
        seconds: for what is in Git LFS.

    Raises:
        CouldNotVerify: when the source or the disk does not answer.
    """
    place, files = f"{terms.directory}/{terms.dataset}", terms.files
    if not is_dataset_id(terms.dataset):
        return f"the policy names more than one evaluation set for this model ({terms.dataset})"
    if files is None:
        return "the base's files are not known here"
    if files.kind(place) is not Kind.DIRECTORY:
        return f"the base has no {place}"
    try:
        files.expect(f"{place}/{FOLDER.rstrip('/')}", max_files=MAX_FILES, max_bytes=MAX_DATA)
        manifest = read_dataset_manifest(files, place)
        if manifest.dataset_id != terms.dataset:
            return f"{place} says it is {manifest.dataset_id!r}"
        names = [name for name in manifest.sha256 if name.startswith(FOLDER) and name.endswith(".npy")]
        if not names:
            return f"the manifest of {place} lists no {FOLDER}NAME.npy"
        if len(names) > MAX_FILES:
            return f"the manifest of {place} lists more than {MAX_FILES} files in {FOLDER}"
        _copy(files, place, manifest, names, target, seconds)
    except InvalidInput as problem:
        return f"{place} cannot be used: {problem.where + ': ' if problem.where else ''}{problem.message}"
    return ""


def _copy(
    files: FileSource, place: str, manifest: DatasetManifest, names: Sequence[FilePath], target: Path, seconds: float
) -> None:
    room, pointers = MAX_DATA, dict[Path, LfsPointer]()
    for name in names:
        path, copy = f"{place}/{name}", target / name.removeprefix(FOLDER)
        if files.kind(path) is not Kind.FILE:
            raise InvalidInput("is not in git; what is kept elsewhere is not read for an evaluation", where=path)
        with files.open(path) as stream:
            sha256, size = copy_hashed(stream, copy, where=path, max_bytes=room)
        pointer = parse_pointer(copy.read_bytes()) if size <= POINTER_BYTES else None
        if pointer is not None:
            copy.unlink()
            pointers[copy], sha256, size = pointer, pointer.sha256, pointer.size
        if sha256 != manifest.sha256[name]:
            raise InvalidInput("is not the file that the manifest lists", where=path)
        room -= size
        if room < 0:
            raise InvalidInput(f"{FOLDER} is larger than {MAX_DATA:,} bytes", where=place)
    if pointers and (files.lfs is None or not files.fetches_lfs):
        raise InvalidInput("it is in Git LFS, which was not asked", where=place)
    for problem in files.lfs.fetch(pointers, seconds).values() if files.lfs and pointers else ():
        raise problem
