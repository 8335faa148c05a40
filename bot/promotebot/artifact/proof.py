"""An artifact's listed files, each read once and compared with its manifest."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from promotebot.artifact.digest import Readable
from promotebot.artifact.manifest import FILE_NAME, MAX_BYTES, Manifest, manifest_command, parse_manifest
from promotebot.artifact.work_tree import WorkTree
from promotebot.errors import InvalidInput
from promotebot.registry.lfs import POINTER_BYTES, content_remedy, is_pointer
from promotebot.remedies import Remedy
from promotebot.storage.uri import StoredFile

Digest = Callable[[Readable, str], str]
"""Reads a file to its end, given its name in the manifest; returns its sha256 in 64 hexadecimal digits."""
Elsewhere = Callable[[Manifest, StoredFile], AbstractContextManager[Readable]]
"""Opens a file outside of git that a manifest names; raises InvalidInput where that may not be read."""


class NotHere(InvalidInput):
    """A file outside of git that nobody brought here."""


def prove_files(path: Path, digest_of: Digest, elsewhere: Elsewhere | None = None) -> Manifest:
    """Read the manifest of an artifact's directory and compare every listed file with it; return it.

    Args:
        elsewhere: opens the files outside of git that are not in the directory; without it, they are missing.

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
        remedy, stored = manifest_command(str(path), manifest.model_file), manifest.stored_files
        for name, expected in manifest.sha256.items():
            with _opened(files, manifest, name, stored.get(name), elsewhere) as stream:
                digest = digest_of(stream, name)
            if digest != expected and _is_pointer(files, name):
                raise InvalidInput("is a Git LFS pointer, not the file", where=name, remedy=content_remedy())
            if digest != expected:
                raise InvalidInput(f"is sha256:{digest}, the manifest says sha256:{expected}", where=name)
    except InvalidInput as problem:
        # Names in the manifest are relative to the artifact; errors name paths that the caller can open.
        where = problem.where if problem.where.startswith(f"{path}/") else f"{path}/{problem.where}"
        raise type(problem)(
            problem.message,
            where=where,
            remedy=problem.remedy or Remedy("put the listed file back, or list the one that is there: ", remedy),
        ) from None
    return manifest


@contextmanager
def _opened(
    files: WorkTree, manifest: Manifest, name: str, stored: StoredFile | None, elsewhere: Elsewhere | None
) -> Iterator[Readable]:
    if stored is None or files.kind(name) is not None:
        with files.open(name) as stream:
            yield stream
    elif elsewhere is None:
        raise NotHere(
            f"is not here, but at {stored.url}",
            where=name,
            remedy="give promotebot.load a directory for such files: cache",
        )
    else:
        with elsewhere(manifest, stored) as stream:
            yield stream


def _is_pointer(files: WorkTree, name: str) -> bool:
    if files.kind(name) is None:
        return False
    with files.open(name) as stream:
        return is_pointer(stream.read(POINTER_BYTES + 1))
