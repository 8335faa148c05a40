"""Every way the process that opens a model can end is an answer; most of them with a stand-in for the program."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from promotebot.artifact.child import UNAVAILABLE
from promotebot.artifact.limits import Limits
from promotebot.artifact.runtime import MAX_ANSWER, ChildOpener, NotOpened, Opened
from promotebot.errors import CouldNotVerify

from .conftest import opened

ASKS = """
os.write(0, b'{"walls": []}\\n')
request = json.loads(sys.stdin.readline())
"""
"""The beginning of every program that behaves: it says what walls stand, and then is told the model."""


def run(tmp_path: Path, program: str, *, asks: str = ASKS, **limits: Any) -> Opened | NotOpened:
    script = tmp_path / "program.py"
    script.write_text(f"import json, os, signal, sys, time\n{asks}{dedent(program)}")
    inside = tmp_path / "inside"
    inside.mkdir()
    return ChildOpener([sys.executable, "-I", str(script)]).open(inside, "model.onnx", Limits(**limits))


def said(result: Opened | NotOpened) -> str:
    assert isinstance(result, NotOpened), result
    (problem,) = result.problems
    assert problem.rule == "artifact.opens"
    return problem.message


def answer(**changes: Any) -> str:
    return f"print({json.dumps({'opened': True, **opened().model_dump(exclude={'walls'}), **changes})!r})"


def test_an_answer_is_read(tmp_path: Path) -> None:
    result = run(tmp_path, answer())
    assert isinstance(result, Opened)
    assert result == opened(walls=result.walls)


def test_the_program_gets_the_request_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "secret")
    monkeypatch.setenv("LD_LIBRARY_PATH", "/opt/python/lib")
    program = """
        facts = {"env": dict(os.environ), "cwd": os.getcwd(), "limits": sys.argv[1], "request": request,
                 "leads": os.getsid(0) == os.getpid(), "files": sorted(os.listdir("/proc/self/fd"))}
        open("../facts.json", "w").write(json.dumps(facts))
    """
    run(tmp_path, program, open_seconds=7, open_memory_bytes=10**9)
    facts = json.loads((tmp_path / "facts.json").read_text())
    assert set(facts["env"]) <= {
        "LC_ALL",
        "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "MALLOC_ARENA_MAX",
        "LD_LIBRARY_PATH",
        "ORT_DISABLE_TELEMETRY",
    }
    assert facts["env"]["LD_LIBRARY_PATH"] == "/opt/python/lib"
    assert facts["cwd"] == str(tmp_path / "inside")
    assert facts["leads"] is True
    assert len(facts["files"]) == 4  # stdin, stdout, stderr, and the listing itself
    assert json.loads(facts["limits"]) == {"seconds": 7, "memory_bytes": 10**9}
    assert facts["request"] == {"model_file": "model.onnx"}


def test_a_program_that_does_not_end_is_ended_with_all_it_started(tmp_path: Path) -> None:
    program = """
        child = os.fork()
        if child:
            open("../pid", "w").write(str(child))
        time.sleep(600)
    """
    started = time.monotonic()
    assert "within 1 s (limits.open_seconds)" in said(run(tmp_path, program, open_seconds=1))
    assert time.monotonic() - started < 60
    assert ended(int((tmp_path / "pid").read_text()))


def ended(pid: int) -> bool:
    """Gone, or only waiting for its parent to look; the kernel takes its time."""
    status = Path(f"/proc/{pid}/stat")
    for _ in range(1000):
        try:
            if status.read_text().rpartition(")")[2].split()[0] in "ZX":
                return True
        except (FileNotFoundError, ProcessLookupError):
            return True
        time.sleep(0.01)
    return False


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("os.kill(os.getpid(), signal.SIGSEGV)", "SIGSEGV"),
        ("os.abort()", "SIGABRT"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "SIGKILL"),
        ("os.kill(os.getpid(), signal.SIGXCPU)", "processor time"),
        ("os.kill(os.getpid(), signal.SIGRTMIN + 1)", "signal 35"),
        ("sys.stderr.write('first\\nlast\\x1b[31m words\\n'); sys.exit(3)", "ended with 3: last�[31m words"),
        ("sys.exit(3)", "ended with 3"),
        ("sys.stderr.write('x' * 10**6); sys.exit(3)", "ended with 3: xxx"),
    ],
)
def test_an_end_without_an_answer_is_told(tmp_path: Path, program: str, words: str) -> None:
    message = said(run(tmp_path, program))
    assert words in message
    assert len(message) < 1000


@pytest.mark.parametrize(
    "program",
    [
        "pass",
        "print('junk')",
        "print('[]')",
        "print('null')",
        "print('{}')",
        "print('{\"opened\": true}')",
        'print(\'{"opened": true, "opened": true}\')',
        "print('{\"opened\": false}')",
        'print(\'{"opened": false, "problems": [{"rule": "artifact.digest", "message": "x"}]}\')',
        "print('[' * 100_000)",
        "sys.stdout.buffer.write(b'\\xff\\xfe')",
        f"print(' ' * {MAX_ANSWER} + '{{}}')",
        answer(load_ms=True),
        answer(load_ms=-1.0),
        answer(load_ms=float("nan")),
        answer(inputs=[{"name": "x" * 2000, "type": "float32", "shape": []}]),
        answer(golden=[{"name": "../../x", "equal": True, "difference": 0.0, "problem": ""}]),
        answer(golden=[{"name": "test_data_set_0\n", "equal": True, "difference": 0.0, "problem": ""}]),
        answer(golden=[{"name": "test_data_set_0", "equal": "yes", "difference": 0.0, "problem": ""}]),
        answer(surprise=1),
    ],
)
def test_an_answer_of_another_form_is_no_answer(tmp_path: Path, program: str) -> None:
    assert said(run(tmp_path, program)) == "the process that opened it gave no readable answer"


def test_a_refusal_without_a_reason_is_still_a_refusal(tmp_path: Path) -> None:
    assert said(run(tmp_path, 'print(\'{"opened": false, "problems": []}\')')) == "no reason was given"


def test_names_out_of_a_model_cannot_break_a_line(tmp_path: Path) -> None:
    result = run(tmp_path, answer(inputs=[{"name": "a\n::error::b", "type": "float32", "shape": ["n\r"]}]))
    assert isinstance(result, Opened)
    assert result.inputs[0].name == "a�::error::b"
    assert str(result.inputs[0]) == "float32[n�]"


def test_a_runtime_that_cannot_be_loaded_is_could_not_verify(tmp_path: Path) -> None:
    program = f"sys.stderr.write('ImportError: No module named onnxruntime'); sys.exit({UNAVAILABLE})"
    with pytest.raises(CouldNotVerify, match="No module named onnxruntime"):
        run(tmp_path, program)


def test_a_program_that_cannot_be_started_is_could_not_verify(tmp_path: Path) -> None:
    with pytest.raises(CouldNotVerify, match="cannot be started"):
        ChildOpener([str(tmp_path / "nothing")]).open(tmp_path, "model.onnx", Limits())
