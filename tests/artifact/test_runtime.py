"""Every way the process that opens a model can end is an answer; most of them with a stand-in for the program."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from textwrap import dedent, indent
from typing import Any

import pytest

from promotebot.artifact import opening, runtime
from promotebot.artifact.answer import MAX_ANSWER, Golden, NotOpened, NotServed, Opened, Served
from promotebot.artifact.child import NOT_WRITTEN, UNAVAILABLE
from promotebot.artifact.limits import Limits
from promotebot.artifact.opening import OpeningProcess
from promotebot.artifact.runtime import ChildOpener
from promotebot.artifact.walls import WALLS
from promotebot.errors import CouldNotVerify

from .conftest import SERVED, first_answer, opened

SAMPLE = Path(__file__).resolve().parents[2] / "ml/artifacts/regime_v1"
ASKS = """
os.write(0, b'{"walls": []}\\n')
request.update(json.loads(sys.stdin.readline()))
"""
"""The beginning of every opening that behaves: it says what walls stand, and then is told the model."""


def program(first: str, second: str | None = None, *, asks: str = ASKS) -> str:
    """A program whose openings do one thing; the second opening another one, where that is given."""
    bodies = [indent(asks + dedent(body), " " * 8) for body in (first, first if second is None else second)]
    return f"""
import json, os, signal, sys, time
from promotebot.artifact.fork_server import serve
def opening(request):
    if request["optimised"]:
{bodies[1]}
    else:
{bodies[0]}
sys.exit(serve(opening))
"""


def open_by(tmp_path: Path, text: str, **limits: Any) -> Opened | NotOpened:
    script = tmp_path / "program.py"
    script.write_text(text)
    inside = tmp_path / "inside"
    inside.mkdir(exist_ok=True)
    return ChildOpener([sys.executable, "-I", str(script)]).open(inside, "model.onnx", Limits(**limits))


def run(tmp_path: Path, body: str, **limits: Any) -> Opened | NotOpened:
    return open_by(tmp_path, program(body), **limits)


def served(tmp_path: Path, second: str, **limits: Any) -> Served | NotServed:
    """What is made of a second opening after a first one that went well."""
    result = open_by(tmp_path, program(answer(), second), **limits)
    assert isinstance(result, Opened), result
    return result.served


def said(result: Opened | NotOpened) -> str:
    assert isinstance(result, NotOpened), result
    (problem,) = result.problems
    assert problem.rule == "artifact.opens"
    return problem.message


def answer(**changes: Any) -> str:
    return f"print({json.dumps({**first_answer(), **changes})!r})"


def lines(*documents: dict[str, Any]) -> str:
    return "\n".join(f"print({json.dumps(document)!r}, flush=True)" for document in documents)


def test_both_answers_are_read(tmp_path: Path) -> None:
    result = open_by(tmp_path, program(answer(), lines(*SERVED)))
    assert isinstance(result, Opened)
    assert result == opened(walls=result.walls, served=result.served)
    assert isinstance(result.served, Served)
    assert result.served.golden == (Golden(name="test_data_set_0", equal=True, difference=0.0, problem=""),)
    assert 10**6 < result.served.peak_bytes < 10**9  # an interpreter's, and of no model


def test_the_program_gets_the_request_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "secret")
    monkeypatch.setenv("LD_LIBRARY_PATH", "/opt/python/lib")
    body = """
        facts = {"env": dict(os.environ), "cwd": os.getcwd(), "arguments": sys.argv[1:], "request": request,
                 "leads": os.getsid(0) == os.getppid(), "files": sorted(os.listdir("/proc/self/fd"))}
        open(f"../facts-{request['optimised']}.json", "w").write(json.dumps(facts))
        print(%r)
    """
    run(tmp_path, body % json.dumps(first_answer()), open_seconds=7, run_seconds=5, open_memory_bytes=10**9)
    facts = json.loads((tmp_path / "facts-False.json").read_text())
    second = json.loads((tmp_path / "facts-True.json").read_text())["request"]
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
    assert facts["arguments"] == []
    named = {"model_file": "model.onnx", "golden": None, "compares": False}
    assert facts["request"] == {"optimised": False, "seconds": 7, "memory_bytes": 10**9, **named}
    # Its resident memory is watched: under a limit of address space it would leave out what services do.
    assert second == {"optimised": True, "seconds": 12, "memory_bytes": None, **named, "golden": {}}


def test_a_program_that_does_not_end_is_ended_with_all_it_started(tmp_path: Path) -> None:
    body = """
        child = os.fork()
        if child:
            open("../pid", "w").write(str(child))
        time.sleep(600)
    """
    started = time.monotonic()
    assert "within 1 s (limits.open_seconds)" in said(run(tmp_path, body, open_seconds=1))
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
    ("body", "words"),
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
def test_an_end_without_an_answer_is_told(tmp_path: Path, body: str, words: str) -> None:
    message = said(run(tmp_path, body))
    assert words in message
    assert len(message) < 1000


JUNK = ("pass", "print('junk')", "print('[]')", "print('null')")


@pytest.mark.parametrize(
    "body",
    [
        *JUNK,
        "print('{}')",
        "print('{\"opened\": true}')",
        'print(\'{"opened": true, "opened": true}\')',
        "print('{\"opened\": false}')",
        'print(\'{"opened": false, "problems": [{"rule": "artifact.digest", "message": "x"}]}\')',
        "print('[' * 100_000)",
        "sys.stdout.buffer.write(b'\\xff\\xfe')",
        f"print(' ' * {MAX_ANSWER} + '{{}}')",
        answer(ir_version=True),
        answer(inputs=[{"name": "x" * 2000, "type": "float32", "shape": []}]),
        answer(surprise=1),
    ],
)
def test_an_answer_of_another_form_is_no_answer(tmp_path: Path, body: str) -> None:
    assert said(run(tmp_path, body)) == "the process that opened it gave no readable answer"


GOLDEN = {"name": "test_data_set_0", "equal": True, "difference": 0.0, "problem": ""}


@pytest.mark.parametrize(
    "body",
    [
        *JUNK,
        lines({"load_ms": 1.0}),
        lines({"load_ms": True}, {"done": True}),
        lines({"load_ms": -1.0}, {"done": True}),
        "print('{\"load_ms\": NaN}'); print('{\"done\": true}')",
        lines({"done": True}),
        lines(SERVED[0], {"golden": {**GOLDEN, "name": "../../x"}}, {"done": True}),
        lines(SERVED[0], {"golden": {**GOLDEN, "name": "test_data_set_0\n"}}, {"done": True}),
        lines(SERVED[0], {"golden": {**GOLDEN, "equal": "yes"}}, {"done": True}),
        lines(SERVED[0], {"surprise": 1}, {"done": True}),
        lines(SERVED[0], {"latency_ms": {"runs": 0, "fastest": 1.0, "p50": 1.0, "p95": 1.0}, "done": True}),
    ],
)
def test_a_second_answer_of_another_form_is_no_answer(tmp_path: Path, body: str) -> None:
    result = served(tmp_path, body)
    assert isinstance(result, NotServed)
    assert result.problem == "the process that opened it gave no readable answer"


@pytest.mark.parametrize(
    ("body", "problem", "limit"),
    [
        ("os.kill(os.getpid(), signal.SIGSEGV)", "was ended by SIGSEGV, while it loaded", ""),
        (lines(*SERVED[:2]) + "\nos.abort()", "was ended by SIGABRT, while it ran", ""),
        ("sys.stderr.write('last words\\n'); sys.exit(3)", "ended with 3: last words, while it loaded", ""),
        (lines({"refused": "no kernel"}), "ONNX Runtime refuses it: no kernel", ""),
        ("time.sleep(600)", "did not load within 1 s", "limits.open_seconds"),
        (lines(*SERVED[:2]) + "\ntime.sleep(600)", "it loaded, but did not run its golden", "limits.run_seconds"),
        ("os.kill(os.getpid(), signal.SIGXCPU)", "did not load within 1 s", "limits.open_seconds"),
    ],
)
def test_what_fails_in_the_second_opening_is_told_with_the_policys_key(
    tmp_path: Path, body: str, problem: str, limit: str
) -> None:
    result = served(tmp_path, body, open_seconds=1, run_seconds=1)
    assert isinstance(result, NotServed)
    assert problem in result.problem
    assert result.limit == limit
    if "golden" in body:  # what was compared before counts
        assert [golden.name for golden in result.golden] == ["test_data_set_0"]


def test_a_process_that_holds_too_much_memory_is_ended_while_it_does(tmp_path: Path) -> None:
    result = served(tmp_path, "b'x' * 10**9; time.sleep(600)", open_memory_bytes=200_000_000)
    assert isinstance(result, NotServed)
    assert "more than 200,000,000 bytes of memory to load" in result.problem
    assert result.limit == "limits.open_memory_bytes"


def test_memory_that_the_kernel_counted_in_the_end_is_held_against_the_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between two looks a process may have had it, and ended."""
    monkeypatch.setattr("promotebot.artifact.opening.peak_memory", lambda _: 1)
    result = served(tmp_path, "b'x' * 10**9\n" + lines(*SERVED), open_memory_bytes=500_000_000)
    assert isinstance(result, NotServed)
    assert result.limit == "limits.open_memory_bytes"


def test_a_refusal_without_a_reason_is_still_a_refusal(tmp_path: Path) -> None:
    assert said(run(tmp_path, 'print(\'{"opened": false, "problems": []}\')')) == "no reason was given"


def test_names_out_of_a_model_cannot_break_a_line(tmp_path: Path) -> None:
    result = run(tmp_path, answer(inputs=[{"name": "a\n::error::b", "type": "float32", "shape": ["n\r"]}]))
    assert isinstance(result, Opened)
    assert result.inputs[0].name == "a�::error::b"
    assert str(result.inputs[0]) == "float32[n�]"


def test_a_runtime_that_cannot_be_loaded_is_could_not_verify(tmp_path: Path) -> None:
    text = f"import sys; sys.stderr.write('ImportError: No module named onnxruntime'); sys.exit({UNAVAILABLE})"
    with pytest.raises(CouldNotVerify, match=r"ONNX Runtime cannot be loaded: .*No module named onnxruntime"):
        open_by(tmp_path, text)


@pytest.mark.parametrize("text", ["pass", "import sys; sys.exit('last words')", "import os; os.write(0, b'junk')"])
def test_a_program_that_does_not_even_fork_is_could_not_verify(tmp_path: Path, text: str) -> None:
    with pytest.raises(CouldNotVerify, match="before it knew the model"):
        open_by(tmp_path, text)


def test_an_answer_that_a_full_disk_does_not_take_is_could_not_verify(tmp_path: Path) -> None:
    with pytest.raises(CouldNotVerify, match="the disk for temporary files may be full"):
        run(tmp_path, f"sys.exit({NOT_WRITTEN})")


def test_a_program_that_cannot_be_started_is_could_not_verify(tmp_path: Path) -> None:
    with pytest.raises(CouldNotVerify, match="cannot be started"):
        ChildOpener([str(tmp_path / "nothing")]).open(tmp_path, "model.onnx", Limits())


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[OpeningProcess]:
    """The processes that were started."""
    processes = list[OpeningProcess]()
    make = OpeningProcess

    def start(*arguments: Any, **named: Any) -> OpeningProcess:
        processes.append(make(*arguments, **named))
        return processes[-1]

    monkeypatch.setattr(runtime, "OpeningProcess", start)
    return processes


def places(tmp_path: Path, count: int) -> list[Path]:
    for number in range(count):
        (tmp_path / f"artifact_{number}").mkdir()
        shutil.copy(SAMPLE / "model.onnx", tmp_path / f"artifact_{number}/model.onnx")
    return [tmp_path / f"artifact_{number}" for number in range(count)]


def is_open(result: object) -> bool:
    return isinstance(result, Opened) and isinstance(result.served, Served)


def test_many_directories_are_opened_in_forks_of_one_process_which_then_ends(
    tmp_path: Path, started: list[OpeningProcess]
) -> None:
    opener = ChildOpener()
    with opener.keeping():
        assert all(is_open(opener.open(place, "model.onnx", Limits())) for place in places(tmp_path, 3))
        assert [process.is_running for process in started] == [True]
    assert [process.is_running for process in started] == [False]
    opener.open(tmp_path / "artifact_0", "model.onnx", Limits())
    assert [process.is_running for process in started] == [False, False], "outside of the block nothing is kept"


def test_a_kept_process_that_was_ended_meanwhile_costs_no_model_its_verdict(
    tmp_path: Path, started: list[OpeningProcess]
) -> None:
    opener, (first, second) = ChildOpener(), places(tmp_path, 2)
    with opener.keeping():
        opener.open(first, "model.onnx", Limits())
        os.kill(started[0].pid, signal.SIGKILL)
        assert is_open(opener.open(second, "model.onnx", Limits()))
    assert len(started) == 2


def test_a_process_whose_fork_lacked_a_wall_or_was_ended_opens_nothing_of_another_directory(
    tmp_path: Path, started: list[OpeningProcess], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = places(tmp_path, 2)
    slow = ChildOpener([sys.executable, "-I", "-c", program("time.sleep(60)")])
    with slow.keeping():
        assert isinstance(slow.open(first, "model.onnx", Limits(open_seconds=1)), NotOpened)
    opener = ChildOpener()
    monkeypatch.setattr(opening, "confirm_walls", lambda _pid, claimed: tuple(claimed)[1:])
    with opener.keeping():
        opener.open(first, "model.onnx", Limits(walls="available"))
        opener.open(second, "model.onnx", Limits(walls="available"))
    assert len(started) == 3


def test_the_last_words_of_one_model_are_not_told_of_another_one(
    tmp_path: Path, started: list[OpeningProcess], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "confirm_walls", lambda _pid, _claimed: WALLS)
    body = """
        if os.path.exists("loud"):
            print("the first one's words", file=sys.stderr, flush=True)
        os._exit(5)
    """
    first, second = places(tmp_path, 2)
    (first / "loud").touch()
    opener = ChildOpener([sys.executable, "-I", "-c", program(body)])
    with opener.keeping():
        assert said(opener.open(first, "model.onnx", Limits())).endswith("ended with 5: the first one's words")
        assert said(opener.open(second, "model.onnx", Limits())) == "the process that opened it ended with 5"
    assert len(started) == 1


def test_a_model_in_a_fork_of_a_kept_process_reads_its_own_directory_only(tmp_path: Path) -> None:
    opener, (first, second) = ChildOpener(), places(tmp_path, 2)
    (second / "model.onnx").unlink()
    with opener.keeping():
        assert is_open(opener.open(first, "model.onnx", Limits()))
        result = opener.open(second, "../artifact_0/model.onnx", Limits())
    assert isinstance(result, NotOpened), "the walls of this fork are those of its directory"


def test_threads_that_open_at_the_same_time_have_a_process_each_and_end_none_of_the_others(
    tmp_path: Path, started: list[OpeningProcess]
) -> None:
    opener, directories = ChildOpener(), places(tmp_path, 6)
    with opener.keeping(), ThreadPoolExecutor(2) as pool:
        results = pool.map(lambda place: opener.open(place, "model.onnx", Limits()), directories)
        assert all(map(is_open, results))
        assert [process.is_running for process in started] == [True] * len(started)
        assert 1 <= len(started) <= 2
    assert not any(process.is_running for process in started)


def test_what_is_being_opened_when_nobody_waits_any_more_is_ended(
    tmp_path: Path, started: list[OpeningProcess]
) -> None:
    begun = tmp_path / "begun"
    body = f"open({str(begun)!r}, 'w').close()\ntime.sleep(60)"
    opener, (place,) = ChildOpener([sys.executable, "-I", "-c", program(body)]), places(tmp_path, 1)
    with ThreadPoolExecutor(1) as pool:
        with opener.keeping():
            future = pool.submit(opener.open_each, place, ["model.onnx", "again.onnx"], Limits())
            while not begun.exists() and not future.done():
                os.sched_yield()
        with pytest.raises(CouldNotVerify, match="it was stopped before every model was opened"):
            future.result(timeout=30)
    assert [process.is_running for process in started] == [False]
