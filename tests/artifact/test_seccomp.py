"""The filter on system calls, run by a small interpreter for both machines; `test_walls.py` tries it on this one."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from promotebot.artifact.seccomp import ARCHITECTURES, CHECKED, FIRST_UNKNOWN, REFUSED, numbers, program

PID = 4321
ALLOWED, EPERM, ENOSYS = 0x7FFF0000, 0x00050000 | errno.EPERM, 0x00050000 | errno.ENOSYS
EVERY = " ".join([*REFUSED.values(), CHECKED])
HEADERS = Path(__file__).with_name("syscalls.txt").read_text(encoding="utf-8")
"""The kernel's own numbers, as its headers define them."""
both = pytest.mark.parametrize("machine", ARCHITECTURES)
CHECKED_ON = {machine: numbers(CHECKED, machine) for machine in ARCHITECTURES}


def answer(machine: str, number: int, *arguments: int, architecture: int | None = None) -> int:
    """What the filter says of one call, as the kernel reads it: https://docs.kernel.org/networking/filter.html"""
    memory = {0: number, 4: ARCHITECTURES[machine] if architecture is None else architecture}
    memory |= {16 + 8 * index: value & 0xFFFFFFFF for index, value in enumerate(arguments)}
    instructions, at, accumulator = program(machine, PID), 0, 0
    while True:
        code, if_true, if_false, value = instructions[at]
        at += 1
        if code == 0x06:
            return value
        if code == 0x20:
            accumulator = memory[value]
            continue
        holds = {0x15: accumulator == value, 0x35: accumulator >= value, 0x45: bool(accumulator & value)}[code]
        at += if_true if holds else if_false


@both
def test_every_call_of_the_list_is_refused_whatever_its_arguments(machine: str) -> None:
    calls = numbers(" ".join(REFUSED.values()), machine)
    assert len(calls) > 100
    assert {name: answer(machine, number, 0, 0, 0) for name, number in calls.items()} == dict.fromkeys(calls, EPERM)


@both
def test_every_other_call_of_the_time_is_allowed_and_every_newer_one_does_not_exist(machine: str) -> None:
    listed = set(numbers(EVERY, machine).values())
    others = set(range(FIRST_UNKNOWN)) - listed
    assert {answer(machine, number) for number in others} == {ALLOWED}
    newer = (FIRST_UNKNOWN, 452, 999, 0x40000000, 0x40000000 | 41, 0xFFFFFFFF)
    assert {answer(machine, number, 0, 0, 0) for number in newer} == {ENOSYS}


@both
def test_a_call_in_the_way_of_another_architecture_is_refused(machine: str) -> None:
    others = {*ARCHITECTURES.values(), 0x40000003, 0} - {ARCHITECTURES[machine]}
    assert {answer(machine, 0, architecture=other) for other in others} == {EPERM}


ARGUMENTS: Mapping[str, tuple[Sequence[tuple[int, ...]], Sequence[tuple[int, ...]]]] = {
    "kill": ([(PID, 15)], [(1, 15), (0, 15), (-1, 9), (-PID, 9)]),
    "tgkill": ([(PID, 7, 6)], [(1, 1, 6), (PID + 1, PID + 1, 6)]),
    "prlimit64": ([(0, 7), (PID, 7)], [(1, 7), (PID - 1, 7)]),
    "fcntl": ([(0, 1), (0, 4)], [(0, 8), (0, 10), (0, 15)]),
    "ioctl": ([(0, 0x5401)], [(0, 0x8901), (0, 0x8902), (0, 0x5412)]),
    "openat": ([(0, 0, os.O_RDONLY | os.O_CLOEXEC)], [(0, 0, os.O_WRONLY), (0, 0, os.O_RDWR), (0, 0, os.O_CREAT)]),
    "open": ([(0, os.O_RDONLY)], [(0, os.O_WRONLY), (0, os.O_RDWR | os.O_APPEND), (0, os.O_TRUNC)]),
}
"""Call → arguments that are allowed, and arguments that are refused."""


@pytest.mark.parametrize(
    ("machine", "name"), [(machine, name) for machine in ARCHITECTURES for name in CHECKED_ON[machine]]
)
def test_calls_that_are_needed_are_allowed_for_the_process_itself_and_for_reading(machine: str, name: str) -> None:
    number, (allowed, refused) = CHECKED_ON[machine][name], ARGUMENTS[name]
    assert {answer(machine, number, *arguments) for arguments in allowed} == {ALLOWED}
    assert {answer(machine, number, *arguments) for arguments in refused} == {EPERM}


@both
def test_the_numbers_are_those_of_the_kernels_headers(machine: str) -> None:
    rows = [line.split() for line in HEADERS.splitlines() if not line.startswith("#")]
    defined = {
        name: number for name, *columns in rows if (number := columns[list(ARCHITECTURES).index(machine)]) != "-"
    }
    listed = {call.partition("=")[0] for call in EVERY.split()}
    expected = {name: int(number) for name, number in defined.items() if name in listed}
    assert numbers(EVERY, machine) == expected
    assert len(expected) > 100


@both
def test_no_call_stands_twice(machine: str) -> None:
    names = [call.partition("=")[0] for call in EVERY.split()]
    assert len(names) == len(set(names))
    assert len(set(numbers(EVERY, machine).values())) == len(numbers(EVERY, machine))
