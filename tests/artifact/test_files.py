"""The rules on an artifact's files: listed and present, one name each, within the limits, tracked, no pointers."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import pytest

from promotebot.artifact.source import Entry, FileSource, Kind
from promotebot.artifact.work_tree import WorkTree
from promotebot.errors import InvalidInput
from promotebot.findings import Severity, errors_in, warnings_in

from .conftest import DIRECTORY, MANIFEST_COMMAND, Place, StandIn, refusal, rules

LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:%s\nsize 7\n"


def test_an_unlisted_file_is_refused_and_the_model_is_looked_at_all_the_same(
    place: Place, source: Callable[[], FileSource]
) -> None:
    place.write(".hidden", b"x")
    finding = refusal(evidence := place.examine(source()), "artifact.files")
    assert f"{DIRECTORY}/.hidden is there but the manifest does not list it" in finding.message
    assert MANIFEST_COMMAND in finding.remedy
    assert evidence.digest is None
    assert evidence.card is not None


def test_a_missing_file_is_named_and_its_near_twin_too(place: Place, source: Callable[[], FileSource]) -> None:
    (place.path / "train_report.json").rename(place.path / "Train_Report.json")
    evidence = place.examine(source())
    messages = [finding.message for finding in errors_in(evidence.findings)]
    assert f"{DIRECTORY}/train_report.json is listed in the manifest but not there" in messages[0]
    assert "Train_Report.json is" in messages[0]


@pytest.mark.parametrize("version", ["v1", "v1.1"])
def test_an_unlisted_train_report_beside_an_older_manifest_is_a_warning(place: Place, version: str) -> None:
    place.write_manifest(schema_version=version, model=None)
    place.edit_manifest(lambda document: document["sha256"].pop("train_report.json"))
    evidence = place.examine()
    assert errors_in(evidence.findings) == []
    assert [finding.rule for finding in warnings_in(evidence.findings)] == ["artifact.files"]
    assert evidence.digest is not None
    assert evidence.report == {}


def test_an_unlisted_train_report_beside_our_own_manifest_is_refused(place: Place) -> None:
    place.edit_manifest(lambda document: document["sha256"].pop("train_report.json"))
    refusal(place.examine(), "artifact.files")


def test_an_empty_directory_is_refused(place: Place) -> None:
    (place.path / "empty/deeper").mkdir(parents=True)
    finding = refusal(place.examine(), "artifact.files")
    assert finding.message == f"{DIRECTORY}/empty/deeper is an empty directory."


def test_a_repository_inside_is_refused_without_its_files(place: Place) -> None:
    place.write(".git/HEAD", b"ref: refs/heads/main\n")
    finding = refusal(place.examine(), "artifact.files")
    assert "git repository of its own" in finding.message


@pytest.mark.parametrize(
    ("one", "other"),
    [("notes.md", "NOTES.md"), ("data/a", "Data/b"), ("manifest.json", "Manifest.json"), ("\u00e9", "e\u0301")],
)
def test_names_that_are_one_file_elsewhere_are_refused(
    place: Place, source: Callable[[], FileSource], one: str, other: str
) -> None:
    for name in {one, other} - {"manifest.json"}:
        place.write(name, b"x")
    messages = [finding.message for finding in errors_in(place.examine(source()).findings)]
    assert any("are the same file on some systems" in message for message in messages)


def test_a_path_that_stands_twice_in_a_tree_is_refused(place: Place) -> None:
    class Doubled(WorkTree):
        def walk(self, directory: str) -> Iterator[Entry]:
            yield from super().walk(directory)
            yield Entry(f"{DIRECTORY}/model.onnx", Kind.FILE)

    assert "model.onnx are the same file" in refusal(place.examine(Doubled(place.root)), "artifact.files").message


def test_a_name_cannot_break_a_line_or_a_shell(place: Place, source: Callable[[], FileSource]) -> None:
    place.write("$(reboot)\n::error::x", b"x")
    finding = refusal(place.examine(source()), "artifact.files")
    assert (finding.message + finding.where + finding.remedy).isprintable()
    assert f"rm -- $'{DIRECTORY}/$(reboot)\\012::error::x'" in finding.remedy


def test_a_name_that_is_no_utf8_can_be_told(place: Place) -> None:
    (Path(os.fsdecode(bytes(place.path) + b"/\xff"))).write_bytes(b"x")
    assert refusal(place.examine(), "artifact.files").message.encode("utf-8")


def test_many_problems_of_one_kind_are_counted(place: Place) -> None:
    for number in range(100):
        place.write(f"extra/{number}", b"x")
    result = errors_in(place.examine().findings)
    assert len(result) == 21
    assert "80 more" in result[-1].message


def test_a_file_over_the_limit(place: Place, source: Callable[[], FileSource]) -> None:
    size = (place.path / "model.onnx").stat().st_size
    finding = refusal(place.examine(source(), file_bytes=size - 1), "artifact.limits")
    assert finding.message == f"{DIRECTORY}/model.onnx is over the limit of {size - 1:,} bytes."
    assert "limits.file_bytes" in finding.remedy


def test_an_artifact_over_the_limit(place: Place) -> None:
    total = sum((place.path / name).stat().st_size for name in place.files())
    assert errors_in(place.examine(artifact_bytes=total).findings) == []
    finding = refusal(place.examine(artifact_bytes=total - 1), "artifact.limits")
    assert finding.message == f"{DIRECTORY} is over the limit of {total - 1:,} bytes."


def test_too_many_files(place: Place) -> None:
    assert errors_in(place.examine(files=4).findings) == []
    evidence = place.examine(files=3)
    assert "holds 4 files; the limit is 3" in refusal(evidence, "artifact.limits").message
    assert evidence.digest is None


def test_a_directory_without_end_is_listed_to_the_limit_only(place: Place) -> None:
    listed = 0

    class Endless(WorkTree):
        def walk(self, directory: str) -> Iterator[Entry]:
            nonlocal listed
            while True:
                listed += 1
                yield Entry(f"{directory}/{listed}", Kind.FILE)

    evidence = place.examine(Endless(place.root), files=10)
    assert listed == 37
    assert "artifact.limits" in rules(evidence, Severity.ERROR)


def test_a_file_git_does_not_track_is_refused_and_everything_else_is_still_looked_at(place: Place) -> None:
    tracked = {f"{DIRECTORY}/{name}" for name in [*place.files(), "manifest.json"]}
    evidence = place.examine(WorkTree(place.root, lambda _: tracked - {f"{DIRECTORY}/model.onnx"}))
    finding = refusal(evidence, "artifact.tracked")
    assert finding.remedy == f"add it, and commit: git add --force -- {DIRECTORY}/model.onnx"
    assert evidence.card is not None
    assert "artifact.tracked" in rules(place.examine(WorkTree(place.root, lambda _: tracked)), Severity.PASS)


def test_tracking_is_never_a_pass_where_git_was_not_asked(place: Place) -> None:
    assert "artifact.tracked" not in {finding.rule for finding in place.examine().findings}


def test_an_lfs_pointer_in_a_work_tree_is_told_from_a_changed_file(place: Place) -> None:
    expected = place.document()["sha256"]["model.onnx"]
    place.write("model.onnx", LFS % expected.encode())
    finding = refusal(place.examine(), "artifact.lfs")
    assert "it points to the listed content" in finding.message
    assert finding.remedy == f"fetch it: git lfs pull --include {DIRECTORY}/model.onnx"


def test_an_lfs_pointer_is_recognised_even_where_the_manifest_lists_the_pointer(place: Place) -> None:
    place.write("model.onnx", LFS % (b"0" * 64))
    place.write_manifest()
    opener = StandIn()
    assert "it points to other content than the listed" in refusal(place.examine(opener=opener), "artifact.lfs").message
    assert opener.seen == []


def test_a_manifest_that_is_an_lfs_pointer(place: Place) -> None:
    place.write("manifest.json", LFS % (b"0" * 64))
    remedy = refusal(place.examine(), "artifact.lfs").remedy
    path = f"{DIRECTORY}/manifest.json"
    assert f"echo '/{path} !filter !diff !merge -text' >> .gitattributes && git add --renormalize" in remedy


def test_a_file_that_changes_while_it_is_copied_is_no_evidence(place: Place) -> None:
    class Busy(WorkTree):
        @contextmanager
        def open(self, path: str) -> Iterator[BinaryIO]:
            with super().open(path) as stream:
                yield stream
            if path.endswith("model.onnx"):
                raise InvalidInput("changed while it was read", where=path, remedy="run it again")

    evidence = place.examine(Busy(place.root))
    assert "changed while it was read" in refusal(evidence, "artifact.digest").message
    assert evidence.digest is None
    assert evidence.card is None
