"""Each wall around the process that opens a model, by attacks that run in its place (`attacks.py`)."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from textwrap import indent
from typing import Any

import pytest

from promotebot.artifact import child_limits, seccomp
from promotebot.artifact.answer import NotOpened, Opened
from promotebot.artifact.child import UNAVAILABLE
from promotebot.artifact.limits import Limits
from promotebot.artifact.runtime import ChildOpener
from promotebot.artifact.seccomp import ARCHITECTURES
from promotebot.artifact.walls import WALLS, confirm_walls
from promotebot.errors import CouldNotVerify
from promotebot.findings import Severity, errors_in

from .attacks import ATTACKS, DONE, SECRET
from .conftest import Place, StandIn, first_answer, opened, refusal, rules

pytestmark = pytest.mark.thorough

PROGRAM = Path(__file__).with_name("attacks.py")
FORKS = ("starts_a_process", "starts_a_process_that_outlives_it", "runs_a_program")
PEEKS = ("reads_its_parents_environment", "reads_its_parents_memory", "reads_its_parents_memory_by_a_call")
STOPS = {
    "files": ("reads_a_file", "writes_a_file", "removes_a_file", *PEEKS, "traces_its_parent"),
    "network": ("connects_over_tcp",),
    "system calls": (
        *("writes_a_file", "removes_a_file", "changes_the_mode_of_a_file", "changes_a_mode_by_a_newer_call"),
        *("connects_to_a_unix_socket", "connects_over_tcp", *FORKS, "reads_its_parents_memory_by_a_call"),
        *("traces_its_parent", "signals_its_parent", "signals_its_parent_by_a_descriptor", "limits_its_parent"),
        *("enters_a_user_namespace", "asks_for_a_queue_of_calls"),
    ),
    "capabilities": ("uses_a_capability", *PEEKS, "traces_its_parent"),
    "processes": FORKS,
    "parent": (*PEEKS, "traces_its_parent"),
}
"""Wall → the attacks that it stops alone."""
NEEDS_A_RIGHT = {"network", "processes"}
"""Walls that depend on the user where they are raised alone: root makes a network namespace, and has no limit of
processes. The filter on system calls raises them for everybody."""
REFUSED_BY_THE_KERNEL = ("PermissionError: ", "OSError: ")


@cache
def attacked(variant: str) -> dict[str, Any]:
    """{"walls", "outcomes"} of every attack behind the walls of a variant, and "outlives": whether a process did."""
    with tempfile.TemporaryDirectory() as directory:
        command = [sys.executable, "-I", str(PROGRAM), variant, directory]
        environment = {"TOKEN": SECRET, "LC_ALL": "C.UTF-8"}
        done = subprocess.run(command, capture_output=True, check=True, text=True, env=environment)
        told = Path(directory, "outlives")
        outlives = told.exists() and _end(int(told.read_text()))
    result: dict[str, Any] = json.loads(done.stdout)
    return {**result, "outlives": outlives}


def _end(pid: int) -> bool:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
        return True
    return False


@cache
def possible() -> set[str]:
    """The walls that this kernel has the means for, asked without our code."""
    if sys.platform != "linux":
        return set()
    landlock = ctypes.CDLL(None).syscall(444, None, ctypes.c_size_t(0), 1) >= 1  # its version
    seccomp = Path("/proc/sys/kernel/seccomp").is_dir() and os.uname().machine in ARCHITECTURES
    filtered = {"system calls", "processes", "network"} if seccomp else set()
    return {"capabilities", "parent"} | filtered | ({"files"} if landlock else set())


def is_kept_away(attack: str, variant: str = "nothing") -> bool:
    """True when this machine itself keeps the attack from what it wants, without a wall."""
    return bool(attacked(variant)["outcomes"][attack] != DONE)


@pytest.mark.parametrize("attack", ATTACKS)
def test_no_attack_succeeds_behind_the_walls_that_are_said_to_stand_against_it(attack: str) -> None:
    standing = {wall for wall in attacked("all")["walls"] if attack in STOPS[wall]}
    assert attacked("all")["outcomes"][attack] != DONE or not standing


def test_no_process_outlives_the_walls() -> None:
    assert not attacked("all")["outlives"] or "processes" not in attacked("all")["walls"]


def test_every_wall_stands_that_the_kernel_has_the_means_for() -> None:
    assert set(attacked("all")["walls"]) == possible()


@pytest.mark.parametrize("attack", ATTACKS)
def test_the_attack_succeeds_where_there_is_no_wall_and_the_kernel_does_not_refuse_it(attack: str) -> None:
    outcome = attacked("nothing")["outcomes"][attack]
    assert outcome == DONE or outcome.startswith(REFUSED_BY_THE_KERNEL), outcome
    assert attacked("nothing")["walls"] == []


def test_where_there_is_no_wall_what_is_started_in_a_session_of_its_own_is_ended_all_the_same() -> None:
    assert (attacked("nothing")["outcomes"]["starts_a_process_that_outlives_it"] == DONE) != is_kept_away(
        "starts_a_process_that_outlives_it"
    )
    assert not attacked("nothing")["outlives"]


@pytest.mark.parametrize(("wall", "attack"), [(wall, attack) for wall in WALLS for attack in STOPS[wall]])
def test_each_wall_alone_stops_its_attacks_exactly_where_it_is_said_to_stand(wall: str, attack: str) -> None:
    stands = wall in attacked(wall)["walls"]
    assert stands or wall not in possible() - NEEDS_A_RIGHT
    # Whoever has no capabilities has none to lose, and this wall stops nothing more.
    stops = stands and not (wall == "capabilities" and is_kept_away("uses_a_capability"))
    bare = "powerless" if wall == "parent" else "nothing"
    assert (attacked(wall)["outcomes"][attack] != DONE) == (stops or is_kept_away(attack, bare))


def test_every_attack_is_stopped_by_some_wall_and_every_wall_has_its_attack() -> None:
    assert set(STOPS) == set(WALLS)
    assert {attack for attacks in STOPS.values() for attack in attacks} == set(ATTACKS)


LIAR = """
import json, os, sys
from promotebot.artifact.fork_server import serve
def opening(request):
    {before}
    os.write(0, json.dumps({{"walls": {claim}}}).encode() + b"\\n")
    sys.stdin.readline() and print({answer!r})
serve(opening)
"""
ANSWER = json.dumps(first_answer())


def opened_by(
    directory: Path, *, claim: object = WALLS, before: str = "pass", answer: str = ANSWER
) -> Opened | NotOpened:
    """What is made of a process that claims walls, does something first, and answers."""
    code = LIAR.format(before=indent(before, "    ").lstrip(), claim=json.dumps(claim), answer=answer)
    return ChildOpener([sys.executable, "-I", "-c", code]).open(directory, "model.onnx", Limits())


def test_a_claim_that_the_kernel_contradicts_is_not_believed(tmp_path: Path) -> None:
    result = opened_by(tmp_path)
    assert isinstance(result, Opened)
    assert "system calls" not in result.walls
    powerless = os.getuid() != 0 and "NoNewPrivs:\t1" in Path("/proc/self/status").read_text()
    assert ("capabilities" in result.walls) == powerless


@pytest.mark.parametrize(("theirs", "confirmed"), [("1", False), ("2", True)])
def test_the_filter_of_a_container_around_both_is_not_taken_for_the_processes_own(
    monkeypatch: pytest.MonkeyPatch, theirs: str, confirmed: bool
) -> None:
    told = {os.getpid(): [{"Seccomp_filters": "1"}], 1: [{"Seccomp_filters": theirs}]}
    monkeypatch.setattr("promotebot.artifact.walls._threads", told.__getitem__)
    assert ("system calls" in confirm_walls(1, ["system calls"])) == confirmed


def test_where_the_kernel_tells_nothing_of_a_process_none_of_its_walls_is_confirmed() -> None:
    assert set(confirm_walls(2**22 + 1, WALLS)) <= {"parent"}  # no process has that number


def test_a_second_thread_is_outside_of_what_covers_one(tmp_path: Path) -> None:
    thread = "import threading; threading.Thread(target=threading.Event().wait, daemon=True).start()"
    raised = "from pathlib import Path; from promotebot.artifact import walls; walls.raise_walls(Path(), offline=False)"
    result = opened_by(tmp_path, before=f"{thread}\n{raised}", answer=ANSWER)
    assert isinstance(result, Opened)
    assert "files" not in result.walls
    assert ("capabilities" in result.walls) == (os.getuid() != 0)


def test_what_the_process_says_of_walls_after_it_knows_the_model_counts_for_nothing(tmp_path: Path) -> None:
    result = opened_by(tmp_path, claim=[], answer=json.dumps({**json.loads(ANSWER), "walls": list(WALLS)}))
    assert isinstance(result, Opened)
    assert set(result.walls) <= {"parent"}


@pytest.mark.parametrize("claim", [None, "files", [1], {"files": True}])
def test_a_process_that_does_not_say_which_walls_stand_is_not_told_the_model(tmp_path: Path, claim: object) -> None:
    told = f"open({str(tmp_path / 'told')!r}, 'w').write(sys.stdin.readline())"
    code = LIAR.format(
        before="pass", claim=json.dumps(claim).replace("null", "None").replace("true", "True"), answer=""
    )
    result = ChildOpener([sys.executable, "-I", "-c", code.replace("sys.stdin.readline()", told)]).open(
        tmp_path, "model.onnx", Limits(open_seconds=5)
    )
    assert isinstance(result, NotOpened)
    assert "model.onnx" not in (tmp_path / "told").read_text()


@pytest.mark.parametrize("hidden", [True, False])
def test_where_every_wall_is_required_a_missing_one_refuses_the_model_before_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hidden: bool
) -> None:
    monkeypatch.setattr("promotebot.artifact.walls._is_hidden", lambda: hidden)
    told = tmp_path / "told"
    code = LIAR.format(before="pass", claim="[]", answer="").replace("print(", f"open({str(told)!r}, 'w').write(")
    result = ChildOpener([sys.executable, "-I", "-c", code]).open(tmp_path, "model.onnx", Limits(walls="required"))
    assert isinstance(result, NotOpened)
    assert set(WALLS) - set(result.missing_walls) == ({"parent"} if hidden else set())
    assert not told.exists()


def test_a_model_for_which_a_wall_is_missing_is_refused_with_the_policys_key(place: Place) -> None:
    opener = StandIn(NotOpened((), ("files", "parent")))
    finding = refusal(place.examine(opener=opener, walls="required"), "artifact.walls")
    assert "files, parent" in finding.message
    assert "limits.walls: available" in finding.remedy


def test_a_model_that_was_opened_without_a_wall_is_shown_with_a_warning(place: Place) -> None:
    walls = tuple(wall for wall in WALLS if wall not in ("files", "parent"))
    evidence = place.examine(opener=StandIn(opened(walls=walls)))
    assert errors_in(evidence.findings) == []
    (finding,) = [finding for finding in evidence.findings if finding.rule == "artifact.walls"]
    assert finding.severity is Severity.WARNING
    assert "files, parent" in finding.message
    assert finding.remedy


def test_every_wall_that_stood_is_named(place: Place) -> None:
    evidence = place.examine(opener=StandIn(opened()))
    assert "artifact.walls" in rules(evidence, Severity.PASS)
    (finding,) = [finding for finding in evidence.findings if finding.rule == "artifact.walls"]
    assert all(wall in finding.message for wall in WALLS)


@pytest.mark.parametrize("module", [child_limits, seccomp], ids=lambda module: module.__name__)
def test_where_there_is_no_linux_no_wall_is_claimed(module: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    if module is seccomp:
        assert not seccomp.apply_filter()
    else:
        assert not child_limits.drop_network()
        assert not child_limits.drop_privileges()
        assert not child_limits.apply_landlock(Path())


DAEMON = """
import time
if not os.fork():
    os.setsid()
    if not os.fork():
        with open({place!r} + str(os.getpid()), "w") as written:
            written.write(str(os.getpid()))
        os.replace(written.name, {place!r})  # whole: a second opening may be ended while it writes
        time.sleep(600)
    time.sleep(600)
while not os.path.exists({place!r}):
    time.sleep(0.01)
"""


def children() -> set[int]:
    listed = (place.read_text() for place in Path("/proc/self/task").glob("*/children"))
    return {int(child) for text in listed for child in text.split()}


@pytest.mark.parametrize("answer", [ANSWER, "", "{}"], ids=["opened", "nothing", "unreadable"])
def test_what_a_process_without_walls_leaves_in_a_session_of_its_own_is_ended_with_it(
    tmp_path: Path, answer: str
) -> None:
    place, other = tmp_path / "daemon", subprocess.Popen(["sleep", "600"])
    try:
        opened_by(tmp_path, claim=[], before=DAEMON.format(place=str(place)), answer=answer)
        assert not Path(f"/proc/{int(place.read_text())}").exists()
        assert children() >= {other.pid}, "what else was started goes on"
    finally:
        other.kill()
        other.wait()


def test_what_a_process_that_failed_leaves_behind_is_ended_too(tmp_path: Path) -> None:
    place = tmp_path / "daemon"
    code = f"import os, sys\n{DAEMON.format(place=str(place))}\nsys.exit({UNAVAILABLE})"
    with pytest.raises(CouldNotVerify):
        ChildOpener([sys.executable, "-I", "-c", code]).open(tmp_path, "model.onnx", Limits())
    assert not Path(f"/proc/{int(place.read_text())}").exists()
