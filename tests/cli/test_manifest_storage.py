"""`promotebot manifest --storage`: which files a place has, their sizes and versions, and what is wrong there."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from promotebot.cli.main import main
from tests.artifact.test_loading import slow
from tests.storage.memory import Memory

URI = "s3://models/prod/v9"
AT = "models/prod/v9"


@pytest.fixture
def artifact(tmp_path: Path, memory: Memory) -> Path:
    directory = tmp_path / "regime_v9"
    directory.mkdir()
    (directory / "model.onnx").write_bytes(b"model")
    (directory / "vocabulary.txt").write_bytes(b"words")
    memory.files[f"{AT}/model.onnx"] = b"model"
    return directory


def write(directory: Path, *options: str) -> dict[str, Any]:
    assert main(["manifest", str(directory), *options]) == 0
    document: dict[str, Any] = json.loads((directory / "manifest.json").read_bytes())
    return document


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_what_the_place_has_is_listed_there_and_the_rest_stays_in_git(
    artifact: Path, memory: Memory, capsys: pytest.CaptureFixture[str]
) -> None:
    memory.versions[f"{AT}/model.onnx"] = "v7"
    document = write(artifact, "--storage", URI)
    assert document["storage"] == {"uri": URI, "files": {"model.onnx": {"size": 5, "version": "v7"}}}
    assert document["sha256"] == {"model.onnx": sha256(b"model"), "vocabulary.txt": sha256(b"words")}
    assert memory.read == [], "what is here need not be read there"
    assert f"2 files; 1 of them in {URI}, which git need not have" in capsys.readouterr().out


def test_what_only_the_place_has_is_read_and_hashed(artifact: Path, memory: Memory) -> None:
    memory.files[f"{AT}/model.onnx.data"] = b"weights"
    (artifact / "model.onnx").unlink()
    document = write(artifact, "--storage", f"{URI}/", "--model-file", "model.onnx")
    assert document["sha256"]["model.onnx.data"] == sha256(b"weights")
    assert document["sha256"]["model.onnx"] == sha256(b"model")
    assert set(document["storage"]["files"]) == {"model.onnx", "model.onnx.data"}


def test_a_place_that_is_too_slow_is_told_without_a_policy(
    artifact: Path, memory: Memory, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    memory.files[f"{AT}/model.onnx.data"] = b"weights"
    monkeypatch.setattr(Memory, "cat_file", slow)
    assert main(["manifest", str(artifact), "--storage", URI]) == 4
    told = capsys.readouterr().err
    assert "were not read in 3,600 seconds" in told
    assert "limits." not in told


def test_a_place_is_kept_and_asked_again_when_the_manifest_is_written_again(artifact: Path, memory: Memory) -> None:
    first = write(artifact, "--storage", URI)
    memory.files[f"{AT}/model.onnx"] = b"model 2"
    (artifact / "model.onnx").write_bytes(b"model 2")
    second = write(artifact)
    assert (first["storage"]["files"]["model.onnx"], second["storage"]["files"]["model.onnx"]) == (
        {"size": 5},
        {"size": 7},
    )


def test_a_manifest_in_the_bucket_is_no_file_of_the_artifact(artifact: Path, memory: Memory) -> None:
    memory.files[f"{AT}/manifest.json"] = b"{}"
    assert list(write(artifact, "--storage", URI)["storage"]["files"]) == ["model.onnx"]


def refused(directory: Path, capsys: pytest.CaptureFixture[str], code: int = 1, *options: str) -> str:
    assert main(["manifest", str(directory), *(options or ("--storage", URI))]) == code
    assert not (directory / "manifest.json").exists()
    return capsys.readouterr().err


def test_a_file_of_another_size_is_refused(artifact: Path, memory: Memory, capsys: pytest.CaptureFixture[str]) -> None:
    memory.files[f"{AT}/model.onnx"] = b"a longer model"
    assert f"has 5 bytes, and {URI}/model.onnx has 14" in refused(artifact, capsys)


def test_a_place_without_files_is_refused(artifact: Path, memory: Memory, capsys: pytest.CaptureFixture[str]) -> None:
    memory.files = {f"{AT}0/model.onnx": b"model"}
    assert f"there is no file below {URI}/" in refused(artifact, capsys)


def test_a_name_that_could_be_read_as_something_else_is_refused(
    artifact: Path, memory: Memory, capsys: pytest.CaptureFixture[str]
) -> None:
    memory.files[f"{AT}/model.onnx?versionId=1"] = b""
    assert "has a name that no address takes" in refused(artifact, capsys)


def test_too_many_files_are_refused(artifact: Path, memory: Memory, capsys: pytest.CaptureFixture[str]) -> None:
    memory.files |= {f"{AT}/{number}": b"" for number in range(1000)}
    assert f"there are 1,001 files below {URI}/" in refused(artifact, capsys)


@pytest.mark.parametrize("uri", ["/etc", "file:///etc/passwd", "http://169.254.169.254/x", "s3://b", "s3://b/../c"])
def test_an_odd_place_is_refused(artifact: Path, memory: Memory, capsys: pytest.CaptureFixture[str], uri: str) -> None:
    assert "is no place outside of git" in refused(artifact, capsys, 1, "--storage", uri)
    assert memory.asked == []
