"""The program in whose forks models are opened: `python -I -m promotebot.artifact.child`.

It is started with an empty environment in a private copy of the artifact, leaves the network before anything heavy is
loaded, loads the runtime once, and forks for each opening (`promotebot.artifact.fork_server`). A fork limits itself,
raises its walls, and tells the parent in the conversation which of them stand. Only then the parent says which file is
the model. Its answer is a claim that the parent checks.
"""

from __future__ import annotations

import errno
import gc
import json
import os
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from promotebot.artifact import child_limits, walls
from promotebot.artifact.compared import PLACE, compare_sets
from promotebot.artifact.evaluated import evaluate
from promotebot.artifact.fork_server import serve
from promotebot.artifact.golden import golden_sets, measure, run_set
from promotebot.artifact.graph import UnreadableGraph, read_graph
from promotebot.artifact.onnx_parts import check, know_operators, load_onnx

NOT_WRITTEN = 74
"""Exit code (sysexits' EX_IOERR) of a fork whose answer the disk does not take."""
UNAVAILABLE = 69
"""Exit code (sysexits' EX_UNAVAILABLE) for "there is no runtime here": says nothing about the model."""
MAX_TEXT = 500
"""Characters of a text in the answer; the model chooses its names, and the parent reads a megabyte at most."""
_IDENTITY = (
    b'\x08\x07:7\n\x10\n\x01x\x12\x01y"\x08Identity\x12\x01gZ\x0f\n\x01x\x12\n\n\x08\x08\x01\x12\x04\n\x02\x08\x01'
    b"b\x0f\n\x01y\x12\n\n\x08\x08\x01\x12\x04\n\x02\x08\x01B\x04\n\x00\x10\r"
)
"""A model of our own that gives back what it is given."""
# ONNX Runtime's names of types → numpy's.
_TYPES = {"float": "float32", "double": "float64", "float16": "float16", "bfloat16": "bfloat16"}


def open_model(model_file: Path) -> dict[str, Any]:
    """Read the graph and load the model without optimisation; return a JSON-ready report.

    A model is refused where the walk over its graph or the runtime refuses it; what onnx's own checker says is an
    opinion. Optimisation folds constants: 657 bytes can ask for 8 GiB. See docs/architecture.md, Scale.
    """
    try:
        graph = read_graph(model_file)
    except UnreadableGraph as problem:
        return refused(("artifact.opens", str(problem), ""))
    # Before anything of onnx follows a path: a location in the model may lead out of the directory.
    problems = [("artifact.external_data", problem, "") for problem in graph.external_problems]
    unknown = sorted(set(graph.other_domains) - runtime_domains()) if graph.other_domains else []
    problems += [("artifact.graph", f"operators of {domain!r}", "operators") for domain in unknown]
    if problems:
        return refused(*problems)
    try:
        session, _ = start_session(model_file, optimised=False)
    except Exception as problem:
        return refused(("artifact.opens", f"ONNX Runtime refuses it: {_told(problem)}", lacking(str(problem))))
    described = {
        "opened": True,
        "inputs": [describe(item) for item in session.get_inputs()],
        "outputs": [describe(item) for item in session.get_outputs()],
        "opsets": [{"domain": domain, "version": version} for domain, version in graph.opsets],
        "ir_version": graph.ir_version,
        "producer": graph.producer[:MAX_TEXT],
        "external_files": list(graph.external_files),
    }
    # The checker reads the file once more: there need not be room for both.
    del session
    return {**described, "checker": " ".join(check(model_file).split())[:MAX_TEXT]}


def warm_up() -> None:
    """Let the runtime and the checker make their tables of operators, which each fork would make for itself."""
    start_session(_IDENTITY, optimised=True)
    know_operators()


def runtime_domains() -> set[str]:
    """Return the domains of which this ONNX Runtime has operators."""
    from onnxruntime.capi import onnxruntime_pybind11_state as runtime

    return {schema.domain for schema in runtime.get_all_operator_schema()}


def lacking(problem: str) -> str:
    """Return what the runtime says that it lacks here; empty where it says something of the model itself."""
    signs = {"Failed to construct locale": "locales", "NOT_IMPLEMENTED": "kernels", "not a registered": "operators"}
    return next((what for sign, what in signs.items() if sign in problem), "")


def serve_model(
    model_file: Path, *, golden: Mapping[str, float] | None, compares: bool = False
) -> Iterator[dict[str, Any]]:
    """Load the model as a service does, run its golden data, measure one row; yield each result as soon as it is there.

    What is done by then stands: the comparison with another model comes last.

    It runs only after `open_model` accepted the same bytes.

    Args:
        golden: the tolerances that the manifest gives; None where the golden data beside the model is not its own.
        compares: whether its outputs are compared with those of the incumbent, whose golden data lies in `PLACE`.
    """
    session, load_ms = start_session(model_file, optimised=True)
    yield {"load_ms": load_ms}
    row = None
    for path in golden_sets(model_file.parent) if golden is not None else []:
        report, ran = run_set(session, path, golden or {})
        yield {"golden": report}
        row = row or ran
    yield {"latency_ms": measure(session, row) if row else None, "done": True}
    if compares:
        for compared in compare_sets(session, Path(PLACE)):
            yield {"compared": compared}
        yield {"compared_all": True}


def start_session(model: Path | bytes, *, optimised: bool) -> tuple[Any, float]:
    """Return a session on one thread, as this process may start no other, and the milliseconds that loading took."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    if not optimised:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        # An arena reserves address space in advance, which is limited here.
        options.enable_cpu_mem_arena = False
    given = model if isinstance(model, bytes) else str(model)
    started = time.perf_counter()
    session = onnxruntime.InferenceSession(given, options, providers=["CPUExecutionProvider"])
    return session, round((time.perf_counter() - started) * 1000, 3)


def refused(*problems: tuple[str, str, str]) -> dict[str, Any]:
    """Return the report of a model that was not opened, from (rule, message, what is lacking), at most twenty."""
    shown = [
        {"rule": rule, "message": " ".join(message.split())[:MAX_TEXT], "lacks": lacks}
        for rule, message, lacks in problems[:20]
    ]
    return {"opened": False, "problems": shown}


def describe(item: Any) -> dict[str, Any]:
    """Return name, element type as numpy writes it, and shape with symbolic sizes by name ("?" for unnamed ones)."""
    shape = [size if isinstance(size, int) else str(size or "?")[:MAX_TEXT] for size in item.shape or []]
    inner = item.type[len("tensor(") : -1] if item.type.startswith("tensor(") else item.type
    return {"name": item.name[:MAX_TEXT], "type": _TYPES.get(inner, inner)[:MAX_TEXT], "shape": shape}


def answer(model_file: Path) -> dict[str, Any]:
    """Return the report of `open_model`, or of the exception that it raised."""
    try:
        return open_model(model_file)
    except MemoryError:
        return refused(("artifact.opens", "it needs more memory than the limit (limits.open_memory_bytes)", ""))
    # Whatever the runtime throws at a hostile file is an answer about that file.
    except Exception as problem:
        return refused(("artifact.opens", _told(problem), ""))


def asked_for(model_file: Path, named: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Return what the parent asked for when it named a model: how it is served, or how it does beside another one."""
    evaluation = named.get("evaluation")
    if evaluation is None:
        return answers(serve_model(model_file, golden=named["golden"], compares=named["compares"] is True))
    return answers(evaluate(_start, model_file, evaluation["incumbent"], int(evaluation["rows"])))


def _start(model_file: Path) -> Any:
    if read_graph(model_file).external_problems:  # as in `open_model`, which did not look at the incumbent here
        raise UnreadableGraph("its external data is outside of its directory")
    return start_session(model_file, optimised=True)[0]


def answers(lines: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield lines of an answer, and the exception that making them raised."""
    try:
        yield from lines
    except Exception as problem:
        yield {"refused": _told(problem)[:MAX_TEXT]}


def _told(problem: Exception) -> str:
    return f"{type(problem).__name__}: {' '.join(str(problem).split())}"


def open_in_fork(request: Mapping[str, Any], *, offline: bool) -> None:
    """Give up rights, ask for the model, open it, write the answer: what a fork does, from its beginning to its end."""
    # The order matters: limits first; the walls go up last before the model.
    child_limits.limit(int(request["seconds"]), request["memory_bytes"])
    output = os.fdopen(os.dup(1), "wb")
    # A library that prints must not spoil the answer.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    standing = walls.raise_walls(Path(), offline=offline)
    os.write(0, json.dumps({"walls": standing}).encode() + b"\n")
    named = json.loads(sys.stdin.readline())
    model_file = Path(str(named["model_file"]))
    try:
        for line in asked_for(model_file, named) if request["optimised"] else [answer(model_file)]:
            output.write(json.dumps(line, allow_nan=False).encode() + b"\n")
            output.flush()
    except OSError as problem:
        # Its own limit on what it may write is met by the model's fault, a full disk is not.
        sys.exit(1 if problem.errno == errno.EFBIG else NOT_WRITTEN)


def main() -> int:
    """Leave the network, load the runtime, fork for whoever asks; return an exit code."""
    # What is imported stays: looking for garbage in it takes a tenth of the time, here and in each fork.
    gc.disable()
    child_limits.end_first()
    # While there is one thread.
    offline = child_limits.drop_network()
    try:
        import onnxruntime

        load_onnx()
    except (ImportError, MemoryError) as problem:
        sys.stderr.write(f"{type(problem).__name__}: {problem}\n")
        return UNAVAILABLE
    onnxruntime.set_default_logger_severity(4)
    warm_up()
    gc.freeze()
    gc.enable()
    return serve(lambda request: open_in_fork(request, offline=offline))


if __name__ == "__main__":
    sys.exit(main())
