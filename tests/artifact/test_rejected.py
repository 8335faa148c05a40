"""Which bytes are rejected: those that were hashed, by the file that no other training has."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from onnx import helper

from promotebot.artifact.limits import Terms
from promotebot.artifact.runtime import ChildOpener
from promotebot.artifact.source import FileSource
from promotebot.errors import InvalidInput
from promotebot.planning.examiner import Examiner
from promotebot.planning.reject import reject
from promotebot.promotion.reject import RejectedArtifact
from promotebot.registry.names import ModelName

from .conftest import DIRECTORY, ROWS, Place, build_model, external_tensor, tensor_bytes


def rejected(files: FileSource) -> RejectedArtifact:
    examine = Examiner(ChildOpener())
    return reject(ModelName("m"), DIRECTORY, files, "wrong labels", examine=examine, terms=Terms(), others=lambda _: ())


def test_a_model_of_one_file_is_named_by_it(place: Place) -> None:
    one = rejected(place.commit())
    assert (one.file, one.entry.reason, one.entry.model) == ("model.onnx", "wrong labels", None)
    assert one.entry.digest == f"sha256:{hashlib.sha256((place.path / 'model.onnx').read_bytes()).hexdigest()}"


def test_weights_in_a_file_of_their_own_are_named_and_what_no_model_reads_is_not(place: Place) -> None:
    weights = np.array([1, 1, 1], dtype="float32").tobytes()
    place.write("weights.bin", weights)
    place.write("a_larger_file.txt", bytes(1000))
    tensor = external_tensor({"location": "weights.bin", "length": "12"})
    place.write_model(build_model([helper.make_node("Add", ["x", "w"], ["y"])], initializers=[tensor]))
    place.write("test_data_set_0/output_0.pb", tensor_bytes(ROWS + 1))
    place.write_manifest()
    one = rejected(place.commit())
    assert (one.file, one.entry.digest) == ("weights.bin", f"sha256:{hashlib.sha256(weights).hexdigest()}")


def test_bytes_that_the_manifest_does_not_list_are_not_rejected_as_the_listed_ones(place: Place) -> None:
    place.write_manifest()
    place.write("model.onnx", b"others")
    with pytest.raises(InvalidInput, match="cannot be rejected by its bytes"):
        rejected(place.commit())
