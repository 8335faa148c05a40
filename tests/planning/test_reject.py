"""What is put into quarantine: the model's file, or the weights that it reads; and who holds them today."""

from __future__ import annotations

from promotebot.artifact.manifest import Manifest
from promotebot.artifact.quarantine import file_to_name
from promotebot.registry.names import ArtifactPath


def manifest(*names: str) -> Manifest:
    files = {name: str(number) * 64 for number, name in enumerate(names, start=1)}
    document = {"schema_version": "v1", "model_file": names[0], "sha256": files, "created_at": "2026-01-01T00:00:00Z"}
    return Manifest.model_validate(document)


def test_the_models_file_is_named_unless_its_weights_are_in_others() -> None:
    listed = manifest("model.onnx", "a.data", "b.data")
    a, b = ArtifactPath("a.data"), ArtifactPath("b.data")
    assert file_to_name(listed, []) == "model.onnx"
    assert file_to_name(listed, [b, a]) == "a.data"
