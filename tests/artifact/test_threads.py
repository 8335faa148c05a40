"""Work is dealt out in batches of bytes; its results come in order, and what nobody asks for is not begun."""

from __future__ import annotations

import os
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promotebot.artifact.threads import BATCH, cores, in_threads


@given(st.lists(st.integers(0, 2 * BATCH)), st.sampled_from([1, 2, 3, None]))
def test_results_come_in_the_order_of_the_items(sizes: list[int], workers: int | None) -> None:
    items = list(range(len(sizes)))
    assert list(in_threads(lambda batch: [-one for one in batch], items, sizes, workers=workers)) == [-i for i in items]


@given(st.lists(st.integers(0, 2 * BATCH), min_size=1))
def test_a_batch_ends_with_the_file_that_fills_it(sizes: list[int]) -> None:
    batches: list[Sequence[int]] = []

    def work(batch: Sequence[int]) -> list[int]:
        batches.append(batch)
        return [*batch]

    list(in_threads(work, sizes, sizes, workers=1))
    assert [size for batch in batches for size in batch] == sizes
    assert all(sum(batch[:-1]) < BATCH for batch in batches)
    assert all(sum(batch) >= BATCH for batch in batches[:-1])


def test_one_thread_begins_a_batch_when_the_one_before_was_taken() -> None:
    begun: list[int] = []

    def work(batch: Sequence[int]) -> list[int]:
        begun.extend(batch)
        return [*batch]

    results = in_threads(work, [1, 2, 3], [BATCH] * 3, workers=1)
    assert next(results) == 1
    assert begun == [1]


def test_what_fails_in_a_thread_fails_where_its_result_is_taken() -> None:
    def work(batch: Sequence[int]) -> list[int]:
        if 2 in batch:
            raise ValueError("two")
        return [*batch]

    results = in_threads(work, [1, 2, 3], [BATCH] * 3, workers=2)
    assert next(results) == 1
    with pytest.raises(ValueError, match="two"):
        next(results)


def test_there_is_at_least_one_core(monkeypatch: pytest.MonkeyPatch) -> None:
    assert cores() >= 1
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    assert cores() >= 1
