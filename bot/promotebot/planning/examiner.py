"""Examines artifacts with the real runtime, each state of a directory once."""

from __future__ import annotations

from collections.abc import Callable

from promotebot.artifact.evidence import Evidence, examine
from promotebot.artifact.limits import Limits
from promotebot.artifact.runtime import ChildOpener, ModelOpener
from promotebot.artifact.source import FileSource
from promotebot.registry.names import ArtifactPath

Examine = Callable[[FileSource, ArtifactPath, Limits], Evidence]
"""Examines one directory of one source under limits."""


class Examiner:
    """`examine` with a memory: the same directory of the same state is opened once, in whichever commit it stands."""

    def __init__(self, opener: ModelOpener | None = None) -> None:
        self._opener = opener or ChildOpener()
        self._seen: dict[tuple[str | FileSource, ArtifactPath, Limits], Evidence] = {}

    def __call__(self, source: FileSource, directory: ArtifactPath, limits: Limits) -> Evidence:
        key = (source.fingerprint(directory) or source, directory, limits)
        if key not in self._seen:
            self._seen[key] = examine(source, directory, opener=self._opener, limits=limits)
        return self._seen[key]
