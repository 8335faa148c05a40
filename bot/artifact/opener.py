"""The program that opens one model in a process of its own: `python -I -m bot.artifact.opener REQUEST`.

It is started with an empty environment in a private copy of the artifact, limits itself before anything heavy
is loaded, and prints one JSON document. What it says is a claim; the parent checks it.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path
from typing import Any

RELATIVE, ABSOLUTE = 1e-3, 1e-5
RUNS = 50
MAX_ANSWER = 1024 * 1024
_NUMBER_TYPES = {
    "tensor(float)": "float32",
    "tensor(double)": "float64",
    "tensor(int64)": "int64",
    "tensor(int32)": "int32",
}


def limit(seconds: int, memory_bytes: int) -> None:
    """Bound this process: processor seconds, address space, no core file, no file longer than its answer may be."""
    for what, value in (
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, MAX_ANSWER),
        (resource.RLIMIT_NOFILE, 128),
    ):
        resource.setrlimit(what, (value, value))


def open_model(model_file: str) -> dict[str, Any]:
    """Load the model without optimisation and run its golden data; a JSON-ready report."""
    import onnxruntime

    onnxruntime.set_default_logger_severity(4)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False
    started = time.perf_counter()
    session = onnxruntime.InferenceSession(model_file, options, providers=["CPUExecutionProvider"])
    loaded = time.perf_counter() - started
    golden, row = run_golden(session)
    return {
        "inputs": [describe(item) for item in session.get_inputs()],
        "outputs": [describe(item) for item in session.get_outputs()],
        "load_ms": round(loaded * 1000, 3),
        "golden": golden,
        "latency_ms": measure(session, row) if row is not None else None,
    }


def describe(item: Any) -> dict[str, Any]:
    shape = [size if isinstance(size, int) else str(size or "?") for size in item.shape]
    return {"name": item.name, "type": _NUMBER_TYPES.get(item.type, item.type), "shape": shape}


def run_golden(session: Any) -> tuple[list[dict[str, Any]], dict[str, Any] | None]:
    """Run every `test_data_set_N` and compare (ONNX's convention); also the first input row, for timing."""
    reports, row = [], None
    for directory in sorted(path for path in Path().glob("test_data_set_*") if path.is_dir()):
        inputs = {item.name: tensor(directory / f"input_{i}.pb") for i, item in enumerate(session.get_inputs())}
        wanted = [
            tensor(path) for path in sorted(directory.glob("output_*.pb"), key=lambda p: int(p.stem.split("_")[1]))
        ]
        got = session.run(None, inputs)
        reports.append({"name": directory.name, **compare(got, wanted)})
        row = row or {name: value[:1] if value.ndim else value for name, value in inputs.items()}
    return reports, row


def tensor(path: Path) -> Any:
    import onnx
    from onnx import numpy_helper

    return numpy_helper.to_array(onnx.load_tensor(str(path)))


def compare(got: list[Any], wanted: list[Any]) -> dict[str, Any]:
    import numpy

    if not wanted or len(wanted) > len(got):
        return {
            "equal": False,
            "difference": None,
            "problem": f"{len(wanted)} golden outputs, the model gives {len(got)}",
        }
    worst = 0.0
    for index, (have, want) in enumerate(zip(got, wanted, strict=False)):
        if have.shape != want.shape or have.dtype != want.dtype:
            problem = f"output {index} is {have.dtype}{list(have.shape)}, golden is {want.dtype}{list(want.shape)}"
            return {"equal": False, "difference": None, "problem": problem}
        if not numpy.allclose(have, want, rtol=RELATIVE, atol=ABSOLUTE):
            gap = float(numpy.max(numpy.abs(have.astype("float64") - want.astype("float64"))))
            return {
                "equal": False,
                "difference": gap if gap < 1e30 else None,
                "problem": f"output {index} differs by {gap:.3g}",
            }
        worst = max(worst, float(numpy.max(numpy.abs(have.astype("float64") - want.astype("float64")), initial=0.0)))
    return {"equal": True, "difference": worst, "problem": ""}


def measure(session: Any, row: dict[str, Any]) -> dict[str, float]:
    """p50 and p95 of single-row runs in milliseconds."""
    times = []
    for _ in range(RUNS):
        started = time.perf_counter()
        session.run(None, row)
        times.append((time.perf_counter() - started) * 1000)
    times.sort()
    return {"p50": round(times[RUNS // 2], 4), "p95": round(times[int(RUNS * 0.95)], 4)}


def main() -> int:
    request = json.loads(sys.argv[1])
    limit(int(request["seconds"]), int(request["memory_bytes"]))
    try:
        report = {"opened": True, **open_model(str(request["model_file"]))}
    except MemoryError:
        report = {"opened": False, "problem": "it needs more memory than the limit"}
    except Exception as problem:  # whatever the runtime throws at a hostile file is this program's answer
        report = {"opened": False, "problem": f"{type(problem).__name__}: {' '.join(str(problem).split())[:500]}"}
    sys.stdout.write(json.dumps(report))
    sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
