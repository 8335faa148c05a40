"""The parts of onnx are the package's own, and where they cannot be had alone, all of it is loaded."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from .conftest import build_model

LOAD = """
import importlib, json, sys
from pathlib import Path
from promotebot.artifact import onnx_parts
if sys.argv[1] == "otherwise":
    def gone():
        onnx_parts._checker = checker
        raise AttributeError
    checker, onnx_parts._checker = onnx_parts._checker, gone
onnx_parts.load_onnx()
from onnx import ModelProto, TensorProto, numpy_helper
told = [onnx_parts.check(Path(name)) for name in ("sound.onnx", "nameless.onnx")]
print(json.dumps({"told": told, "whole": hasattr(sys.modules["onnx"], "load_model")}))
"""


def test_the_parts_check_a_model_as_the_package_does_with_and_without_its_helpers(tmp_path: Path) -> None:
    nameless = build_model()
    nameless.graph.ClearField("name")
    (tmp_path / "sound.onnx").write_bytes(build_model().SerializeToString())
    (tmp_path / "nameless.onnx").write_bytes(nameless.SerializeToString())
    for how in ("alone", "otherwise"):
        command = [sys.executable, "-I", "-c", LOAD, how]
        result = json.loads(subprocess.run(command, cwd=tmp_path, capture_output=True, check=True, text=True).stdout)
        assert result["whole"] == (how == "otherwise")
        assert result["told"][0] == ""
        assert "Field 'name' of 'graph'" in result["told"][1]


WARM = """
import sys
from pathlib import Path
import onnxruntime
from promotebot.artifact import child, onnx_parts
onnx_parts.load_onnx()
child.warm_up()
before = set(sys.modules)
child.open_model(Path("sound.onnx"))
list(child.serve_model(Path("sound.onnx"), golden=None))
threads = Path("/proc/self/status").read_text().split("Threads:")[1].split()[0]
print(threads, sorted(set(sys.modules) - before))
"""


def test_what_every_fork_needs_is_there_before_it_and_no_thread_is_started(tmp_path: Path) -> None:
    """A fork has none of the threads of its parent, but the locks that they held."""
    (tmp_path / "sound.onnx").write_bytes(build_model().SerializeToString())
    done = subprocess.run(
        [sys.executable, "-I", "-c", WARM],
        cwd=tmp_path,
        env={"ORT_DISABLE_TELEMETRY": "1", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        check=True,
        text=True,
    )
    assert done.stdout == "1 []\n"
