"""What is copied while it is hashed: what is opened, and what the beginning of a file does not settle. Nothing else."""

from __future__ import annotations

import io
import os
import pickle
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import helper

from promotebot.artifact.digest import CHUNK
from promotebot.artifact.looks import Look, look_at
from promotebot.artifact.onnx_bytes import has_graph, read_beside
from promotebot.artifact.programs import LOOK, Unsettled
from promotebot.artifact.runtime import ChildOpener
from promotebot.artifact.source import FileSource
from promotebot.artifact.work_tree import WorkTree
from promotebot.errors import CouldNotVerify
from promotebot.findings import errors_in

from .conftest import DIRECTORY, Place, StandIn, build_model, external_tensor, refusal
from .weights import safetensors

OPENED = {"model.onnx", "test_data_set_0/input_0.pb", "test_data_set_0/output_0.pb", "train_report.json"}
WEIGHTS = np.ones(3, "float32").tobytes()


def reading(*locations: str) -> bytes:
    """A model that reads its weights from these files."""
    tensors = [external_tensor({"location": one, "length": "12"}, name=f"w{n}") for n, one in enumerate(locations)]
    nodes = [helper.make_node("Add", ["x", "w0"], ["y"])]
    return build_model(nodes, initializers=tensors).SerializeToString()


def copied(place: Place, source: Callable[[], FileSource]) -> dict[str, bytes]:
    """What lies in the private copy when the first model is opened."""
    place.write_manifest()
    opener = StandIn()
    assert errors_in(place.examine(source(), opener=opener).findings) == []
    return opener.seen[0]


def test_what_no_model_may_read_is_not_copied(place: Place, source: Callable[[], FileSource]) -> None:
    place.write("weights.bin", bytes(3 * CHUNK))
    place.write("notes/read.me", b"words")
    assert set(copied(place, source)) == OPENED


def test_external_data_and_every_model_is_copied(place: Place, source: Callable[[], FileSource]) -> None:
    place.write_model(reading("w.bin", "deep/v.bin"))
    place.write("second/model.ONNX", reading("./w.bin"))
    for name in ("w.bin", "deep/v.bin", "second/w.bin", "second/v.bin", "other.bin"):
        place.write(name, WEIGHTS)
    assert set(copied(place, source)) == {*OPENED, "second/model.ONNX", "w.bin", "deep/v.bin", "second/w.bin"}


@pytest.mark.parametrize("order", ["value first", "a word that is no key"])
def test_a_model_that_is_not_written_plainly_has_everything_copied(
    place: Place, source: Callable[[], FileSource], order: str
) -> None:
    """A reader takes the fields of an entry in any order; no library writes them so."""
    data = reading("w.bin")
    entry = b"\x0a\x08location\x12\x05w.bin"
    assert entry in data
    turned = entry[10:] + entry[:10] if order == "value first" else entry
    place.write_model(data.replace(entry, turned) + (b"" if order == "value first" else b"\x32\x08location"))
    place.write("w.bin", WEIGHTS)
    place.write("other.bin", WEIGHTS)
    assert set(copied(place, source)) == {*OPENED, "w.bin", "other.bin"}


def test_what_is_copied_is_enough_for_the_runtime(place: Place) -> None:
    place.write_model(reading("deep/w.bin"))
    place.write("deep/w.bin", np.zeros(3, "float32").tobytes())
    place.write("test_data_set_0/output_0.pb", (place.path / "test_data_set_0/input_0.pb").read_bytes())
    place.write_manifest()
    evidence = place.examine(opener=ChildOpener())
    assert errors_in(evidence.findings) == []
    assert evidence.card is not None


@given(st.lists(st.sampled_from(["w.bin", "a/w.bin", "v", "modèle.bin"]), min_size=1, unique=True))
def test_every_file_that_a_model_names_is_among_those_it_may_read(
    tmp_path_factory: pytest.TempPathFactory, locations: list[str]
) -> None:
    directory = tmp_path_factory.mktemp("models")
    (directory / "deep").mkdir()
    (directory / "deep/model.onnx").write_bytes(reading(*locations))
    names = [f"deep/{name}" for name in ("w.bin", "a/w.bin", "v", "modèle.bin")] + ["w.bin"]
    assert read_beside(directory, ["deep/model.onnx", "gone.onnx"], names) == {f"deep/{one}" for one in locations}


def test_the_header_of_weights_that_go_on_unopened_is_kept(place: Place) -> None:
    place.write("model.safetensors", safetensors([("w", "F32", (4096, 4096))]))
    place.write_manifest(model_file="model.safetensors")
    evidence = place.examine(opener=StandIn(), formats=("onnx", "opaque"))
    assert errors_in(evidence.findings) == []
    assert evidence.headers[0].parameters == 4096 * 4096
    assert evidence.headers[0].size == (place.path / "model.safetensors").stat().st_size


def zipped() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("weights", bytes(2 * CHUNK))
        archive.writestr("data.pkl", b"x")
    return file.getvalue()


@pytest.mark.parametrize(
    "data",
    [pickle.dumps([1]), zipped(), b"X" + (2 * CHUNK).to_bytes(4, "little") + b"a" * 2 * CHUNK + b"0cos\nsystem\n(tR."],
    ids=["at once", "in a zip", "behind a text"],
)
def test_a_pickle_is_found_however_late_it_shows(place: Place, source: Callable[[], FileSource], data: bytes) -> None:
    place.write("extra.bin", data)
    place.write_manifest()
    assert "extra.bin is a pickle" in refusal(place.examine(source()), "artifact.executable").message


BYTES = st.binary(max_size=300) | st.text(max_size=300).map(str.encode)
OPCODES = st.lists(
    st.sampled_from([b"N", b"(", b"0", b"t", b".", b"cos\nsystem\n", b"R", b"I1\n", b"X\x03\0\0\0abc", b"PK\x03\x04"])
).map(b"".join)


@given(BYTES | OPCODES, st.binary(min_size=1, max_size=50) | OPCODES.filter(bool))
def test_what_the_beginning_tells_is_what_the_whole_file_tells(first: bytes, rest: bytes) -> None:
    """But for the beginning of what is compressed, which is always looked at alone."""
    padded = b"N0" * (LOOK // 2) + first
    for beginning in (first, padded) if len(first) > 8 else (padded,):
        whole = look_at(beginning + rest, "file", is_own=True)
        try:
            told = look_at(beginning, "file", is_own=True, is_whole=False)
        except Unsettled:
            continue
        assert told == whole


@given(st.binary(max_size=300), st.binary(max_size=60))
def test_a_beginning_never_says_otherwise_whether_it_is_an_onnx_model(first: bytes, rest: bytes) -> None:
    try:
        told = has_graph(first, is_whole=False)
    except Unsettled:
        return
    assert told == has_graph(first + rest)


def test_a_model_that_goes_on_is_opened_whatever_its_name(place: Place) -> None:
    model = build_model()
    model.doc_string = "x" * 2 * CHUNK
    place.write("weights", model.SerializeToString())
    place.write_manifest(model_file="weights")
    opener = StandIn()
    place.examine(opener=opener, formats=("onnx", "opaque"))
    assert "weights" in opener.seen[0]
    assert look_at(b"", "weights", is_own=True) == Look(None, False, False, "")


def test_a_file_more_costs_one_descriptor(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    def opens(count: int) -> int:
        for number in range(count):
            place.write(f"many/{number:03}.bin", b"%d" % number)
        place.write_manifest()
        made, real = 0, os.open

        def counted(*arguments: Any, **options: Any) -> int:
            nonlocal made
            made += 1
            return real(*arguments, **options)

        with monkeypatch.context() as patched:
            patched.setattr(os, "open", counted)
            assert errors_in(place.examine().findings) == []
        return made

    few, many = opens(10), opens(110)
    assert many - few == 100


def descriptors() -> int:
    return sum(1 for _ in Path("/dev/fd").iterdir())


def test_no_descriptor_stays_open(place: Place) -> None:
    before = descriptors()
    for number in range(20):
        place.write(f"many/{number}/file.bin", b"x")
    place.write_manifest()
    place.examine()
    assert descriptors() == before


def test_a_directory_that_is_replaced_meanwhile_is_left_for_its_name_and_not_followed(place: Place) -> None:
    """The next file comes from where the last one was; a link in its place is never gone through."""
    place.write("w.bin", WEIGHTS)
    files = WorkTree(place.root)
    with files.near() as near:
        with near.open(f"{DIRECTORY}/model.onnx") as stream:
            assert stream.read()
        place.path.rename(place.root / "aside")
        place.path.symlink_to("/etc")
        with near.open(f"{DIRECTORY}/w.bin") as stream:
            assert stream.read() == WEIGHTS
    with (
        files.near() as near,
        pytest.raises(Exception, match="links are not followed"),
        near.open(f"{DIRECTORY}/w.bin"),
    ):
        pass


def test_a_disk_that_fails_in_a_thread_is_could_not_verify(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("promotebot.artifact.threads.BATCH", 1)
    monkeypatch.setattr("promotebot.artifact.threads.cores", lambda: 2)
    failing = {place.path / "test_data_set_0/output_0.pb"}

    class Failing(WorkTree):
        @contextmanager
        def open(self, path: str) -> Iterator[BinaryIO]:
            if place.root / path in failing:
                raise CouldNotVerify("cannot be read: Input/output error", where=path)
            with super().open(path) as stream:
                yield stream

    with pytest.raises(CouldNotVerify, match="Input/output error"):
        place.examine(Failing(place.root))


def test_the_findings_are_in_the_order_of_the_manifest_whatever_was_read_first(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("promotebot.artifact.threads.BATCH", 1)
    for path in (place.path / name for name in place.files()):
        path.write_bytes(path.read_bytes() + b"x")
    found = [finding.where for finding in errors_in(place.examine().findings)]
    assert found == [f"{DIRECTORY}/{name}" for name in place.document()["sha256"]]
