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
