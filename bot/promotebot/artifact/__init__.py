"""Artifacts: `from promotebot.artifact import load_artifact` (see docs/runbook.md).

Importing it loads no runtime."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # pydantic is loaded by the first manifest that is read
    from promotebot.artifact.manifest import Manifest

__all__ = ["Artifact", "Manifest", "load_artifact"]


def __getattr__(name: str) -> Any:
    """Return the manifest's class, imported when it is first named: https://peps.python.org/pep-0562/"""
    if name != "Manifest":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from promotebot.artifact import manifest

    return manifest.Manifest


@dataclass(frozen=True)
class Artifact:
    """A directory whose every listed file has the sha256 its manifest says."""

    path: Path
    manifest: Manifest


def load_artifact(path: Path) -> Artifact:
    """Read an artifact's manifest and prove the sha256 of its files; the model itself is not opened.

    Raises:
        InvalidInput: naming the first file that is missing or differs, and the next command.
        CouldNotVerify: when a file cannot be read.
    """
    # Here, as the process that opens models imports this package, too, and needs none of them.
    from promotebot.artifact.digest import hash_stream
    from promotebot.artifact.manifest import FILE_NAME, MAX_BYTES, manifest_command, parse_manifest
    from promotebot.artifact.work_tree import WorkTree
    from promotebot.errors import InvalidInput
    from promotebot.remedies import Remedy

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
                digest = hash_stream(stream, where=name)
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
    return Artifact(path, manifest)
