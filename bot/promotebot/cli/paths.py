"""Paths as people type them."""

from __future__ import annotations

from promotebot.registry.names import ArtifactPath, parse_artifact_path


def typed_path(text: str) -> ArtifactPath:
    """Parse a path as a shell completes it: `./` before it and a slash behind it mean nothing.

    Raises:
        InvalidInput: for a path that is not inside the repository.
    """
    return parse_artifact_path(text.removeprefix("./").rstrip("/") or text)
