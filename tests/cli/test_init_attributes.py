"""What `promotebot init` writes into .gitattributes, asked of git itself: nothing converts an artifact."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from promotebot.cli.main import main

ATTRIBUTES = ".gitattributes"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    subprocess.run(["git", "init", "--quiet", "--initial-branch=main", str(tmp_path)], check=True)
    return tmp_path


def init(root: Path, *options: str) -> int:
    return main(["init", "--base-dir", str(root), *options])


def attribute(root: Path, name: str, path: str) -> str:
    command = ["git", "check-attr", name, "--", path]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout.split(": ")[-1].strip()


def test_init_keeps_git_from_converting_artifacts(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert init(root) == 0
    assert f"created {ATTRIBUTES}" in (said := capsys.readouterr().out)
    assert f"git add -- {ATTRIBUTES} " in said
    assert attribute(root, "text", "ml/artifacts/a/b/labels.txt") == "unset"
    assert attribute(root, "filter", "ml/artifacts/a/model.onnx") == "unspecified"


@pytest.mark.parametrize("name", ["model.onnx", "deep/encoder.onnx", "model.onnx_data", "model.onnx.data", "w.bin"])
def test_init_puts_models_into_git_lfs_on_request(root: Path, name: str) -> None:
    assert init(root, "--lfs") == 0
    path = f"ml/artifacts/regime_v1/{name}"
    assert [attribute(root, key, path) for key in ("filter", "diff", "merge", "text")] == ["lfs", "lfs", "lfs", "unset"]
    for other in ("manifest.json", "train_report.json", "test_data_set_0/input_0.pb"):
        assert attribute(root, "filter", f"ml/artifacts/regime_v1/{other}") == "unspecified"
    assert attribute(root, "filter", "elsewhere/model.onnx") == "unspecified"


@pytest.mark.parametrize("old", ["* text=auto\n*.onnx text", "ml/artifacts/** text\n", "\ufeff* text\r\n"])
def test_what_is_there_stays_and_what_is_missing_is_added_below_it(
    root: Path, old: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (root / ATTRIBUTES).write_bytes(old.encode())
    assert init(root, "--lfs") == 0
    assert f"added to {ATTRIBUTES}" in capsys.readouterr().out
    text = (root / ATTRIBUTES).read_bytes().decode()
    assert text.startswith(old)
    assert attribute(root, "text", "ml/artifacts/a/model.onnx") == "unset"
    assert attribute(root, "filter", "ml/artifacts/a/model.onnx") == "lfs"
    assert init(root, "--lfs") == 0
    assert f"kept    {ATTRIBUTES}" in capsys.readouterr().out
    assert (root / ATTRIBUTES).read_bytes().decode() == text


def test_git_lfs_can_be_asked_for_later(root: Path) -> None:
    assert init(root) == 0
    before = (root / ATTRIBUTES).read_text()
    assert init(root, "--lfs") == 0
    assert (root / ATTRIBUTES).read_text().startswith(before)
    assert (root / ATTRIBUTES).read_text().count("ml/artifacts/** -text") == 1
    assert attribute(root, "filter", "ml/artifacts/a/model.onnx") == "lfs"


def test_a_link_in_its_place_is_refused_before_anything_is_written(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (root / ATTRIBUTES).symlink_to("elsewhere")
    assert init(root) == 1
    assert f"{ATTRIBUTES}: is not a regular file" in capsys.readouterr().err
    assert sorted(path.name for path in root.iterdir()) == [".git", ATTRIBUTES]
