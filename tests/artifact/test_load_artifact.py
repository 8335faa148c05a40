"""The runbook's third snippet, and what it refuses."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Callable

import pytest

from promotebot.artifact import load_artifact
from promotebot.errors import InvalidInput

from .conftest import DIRECTORY, Place

SNIPPET = f"""
from promotebot.artifact import load_artifact
from pathlib import Path
artifact = load_artifact(Path('{DIRECTORY}'))
print(f'Artifact files: {{len(artifact.manifest.sha256)}}')
print(f'Model SHA256: {{artifact.manifest.model_sha256}}')
"""


def test_the_runbooks_snippet_works_as_it_stands(place: Place) -> None:
    command = [sys.executable, "-I", "-c", SNIPPET]
    done = subprocess.run(command, cwd=place.root, capture_output=True, check=True, text=True)
    model = hashlib.sha256((place.path / "model.onnx").read_bytes()).hexdigest()
    assert done.stdout == f"Artifact files: 4\nModel SHA256: {model}\n"


def test_an_artifact_knows_its_path(place: Place) -> None:
    assert load_artifact(place.path).path == place.path


def remove(place: Place) -> None:
    (place.path / "test_data_set_0/input_0.pb").unlink()


def link(place: Place) -> None:
    (place.path / "model.onnx").rename(place.root / "elsewhere")
    (place.path / "model.onnx").symlink_to(place.root / "elsewhere")


@pytest.mark.parametrize(
    ("break_it", "where", "message"),
    [
        (lambda place: place.write("model.onnx", b"x"), "model.onnx", "the manifest says sha256:"),
        (remove, "test_data_set_0/input_0.pb", "is not there"),
        (link, "model.onnx", "links are not followed"),
        (lambda place: (place.path / "manifest.json").unlink(), "manifest.json", "is not there"),
        (lambda place: place.write("manifest.json", "{}"), "manifest.json", "$.schema_version"),
    ],
)
def test_what_is_wrong_is_told_with_its_place_and_the_next_command(
    place: Place, break_it: Callable[[Place], object], where: str, message: str
) -> None:
    break_it(place)
    with pytest.raises(InvalidInput) as refused:
        load_artifact(place.path)
    assert refused.value.where == f"{place.path}/{where}"
    assert message in refused.value.message
    assert f"promotebot manifest {place.path} --model-file model.onnx" in refused.value.remedy


def test_a_directory_that_is_not_there_is_told_in_the_runbooks_words(place: Place) -> None:
    with pytest.raises(InvalidInput, match="Artifact directory not found: ") as refused:
        load_artifact(place.path / "nope")
    assert refused.value.remedy == "name the directory that holds the manifest"


def test_a_git_lfs_pointer_in_a_checkout_is_told_from_a_changed_file(place: Place) -> None:
    place.write("model.onnx", f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 7\n")
    with pytest.raises(InvalidInput, match="is a Git LFS pointer, not the file") as refused:
        load_artifact(place.path)
    assert refused.value.where == f"{place.path}/model.onnx"
    assert refused.value.remedy == "fetch the content: git lfs pull; actions/checkout does it with `lfs: true`"
