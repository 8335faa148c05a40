"""An artifact's listed files, each read once and compared with its manifest."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from promotebot.artifact.manifest import FILE_NAME, MAX_BYTES, Manifest, manifest_command, parse_manifest
from promotebot.artifact.work_tree import WorkTree
from promotebot.errors import InvalidInput
from promotebot.registry.lfs import POINTER_BYTES, content_remedy, is_pointer
from promotebot.remedies import Remedy

Digest = Callable[[BinaryIO, str], str]
"""Reads a file to its end, given its name in the manifest; returns its sha256 in 64 hexadecimal digits."""


def prove_files(path: Path, digest_of: Digest) -> Manifest:
    """Read the manifest of an artifact's directory and compare every listed file with it; return it.

    Raises:
        InvalidInput: naming the first file that is missing or differs, and the next command.
        CouldNotVerify: when a file cannot be read.
    """
    if not path.is_dir():
        raise InvalidInput(f"Artifact directory not found: {path}", remedy="name the directory that holds the manifest")
    files, remedy = WorkTree(path), manifest_command(str(path))
    try:
        with files.open(FILE_NAME) as stream:
            # One byte over the limit is enough for the parser to refuse it.
            manifest = parse_manifest(stream.read(MAX_BYTES + 1), where=f"{path}/{FILE_NAME}")
        remedy = manifest_command(str(path), manifest.model_file)
        for name, expected in manifest.sha256.items():
            with files.open(name) as stream:
                digest = digest_of(stream, name)
            if digest != expected and _is_pointer(files, name):
                raise InvalidInput("is a Git LFS pointer, not the file", where=name, remedy=content_remedy())
            if digest != expected:
                raise InvalidInput(f"is sha256:{digest}, the manifest says sha256:{expected}", where=name)
    except InvalidInput as problem:
        # Names in the manifest are relative to the artifact; errors name paths that the caller can open.
        where = problem.where if problem.where.startswith(f"{path}/") else f"{path}/{problem.where}"
        raise InvalidInput(
            problem.message,
            where=where,
            remedy=problem.remedy or Remedy("put the listed file back, or list the one that is there: ", remedy),
        ) from None
    return manifest


def _is_pointer(files: WorkTree, name: str) -> bool:
    with files.open(name) as stream:
        return is_pointer(stream.read(POINTER_BYTES + 1))
