"""Examines artifacts with the real runtime, each state of a directory once."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from datetime import timedelta

from promotebot.artifact.evidence import Evidence, examine
from promotebot.artifact.limits import Terms
from promotebot.artifact.runtime import ChildOpener, ModelOpener
from promotebot.artifact.source import FileSource
from promotebot.artifact.stored import ObjectStore
from promotebot.errors import CouldNotVerify
from promotebot.registry.names import ArtifactPath
from promotebot.text import duration

Examine = Callable[[FileSource, ArtifactPath, Terms], Evidence]
"""Examines one directory of one source under the policy's terms."""


class Examiner:
    """`examine` with a memory: the same directory of the same state is opened once, in whichever commit it stands."""

    def __init__(self, opener: ModelOpener | None = None, store: ObjectStore | None = None) -> None:
        self._opener = opener or ChildOpener()
        self._store = store
        self._seen: dict[tuple[str | FileSource, ArtifactPath, Terms], Evidence] = {}

    def keeping(self) -> AbstractContextManager[None]:
        """Within the block, start the process that opens models once for many directories."""
        return self._opener.keeping()

    def __call__(self, source: FileSource, directory: ArtifactPath, terms: Terms) -> Evidence:
        key = (source.fingerprint(directory) or source, directory, terms)
        seen = self._seen.get(key)
        # What was opened is proven by its bytes, too; what was proven by pointers or manifest alone was not opened.
        unseen = seen is None or (seen.by_pointers and source.fetches_lfs) or (seen.unread and source.fetches_stored)
        if unseen:
            self._seen[key] = examine(source, directory, opener=self._opener, terms=terms, store=self._store)
        return self._seen[key]


def keeping(examine: Examine) -> AbstractContextManager[None]:
    """Return what an examiner keeps for many directories, where it keeps anything."""
    return examine.keeping() if isinstance(examine, Examiner) else nullcontext()


def within_budget(examine: Examine, budget: timedelta, *, monotonic: Callable[[], float], subject: str) -> Examine:
    """Return an examiner for one of several pieces of work, so that models which open slowly hold up no other.

    It raises CouldNotVerify instead of looking at one more artifact when that much time has passed since this call.

    Args:
        monotonic: a clock that never goes back, in seconds.
        subject: what the work is about, such as `#7`.
    """
    end = monotonic() + budget.total_seconds()

    def examine_in_time(source: FileSource, directory: ArtifactPath, terms: Terms) -> Evidence:
        if monotonic() > end:
            raise CouldNotVerify(
                f"judging {subject} took longer than {duration(budget)}, so {directory} was not examined",
                remedy=f"start the gate by hand, which waits: open the checks of {subject}, then the job of the "
                "workflow gate, and choose Re-run jobs",
            )
        return examine(source, directory, terms)

    return examine_in_time
