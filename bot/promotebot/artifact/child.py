"""The program that opens one model in a process of its own: `python -I -m promotebot.artifact.child LIMITS`.

It is started with an empty environment in a private copy of the artifact, limits itself and leaves the network before
anything heavy is loaded, raises its walls, and tells the parent on stdin, a socket, which of them stand. Only then the
parent says which file is the model. Its answer, one JSON document on stdout, is a claim that the parent checks.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from promotebot.artifact import child_limits, walls
from promotebot.artifact.golden import measure, run_golden
from promotebot.artifact.graph import UnreadableGraph, read_graph

UNAVAILABLE = 69
"""Exit code (sysexits' EX_UNAVAILABLE) for "there is no runtime here": says nothing about the model."""
MAX_TEXT = 500
"""Characters of a text in the answer; the model chooses its names, and the parent reads a megabyte at most."""
# ONNX Runtime's names of types → numpy's.
_TYPES = {"float": "float32", "double": "float64", "float16": "float16", "bfloat16": "bfloat16"}


def open_model(model_file: Path) -> dict[str, Any]:
    """Read the graph, load the model without optimisation, run its golden data; return a JSON-ready report.

    A model is refused where the walk over its graph, onnx's own checker or the runtime refuses it. Optimisation folds
    constants: 657 bytes can ask for 8 GiB. See docs/architecture.md, Scale.
    """
    from onnx import checker

    try:
        graph = read_graph(model_file)
    except UnreadableGraph as problem:
        return refused(("artifact.opens", str(problem)))
    # Before anything of onnx follows a path: a location in the model may lead out of the directory.
    problems = [("artifact.graph", f"it uses operators of {domain!r}") for domain in graph.unknown_domains]
    problems += [("artifact.external_data", problem) for problem in graph.external_problems]
    if problems:
        return refused(*problems)
    try:
        checker.check_model(str(model_file))
    except checker.ValidationError as problem:
        return refused(("artifact.opens", f"onnx's own checker: {problem}"))
    session, load_ms = start_session(model_file)
    golden, row = run_golden(session, model_file.parent)
    return {
        "opened": True,
        "inputs": [describe(item) for item in session.get_inputs()],
        "outputs": [describe(item) for item in session.get_outputs()],
        "load_ms": load_ms,
        "golden": golden,
        "latency_ms": measure(session, row) if row is not None else None,
        "opsets": [{"domain": domain, "version": version} for domain, version in graph.opsets],
        "ir_version": graph.ir_version,
        "producer": graph.producer[:MAX_TEXT],
        "external_files": list(graph.external_files),
    }


def start_session(model_file: Path) -> tuple[Any, float]:
    """Return a session on one thread without optimisation, and the milliseconds that loading took."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    # An arena reserves address space in advance, which is limited here.
    options.enable_cpu_mem_arena = False
    started = time.perf_counter()
    session = onnxruntime.InferenceSession(str(model_file), options, providers=["CPUExecutionProvider"])
    return session, round((time.perf_counter() - started) * 1000, 3)


def refused(*problems: tuple[str, str]) -> dict[str, Any]:
    """Return the report of a model that was not opened, from (rule, message); at most twenty, each in one line."""
    shown = [{"rule": rule, "message": " ".join(message.split())[:MAX_TEXT]} for rule, message in problems[:20]]
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
        return refused(("artifact.opens", "it needs more memory than the limit"))
    # Whatever the runtime throws at a hostile file is an answer about that file.
    except Exception as problem:
        return refused(("artifact.opens", f"{type(problem).__name__}: {problem}"))


def main() -> int:
    """Give up rights, ask for the model, open it, print the report; return an exit code."""
    # The order matters: limits first, then the network, while there is one thread; heavy imports need files, so the
    # walls go up last before the model.
    limits = json.loads(sys.argv[1])
    child_limits.limit(int(limits["seconds"]), int(limits["memory_bytes"]))
    offline = child_limits.drop_network()
    output = os.fdopen(os.dup(1), "w", encoding="utf-8")
    # A library that prints must not spoil the answer.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    try:
        import numpy  # noqa: F401 - loaded before the walls go up
        import onnx  # noqa: F401 - loaded before the walls go up
        import onnxruntime
    except (ImportError, MemoryError) as problem:
        sys.stderr.write(f"{type(problem).__name__}: {problem}\n")
        return UNAVAILABLE
    onnxruntime.set_default_logger_severity(4)
    standing = walls.raise_walls(Path(), offline=offline)
    os.write(0, json.dumps({"walls": standing}).encode() + b"\n")
    request = json.loads(sys.stdin.readline())
    report = answer(Path(str(request["model_file"])))
    with output:
        json.dump(report, output, allow_nan=False)
    # The answer is given: a library that crashes while Python shuts down must not turn it into a failure.
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
