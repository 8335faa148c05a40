"""A brief run of every fuzz target, so that it cannot rot; `make fuzz` looks longer."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
RUNS = 3000


@pytest.mark.skipif(
    importlib.util.find_spec("atheris") is None, reason="atheris has no wheel for this Python or machine"
)
@pytest.mark.parametrize(
    "target", ["comment", "registry", "manifest", "policy", "safetensors", "gguf", "bundle", "onnx", "signature", "npy"]
)
def test_a_brief_run_finds_nothing(target: str, tmp_path: Path) -> None:
    command = [sys.executable, str(HERE / "fuzz.py"), target, f"-runs={RUNS}", "-seed=1", "-rss_limit_mb=4096"]
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    command += [f"-artifact_prefix={tmp_path}/", str(corpus), str(HERE / "seeds" / target)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, errors="replace", check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert f"Done {RUNS} runs" in done.stderr
