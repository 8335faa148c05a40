"""The sample: its committed bytes, its training, its contract with the runtime."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from promotebot.artifact import load_artifact
from promotebot.artifact.examination import examine
from promotebot.artifact.limits import Terms
from promotebot.artifact.runtime import ChildOpener
from promotebot.artifact.work_tree import WorkTree
from promotebot.findings import errors_in
from promotebot.registry.names import parse_artifact_path

pytestmark = pytest.mark.thorough

ROOT = Path(__file__).resolve().parents[2]
SHA = "5" * 40


@pytest.fixture(scope="module")
def train() -> ModuleType:
    spec = importlib.util.spec_from_file_location("train", ROOT / "ml/train.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["train"] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_a_committed_artifact_is_sound_in_every_rule(version: str) -> None:
    path = parse_artifact_path(f"ml/artifacts/regime_{version}")
    evidence = examine(WorkTree(ROOT, lambda _: _every_file(path)), path, opener=ChildOpener(), terms=Terms())
    assert errors_in(evidence.findings) == []
    assert evidence.card is not None
    opened = evidence.card.opened
    assert [str(tensor) for tensor in (*opened.inputs, *opened.outputs)] == ["float32[n,15]", "float32[n,3]"]
    assert [(tensor.name) for tensor in (*opened.inputs, *opened.outputs)] == ["input", "regime_probs"]
    assert [(golden.name, golden.equal) for golden in opened.served.golden] == [("test_data_set_0", True)]


def _every_file(directory: str) -> set[str]:
    return {str(path.relative_to(ROOT)) for path in (ROOT / directory).rglob("*") if path.is_file()}


def test_the_manifest_names_the_model_and_the_features_and_reports_its_accuracy() -> None:
    first, second = (load_artifact(ROOT / f"ml/artifacts/regime_{version}") for version in ("v1", "v2"))
    assert first.manifest.model == second.manifest.model == "regime_classifier"
    assert first.manifest.feature_order == second.manifest.feature_order
    assert len(first.manifest.feature_order or ()) == 15
    assert first.manifest.digest != second.manifest.digest


def test_training_twice_gives_the_same_bytes(train: ModuleType, tmp_path: Path) -> None:
    for name in ("one", "two"):
        train.write_artifact("v1", tmp_path / name, git_sha=SHA, created_at="2026-11-23T09:00:00Z")
    files = sorted(path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*") if path.is_file())
    assert len(files) == 5
    assert all((tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes() for file in files)


def test_the_commit_changes_the_manifest_only(train: ModuleType, tmp_path: Path) -> None:
    train.write_artifact("v1", tmp_path / "a", git_sha=SHA, created_at="2026-11-23T09:00:00Z")
    train.write_artifact("v1", tmp_path / "b", git_sha="6" * 40, created_at="2026-11-23T09:00:00Z")
    assert load_artifact(tmp_path / "a").manifest.digest == load_artifact(tmp_path / "b").manifest.digest


@pytest.mark.exhaustive
def test_the_second_version_is_better_where_neither_was_trained(train: ModuleType) -> None:
    rows, regimes = train.draw(4000, 4242)
    scores = [train.accuracy(train.train(train.RECIPES[version]), rows, regimes) for version in ("v1", "v2")]
    assert scores[1] > scores[0] + 0.1
    assert scores[0] > max(np.bincount(regimes)) / len(regimes)


def test_the_script_says_what_it_needs(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "ml/train.py"), "--version", "v1"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "--git-sha" in done.stderr
