"""Work on many files, on all cores: hashing and reading leave the interpreter to other threads."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import chain
from typing import TypeVar

BATCH = 8 * 1024 * 1024
"""Bytes of files that one thread takes at a time: handing over each small one would cost more than hashing it."""
Item = TypeVar("Item")
Result = TypeVar("Result")


def in_threads(
    work: Callable[[Sequence[Item]], list[Result]],
    items: Sequence[Item],
    sizes: Sequence[int],
    *,
    workers: int | None = None,
) -> Iterator[Result]:
    """Yield what the work gives for each item, in their order; what is not begun is left when nobody asks any more.

    Args:
        work: gives the results for some items that follow each other.
        sizes: bytes of each item.
        workers: threads; None for as many as there are cores.
    """
    workers = workers or cores()
    batches = list(_batches(items, sizes))
    if workers == 1 or len(batches) == 1:
        yield from chain.from_iterable(map(work, batches))
        return
    with ThreadPoolExecutor(workers) as pool:
        waiting = deque(pool.submit(work, batch) for batch in batches)
        try:
            while waiting:
                yield from waiting.popleft().result()
        finally:
            _cancel(waiting)


def cores() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _cancel(waiting: deque[Future[list[Result]]]) -> None:
    for future in waiting:
        future.cancel()


def _batches(items: Sequence[Item], sizes: Sequence[int]) -> Iterator[list[Item]]:
    batch, total = list[Item](), 0
    for item, size in zip(items, sizes, strict=True):
        batch.append(item)
        total += size
        if total >= BATCH:
            yield batch
            batch, total = [], 0
    if batch:
        yield batch
