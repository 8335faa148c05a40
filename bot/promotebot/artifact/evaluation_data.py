"""The policy's evaluation set: what of a dataset and of the incumbent is put beside a candidate, proven first.

See docs/decisions, 0020.
"""

from __future__ import annotations

from pathlib import Path

from promotebot.artifact.dataset import EVALUATION as FOLDER
from promotebot.artifact.dataset import is_dataset_id, read_dataset_manifest
from promotebot.artifact.digest import OverLimit
from promotebot.artifact.evaluation_terms import EvaluationTerms
from promotebot.artifact.proven_copy import copy_proven
from promotebot.artifact.source import Kind
from promotebot.errors import InvalidInput

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
        gone = next((name for name in names if files.kind(f"{place}/{name}") is not Kind.FILE), None)
        if gone is not None:
            return f"git has no {place}/{gone}; what is kept elsewhere is not read for an evaluation"
        copies = {f"{place}/{name}": (target / name.removeprefix(FOLDER), manifest.sha256[name]) for name in names}
        copy_proven(files, copies, max_bytes=MAX_DATA, seconds=seconds)
    except OverLimit:
        return f"{place}/{FOLDER} has more than {MAX_DATA:,} bytes"
    except InvalidInput as problem:
        return f"{place} cannot be used: {problem.where + ': ' if problem.where else ''}{problem.message}"
    return ""
