"""What a model that found a hole in ONNX Runtime could try, and a program that tries it: a bot and its child process.

`python -I attacks.py VARIANT DIRECTORY` is the bot. In the real child process, every attack below runs in the place of
the model, and the bot prints {"walls": [...], "outcomes": {attack: outcome}}. The variant says which walls are raised:
`all` of them as always, `nothing`, one alone by its name, or `powerless` for nothing around a bot without capabilities.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import resource
import signal
import socket
import struct
import sys
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from promotebot.artifact import child, child_limits, opening, runtime, seccomp, walls
from promotebot.artifact.answer import NotOpened
from promotebot.artifact.limits import Limits

SECRET = "the-token-of-the-job"
DONE = "done"
_PTRACE_SEIZE, _CLONE_NEWUSER, _IOV = 0x4206, 0x10000000, "@PN"
_MACHINE = os.uname().machine


@dataclass(frozen=True)
class Target:
    """What there is to attack: the bot, a place in its memory, its listeners, and files of its user."""

    parent: int
    address: int
    port: int
    listener: str
    secret: str
    directory: str


def call(name: str, *arguments: Any) -> int:
    """Make a system call of the filter's own list by its number; raise OSError where the kernel refuses."""
    calls = " ".join([*seccomp.REFUSED.values(), "fchmodat2=452/452"])
    number = seccomp.numbers(calls, _MACHINE)[name]
    libc = ctypes.CDLL(None, use_errno=True)
    result = int(libc.syscall(number, *arguments))
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def must(holds: bool) -> None:
    if not holds:
        raise LookupError("it saw something, but not the secret")


def reads_a_file(target: Target) -> None:
    must(Path(target.secret).read_text() == SECRET)


def writes_a_file(target: Target) -> None:
    Path(target.directory, "written").write_text("x")


def removes_a_file(target: Target) -> None:
    Path(target.directory, "removed").unlink()


def changes_the_mode_of_a_file(target: Target) -> None:
    Path(target.secret).chmod(0o644)


def changes_a_mode_by_a_newer_call(target: Target) -> None:
    call("fchmodat2", -100, target.secret.encode(), 0o644, 0)


def connects_to_a_unix_socket(target: Target) -> None:
    with socket.socket(socket.AF_UNIX) as out:
        out.connect(target.listener)


def connects_over_tcp(target: Target) -> None:
    socket.create_connection(("127.0.0.1", target.port), 5).close()


def starts_a_process_that_outlives_it(target: Target) -> None:
    child = os.fork()
    if child == 0:
        os.setsid()
        signal.alarm(60)  # in case that nobody can be told its number
        signal.pause()
    Path(target.directory, "outlives").write_text(str(child))


def starts_a_process(target: Target) -> None:
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)


def runs_a_program(target: Target) -> None:
    os.waitpid(os.posix_spawn("/bin/true", ["true"], {}), 0)


def reads_its_parents_environment(target: Target) -> None:
    must(SECRET.encode() in Path(f"/proc/{target.parent}/environ").read_bytes())


def reads_its_parents_memory(target: Target) -> None:
    with Path(f"/proc/{target.parent}/mem").open("rb") as memory:
        memory.seek(target.address)
        must(memory.read(len(SECRET)) == SECRET.encode())


def reads_its_parents_memory_by_a_call(target: Target) -> None:
    buffer = ctypes.create_string_buffer(len(SECRET))
    here, there = (struct.pack(_IOV, at, len(SECRET)) for at in (ctypes.addressof(buffer), target.address))
    call("process_vm_readv", target.parent, here, ctypes.c_ulong(1), there, ctypes.c_ulong(1), ctypes.c_ulong(0))
    must(buffer.raw == SECRET.encode())


def traces_its_parent(target: Target) -> None:
    nothing = ctypes.c_ulong(0)
    call("ptrace", ctypes.c_long(_PTRACE_SEIZE), ctypes.c_long(target.parent), nothing, nothing)


def signals_its_parent(target: Target) -> None:
    os.kill(target.parent, signal.SIGURG)


def signals_its_parent_by_a_descriptor(target: Target) -> None:
    reader, _ = os.pipe()
    fcntl.fcntl(reader, fcntl.F_SETOWN, target.parent)


def limits_its_parent(target: Target) -> None:
    resource.prlimit(target.parent, resource.RLIMIT_CORE, (0, 0))


def enters_a_user_namespace(target: Target) -> None:
    call("unshare", _CLONE_NEWUSER)


def asks_for_a_queue_of_calls(target: Target) -> None:
    call("io_uring_setup", 1, ctypes.create_string_buffer(120))


def uses_a_capability(target: Target) -> None:
    os.setgroups([])


ATTACKS: Mapping[str, Callable[[Target], None]] = {
    attack.__name__: attack
    for attack in (
        uses_a_capability,
        reads_a_file,
        writes_a_file,
        removes_a_file,
        changes_the_mode_of_a_file,
        changes_a_mode_by_a_newer_call,
        connects_to_a_unix_socket,
        connects_over_tcp,
        starts_a_process,
        starts_a_process_that_outlives_it,
        runs_a_program,
        reads_its_parents_environment,
        reads_its_parents_memory,
        reads_its_parents_memory_by_a_call,
        signals_its_parent,
        signals_its_parent_by_a_descriptor,
        limits_its_parent,
        asks_for_a_queue_of_calls,
        traces_its_parent,
        enters_a_user_namespace,  # the last one: what comes behind would run in it
    )
}


def attempt(attack: Callable[[Target], None], target: Target) -> str:
    try:
        attack(target)
    except Exception as problem:  # noqa: BLE001 - however it is kept from it, it is the outcome
        return f"{type(problem).__name__}: {problem}"
    return DONE


def no_new_privileges() -> None:
    """What Landlock and seccomp ask for, without the rest of `drop_privileges`."""
    ctypes.CDLL(None).prctl(38, 1, 0, 0, 0)


def alone(variant: str, *, offline: bool) -> list[walls.Wall]:
    """Raise one wall by its own means, or none."""
    means: Mapping[walls.Wall, Callable[[], bool]] = {
        "files": lambda: child_limits.apply_landlock(Path()),
        "network": lambda: offline,
        "system calls": seccomp.apply_filter,
        "capabilities": child_limits.drop_privileges,
        "processes": child_limits.refuse_processes,
    }
    if variant in ("files", "system calls"):
        no_new_privileges()
    return [wall for wall, stands in means.items() if wall == variant and stands()]


def run_child(variant: str, target: Target) -> int:
    """The child process itself, with the attacks in the place of the model, and with the variant's walls."""

    def hole(model_file: Path) -> dict[str, Any]:
        outcomes = {name: attempt(attack, target) for name, attack in ATTACKS.items()}
        problems = [{"rule": "artifact.opens", "message": f"{name}={outcome}"} for name, outcome in outcomes.items()]
        return {"opened": False, "problems": problems}

    child.open_model = hole
    if variant != "all":
        walls.raise_walls = lambda _, *, offline: alone(variant, offline=offline)  # type: ignore[assignment]
    if variant not in ("all", "network"):
        child_limits.drop_network = lambda: False
    return child.main()


def run_bot(variant: str, directory: Path) -> dict[str, Any]:
    """Open "the model" as a bot does, but for the walls that the variant leaves out."""
    if variant in ("parent", "powerless"):
        # Root may look into every process, hidden or not; so this bot has no more rights than a user.
        child_limits.drop_privileges()
    if variant not in ("all", "parent"):
        runtime.hide_memory = lambda: None  # type: ignore[attr-defined]
    secret = ctypes.create_string_buffer(SECRET.encode())
    standing: list[str] = []

    def confirmed(pid: int, claimed: Collection[str]) -> tuple[walls.Wall, ...]:
        result = walls.confirm_walls(pid, claimed)
        standing.extend(result)
        return result

    opening.confirm_walls = confirmed  # type: ignore[attr-defined]
    (directory / "model").mkdir()
    (directory / "removed").touch()
    (directory / "secret").write_text(SECRET)
    with socket.socket(socket.AF_UNIX) as listener, socket.create_server(("127.0.0.1", 0)) as server:
        listener.bind(str(directory / "listener"))
        listener.listen()
        places = [str(directory / "listener"), str(directory / "secret"), str(directory)]
        target = Target(os.getpid(), ctypes.addressof(secret), server.getsockname()[1], *places)
        command = [sys.executable, "-I", __file__, "child", variant, json.dumps(asdict(target))]
        result = runtime.ChildOpener(command).open(directory / "model", "model.onnx", Limits())
    assert isinstance(result, NotOpened)
    return {"walls": standing, "outcomes": dict(problem.message.split("=", 1) for problem in result.problems)}


def main() -> int:
    if sys.argv[1] == "child":
        _, _, variant, target = sys.argv
        return run_child(variant, Target(**json.loads(target)))
    sys.stdout.write(json.dumps(run_bot(sys.argv[1], Path(sys.argv[2]))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
