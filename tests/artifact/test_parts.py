"""The whole artifact: every model opens, and nobody carries a program or a forgotten file into production unseen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import helper

from promotebot.artifact.answer import NotOpened, Opened, Problem, Served
from promotebot.artifact.golden_names import owns_golden
from promotebot.artifact.limits import Limits
from promotebot.artifact.runtime import ChildOpener
from promotebot.findings import Severity, errors_in, warnings_in

from .archived import zipped
from .conftest import DIRECTORY, Place, StandIn, build_model, external_tensor, opened, refusal, rules


def test_a_second_model_that_is_junk_is_refused_by_its_name(place: Place) -> None:
    place.write("preprocessor.onnx", b"not a model")
    place.write_manifest()
    evidence = place.examine(opener=ChildOpener())
    finding = refusal(evidence, "artifact.opens")
    assert finding.where == f"{DIRECTORY}/preprocessor.onnx"
    assert evidence.card is not None  # the artifact's own model opens


def test_every_model_is_opened_and_the_size_counts_what_all_of_them_read(place: Place) -> None:
    weights = external_tensor({"location": "w.bin", "length": "12"})
    other = build_model([helper.make_node("Add", ["x", "w"], ["y"])], initializers=[weights])
    place.write("decoder/model.ONNX", other.SerializeToString())
    place.write("decoder/w.bin", np.ones(3, "float32").tobytes())
    place.write_manifest()
    evidence = place.examine(opener=ChildOpener())
    assert {finding.severity for finding in evidence.findings} == {Severity.PASS}
    opens = [finding.where for finding in evidence.findings if finding.rule == "artifact.opens"]
    assert opens == [f"{DIRECTORY}/model.onnx", f"{DIRECTORY}/decoder/model.ONNX"]
    assert evidence.card is not None
    parts = ("model.onnx", "decoder/model.ONNX", "decoder/w.bin")
    assert evidence.card.size == sum((place.path / name).stat().st_size for name in parts)


@pytest.mark.parametrize(
    ("models", "owners"),
    [
        (["m.onnx"], ["m.onnx"]),
        (["m.onnx", "a.onnx"], ["m.onnx"]),
        (["x/m.onnx", "a.onnx"], ["x/m.onnx", "a.onnx"]),
        (["m.onnx", "x/a.onnx", "x/b.onnx", "y/c.onnx"], ["m.onnx", "y/c.onnx"]),
    ],
)
def test_golden_data_belongs_to_one_model(models: list[str], owners: list[str]) -> None:
    assert [model for model in models if owns_golden(model, models)] == owners


def test_golden_data_in_the_folder_of_another_model_is_its_own(place: Place) -> None:
    place.write("x/other.onnx", b"")
    place.write("x/test_data_set_0/output_0.pb", b"")
    place.write_manifest()
    messages = [finding.message for finding in errors_in(place.examine().findings)]
    assert messages == []  # the stand-in reports a set of that name for each
    failed = Opened.model_validate({**opened().model_dump(), "walls": opened().walls, "served": Served(1.0, 1)})
    assert "was not run" in errors_in(place.examine(opener=StandIn(failed)).findings)[-1].message


@pytest.mark.parametrize(
    ("name", "data", "kind"),
    [
        ("evil.so", b"", "libraries"),
        ("lib/libevil.so.1.2", b"", "libraries"),
        ("EVIL.DLL", b"", "libraries"),
        ("weights.dat", b"\x7fELF\x02", "libraries"),
        ("setup.py", b"", "scripts"),
        ("run", b"#!/bin/sh", "scripts"),
        ("scaler.joblib", b"", "pickles"),
        ("scaler.bin", b"\x80\x04\x95", "pickles"),
        ("model.pt", b"PK", "pickles"),
    ],
)
def test_a_program_that_no_model_reads_is_refused_unless_the_policy_allows_it(
    place: Place, name: str, data: bytes, kind: Any
) -> None:
    place.write(name, data)
    place.write_manifest()
    finding = refusal(place.examine(), "artifact.executable")
    assert finding.where == f"{DIRECTORY}/{name}"
    assert f"limits.may_hold: [{kind}]" in finding.remedy
    (shown,) = warnings_in(place.examine(may_hold=(kind,)).findings)
    assert (shown.rule, shown.where) == ("artifact.executable", f"{DIRECTORY}/{name}")


def test_a_program_in_an_archive_is_refused_and_named(place: Place) -> None:
    place.write("data", zipped({"weights": b"\x80\x04\x95"}))
    place.write_manifest()
    finding = refusal(place.examine(), "artifact.executable")
    assert "data is an archive with weights in it, a pickle, code that runs when it is loaded" in finding.message


def test_an_archive_that_cannot_be_read_is_a_warning_and_no_pass(place: Place) -> None:
    place.write("data", zipped({"weights": b"x"})[:-10])
    place.write_manifest()
    findings = [one for one in place.examine().findings if one.rule == "artifact.executable"]
    (finding,) = findings
    assert finding.severity is Severity.WARNING
    assert "whether a program is in it is not known: it cannot be read to its end" in finding.message


def test_weights_may_begin_with_anything(place: Place) -> None:
    place.write("weights.bin", b"MZ and more")
    place.write_manifest()
    evidence = place.examine(opener=StandIn(opened(external_files=["weights.bin"])))
    assert errors_in(evidence.findings) == warnings_in(evidence.findings) == []


def test_a_listed_file_that_no_model_reads_is_named_in_one_warning(place: Place) -> None:
    for name in ("tokenizer.json", "labels.txt", "test_data_set_0/input_0.npy"):
        place.write(name, b"{}")
    place.write_manifest()
    (finding,) = warnings_in(place.examine().findings)
    assert finding.rule == "artifact.unreferred"
    assert finding.message == "No model reads 3 listed files: labels.txt, test_data_set_0/input_0.npy, tokenizer.json."


@pytest.mark.parametrize(
    "folder", ["test_data_0", "test_data_set_x", "Test_Data_Set_1", "test-data", "testdata1", "a/test_data_set_0"]
)
def test_a_folder_that_looks_like_golden_data_and_is_not_read_is_told_the_right_name(place: Place, folder: str) -> None:
    place.write(f"{folder}/input_0.pb", b"")
    place.write(f"{folder}/evil.so", b"")
    place.write_manifest()
    evidence = place.examine()
    (told,) = warnings_in(evidence.findings)
    assert told.rule == "artifact.golden"
    assert f"looks like golden data, and no model is run on it: {folder}." in told.message
    assert "test_data_set_0, test_data_set_1" in told.remedy
    assert refusal(evidence, "artifact.executable").where == f"{DIRECTORY}/{folder}/evil.so"


def test_where_the_only_golden_data_is_misnamed_nobody_is_told_that_there_is_none(place: Place) -> None:
    (place.path / "test_data_set_0").rename(place.path / "test_data_0")
    place.write_manifest()
    (told,) = warnings_in(place.examine(opener=StandIn(opened(golden=[]))).findings)
    assert told.message == "1 folder looks like golden data, and no model is run on it: test_data_0."


def test_nothing_is_said_of_other_files_where_a_model_was_not_opened(place: Place) -> None:
    place.write("labels.txt", b"x")
    place.write_manifest()
    evidence = place.examine(opener=StandIn(NotOpened((Problem(message="so it is"),))))
    assert "artifact.unreferred" not in rules(evidence, Severity.WARNING)
    place.write("evil.so", b"x")
    place.write_manifest()
    waived = place.examine(
        opener=StandIn(NotOpened((Problem(message="so it is", lacks="kernels"),))), may_lack=("kernels",)
    )
    refusal(waived, "artifact.executable")


def test_a_limit_that_ends_the_process_does_not_keep_the_other_models_from_being_opened(tmp_path: Path) -> None:
    model = build_model()
    first = model.graph.node[0]
    for number in range(20_000):  # so that no fork has ended before the clock is looked at
        model.graph.node.add(op_type="Identity", input=[first.output[0]], output=[f"unused_{number}"])
    for name in ("a.onnx", "b.onnx"):
        (tmp_path / name).write_bytes(model.SerializeToString())
    ticks = iter(range(10**9))
    slow = ChildOpener(monotonic=lambda: float(next(ticks)))  # every look at the clock takes a second
    results = slow.open_each(tmp_path, ["a.onnx", "b.onnx"], Limits(open_seconds=1))
    assert [type(result) for result in results] == [NotOpened, NotOpened]
