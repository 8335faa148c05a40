"""The evidence of an artifact at one state, as findings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from promotebot.artifact.answer import Opened
from promotebot.artifact.comparison import Comparison
from promotebot.artifact.evaluation import Evaluation
from promotebot.artifact.formats import (
    Unopened,
)
from promotebot.artifact.manifest import Manifest
from promotebot.artifact.signatures import ModelSignature
from promotebot.artifact.weights_header import Header
from promotebot.findings import Finding
from promotebot.registry.model import Pointer
from promotebot.registry.names import ArtifactPath, Digest


@dataclass(frozen=True)
class ModelCard:
    """The values a reviewer compares: size in bytes with external data, operator sets, and the runtime's answer."""

    size: int
    opsets: tuple[tuple[str, int], ...]
    opened: Opened


@dataclass(frozen=True)
class Evidence:
    """The result of examining one directory.

    `digest` is None unless every byte is as the manifest lists it; of what Git LFS keeps, its pointer says so.
    """

    artifact_dir: ArtifactPath
    source: str
    manifest: Manifest | None = None
    digest: Digest | None = None
    card: ModelCard | None = None
    report: Mapping[str, Any] = field(default_factory=dict)
    """The train report, where there is one; shown, never trusted."""
    findings: tuple[Finding, ...] = ()
    by_pointers: bool = False
    """Whether some of it is in Git LFS and was not fetched, so that nothing was opened."""
    unread: bool = False
    """Whether some of it is outside of git and was not read, so that nothing was opened."""
    unopened: Unopened | None = None
    """The model's file, where the policy lets it go on unopened."""
    signatures: tuple[ModelSignature, ...] = ()
    comparison: Comparison | None = None
    """With today's ACTIVE, or the last one, on its golden inputs; None where nobody asked, or nothing was opened."""
    evaluation: Evaluation | None = None
    """On the policy's evaluation set; None where nobody asked for it, or nothing could be opened."""
    headers: tuple[Header, ...] = ()
    """What files of weights say of themselves, the model's own first; shown, never trusted."""

    @property
    def manifest_digest(self) -> Digest | None:
        """The digest of the whole manifest; None where there is none that reads."""
        return self.manifest.full_digest if self.manifest else None

    def is_of(self, pointer: Pointer) -> bool:
        """Return whether a pointer stands for this artifact: the bytes, and the manifest where it pins one."""
        return pointer.pins(self.digest, self.manifest_digest)

    def keeps_manifest(self, pointer: Pointer) -> bool:
        """Return whether the manifest is the one that a pointer pins; True where it pins none."""
        return pointer.manifest_digest in (None, self.manifest_digest)
