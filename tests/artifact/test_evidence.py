"""Each rule on an artifact: what passes, what is refused, and the next command."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from promotebot.artifact.answer import Golden, NotOpened, Opened, Problem
from promotebot.artifact.limits import Limits
from promotebot.artifact.source import FileSource
from promotebot.artifact.work_tree import WorkTree
from promotebot.errors import CouldNotVerify
from promotebot.findings import Severity, errors_in, warnings_in

from .conftest import DIRECTORY, MANIFEST_COMMAND, Place, StandIn, git, opened, refusal, rules


def test_a_sound_artifact_passes_every_rule(place: Place, source: Callable[[], FileSource]) -> None:
    files = source()
    evidence = place.examine(files)
    assert rules(evidence, Severity.PASS) >= {
        "artifact.exists",
        "artifact.manifest",
        "artifact.files",
        "artifact.limits",
        "artifact.digest",
        "artifact.graph",
        "artifact.external_data",
        "artifact.opens",
        "artifact.golden",
        "path.symlink",
    }
    assert {finding.severity for finding in evidence.findings} == {Severity.PASS}
    assert evidence.manifest is not None
    assert evidence.digest == evidence.manifest.digest
    assert evidence.report == {"train_accuracy": 0.91}
    assert evidence.source == files.description
    assert evidence.card is not None
    assert evidence.card.size == (place.path / "model.onnx").stat().st_size


def test_the_model_is_opened_from_a_copy_of_the_hashed_bytes_that_is_removed_after(place: Place) -> None:
    opener = StandIn()
    place.examine(opener=opener)
    assert opener.seen == [{name: (place.path / name).read_bytes() for name in place.files()}]
    assert not opener.directories[0].exists()
    assert place.root not in opener.directories[0].parents


def test_a_directory_that_is_not_there(place: Place, source: Callable[[], FileSource]) -> None:
    finding = refusal(place.examine(source(), directory="ml/artifacts/nope"), "artifact.exists")
    assert finding.message == "Artifact directory not found: ml/artifacts/nope"
    assert finding.remedy == "name a directory in ml/artifacts/; the path is relative to the repository root"


def test_a_file_in_place_of_the_directory(place: Place, source: Callable[[], FileSource]) -> None:
    finding = refusal(place.examine(source(), directory=f"{DIRECTORY}/model.onnx"), "artifact.exists")
    assert "is a file" in finding.message


@pytest.mark.parametrize("component", ["ml", "ml/artifacts", "ml/artifacts/regime_v2"])
def test_a_link_in_any_component_of_the_path(place: Place, source: Callable[[], FileSource], component: str) -> None:
    (place.root / component).rename(place.root / "real")
    (place.root / component).symlink_to(os.path.relpath(place.root / "real", (place.root / component).parent))
    finding = refusal(place.examine(source()), "path.symlink")
    assert finding.where == component
    assert "symbolic link" in finding.message


def test_a_link_inside_is_refused_even_to_the_right_bytes(place: Place, source: Callable[[], FileSource]) -> None:
    (place.path / "model.onnx").rename(place.root / "model.onnx")
    (place.path / "model.onnx").symlink_to("../../../model.onnx")
    evidence = place.examine(source())
    assert "path.symlink" in rules(evidence, Severity.ERROR)
    assert evidence.digest is None
    assert evidence.card is None


def test_a_linked_directory_inside_is_refused(place: Place, source: Callable[[], FileSource]) -> None:
    (place.path / "test_data_set_0").rename(place.root / "data")
    (place.path / "test_data_set_0").symlink_to("../../../data")
    assert {"path.symlink", "artifact.files"} == rules(place.examine(source()), Severity.ERROR)


def test_a_submodule_inside_is_refused(place: Place) -> None:
    place.commit()
    head = git(place.root, "rev-parse", "HEAD").decode().strip()
    git(place.root, "update-index", "--add", "--cacheinfo", f"160000,{head},{DIRECTORY}/sub")
    git(place.root, "commit", "--quiet", "--message=Submodule")
    finding = refusal(place.examine(place.commit_at("HEAD")), "path.symlink")
    assert finding.message == f"{DIRECTORY}/sub is a submodule."


def test_a_fifo_is_refused_and_nobody_waits(place: Place) -> None:
    os.mkfifo(place.path / "pipe")
    assert "special file" in refusal(place.examine(), "path.symlink").message


def test_a_hard_link_is_its_bytes_and_the_copy_shares_them_with_nobody(place: Place) -> None:
    """git knows no hard links, other tools' caches make them; whoever writes through the other name is found out."""
    other = place.root / "other.onnx"
    other.hardlink_to(place.path / "model.onnx")
    links: list[int] = []

    class Opener(StandIn):
        def open(self, directory: Path, model_file: str, limits: Limits) -> Opened | NotOpened:
            links.append((directory / model_file).stat().st_nlink)
            return super().open(directory, model_file, limits)

    assert errors_in(place.examine(opener=Opener()).findings) == []
    assert links == [1]
    other.write_bytes(b"through the other name")
    refusal(place.examine(), "artifact.digest")


def test_a_missing_manifest(place: Place, source: Callable[[], FileSource]) -> None:
    (place.path / "manifest.json").unlink()
    evidence = place.examine(source())
    assert MANIFEST_COMMAND in refusal(evidence, "artifact.manifest").remedy
    assert evidence.manifest is None


@pytest.mark.parametrize("data", ["", "{}", "[]", '{"sha256": {}}', "\ufeff{}", "[" * 5000])
def test_a_manifest_that_does_not_read(place: Place, data: str) -> None:
    place.write("manifest.json", data)
    assert refusal(place.examine(), "artifact.manifest").where == f"{DIRECTORY}/manifest.json"


def test_a_manifest_larger_than_any_manifest(place: Place) -> None:
    place.write("manifest.json", b" " * (5 * 1024 * 1024))
    assert "limit" in refusal(place.examine(), "artifact.manifest").message


def test_a_changed_file_is_named_with_both_digests(place: Place, source: Callable[[], FileSource]) -> None:
    expected = place.document()["sha256"]["model.onnx"]
    place.write("model.onnx", b"changed")
    changed = place.document()["sha256"]["model.onnx"]
    opener = StandIn()
    finding = refusal(evidence := place.examine(source(), opener=opener), "artifact.digest")
    path = f"{DIRECTORY}/model.onnx"
    assert finding.message.startswith(f"{path} is sha256:{changed}, the manifest says sha256:{expected}.")
    assert MANIFEST_COMMAND in finding.remedy
    assert evidence.digest is None
    assert opener.seen == []


def test_every_changed_file_is_named(place: Place) -> None:
    place.write("model.onnx", b"changed")
    place.write("train_report.json", b"{}")
    assert [finding.rule for finding in errors_in(place.examine().findings)] == ["artifact.digest"] * 2


@pytest.mark.parametrize("rule", ["artifact.opens", "artifact.graph", "artifact.external_data"])
def test_what_the_opener_refuses_is_told_under_its_rule(place: Place, rule: Any) -> None:
    evidence = place.examine(opener=StandIn(NotOpened((Problem(rule=rule, message="so it is"),))))
    assert "so it is" in refusal(evidence, rule).message
    assert evidence.card is None
    assert "artifact.opens" not in rules(evidence, Severity.PASS)
    assert evidence.digest is not None  # the bytes are the listed ones, whatever they are


def test_a_claim_of_an_external_file_is_compared_with_the_manifest(place: Place) -> None:
    evidence = place.examine(opener=StandIn(opened(external_files=["../outside.bin"])))
    refusal(evidence, "artifact.external_data")


def test_golden_outputs_that_differ(place: Place) -> None:
    golden = Golden(name="test_data_set_0", equal=False, difference=0.5, problem="output 0 differs by 0.5")
    finding = refusal(place.examine(opener=StandIn(opened(golden=[golden.model_dump()]))), "artifact.golden")
    assert "output 0 differs by 0.5" in finding.message


def test_a_golden_set_that_nobody_reports_on_is_not_reproduced(place: Place) -> None:
    assert "was not run" in refusal(place.examine(opener=StandIn(opened(golden=[]))), "artifact.golden").message


def test_no_golden_data_is_a_warning(place: Place) -> None:
    for name in ("input_0.pb", "output_0.pb"):
        (place.path / "test_data_set_0" / name).unlink()
    (place.path / "test_data_set_0").rmdir()
    place.write_manifest()
    evidence = place.examine(opener=StandIn(opened(golden=[])))
    assert errors_in(evidence.findings) == []
    assert [finding.rule for finding in warnings_in(evidence.findings)] == ["artifact.golden"]


@pytest.mark.parametrize("report", ["[]", "no JSON", '{"a": NaN}', '"text"', "[" * 9000])
def test_a_train_report_that_does_not_read_is_not_shown(place: Place, report: str) -> None:
    place.write("train_report.json", report)
    place.write_manifest()
    evidence = place.examine()
    assert evidence.report == {}
    assert errors_in(evidence.findings) == []


def test_problems_of_different_rules_are_told_together(place: Place) -> None:
    place.write("extra", b"x")
    place.write("train_report.json", b"{}")
    (place.path / "test_data_set_0/output_0.pb").unlink()
    (place.path / "link").symlink_to("model.onnx")
    errors = rules(place.examine(WorkTree(place.root, lambda _: set())), Severity.ERROR)
    assert errors == {"artifact.files", "artifact.digest", "path.symlink", "artifact.tracked"}


def test_a_source_that_does_not_answer_is_never_a_finding(place: Place) -> None:
    class Gone(WorkTree):
        @contextmanager
        def open(self, path: str) -> Iterator[BinaryIO]:
            if path.endswith("model.onnx"):
                raise CouldNotVerify("the remote is gone", where=path)
            with super().open(path) as stream:
                yield stream

    with pytest.raises(CouldNotVerify):
        place.examine(Gone(place.root))


def test_the_manifest_of_the_evidence_is_the_one_that_was_examined(place: Place) -> None:
    evidence = place.examine()
    assert evidence.manifest is not None
    assert dict(evidence.manifest.sha256) == json.loads((place.path / "manifest.json").read_text())["sha256"]
