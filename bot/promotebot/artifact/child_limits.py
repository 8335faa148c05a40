"""Limits that the process that opens a model puts on itself: resources, the network, privileges, then the file system.

`limit` always holds. The others are means of a wall (`promotebot.artifact.walls`) where the kernel offers them: network
namespaces, capabilities, Landlock from Linux 5.13.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
import stat
import struct
import sys
from pathlib import Path

MAX_OUTPUT = 1024 * 1024
"""Bytes that this process may write to one file; its answer is one."""

# https://docs.kernel.org/userspace-api/landlock.html; the numbers are the same on every architecture. A digit at the
# end of a name is the version of the interface that brought the right.
_CREATE, _ADD_RULE, _RESTRICT = 444, 445, 446
_ASK_VERSION, _PATH_BENEATH = 1, 1
_EXECUTE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 2, 1 << 3
_FILES_1, _REFER_2, _TRUNCATE_3, _DEVICE_5 = (1 << 13) - 1, 1 << 13, 1 << 14, 1 << 15
_NET_4 = 0b11  # bind and connect TCP
_SCOPE_6 = 0b11  # abstract sockets and signals leave the process's own domain no more
_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000
_CAPABILITY_VERSION_3, _MAX_CAPABILITIES = 0x20080522, 64
_PR_SET_PDEATHSIG, _PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS, _PR_CAP_AMBIENT, _CLEAR_ALL = 1, 24, 38, 47, 4


def limit(seconds: int, memory_bytes: int | None) -> None:
    """Bound this process: processor seconds, no core file, few and short files, and address space.

    Args:
        memory_bytes: beside the address space that the process has already; None for no bound, where its resident
            memory is watched instead.
    """
    for kind, value, grace in (
        # SIGXCPU at the soft limit tells the parent why it ended; SIGKILL follows a second later.
        (resource.RLIMIT_CPU, seconds, 1),
        *([(resource.RLIMIT_AS, _address_space() + memory_bytes, 0)] if memory_bytes is not None else []),
        (resource.RLIMIT_CORE, 0, 0),
        (resource.RLIMIT_FSIZE, MAX_OUTPUT, 0),
        (resource.RLIMIT_NOFILE, 128, 0),
    ):
        # A hard limit can only be lowered; what the machine allows may be less than what is asked.
        allowed = resource.getrlimit(kind)[1]
        ceiling = value + grace if allowed == resource.RLIM_INFINITY else min(value + grace, allowed)
        resource.setrlimit(kind, (min(value, ceiling), ceiling))


def _address_space() -> int:
    """Return the bytes of address space of this process; 0 where the kernel does not tell.

    https://man7.org/linux/man-pages/man5/proc_pid_statm.5.html
    """
    with contextlib.suppress(OSError):
        return int(Path("/proc/self/statm").read_text("ascii").split()[0]) * resource.getpagesize()
    return 0


def end_first() -> None:
    """Let the kernel end this process before any other one when memory is short, and when its parent ends."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000", "ascii")
    libc = _linux()
    if libc is not None:
        libc.prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)


def refuse_processes() -> bool:
    """Lower the number of processes that this user may have to none; return whether no process can be started now.

    The kernel does not count root's: there it is the filter on system calls that refuses. So it is tried.
    """
    resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
    try:
        child = os.fork()
    except OSError:
        return True
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    return False


def drop_network() -> bool:
    """Enter a new network namespace, where not even the loopback is up; return whether the kernel allowed it.

    Root may; everybody else needs a user namespace, which must be entered before the process has a second thread.
    It grants capabilities within, which `drop_privileges` gives up. https://man7.org/linux/man-pages/man7/user_namespaces.7.html
    """
    libc = _linux()
    return libc is not None and (libc.unshare(_CLONE_NEWNET) == 0 or libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET) == 0)


def drop_privileges() -> bool:
    """Give up every capability of this thread, and the ways to win one back; return whether the kernel did it.

    From here on the process ends with its parent, too: nobody else would read its answer, or end it.
    """
    libc = _linux()
    if libc is None:
        return False
    libc.prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    # Whoever has no capability cannot drop one from the bounding set, and cannot win one from it without a new program.
    for capability in range(_MAX_CAPABILITIES):
        libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)
    libc.prctl(_PR_CAP_AMBIENT, _CLEAR_ALL, 0, 0, 0)
    dropped = libc.capset(struct.pack("=Ii", _CAPABILITY_VERSION_3, 0), bytes(24)) == 0
    # Landlock and seccomp take it as the promise that no program with more rights will be started.
    return bool(libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 and dropped)


def apply_landlock(directory: Path) -> bool:
    """Give up everything but reading `directory` and Python's own files; return whether the kernel could do it.

    No file can be written, no TCP connection made, no process outside be signalled or inspected (its
    environment included). It covers the thread that asks and what that starts, and cannot be undone. The process must
    have dropped its privileges.
    """
    libc = _linux()
    version = libc.syscall(_CREATE, None, ctypes.c_size_t(0), _ASK_VERSION) if libc else 0
    if libc is None or version < 1:
        return False
    attributes = _ruleset(version)
    ruleset = libc.syscall(_CREATE, attributes, ctypes.c_size_t(len(attributes)), 0)
    if ruleset < 0:
        return False
    try:
        for path in (str(directory), *_python_needs()):
            _let_read(libc, ruleset, path)
        return bool(libc.syscall(_RESTRICT, ruleset, 0) == 0)
    finally:
        os.close(ruleset)


def _linux() -> ctypes.CDLL | None:
    """Return libc where these calls exist."""
    return ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def _ruleset(version: int) -> bytes:
    """Return `struct landlock_ruleset_attr` for the kernel's version: what is refused unless a rule allows it."""
    # A kernel refuses bits and fields that are newer than itself.
    files = _FILES_1
    for since, right in ((2, _REFER_2), (3, _TRUNCATE_3), (5, _DEVICE_5)):
        files |= right if version >= since else 0
    fields = [files, *([_NET_4] if version >= 4 else []), *([_SCOPE_6] if version >= 6 else [])]
    return struct.pack(f"={len(fields)}Q", *fields)


def _let_read(libc: ctypes.CDLL, ruleset: int, path: str) -> None:
    # A path that does not exist needs no rule. Links are followed, so that the rule is for what they lead to.
    with contextlib.suppress(OSError):
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
        try:
            is_directory = stat.S_ISDIR(os.fstat(descriptor).st_mode)
            rights = _EXECUTE | _READ_FILE | (_READ_DIR if is_directory else 0)
            libc.syscall(_ADD_RULE, ruleset, _PATH_BENEATH, struct.pack("=Qi", rights, descriptor), 0)
        finally:
            os.close(descriptor)


def _python_needs() -> set[str]:
    """Return the paths that Python and C libraries read: modules load late. None of them holds a person's secrets."""
    system = ("/usr", "/lib", "/lib64", "/proc/self", "/sys/devices/system/cpu", "/dev/null", "/dev/urandom")
    package = str(Path(__file__).parents[1])
    return {*system, package, sys.prefix, sys.base_prefix, *filter(None, sys.path)}
