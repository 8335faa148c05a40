"""A filter on system calls: what a process that only reads files and computes never asks the kernel for is refused.

It is a list of what is refused, not of what is allowed: which calls an interpreter, libc and the runtime make differs
from one version to the next, and one that is missing from a list of allowed ones would refuse good models. Calls that
are newer than the list do not exist for the process. https://docs.kernel.org/userspace-api/seccomp_filter.html
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
import sys
from collections.abc import Iterable, Mapping

ARCHITECTURES: Mapping[str, int] = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
"""Machine → AUDIT_ARCH of linux/audit.h; the order is that of the numbers below."""
FIRST_UNKNOWN = 451
"""The first number that is newer than this list. A call of x32, which has bit 30 set, is above it as well."""
REFUSED: Mapping[str, str] = {
    "network": """
        socket=41/198 socketpair=53/199 connect=42/203 bind=49/200 listen=50/201 accept=43/202 accept4=288/242
        sendto=44/206 sendmsg=46/211 sendmmsg=307/269 recvfrom=45/207 recvmsg=47/212 recvmmsg=299/243
        getsockname=51/204 getpeername=52/205 setsockopt=54/208 getsockopt=55/209 shutdown=48/210
    """,
    "processes, threads and programs": """
        fork=57/- vfork=58/- clone=56/220 clone3=435/435 execve=59/221 execveat=322/281 setsid=112/157
        setpgid=109/154 setns=308/268 unshare=272/97
    """,
    "other processes": """
        ptrace=101/117 process_vm_readv=310/270 process_vm_writev=311/271 process_madvise=440/440
        process_mrelease=448/448 pidfd_open=434/434 pidfd_getfd=438/438 pidfd_send_signal=424/424 tkill=200/130
        rt_sigqueueinfo=129/138 rt_tgsigqueueinfo=297/240 kcmp=312/272 setpriority=141/140 ioprio_set=251/30
        sched_setscheduler=144/119 sched_setparam=142/118 sched_setattr=314/274 sched_setaffinity=203/122
        migrate_pages=256/238 move_pages=279/239
    """,
    "messages to other processes": """
        shmget=29/194 shmat=30/196 shmctl=31/195 msgget=68/186 msgsnd=69/189 msgrcv=70/188 msgctl=71/187
        semget=64/190 semop=65/193 semtimedop=220/192 semctl=66/191 mq_open=240/180 mq_unlink=241/181
    """,
    "files": """
        creat=85/- truncate=76/45 rename=82/- renameat=264/38 renameat2=316/276 link=86/- linkat=265/37
        symlink=88/- symlinkat=266/36 unlink=87/- unlinkat=263/35 mkdir=83/- mkdirat=258/34 rmdir=84/-
        mknod=133/- mknodat=259/33 openat2=437/437 name_to_handle_at=303/264 open_by_handle_at=304/265
    """,
    # Landlock looks at none of these: https://docs.kernel.org/userspace-api/landlock.html#current-limitations
    "owners, modes and times of files": """
        chmod=90/- fchmod=91/52 fchmodat=268/53 chown=92/- fchown=93/55 lchown=94/- fchownat=260/54 utime=132/-
        utimes=235/- futimesat=261/- utimensat=280/88 setxattr=188/5 lsetxattr=189/6 fsetxattr=190/7
        removexattr=197/14 lremovexattr=198/15 fremovexattr=199/16
    """,
    "mounts": """
        mount=165/40 umount2=166/39 pivot_root=155/41 chroot=161/51 open_tree=428/428 move_mount=429/429
        fsopen=430/430 fsconfig=431/431 fsmount=432/432 fspick=433/433 mount_setattr=442/442 swapon=167/224
        swapoff=168/225 quotactl=179/60 quotactl_fd=443/443 acct=163/89
    """,
    "the kernel itself": """
        bpf=321/280 perf_event_open=298/241 io_uring_setup=425/425 io_uring_enter=426/426
        io_uring_register=427/427 userfaultfd=323/282 keyctl=250/219 add_key=248/217 request_key=249/218
        init_module=175/105 finit_module=313/273 delete_module=176/106 kexec_load=246/104
        kexec_file_load=320/294 reboot=169/142 syslog=103/116 personality=135/92 iopl=172/- ioperm=173/-
        modify_ldt=154/- vhangup=153/58 sethostname=170/161 setdomainname=171/162 settimeofday=164/170
        clock_settime=227/112 adjtimex=159/171 clock_adjtime=305/266 memfd_secret=447/447
    """,
}
"""What is refused with EPERM, by what it is about: each call's name, and its number on x86_64/aarch64, "-" for none."""
CHECKED = "open=2/- openat=257/56 kill=62/129 tgkill=234/131 prlimit64=302/261 fcntl=72/25 ioctl=16/29"
"""Calls that are refused with some arguments (`_conditions`)."""

# linux/bpf_common.h, linux/seccomp.h and linux/prctl.h
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16
_ALLOW, _ERROR = 0x7FFF0000, 0x00050000
_SET_FILTER, _ALL_THREADS = 1, 1
_SECCOMP = {"x86_64": 317, "aarch64": 277}
_WRITING = os.O_ACCMODE | os.O_CREAT | os.O_TRUNC
_SIGNALS_TO = (8, 10, 15)  # F_SETOWN, F_SETSIG, F_SETOWN_EX: a descriptor that signals another process
_IOCTLS = (0x8901, 0x8902, 0x5412)  # FIOSETOWN and SIOCSPGRP, the same for a socket; TIOCSTI, which types at a terminal

Instruction = tuple[int, int, int, int]
"""Code, how many instructions are skipped where it is true, where it is false, and the value."""


def numbers(calls: str, machine: str) -> dict[str, int]:
    """Return name → number of those calls of a list that a machine has."""
    column = list(ARCHITECTURES).index(machine)
    pairs = (call.partition("=") for call in calls.split())
    found = ((name, written.split("/")[column]) for name, _, written in pairs)
    return {name: int(number) for name, number in found if number != "-"}


def program(machine: str, pid: int) -> list[Instruction]:
    """Return the filter for a machine of `ARCHITECTURES` and the process that it is for."""
    refuse = (_RETURN, 0, 0, _ERROR | errno.EPERM)
    instructions = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_EQUAL, 1, 0, ARCHITECTURES[machine]),
        refuse,  # a call in the way of another architecture, whose numbers mean something else
        (_LOAD, 0, 0, _NUMBER),
        (_AT_LEAST, 0, 1, FIRST_UNKNOWN),
        (_RETURN, 0, 0, _ERROR | errno.ENOSYS),
    ]
    for number in numbers(" ".join(REFUSED.values()), machine).values():
        instructions += [(_EQUAL, 0, 1, number), refuse]
    checked = numbers(CHECKED, machine)
    for name, condition in _conditions(pid):
        if name in checked:
            instructions += [(_EQUAL, 0, len(condition), checked[name]), *condition]
    return [*instructions, (_RETURN, 0, 0, _ALLOW)]


def _conditions(pid: int) -> Iterable[tuple[str, list[Instruction]]]:
    """Yield (name, instructions) of calls whose arguments matter: no writing, no signal and no limit for others."""
    return (
        ("open", _where(1, _ANY_BIT, [_WRITING], refused=True)),
        ("openat", _where(2, _ANY_BIT, [_WRITING], refused=True)),
        ("kill", _where(0, _EQUAL, [pid], refused=False)),
        ("tgkill", _where(0, _EQUAL, [pid], refused=False)),
        ("prlimit64", _where(0, _EQUAL, [0, pid], refused=False)),
        ("fcntl", _where(1, _EQUAL, _SIGNALS_TO, refused=True)),
        ("ioctl", _where(1, _EQUAL, _IOCTLS, refused=True)),
    )


def _where(argument: int, test: int, values: Iterable[int], *, refused: bool) -> list[Instruction]:
    """Return instructions that refuse a call where the test holds for one of the values, or where it holds for none.

    The kernel takes these arguments as 32 bits, which are the first ones of the 64 on both machines.
    """
    answers = (_ERROR | errno.EPERM, _ALLOW)
    hit, miss = answers if refused else answers[::-1]
    tests = [step for value in values for step in ((test, 0, 1, value), (_RETURN, 0, 0, hit))]
    return [(_LOAD, 0, 0, _ARGUMENTS + 8 * argument), *tests, (_RETURN, 0, 0, miss)]


def apply_filter() -> bool:
    """Apply the filter to every thread of this process, for ever; return whether the kernel could do it.

    The process must have given up new privileges before (`promotebot.artifact.child_limits.drop_privileges`).
    """
    machine = os.uname().machine
    if sys.platform != "linux" or machine not in ARCHITECTURES or struct.calcsize("P") != 8:
        return False
    instructions = program(machine, os.getpid())
    code = b"".join(struct.pack("=HBBI", *instruction) for instruction in instructions)
    buffer = ctypes.create_string_buffer(code, len(code))
    head = struct.pack("@HP", len(instructions), ctypes.addressof(buffer))
    libc = ctypes.CDLL(None, use_errno=True)
    return bool(libc.syscall(_SECCOMP[machine], _SET_FILTER, _ALL_THREADS, head) == 0)
