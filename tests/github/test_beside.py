"""Questions beside the job's own work: when they go out, what is counted as waiting, and where an error is told."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Event, Lock, Thread
from typing import Any

import pytest

from promotebot.cost import Cost
from promotebot.errors import CouldNotVerify
from promotebot.github.beside import Beside

PATIENCE = 30.0
"""Seconds after which a test fails; nothing takes that long."""


@pytest.fixture
def cost() -> Cost:
    return Cost()


@pytest.fixture
def beside(cost: Cost) -> Iterator[Beside]:
    made = Beside(cost)
    yield made
    made.close()


class WatchedLock:
    """A lock that tells when somebody comes to it."""

    def __init__(self) -> None:
        self._lock, self.second_comes, self._came = Lock(), Event(), 0

    def __enter__(self) -> None:
        self._came += 1
        if self._came == 2:
            self.second_comes.set()
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()


def test_a_write_goes_out_when_the_question_beside_it_has_ended(
    beside: Beside, cost: Cost, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock, log, begun, may_end = WatchedLock(), [], Event(), Event()
    monkeypatch.setattr(beside, "_one_at_a_time", lock)

    def read() -> None:
        with beside.request(writes=False):
            log.append("read begins")
            begun.set()
            assert may_end.wait(PATIENCE)
            log.append("read ends")

    def write() -> None:
        with beside.request(writes=True):
            log.append("write")

    wait = beside.ask(read)
    assert begun.wait(PATIENCE)
    writer = Thread(target=write)
    writer.start()
    assert lock.second_comes.wait(PATIENCE)
    may_end.set()
    writer.join(PATIENCE)
    wait()
    assert log == ["read begins", "read ends", "write"]
    assert (cost.reads, cost.writes) == (1, 1)


def test_only_what_the_job_waits_for_is_counted_as_time() -> None:
    now, asked = [0.0], Event()
    cost = Cost(monotonic=lambda: now[0])
    beside = Beside(cost)

    def question() -> str:
        with beside.request(writes=False):
            assert asked.wait(PATIENCE)
            return "answer"

    wait = beside.ask(question)
    with cost.during("git fetches"):
        now[0] = 8.0
        asked.set()
    assert wait() == "answer"
    beside.close()
    assert cost.seconds == {"git fetches": 8.0, "API requests": 0.0}
    assert "0.0 s for its own work" in cost.time


def test_a_request_of_the_job_itself_is_counted_as_time() -> None:
    now = [0.0]
    cost = Cost(monotonic=lambda: now[0])
    with Beside(cost).request(writes=False):
        now[0] = 3.0
    assert cost.seconds == {"API requests": 3.0}


def test_an_error_is_told_where_the_answer_is_needed_and_nowhere_else(beside: Beside) -> None:
    def question() -> Any:
        raise CouldNotVerify("GitHub does not answer", remedy="run the job again")

    needed, _ = beside.ask(question), beside.ask(question)
    for _ in range(2):
        with pytest.raises(CouldNotVerify, match="GitHub does not answer"):
            needed()


def test_what_is_being_asked_ends_before_the_connections_are_closed() -> None:
    beside, log, begun, closing = Beside(Cost()), list[str](), Event(), Event()

    def question() -> None:
        begun.set()
        assert closing.wait(PATIENCE)
        log.append("asked")

    beside.ask(question)
    beside.ask(lambda: log.append("what nobody waits for, and had not begun"))
    assert begun.wait(PATIENCE)
    Thread(target=closing.set).start()
    beside.close()
    assert log[0] == "asked"


def test_without_a_question_there_is_no_thread_to_close() -> None:
    beside = Beside(Cost())
    beside.close()
    assert beside._pool is None
