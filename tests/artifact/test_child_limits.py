"""What a process can no longer do once it has limited itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

TRY = """
import json, os, resource, signal, socket, sys
from pathlib import Path
from promotebot.artifact import child_limits
child_limits.limit(5, 2 * 1024**3)
child_limits.drop_privileges()
fenced = child_limits.apply_landlock(Path())
def able(action):
    try:
        action()
    except OSError:
        return False
    return True
parent = os.getppid()
print(json.dumps({
    "fenced": fenced,
    "reads its directory": able(lambda: open("model.onnx").read()),
    "reads python": able(lambda: open(os.__file__).read()),
    "reads outside": able(lambda: open("../secret").read()),
    "lists outside": able(lambda: os.listdir("..")),
    "reads its parent's environment": able(lambda: open(f"/proc/{parent}/environ").read()),
    "writes": able(lambda: open("new", "w")),
    "removes": able(lambda: os.remove("model.onnx")),
    "connects": able(lambda: socket.create_connection(("127.0.0.1", int(sys.argv[1])), 2)),
    "signals its parent": able(lambda: os.kill(parent, 0)),
    "limits": [resource.getrlimit(what) for what in (resource.RLIMIT_CPU, resource.RLIMIT_AS, resource.RLIMIT_CORE)],
    "privileges": Path("/proc/self/status").read_text().split("NoNewPrivs:")[1].split()[0],
}))
"""


@pytest.fixture
def tried(tmp_path: Path) -> dict[str, Any]:
    """What a limited process could it can do."""
    import socket

    (tmp_path / "secret").write_text("token")
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "model.onnx").write_text("model")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        command = [sys.executable, "-I", "-c", TRY, port]
        done = subprocess.run(command, cwd=inside, capture_output=True, check=True, text=True)
    facts: dict[str, Any] = json.loads(done.stdout)
    return facts


def test_a_limited_process_reads_its_directory_and_python_and_does_nothing_else(tried: dict[str, Any]) -> None:
    if not tried.pop("fenced"):
        pytest.skip("this kernel has no Landlock")
    kernel = tuple(int(part) for part in os.uname().release.split(".")[:2])
    able = {name for name, value in tried.items() if value is True}
    newer = {"connects"} if kernel < (6, 7) else set()  # the kernel learned to refuse it later
    newer |= {"signals its parent"} if kernel < (6, 12) else set()
    assert able - newer == {"reads its directory", "reads python"}


def test_limits_hold_without_landlock(tried: dict[str, Any]) -> None:
    seconds, (memory, most), core = tried["limits"]
    assert (seconds, core) == ([5, 6], [0, 0])
    assert 2 * 1024**3 < memory == most < 3 * 1024**3  # beside what the process had before
    assert tried["privileges"] == "1"


REACH = """
import json, os, socket, sys
from promotebot.artifact import child_limits
if sys.argv[1] == "nobody":
    try:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
    except OSError:
        sys.exit(77)
offline = child_limits.drop_network()
child_limits.drop_privileges()
found = {"offline": offline, "reached": []}
for name, kind, port in (("tcp", socket.SOCK_STREAM, sys.argv[2]), ("udp", socket.SOCK_DGRAM, sys.argv[3])):
    with socket.socket(socket.AF_INET, kind) as out:
        try:
            out.connect(("127.0.0.1", int(port)))
            out.send(b"token")
            found["reached"].append(name)
        except OSError:
            pass
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
found["capabilities"] = int(status["CapEff"], 16) | int(status["CapPrm"], 16)
print(json.dumps(found))
"""


@pytest.mark.parametrize("who", ["us", "nobody"])
def test_an_offline_process_reaches_no_listener_of_this_machine(who: str) -> None:
    """Over TCP and over UDP, which no version of Landlock knows."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind(("127.0.0.1", 0))
        ports = [str(listener.getsockname()[1]) for listener in (tcp, udp)]
        command = [sys.executable, "-I", "-c", REACH, who, *ports]
        done = subprocess.run(command, capture_output=True, check=False, text=True, cwd="/")
        if done.returncode == 77:
            pytest.skip("only root can become somebody else")
        result = json.loads(done.stdout)
        if not result["offline"]:
            assert result["reached"] == [
                "tcp",
                "udp",
            ]  # the listeners are there; only the kernel would have kept it away
            pytest.skip("this kernel lets nobody but root make a network namespace")
        assert (result["reached"], result["capabilities"]) == ([], 0)
        udp.setblocking(False)
        with pytest.raises(BlockingIOError):
            udp.recv(1)


def test_a_limit_that_is_already_lower_is_kept() -> None:
    code = """
import resource
from promotebot.artifact import child_limits
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
child_limits.limit(5, 2 * 1024**3)
print(resource.getrlimit(resource.RLIMIT_NOFILE))
"""
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, check=True, text=True)
    assert done.stdout.strip() == "(64, 64)"


FORK = """
import os, sys
from promotebot.artifact import child_limits
if os.getuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
os.waitpid(os.posix_spawn("/bin/true", ["true"], {}), 0)
refused = child_limits.refuse_processes()
try:
    os.fork()
except BlockingIOError:
    print(refused, "no process")
"""


def test_a_user_may_start_no_process_once_that_is_limited() -> None:
    done = subprocess.run([sys.executable, "-I", "-c", FORK], capture_output=True, check=True, text=True, cwd="/")
    assert done.stdout == "True no process\n"


def test_root_is_not_told_that_a_limit_holds_which_does_not_count_for_root() -> None:
    code = "from promotebot.artifact import child_limits; print(child_limits.refuse_processes())"
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, check=True, text=True)
    assert done.stdout == f"{os.getuid() != 0}\n"
