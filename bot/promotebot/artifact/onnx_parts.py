"""The parts of the package onnx that opening a model needs: its messages, and its checker.

Importing the package itself loads helpers for building models, which take a third of the time of `import onnxruntime`,
in every process that opens a model. So the package is entered without running its `__init__`.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any


def load_onnx() -> None:
    """Make the parts importable, or load the whole package where a version of it is built differently.

    Raises:
        ImportError: where there is no onnx.
    """
    if "onnx" in sys.modules:
        return
    spec = importlib.util.find_spec("onnx")
    if spec is None:
        raise ImportError("No module named onnx")
    package = importlib.util.module_from_spec(spec)
    sys.modules["onnx"] = package
    try:
        _add_messages(package)
        _checker()
    except (ImportError, AttributeError):
        del sys.modules["onnx"]
        importlib.import_module("onnx")


def _add_messages(package: ModuleType) -> None:
    """Give the package its messages, as its own modules look for them there."""
    messages = importlib.import_module("onnx.onnx_ml_pb2")
    for name in messages.DESCRIPTOR.message_types_by_name:
        setattr(package, name, getattr(messages, name))


def check(model_file: Path) -> str:
    """Return what onnx's own checker has against a model; empty for nothing."""
    checker = _checker()
    try:
        checker.check_model_path(str(model_file))
    except checker.ValidationError as problem:
        return str(problem)
    return ""


def know_operators() -> None:
    """Make the checker's table of operators, which it makes when it is first asked for one."""
    with contextlib.suppress(AttributeError, TypeError):  # of a version of onnx without this question
        importlib.import_module("onnx.onnx_cpp2py_export").defs.has_schema("Identity")


def _checker() -> Any:
    return importlib.import_module("onnx.onnx_cpp2py_export").checker
