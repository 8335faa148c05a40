"""What is put into quarantine: the model's file, or the weights that it reads; and who holds them today."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

import pytest

from promotebot.artifact.manifest import Manifest
from promotebot.artifact.quarantine import Quarantined, file_to_name
from promotebot.artifact.work_tree import WorkTree
from promotebot.errors import CouldNotVerify
from promotebot.planning import reject
from promotebot.promotion.rollback import Candidates
from promotebot.registry.names import ArtifactPath, Stage
from promotebot.registry.registry import DEFAULT_PATH, ModelRegistry
from tests.office import ROOT

MODEL = "regime_classifier"


def manifest(*names: str) -> Manifest:
    files = {name: str(number) * 64 for number, name in enumerate(names, start=1)}
    document = {"schema_version": "v1", "model_file": names[0], "sha256": files, "created_at": "2026-01-01T00:00:00Z"}
    return Manifest.model_validate(document)


def test_the_models_file_is_named_unless_its_weights_are_in_others() -> None:
    listed = manifest("model.onnx", "a.data", "b.data")
    a, b = ArtifactPath("a.data"), ArtifactPath("b.data")
    assert file_to_name(listed, []) == "model.onnx"
    assert file_to_name(listed, [b, a]) == "a.data"


def test_weights_that_another_artifact_has_too_are_named_only_where_there_are_no_others() -> None:
    listed = manifest("model.onnx", "a.data", "b.data")
    a, b = ArtifactPath("a.data"), ArtifactPath("b.data")
    shared = {f"sha256:{listed.sha256[name]}" for name in (a, b)}
    assert file_to_name(listed, [a, b], {f"sha256:{listed.sha256[a]}"}) == "b.data"
    assert file_to_name(listed, [a, b], shared) == "a.data", "a copy of all the weights is a copy"


class Unreadable(WorkTree):
    """A disk that does not answer."""

    @contextmanager
    def open(self, path: str) -> Iterator[BinaryIO]:
        raise CouldNotVerify("the disk does not answer", where=path)
        yield


def test_a_disk_that_does_not_answer_leaves_the_choice_to_the_history(monkeypatch: pytest.MonkeyPatch) -> None:
    registry = ModelRegistry.load(ROOT / DEFAULT_PATH)
    pointer = registry.get_stage_pointer(MODEL, Stage.ACTIVE)
    assert pointer
    assert pointer.digest
    entries = [Quarantined(digest=pointer.digest, reason="wrong labels")]
    assert not reject.can_go_back(registry, MODEL, Stage.ACTIVE, Unreadable(ROOT), entries), "nothing earlier"
    monkeypatch.setattr(reject, "candidates", lambda *_: Candidates((pointer,), ()))
    assert reject.can_go_back(registry, MODEL, Stage.ACTIVE, Unreadable(ROOT), entries)
    assert not reject.can_go_back(registry, MODEL, Stage.ACTIVE, WorkTree(ROOT), entries)
