"""Artifacts: `from promotebot.artifact import load_artifact` compares files with the manifest beside them.

A service calls `promotebot.load`, which proves them against the pointer of a stage (see docs/runbook.md).

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
    share: str | None = None
    """Of production, such as "5%", that the stage's pointer gives it; None where that says nothing."""

    @property
    def model_path(self) -> Path:
        """The model's file, for `onnxruntime.InferenceSession`, or whatever reads its format."""
        return self.path / self.manifest.model_file


def load_artifact(path: Path) -> Artifact:
    """Read an artifact's manifest and prove the sha256 of its files; the model itself is not opened.

    Raises:
        InvalidInput: naming the first file that is missing or differs, and the next command.
        CouldNotVerify: when a file cannot be read.
    """
    # Here, as the process that opens models imports this package, too, and needs none of them.
    from promotebot.artifact.digest import hash_stream
    from promotebot.artifact.proof import prove_files

    return Artifact(path, prove_files(path, lambda stream, name: hash_stream(stream, where=name)))
