"""Histories checked ahead in forks: the same findings, whatever becomes of the forks."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from promotebot.errors import CouldNotVerify
from promotebot.findings import Finding, error, passed
from promotebot.verification import histories
from promotebot.verification.histories import Check, on_all_cores

NAMES = [f"model_{number}" for number in range(40)]
HERE = os.getpid()


@pytest.fixture(autouse=True)
def _few_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(histories, "FROM", 2)


def who(name: str) -> list[Finding]:
    """Return a finding that says which process made it."""
    return [error("history.chain", f"{name} by {os.getpid()}", where=name, remedy="look")]


@contextmanager
def forks(check: Check, names: list[str] = NAMES, workers: int = 3) -> Iterator[tuple[Check, list[int]]]:
    """Give the function, and the forks that it asks."""
    fork, started = os.fork, list[int]()

    def noted() -> int:
        pid = fork()
        started.append(pid)
        return pid

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fork", noted)
        with on_all_cores(check, names, workers) as ahead:
            yield ahead, started


def made_by(found: list[Finding]) -> int:
    return int(found[0].message.rpartition(" ")[2])


def test_forks_look_at_a_share_each_and_are_gone_afterwards() -> None:
    with forks(who) as (ahead, started):
        makers = [made_by(ahead(name)) for name in NAMES]
    assert makers == [started[number % 3] for number in range(len(NAMES))]
    for pid in started:
        with pytest.raises(ChildProcessError):
            os.waitpid(pid, 0)


def test_findings_are_the_same_as_without_forks() -> None:
    def check(name: str) -> list[Finding]:
        return [passed("history.chain", name), error("history.order", name, where=name, remedy="look")]

    with on_all_cores(check, NAMES, 3) as ahead:
        assert [ahead(name) for name in NAMES] == [check(name) for name in NAMES]


def test_an_error_is_raised_where_it_is_asked_for_and_the_others_go_on() -> None:
    def check(name: str) -> list[Finding]:
        if name in (NAMES[4], NAMES[5]):
            raise CouldNotVerify(f"{name} does not read")
        return who(name)

    with forks(check) as (ahead, _):
        for name in NAMES[:4]:
            assert made_by(ahead(name)) != HERE
        for name in NAMES[4:6]:
            with pytest.raises(CouldNotVerify, match=f"{name} does not read"):
                ahead(name)
        assert made_by(ahead(NAMES[7])) != HERE


def test_what_a_fork_did_not_get_to_is_checked_here() -> None:
    with forks(who) as (ahead, started):
        os.kill(started[1], signal.SIGKILL)
        os.waitid(os.P_PID, started[1], os.WEXITED | os.WNOWAIT)
        checked = [ahead(name) for name in NAMES]
    assert [found[0].where for found in checked] == NAMES
    assert {made_by(found) for found in checked} <= {HERE, *started}


def test_what_is_asked_for_in_another_order_or_is_not_known_is_checked_here() -> None:
    with forks(who) as (ahead, _):
        assert made_by(ahead("unknown")) == HERE
        assert [ahead(name)[0].where for name in reversed(NAMES)] == [*reversed(NAMES)]


def test_whoever_stops_early_leaves_no_fork_behind() -> None:
    started = list[int]()

    def stopped() -> None:
        with forks(who) as (ahead, forked):
            ahead(NAMES[0])
            started.extend(forked)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert len(started) == 3
    for pid in started:
        with pytest.raises(ChildProcessError):
            os.waitpid(pid, 0)


@pytest.mark.parametrize(("names", "workers"), [(NAMES, 1), (NAMES[:1], 3)])
def test_few_models_or_one_core_start_nothing(names: list[str], workers: int) -> None:
    with forks(who, names, workers) as (ahead, started):
        assert [made_by(ahead(name)) for name in names] == [HERE] * len(names)
    assert started == []


def test_a_bug_in_a_fork_is_the_bug_of_whoever_asks() -> None:
    bugs: Callable[[str], list[Finding]] = lambda name: who(name) if name != NAMES[1] else [][1]  # noqa: E731
    with forks(bugs) as (ahead, _):
        ahead(NAMES[0])
        with pytest.raises(IndexError):
            ahead(NAMES[1])
