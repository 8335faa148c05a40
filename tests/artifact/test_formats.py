"""A model's file of another format than ONNX: refused, or let go on unopened where the policy says so, and told so."""

from __future__ import annotations

import pickle
import shutil
from pathlib import Path

import onnx
import pytest

from promotebot import load
from promotebot.artifact.answer import NotOpened, Opened, Problem
from promotebot.artifact.runtime import ChildOpener
from promotebot.findings import Severity, errors_in, warnings_in
from promotebot.registry.codec import stored_json

from .conftest import DIRECTORY, Place, StandIn, build_model, opened, refusal, rules
from .weights import gguf, llama, safetensors

BOTH = ("onnx", "opaque")
NO_MODEL = NotOpened((Problem(message="not an ONNX model of a version known here: no field 9"),))
ORT = b"\x00\x00\x00\x00ORTM" + bytes(40)


def put(place: Place, name: str, data: bytes, *, golden: bool = False) -> None:
    """Make a file the model of an artifact that holds nothing else, unless golden data."""
    (place.path / "model.onnx").unlink()
    if not golden:
        shutil.rmtree(place.path / "test_data_set_0")
    place.write(name, data)
    place.write_manifest(model_file=name)


class NeverAsked(StandIn):
    def open(self, *_: object) -> Opened | NotOpened:
        raise AssertionError("nothing is opened")


@pytest.mark.parametrize(
    ("name", "data", "kind"),
    [
        ("model.safetensors", safetensors(), "is a safetensors file"),
        ("model.gguf", llama(), "is a GGUF file"),
        ("weights", llama(), "is a GGUF file"),
        ("model.ort", ORT, "is a model in ONNX Runtime's own format (.ort)"),
        ("model.bin", ORT, "is a model in ONNX Runtime's own format (.ort)"),
        ("model.h5", b"\x89HDF\r\n", "is not opened: not an ONNX model"),
    ],
)
def test_a_file_that_is_no_onnx_model_is_refused_with_the_line_of_the_policy(
    place: Place, name: str, data: bytes, kind: str
) -> None:
    put(place, name, data)
    finding = refusal(place.examine(opener=StandIn(NO_MODEL)), "artifact.format")
    assert kind in finding.message
    assert "formats: [onnx, opaque]" in finding.remedy
    assert ("promote the .onnx file" in finding.remedy) == (data is ORT)


def test_under_the_default_policy_everything_is_opened_whatever_its_name(place: Place) -> None:
    put(place, "model.bin", build_model().SerializeToString(), golden=True)
    evidence = place.examine(opener=ChildOpener())
    assert errors_in(evidence.findings) == []
    assert evidence.card is not None
    place.write("model.bin", b"junk")
    place.write_manifest(model_file="model.bin")
    assert "ONNX models only" in refusal(place.examine(opener=ChildOpener()), "artifact.format").message


@pytest.mark.parametrize("name", ["model.onnx", "MODEL.ONNX", "a/Model.OnnX"])
def test_no_policy_lets_a_file_named_onnx_go_on_unopened(place: Place, name: str) -> None:
    put(place, name, llama())
    evidence = place.examine(opener=StandIn(NO_MODEL), formats=BOTH)
    assert rules(evidence, Severity.ERROR) == {"artifact.opens"}
    assert evidence.unopened is None


def renamed(model: onnx.ModelProto, how: str) -> bytes:
    """A model's bytes as another writer of protobuf may write them."""
    data = model.SerializeToString()
    return {
        "as it is": data,
        "an unknown field first": b"\xf8\x01\x05" + data,
        "a group first": b"\xfb\x01\x3a\x00\xfc\x01" + data,
        "an empty graph first": b"\x3a\x00" + data,
        "many fields first": b"\x08\x08" * 100_001 + data,
    }[how]


@pytest.mark.parametrize(
    "how", ["as it is", "an unknown field first", "a group first", "an empty graph first", "many fields first"]
)
def test_no_policy_lets_an_onnx_model_go_on_unopened_under_another_name(place: Place, how: str) -> None:
    put(place, "model.bin", renamed(build_model(), how))
    evidence = place.examine(opener=(opener := StandIn(NO_MODEL)), formats=BOTH)
    assert len(opener.seen) == 1
    assert rules(evidence, Severity.ERROR) == {"artifact.opens"}
    assert evidence.unopened is None


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"x",
        llama(),
        safetensors(),
        pickle.dumps([1]),
        ORT,
        b"\x3a",
        b"\x3a\x05abc",
        b"\x08" * 999,
        b"\x3b\x3c\x01",
    ],
)
def test_what_can_be_no_onnx_model_is_not_opened_under_both_formats(place: Place, data: bytes) -> None:
    put(place, "model.bin", data)
    evidence = place.examine(opener=NeverAsked(), formats=BOTH)
    assert evidence.unopened is not None


def test_every_other_file_named_onnx_is_opened_beside_a_model_that_is_not(place: Place) -> None:
    put(place, "model.gguf", llama())
    place.write("pre.ONNX", b"junk")
    place.write_manifest(model_file="model.gguf")
    finding = refusal(place.examine(opener=ChildOpener(), formats=BOTH), "artifact.opens")
    assert finding.where == f"{DIRECTORY}/pre.ONNX"


def test_an_unopened_model_is_proven_by_its_bytes_and_told_first(place: Place) -> None:
    put(place, "model.gguf", llama(), golden=True)
    evidence = place.examine(opener=NeverAsked(), formats=BOTH)
    (told,) = warnings_in(evidence.findings)
    assert (told.rule, told.where) == ("artifact.opaque", f"{DIRECTORY}/model.gguf")
    assert told.message == (
        f"Not opened: {DIRECTORY}/model.gguf is a GGUF file. Its bytes are proven, and nothing of it was run. "
        "Its golden data was not compared."
    )
    assert errors_in(evidence.findings) == []
    assert evidence.digest is not None
    assert (evidence.card, evidence.unopened and evidence.unopened.kind) == (None, "a GGUF file")
    assert evidence.headers[0].words[:2] == ("GGUF", "3 tensors")
    assert rules(evidence, Severity.PASS) >= {"artifact.digest", "artifact.format", "artifact.executable"}
    assert "artifact.opens" not in {finding.rule for finding in evidence.findings}


def test_a_changed_byte_of_an_unopened_model_is_refused(place: Place) -> None:
    put(place, "model.gguf", llama())
    place.write("model.gguf", llama()[:-1] + b"x")
    evidence = place.examine(opener=NeverAsked(), formats=BOTH)
    assert rules(evidence, Severity.ERROR) == {"artifact.digest"}
    assert (evidence.digest, evidence.unopened) == (None, None)


@pytest.mark.parametrize("name", ["model.pkl", "model.bin", "model"])
def test_a_pickle_needs_both_lines_of_the_policy_and_is_named_as_code(place: Place, name: str) -> None:
    put(place, name, pickle.dumps({"weights": [1]}))
    closed = place.examine(opener=StandIn(NO_MODEL))
    assert {finding.rule for finding in errors_in(closed.findings)} == {"artifact.format", "artifact.executable"}
    finding = refusal(place.examine(opener=NeverAsked(), formats=BOTH), "artifact.executable")
    assert "code that runs when it is loaded (the artifact's own model)" in finding.message
    assert "limits.may_hold: [pickles]" in finding.remedy
    allowed = place.examine(opener=NeverAsked(), formats=BOTH, may_hold=("pickles",))
    assert errors_in(allowed.findings) == []
    assert [finding.rule for finding in warnings_in(allowed.findings)] == ["artifact.opaque", "artifact.executable"]
    assert allowed.unopened is not None
    assert allowed.unopened.kind == "a pickle, code that runs when it is loaded"


@pytest.mark.parametrize("name", ["weights.safetensors", "WEIGHTS.GGUF", "weights"])
def test_a_broken_header_is_refused_wherever_it_stands(place: Place, name: str) -> None:
    place.write(name, gguf([b"\x01"]))
    place.write_manifest()
    finding = refusal(place.examine(), "artifact.format")
    assert finding.where == f"{DIRECTORY}/{name}"
    assert "is not a valid" in finding.message


def test_headers_that_take_long_to_read_are_read_to_a_limit(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(20):
        place.write(f"{number:02}.gguf", b"GGUF")
    place.write_manifest()
    told = [finding for finding in errors_in(place.examine().findings) if finding.rule == "artifact.format"]
    assert len(told) == 12
    assert "11.gguf and what follows is not read" in told[-1].message
    for number in range(20):
        place.write(f"{number:02}.gguf", llama())
    place.write_manifest()
    assert errors_in(place.examine().findings) == []
    monkeypatch.setattr("promotebot.artifact.formats.MAX_TENSORS", 10)
    assert "04.gguf and what follows" in refusal(place.examine(), "artifact.format").message


def test_weights_that_a_model_reads_claim_nothing(place: Place) -> None:
    place.write("weights.gguf", b"GGUF and no more")
    place.write_manifest()
    assert errors_in(place.examine(opener=StandIn(opened(external_files=["weights.gguf"]))).findings) == []


def test_a_model_of_onnx_runtimes_own_format_beside_another_is_told_not_to_be_examined(place: Place) -> None:
    place.write("mobile/model.ort", ORT)
    place.write("labels.txt", b"x")
    place.write_manifest()
    first, second = warnings_in(place.examine().findings)
    assert (first.rule, first.where) == ("artifact.unreferred", f"{DIRECTORY}/mobile/model.ort")
    assert "which is not examined" in first.message
    assert second.message == "No model reads 1 listed file: labels.txt."


def test_what_an_unopened_model_reads_is_not_known_so_nothing_is_said_of_other_files(place: Place) -> None:
    put(place, "model.safetensors", safetensors())
    place.write("config.json", b"{}")
    place.write("run.sh", b"x")
    place.write("loader", b"#!/bin/sh")
    place.write_manifest(model_file="model.safetensors")
    evidence = place.examine(opener=NeverAsked(), formats=BOTH)
    assert "artifact.unreferred" not in {finding.rule for finding in evidence.findings}
    named = [finding.where for finding in errors_in(evidence.findings)]
    assert named == [f"{DIRECTORY}/loader", f"{DIRECTORY}/run.sh"]


def test_a_service_loads_an_unopened_model_by_its_pointer(place: Place) -> None:
    put(place, "model.gguf", llama())
    digest = place.examine(opener=NeverAsked(), formats=BOTH).digest
    pointer = {"artifact_dir": DIRECTORY, "artifact_id": "llm_v1", "digest": digest}
    entry: dict[str, object] = {"shadow": None, "staging": None, "active": pointer, "history": []}
    registry = place.root / "ml/registry/models.json"
    registry.parent.mkdir(parents=True)
    registry.write_bytes(stored_json({"schema_version": "v1", "models": {"llm": entry}}))
    artifact = load("llm", "active", base_dir=place.root)
    assert artifact.model_path == Path(place.path / "model.gguf")
