"""Examines artifacts with the real runtime, each state of a directory once."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import replace
from datetime import timedelta

from promotebot.artifact.evidence import Evidence
from promotebot.artifact.examination import Examination
from promotebot.artifact.limits import Terms
from promotebot.artifact.proofs import Proofs
from promotebot.artifact.runtime import ChildOpener, ModelOpener
from promotebot.artifact.source import FileSource
from promotebot.artifact.stored import ObjectStore
from promotebot.artifact.threads import cores
from promotebot.errors import CouldNotVerify, PromotebotError
from promotebot.registry.names import ArtifactPath
from promotebot.text import duration

Place = tuple[FileSource, ArtifactPath, Terms]
"""A directory of a source, and the policy's terms for it."""
Examine = Callable[[FileSource, ArtifactPath, Terms], Evidence]
"""Examines one directory of one source under the policy's terms."""


_Key = tuple[str | FileSource, ArtifactPath, Terms]
_Begun = tuple["Future[Evidence]", Examination | None]
AHEAD_BYTES = 1024**3
"""Of artifacts that are read and wait to be opened; each has a private copy on the disk."""


class Examiner:
    """`examine` with a memory: the same directory of the same state is opened once, in whichever commit it stands."""

    def __init__(self, opener: ModelOpener | None = None, store: ObjectStore | None = None) -> None:
        self._opener = opener or ChildOpener()
        self._store = store
        self._proofs = Proofs(self._opener)
        self._seen: dict[_Key, Evidence] = {}
        self._pool: ThreadPoolExecutor | None = None
        self._soon: deque[Place] = deque()
        self._begun: dict[_Key, _Begun] = {}

    @contextmanager
    def keeping(self) -> Iterator[None]:
        """Within the block, open models on all cores, in processes that are started once for many directories.

        This thread reads the files, the next ones while others are opened; what is not awaited at the end is dropped.
        """
        pool = ThreadPoolExecutor(cores())
        try:
            with self._opener.keeping():
                self._pool = pool
                try:
                    yield
                finally:
                    self._pool = None
                    pool.shutdown(wait=False, cancel_futures=True)
        finally:
            pool.shutdown()
            self._soon.clear()
            for _, examination in self._begun.values():
                if examination:
                    examination.close()
            self._begun.clear()

    def expect(self, places: Iterable[Place]) -> None:
        """Hear which directories are asked for soon, in their order."""
        self._soon = deque(places if self._pool else ())

    def __call__(self, source: FileSource, directory: ArtifactPath, terms: Terms) -> Evidence:
        key = _key(source, directory, terms)
        if self._is_unseen(key, source):
            seen = self._examined(key, (source, directory, terms))
            # What was compared with another artifact was examined like any other.
            alone = _key(source, directory, terms.alone)
            self._seen |= {key: seen, alone: seen}
        # Another commit may hold the same files: whoever asks is told of the one that was asked about.
        return replace(self._seen[key], source=source.description)

    def _is_unseen(self, key: _Key, source: FileSource) -> bool:
        seen = self._seen.get(key)
        # What was opened is proven by its bytes, too; what was proven by pointers or manifest alone was not opened.
        if seen is None or (seen.by_pointers and source.fetches_lfs) or (seen.unread and source.fetches_stored):
            return True
        # Data that was not proven may be there the next time, under the same tree.
        return seen.evaluation is not None and bool(seen.evaluation.remedy)

    def _examined(self, key: _Key, place: Place) -> Evidence:
        pool = self._pool
        if pool is None:
            return Examination.of(*place, self._store).finish(self._proofs)
        if key not in self._begun:
            self._begun[key] = self._begin(pool, place)
        self._read_ahead(pool)
        future, _ = self._begun[key]
        try:
            return future.result()
        finally:
            if future.done():
                del self._begun[key]

    def _read_ahead(self, pool: ThreadPoolExecutor) -> None:
        """Read the next artifacts, so that each process has a model to open."""
        while self._soon and len(self._begun) <= cores() and self._bytes_ahead() < AHEAD_BYTES:
            place = self._soon.popleft()
            with suppress(PromotebotError):  # told to whoever asks for this directory
                key = _key(*place)
                if key not in self._begun and self._is_unseen(key, place[0]):
                    self._begun[key] = self._begin(pool, place)

    def _bytes_ahead(self) -> int:
        return sum(examination.size for _, examination in self._begun.values() if examination)

    def _begin(self, pool: ThreadPoolExecutor, place: Place) -> _Begun:
        try:
            examination = Examination.of(*place, self._store)
        except PromotebotError as problem:
            failed: Future[Evidence] = Future()
            failed.set_exception(problem)
            return failed, None
        return pool.submit(examination.finish, self._proofs), examination


def _key(source: FileSource, directory: ArtifactPath, terms: Terms) -> _Key:
    return source.fingerprint(directory) or source, directory, terms


def keeping(examine: Examine) -> AbstractContextManager[None]:
    """Return what an examiner keeps for many directories, where it keeps anything."""
    return examine.keeping() if isinstance(examine, Examiner) else nullcontext()


def expect(examine: Examine, places: Iterable[Place]) -> None:
    """Tell an examiner which directories are asked for soon, where it begins before it is asked."""
    if isinstance(examine, Examiner):
        examine.expect(places)


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
