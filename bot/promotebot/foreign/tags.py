"""The tags of a repository, and its `artifacts.yaml` at the commits that they name."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from promotebot.errors import InvalidInput
from promotebot.foreign.gto import Tag
from promotebot.foreign.yaml_texts import parse_yaml
from promotebot.git.checkout import Checkout
from promotebot.registry.names import GitSha

MAX_ARTIFACTS = 4 * 1024 * 1024


class GtoRepository:
    """A clone as GTO uses it."""

    def __init__(self, checkout: Checkout) -> None:
        self._checkout = checkout

    def tags(self) -> list[Tag]:
        """Return every tag that names a commit."""
        return self._tags

    @cached_property
    def _tags(self) -> list[Tag]:
        return [Tag(name, commit, time, tagger) for name, commit, time, tagger in self._checkout.tags()]

    def artifacts(self, commit: GitSha, path: Path) -> Mapping[str, Any]:
        """Return the content of the file at a commit; empty where there is none, or none that reads.

        Raises:
            InvalidInput: for a file outside of the clone.
        """
        root, file = self._checkout.root.resolve(), path.resolve()
        if not file.is_relative_to(root):
            message = "is outside of this repository, whose tags say at which commit it counts"
            raise InvalidInput(message, where=str(path), remedy="run the command in the repository of the file")
        relative = file.relative_to(root).as_posix()
        data = self._checkout.read_file(commit, relative, max_bytes=MAX_ARTIFACTS)
        try:
            document = parse_yaml(data, where=relative, max_bytes=MAX_ARTIFACTS) if data else None
        except InvalidInput:
            return {}
        return {k: v for k, v in document.items() if isinstance(v, dict)} if isinstance(document, dict) else {}

    def tree_of(self, commit: GitSha | None, path: str) -> str:
        """Return the id of what stands at a path of a commit; empty for nothing, and without a commit."""
        entries = self._checkout.list_tree(commit, path.strip("/"), False) if commit else []
        return entries[0].oid if entries else ""
