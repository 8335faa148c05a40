"""Directories made to mislead: what stands there, is listed and is referred to are one, or the difference is named."""

from __future__ import annotations

import os
import socket
import stat
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from promotebot.artifact.answer import NotOpened, Opened
from promotebot.artifact.dataset import examine_dataset
from promotebot.artifact.limits import Limits
from promotebot.artifact.source import FileSource
from promotebot.artifact.work_tree import WorkTree
from promotebot.errors import InvalidInput
from promotebot.findings import Severity, errors_in

from .conftest import DIRECTORY, Place, StandIn, git, refusal, rules

LEVELS = ["ml", "ml/artifacts", DIRECTORY]


def empty(place: Place) -> None:
    place.write("model.onnx", b"")


def truncate(place: Place) -> None:
    os.truncate(place.path / "model.onnx", (place.path / "model.onnx").stat().st_size - 1)


def swap(place: Place) -> None:
    one, other = place.path / "test_data_set_0/input_0.pb", place.path / "test_data_set_0/output_0.pb"
    first = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(first)


@pytest.mark.parametrize(
    ("change", "names"),
    [
        (empty, {"model.onnx"}),
        (truncate, {"model.onnx"}),
        (swap, {f"test_data_set_0/{n}_0.pb" for n in ("input", "output")}),
    ],
)
def test_empty_truncated_and_swapped_files_are_each_named(
    place: Place, source: Callable[[], FileSource], change: Callable[[Place], None], names: set[str]
) -> None:
    change(place)
    evidence = place.examine(source())
    assert {(f.rule, f.where) for f in errors_in(evidence.findings)} == {
        ("artifact.digest", f"{DIRECTORY}/{n}") for n in names
    }
    assert (evidence.digest, evidence.card) == (None, None)


def test_a_renamed_file_is_missing_and_unlisted(place: Place, source: Callable[[], FileSource]) -> None:
    (place.path / "model.onnx").rename(place.path / "renamed.onnx")
    evidence = place.examine(source())
    assert {f.where for f in errors_in(evidence.findings)} == {f"{DIRECTORY}/model.onnx", f"{DIRECTORY}/renamed.onnx"}
    assert evidence.digest is None


def test_a_renamed_directory_is_not_found_and_not_looked_for(place: Place, source: Callable[[], FileSource]) -> None:
    place.path.rename(place.path.with_name("regime_v3"))
    assert "Artifact directory not found" in refusal(place.examine(source()), "artifact.exists").message


def test_a_file_where_a_directory_is_listed_is_named(place: Place, source: Callable[[], FileSource]) -> None:
    for path in (place.path / "test_data_set_0").iterdir():
        path.unlink()
    (place.path / "test_data_set_0").rmdir()
    place.write("test_data_set_0", b"x")
    assert rules(place.examine(source()), Severity.ERROR) == {"artifact.files"}


@pytest.mark.parametrize("name", ["manifest.json", "model.onnx", "test_data_set_0", "test_data_set_0/input_0.pb"])
def test_a_link_at_any_place_inside_is_refused(place: Place, source: Callable[[], FileSource], name: str) -> None:
    path = place.path / name
    path.rename(place.root / "elsewhere")
    path.symlink_to(os.path.relpath(place.root / "elsewhere", path.parent))
    evidence = place.examine(source())
    assert "path.symlink" in rules(evidence, Severity.ERROR)
    assert (evidence.digest, evidence.card) == (None, None)


@pytest.mark.parametrize("level", [*LEVELS, f"{DIRECTORY}/test_data_set_0"])
def test_a_submodule_at_any_level_of_a_commit_is_refused(place: Place, level: str) -> None:
    place.commit()
    head = git(place.root, "rev-parse", "HEAD").decode().strip()
    git(place.root, "rm", "-r", "--quiet", "--cached", level)
    git(place.root, "update-index", "--add", "--cacheinfo", f"160000,{head},{level}")
    git(place.root, "commit", "--quiet", "--message=Submodule")
    evidence = place.examine(place.commit_at("HEAD"))
    links = {f.where: f.message for f in errors_in(evidence.findings) if f.rule == "path.symlink"}
    assert f"{level} is a submodule" in links[level]
    assert (evidence.digest, evidence.card) == (None, None)


@pytest.mark.parametrize("level", [*LEVELS, f"{DIRECTORY}/test_data_set_0"])
def test_a_submodule_at_any_level_of_a_work_tree_is_refused(place: Place, level: str) -> None:
    """Its files are there, but they are another repository's."""
    git(place.root, "init", "--quiet")
    inner = place.root / level
    git(inner, "init", "--quiet")
    git(inner, "add", "--all")
    git(inner, "commit", "--quiet", "--message=Inner")
    git(place.root, "-c", "advice.addEmbeddedRepo=false", "add", "--force", "--all")

    def tracked(directory: str) -> set[str]:
        listed = git(place.root, "ls-files", "-z", "--full-name", "--", f":(top,literal){directory}")
        return set(listed.decode().split("\0"))

    evidence = place.examine(WorkTree(place.root, tracked))
    assert rules(evidence, Severity.ERROR) >= {"artifact.tracked"}


def test_a_tree_that_git_would_not_write_is_refused(place: Place) -> None:
    """Names that lead elsewhere, and one name for a file and a directory: objects that are made by hand."""
    place.commit()
    blob = git(place.root, "hash-object", "-w", "--stdin", stdin=b"x").strip().decode()

    def tree(*entries: tuple[str, str, str]) -> str:
        data = b"".join(f"{mode} {name}".encode() + b"\0" + bytes.fromhex(oid) for mode, name, oid in entries)
        made = git(place.root, "hash-object", "-t", "tree", "-w", "--literally", "--stdin", stdin=data)
        return made.decode().strip()

    inner = tree(("100644", "x", blob))
    listed = git(place.root, "ls-tree", f"HEAD:{DIRECTORY}").decode().splitlines()
    sound = [(line.split()[0].lstrip("0"), line.split("\t")[1], line.split()[2]) for line in listed]
    odd = [("40000", "..", inner), ("40000", ".", inner), ("100644", "a", blob), ("40000", "a", inner)]
    top = tree(*odd, *sound, ("40000", ".git", inner))
    for part in reversed(DIRECTORY.split("/")):
        top = tree(("40000", part, top))
    commit = git(place.root, "commit-tree", "-m", "Odd", top).decode().strip()
    evidence = place.examine(place.commit_at(commit))
    messages = " ".join(finding.message for finding in errors_in(evidence.findings))
    for words in ("/../x is there", "/./x is there", "/.git makes", "/a are the same file"):
        assert words in messages
    assert evidence.digest is None


@pytest.mark.parametrize("component", ["x" * 300, "/".join(["y" * 250] * 16)])
def test_a_name_that_nothing_can_have_is_not_there(place: Place, component: str) -> None:
    files = WorkTree(place.root)
    assert files.kind(component) is None
    with pytest.raises(InvalidInput, match="is not there"), files.open(component):
        pass


def test_a_path_too_long_to_be_copied_is_a_finding(place: Place) -> None:
    """Of a commit, which takes any; a temporary directory's own name comes on top."""
    name = "/".join(["d" * 250] * 16) + "/" + "e" * 70
    assert len(name) < 4096
    oid = git(place.root, "hash-object", "-w", "--stdin", stdin=b"x").decode().strip() if place.commit() else ""
    git(place.root, "update-index", "--add", "--cacheinfo", f"100644,{oid},{DIRECTORY}/{name}")
    digest = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"
    place.edit_manifest(lambda document: document["sha256"].update({name: digest}))
    git(place.root, "add", f"{DIRECTORY}/manifest.json")
    git(place.root, "commit", "--quiet", "--message=Deep")
    finding = refusal(place.examine(place.commit_at("HEAD")), "artifact.digest")
    assert "a name too long for this system" in finding.message


@pytest.mark.parametrize("kind", ["fifo", "socket", "device"])
def test_nobody_waits_for_a_special_file(tmp_path: Path, kind: str) -> None:
    """Neither in the place of the manifest: a reader that waited for a writer would wait for ever."""
    (tmp_path / "a").mkdir()
    path = tmp_path / "a/manifest.json"
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "socket":
        here = Path.cwd()
        os.chdir(path.parent)  # a socket's address is short
        try:
            with socket.socket(socket.AF_UNIX) as server:
                server.bind(path.name)
        finally:
            os.chdir(here)
    else:
        try:
            os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, 5))
        except PermissionError:
            pytest.skip("only root makes devices")
    place = Place(tmp_path)
    assert rules(place.examine(directory="a"), Severity.ERROR) == {"path.symlink", "artifact.manifest"}


class TestWhileItIsRead:
    """Somebody writes in the directory meanwhile."""

    def read(self, place: Place, change: Callable[[Path], object]) -> None:
        path = place.path / "model.onnx"
        with WorkTree(place.root).open(f"{DIRECTORY}/model.onnx") as stream:
            stream.read(4)
            change(path)
            stream.read()

    def test_other_bytes_of_the_same_size_and_time_are_noticed(self, place: Place) -> None:
        def change(path: Path) -> None:
            before = path.stat()
            path.write_bytes(b"x" * before.st_size)
            os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

        with pytest.raises(InvalidInput, match="changed while it was read"):
            self.read(place, change)

    def test_a_file_put_in_its_place_is_not_read_and_is_noticed(self, place: Place) -> None:
        (place.root / "other").write_bytes(b"other")
        with pytest.raises(InvalidInput, match="changed while it was read"):
            self.read(place, (place.root / "other").replace)

    def test_a_directory_put_in_the_place_of_its_own_changes_nothing(self, place: Place) -> None:
        """Each component is opened from the one above: there is no second look at the path."""
        before = (place.path / "model.onnx").read_bytes()
        with WorkTree(place.root).open(f"{DIRECTORY}/model.onnx") as stream:
            place.path.rename(place.root / "aside")
            place.path.symlink_to("/etc")
            assert stream.read() == before

    def test_a_directory_that_turns_into_a_link_and_back_is_never_followed(self, place: Place) -> None:
        secret = place.root / "secret"
        secret.mkdir()
        (secret / "model.onnx").write_bytes(b"secret")
        stop, before, files = threading.Event(), (place.path / "model.onnx").read_bytes(), WorkTree(place.root)

        def turn() -> None:
            while not stop.is_set():
                place.path.rename(place.root / "aside")
                place.path.symlink_to(secret)
                place.path.unlink()
                (place.root / "aside").rename(place.path)

        turning = threading.Thread(target=turn)
        turning.start()
        seen = set()
        for _ in range(2000):
            with suppress(InvalidInput), files.open(f"{DIRECTORY}/model.onnx") as stream:
                seen.add(stream.read())
        stop.set()
        turning.join()
        assert seen <= {before}


def test_what_the_process_does_to_the_copy_changes_nothing_that_was_proven(place: Place) -> None:
    class Vandal(StandIn):
        def open(self, directory: Path, model_file: str, limits: Limits) -> Opened | NotOpened:
            result = super().open(directory, model_file, limits)
            for path in [path for path in directory.rglob("*") if path.is_file()]:
                path.write_bytes(b'{"train_accuracy": 1.0}')
            return result

    clean, after = place.examine(), place.examine(opener=Vandal())
    assert clean.digest == after.digest is not None
    assert after.report == {"train_accuracy": 0.91}


def test_what_a_sparse_checkout_leaves_out_is_said_so_with_the_command(place: Place) -> None:
    left_out = {f"{DIRECTORY}/{name}" for name in [*place.files(), "manifest.json"]}
    files = WorkTree(place.root, lambda _: left_out, lambda _: left_out)
    assert errors_in(place.examine(files).findings) == []
    (place.path / "train_report.json").unlink()
    finding = refusal(place.examine(files), "artifact.files")
    assert "git has it, but this sparse checkout leaves it out" in finding.message
    assert finding.remedy == f"add the directory, then run the command again: git sparse-checkout add {DIRECTORY}"
    (place.path / "manifest.json").unlink()
    finding = refusal(place.examine(files), "artifact.manifest")
    assert finding.message == f"This sparse checkout leaves out manifest.json in {DIRECTORY}."
    assert finding.remedy == f"add the directory, then run the command again: git sparse-checkout add {DIRECTORY}"
    place.path.rename(place.root / "aside")
    finding = refusal(place.examine(files), "artifact.exists")
    assert finding.message.startswith(f"Artifact directory not found: {DIRECTORY} (git has it, but this sparse")
    assert finding.remedy == f"add the directory, then run the command again: git sparse-checkout add {DIRECTORY}"


def test_a_dataset_that_a_sparse_checkout_leaves_out_is_no_missing_one(place: Place) -> None:
    """One that is not there is not asked for; this one is, and nobody can prove it."""
    data = "ml/datasets/eval_2026"
    assert examine_dataset(WorkTree(place.root), "eval_2026") == ()
    (finding,) = examine_dataset(WorkTree(place.root, None, lambda path: {f"{path}/manifest.json"}), "eval_2026")
    assert (finding.rule, finding.severity, finding.where) == ("dataset.files", Severity.ERROR, data)
    assert finding.remedy.endswith(f"git sparse-checkout add {data}")
