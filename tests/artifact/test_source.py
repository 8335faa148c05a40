"""Both kinds of source show the same files and follow no link."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from promotebot.artifact.source import Entry, FileSource, GitTree, Kind, TreeEntry, shown
from promotebot.artifact.work_tree import WorkTree
from promotebot.errors import CouldNotVerify, InvalidInput

from .conftest import DIRECTORY, GitReader, Place, git


def read(source: FileSource, path: str) -> bytes:
    with source.open(path) as stream:
        return stream.read()


def test_a_file_is_read_whole(place: Place, source: Callable[[], FileSource]) -> None:
    assert read(source(), f"{DIRECTORY}/model.onnx") == (place.path / "model.onnx").read_bytes()


def test_walk_names_everything_hidden_files_and_links_included(place: Place, source: Callable[[], FileSource]) -> None:
    place.write(".hidden/x", b"1")
    (place.path / "link").symlink_to("model.onnx")
    paths = {(e.path.removeprefix(f"{DIRECTORY}/"), e.kind) for e in source().walk(DIRECTORY)}
    assert paths >= {(".hidden", Kind.DIRECTORY), (".hidden/x", Kind.FILE), ("link", Kind.SYMLINK)}
    assert ("test_data_set_0/input_0.pb", Kind.FILE) in paths
    assert len(paths) == 9


def test_kind_tells_what_stands_at_a_path(place: Place, source: Callable[[], FileSource]) -> None:
    (place.path / "link").symlink_to("model.onnx")
    files = source()
    assert files.kind(DIRECTORY) is Kind.DIRECTORY
    assert files.kind(f"{DIRECTORY}/model.onnx") is Kind.FILE
    assert files.kind(f"{DIRECTORY}/link") is Kind.SYMLINK
    assert files.kind(f"{DIRECTORY}/nothing") is None
    assert files.kind(f"{DIRECTORY}/model.onnx/below") is None


def test_nothing_is_seen_or_read_through_a_link(place: Place, source: Callable[[], FileSource]) -> None:
    (place.root / "ml/linked").symlink_to("artifacts")
    (place.path / "link").symlink_to("model.onnx")
    files = source()
    assert files.kind("ml/linked/regime_v2/model.onnx") is None
    for path in ("ml/linked/regime_v2/model.onnx", f"{DIRECTORY}/link", f"{DIRECTORY}/nothing", DIRECTORY):
        with pytest.raises(InvalidInput) as refused, files.open(path):
            pass
        assert refused.value.where == path


def test_a_submodule_is_told_from_a_directory(place: Place) -> None:
    tree = place.commit()
    commit = git(place.root, "rev-parse", "HEAD").decode().strip()
    git(place.root, "update-index", "--add", "--cacheinfo", f"160000,{commit},{DIRECTORY}/sub")
    git(place.root, "commit", "--quiet", "--message=Submodule")
    tree = GitTree(GitReader(place.root), "HEAD")
    assert tree.kind(f"{DIRECTORY}/sub") is Kind.SUBMODULE
    assert Entry(f"{DIRECTORY}/sub", Kind.SUBMODULE) in list(tree.walk(DIRECTORY))


def test_a_mode_git_never_writes_is_no_file() -> None:
    assert TreeEntry("100600", "0" * 40, None, "x").kind is Kind.OTHER
    assert TreeEntry("100755", "0" * 40, None, "x").kind is Kind.FILE


def test_a_commit_lists_a_directory_once_however_many_files_are_read(place: Place) -> None:
    for number in range(20):
        place.write(f"data/{number}", b"x")
    place.commit()
    reader = GitReader(place.root)
    tree = GitTree(reader, "HEAD")
    for entry in list(tree.walk(DIRECTORY)):
        if entry.kind is Kind.FILE:
            assert tree.kind(entry.path) is Kind.FILE
            read(tree, entry.path)
    assert reader.listed == [DIRECTORY]


def test_a_commit_is_read_whatever_the_work_tree_became(place: Place) -> None:
    tree = place.commit()
    before = (place.path / "model.onnx").read_bytes()
    place.write("model.onnx", b"other")
    assert read(tree, f"{DIRECTORY}/model.onnx") == before


def test_a_fifo_is_refused_without_waiting_for_a_writer(place: Place) -> None:
    os.mkfifo(place.path / "pipe")
    with pytest.raises(InvalidInput, match="special file"), WorkTree(place.root).open(f"{DIRECTORY}/pipe"):
        pass
    assert WorkTree(place.root).kind(f"{DIRECTORY}/pipe") is Kind.OTHER


def test_a_socket_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # a socket's address is short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("s")
        with pytest.raises(InvalidInput, match="special file"), WorkTree(tmp_path).open("s"):
            pass


@pytest.mark.parametrize("change", ["grow", "shrink", "touch"])
def test_a_file_that_changes_while_it_is_read_is_refused(place: Place, change: str) -> None:
    path = place.path / "model.onnx"
    changes = {
        "grow": lambda: os.truncate(path, 10_000),
        "shrink": lambda: os.truncate(path, 3),
        "touch": lambda: os.utime(path, ns=(1, 1)),
    }

    def read_and_change() -> None:
        with WorkTree(place.root).open(f"{DIRECTORY}/model.onnx") as stream:
            stream.read(4)
            changes[change]()

    with pytest.raises(InvalidInput, match="changed while it was read"):
        read_and_change()


def test_a_git_directory_is_named_and_not_entered(place: Place) -> None:
    place.write(".git/objects/x", b"1")
    paths = [entry.path for entry in WorkTree(place.root).walk(DIRECTORY)]
    assert f"{DIRECTORY}/.git" in paths
    assert f"{DIRECTORY}/.git/objects" not in paths


def test_a_disk_that_does_not_answer_is_could_not_verify(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> int:
        raise PermissionError(13, "Permission denied")

    files = WorkTree(place.root)
    monkeypatch.setattr(os, "open", fail)
    with pytest.raises(CouldNotVerify, match="Permission denied"), files.open(f"{DIRECTORY}/model.onnx"):
        pass
    with pytest.raises(CouldNotVerify, match="Permission denied"):
        list(files.walk(DIRECTORY))
    monkeypatch.setattr(Path, "lstat", fail)
    with pytest.raises(CouldNotVerify, match="Permission denied"):
        files.kind(DIRECTORY)


def test_untracked_is_unknown_where_git_was_not_asked(place: Place) -> None:
    assert WorkTree(place.root).untracked(DIRECTORY, {"a"}) is None
    assert WorkTree(place.root, lambda _: {"a"}).untracked(DIRECTORY, {"a", "b"}) == {"b"}
    assert place.commit().untracked(DIRECTORY, {"a"}) == set()


@pytest.mark.parametrize("name", ["a\nb", "\udcff", "a\x1b[31m", "‮gpj.exe"])
def test_a_name_is_shown_in_one_printable_line(name: str) -> None:
    assert shown(name).isprintable()
    assert shown("ml/modèle.onnx") == "ml/modèle.onnx"
