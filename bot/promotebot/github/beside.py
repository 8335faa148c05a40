"""Questions that are asked in a thread of their own while git works; GitHub still gets one request at a time.

It asks for that (docs/architecture.md, Scale), and PyGithub's connections are for one thread at a time, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from threading import Lock, get_ident
from typing import TypeVar

from promotebot.cost import Cost

_T = TypeVar("_T")
_PHASE = "API requests"


class Beside:
    """The requests of a job, one after the other, and a thread for those that it does not wait for at once."""

    def __init__(self, cost: Cost) -> None:
        self._cost, self._one_at_a_time = cost, Lock()
        self._pool: ThreadPoolExecutor | None = None
        self._thread = 0

    @contextmanager
    def request(self, *, writes: bool) -> Iterator[None]:
        """Count one request, which waits for the one under way; the job waits for it, unless it is asked beside."""
        waited = nullcontext() if get_ident() == self._thread else self._cost.during(_PHASE)
        with waited, self._one_at_a_time:
            self._cost.reads += not writes
            self._cost.writes += writes
            yield

    def ask(self, question: Callable[[], _T]) -> Callable[[], _T]:
        """Start a question that only reads; return what waits for its answer, and raises what went wrong."""
        self._pool = self._pool or ThreadPoolExecutor(1, initializer=self._begin)
        answer = self._pool.submit(question)

        def wait() -> _T:
            with self._cost.during(_PHASE):
                return answer.result()

        return wait

    def _begin(self) -> None:
        self._thread = get_ident()

    def close(self) -> None:
        """Wait for what is being asked, so that nothing is asked after this."""
        if self._pool:
            self._pool.shutdown(cancel_futures=True)
