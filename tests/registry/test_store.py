"""The registry on disk: whole before and after every crash, one writer at a time, and honest about what failed."""

from __future__ import annotations

import fcntl
import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from promotebot.errors import InvalidInput, PromotebotError
from promotebot.registry import ModelRegistry
from promotebot.registry.files import read_registry_bytes, registry_lock, replace_registry

from .crash_driver import NEW, OLD

pytestmark = pytest.mark.thorough

DRIVER = Path(__file__).with_name("crash_driver.py")
RENAMES = {"replace", "rename"}
READS = {"fstat", "read"}
Outcomes = Callable[[str], list[dict[str, Any]]]


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Outcomes:
    """What the driver found in one of its modes, which is run once."""

    @cache
    def run(mode: str) -> list[dict[str, Any]]:
        command = [sys.executable, "-I", str(DRIVER), mode, str(tmp_path_factory.mktemp(mode))]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")
        results: list[dict[str, Any]] = json.loads(done.stdout)
        return results

    return run


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "models.json"
    path.write_bytes(OLD)
    return path


def test_a_file_over_the_limit_is_refused_before_a_byte_is_read(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.truncate(path, 2**40)
    monkeypatch.setattr(os, "fdopen", None)
    with pytest.raises(InvalidInput, match=r"registry is 1,099,511,627,776 bytes; the limit is 268,435,456"):
        read_registry_bytes(path)


@pytest.mark.parametrize("content", [OLD, NEW])
def test_both_contents_that_a_crash_may_leave_are_registries(content: bytes) -> None:
    assert list(ModelRegistry.parse(content)) == []


def test_a_kill_at_any_call_leaves_the_old_file_until_one_point_and_the_new_one_from_there(outcomes: Outcomes) -> None:
    *killed, last = outcomes("calls")
    holds = [result["holds"] for result in killed]
    turn = holds.index("new")
    assert holds == ["old"] * turn + ["new"] * (len(holds) - turn)
    assert turn > 0
    assert all(result["killed"] for result in killed)
    assert (last["holds"], last["killed"], last["code"], last["left"]) == ("new", False, 0, {})


def test_a_kill_leaves_at_most_one_file_beside_the_registry_and_none_once_it_is_replaced(outcomes: Outcomes) -> None:
    results = outcomes("calls")
    assert {len(one["left"]) for one in results if one["holds"] == "old"} == {0, 1}
    assert {len(one["left"]) for one in results if one["holds"] == "new"} == {0}
    names = {name for one in results for name in one["left"]}
    assert all(name.startswith(".") and not name.endswith(".json") for name in names)


def test_a_kill_in_the_middle_of_a_write_leaves_the_old_file(outcomes: Outcomes) -> None:
    results = outcomes("bytes")
    assert {(one["holds"], one["killed"]) for one in results} == {("old", True)}
    assert [size for one in results for size in one["left"].values()] == [0, 1, 4_096, 65_537, len(NEW) - 1]


def test_a_writer_killed_in_a_tight_loop_always_leaves_a_whole_file(outcomes: Outcomes) -> None:
    results = outcomes("loop")
    assert len(results) == 60
    assert {one["holds"] for one in results} <= {"old", "new"}
    assert all(one["killed"] for one in results)


def test_a_call_that_fails_leaves_the_old_file_nothing_else_and_a_sentence_with_the_next_step(
    outcomes: Outcomes,
) -> None:
    results = outcomes("errors")
    calls = [one["call"] for one in results]
    renamed = next(index for index, call in enumerate(calls) if call in RENAMES)
    writes = [one for one in results[: renamed + 1] if "cannot write" in one["says"]]
    assert {"write", "fsync"} <= {one["call"] for one in writes}
    assert {(one["holds"], one["ours"], len(one["left"])) for one in writes} == {("old", True, 0)}
    assert all("models.json: " in one["says"] and "\nNext: " in one["says"] for one in writes)
    assert {(one["holds"], len(one["left"])) for one in results[: renamed + 1]} == {("old", 0)}
    assert (calls[-1], results[-1]["holds"]) == ("", "new")


def test_a_registry_that_cannot_be_read_to_its_end_is_an_error_with_a_sentence(outcomes: Outcomes) -> None:
    results = [one for one in outcomes("errors") if one["call"] in READS]
    assert results
    assert [one["error"] for one in results if not one["ours"]] == []


def test_an_error_after_the_rename_does_not_say_that_the_old_file_is_there(outcomes: Outcomes) -> None:
    results = [one for one in outcomes("errors") if one["holds"] == "new" and one["call"]]
    assert results
    assert [one["call"] for one in results if "old file is unchanged" in one["says"]] == []


def test_the_new_bytes_are_on_disk_before_the_name_and_the_name_before_the_return(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[tuple[str, int, bytes]] = []
    fsync = os.fsync

    def recording(descriptor: int) -> None:
        status = os.fstat(descriptor)
        kind = "directory" if stat.S_ISDIR(status.st_mode) else f"file of {status.st_size}"
        flushed.append((kind, status.st_ino, path.read_bytes()))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", recording)
    replace_registry(path, NEW, expected=OLD)
    file, directory = flushed
    assert file == (f"file of {len(NEW)}", path.stat().st_ino, OLD)
    assert directory == ("directory", path.parent.stat().st_ino, NEW)


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o664])
def test_the_new_file_has_the_old_ones_mode(path: Path, mode: int) -> None:
    path.chmod(mode)
    replace_registry(path, NEW, expected=OLD)
    assert stat.S_IMODE(path.stat().st_mode) == mode


def test_a_file_that_changed_since_it_was_read_is_not_overwritten(path: Path) -> None:
    with pytest.raises(InvalidInput, match="changed while the promotion was planned") as caught:
        replace_registry(path, NEW, expected=OLD + b"\n")
    assert caught.value.remedy
    assert path.read_bytes() == OLD
    assert list(path.parent.iterdir()) == [path]


def test_the_lock_leaves_no_file_is_held_by_one_and_given_back(path: Path) -> None:
    descriptor = os.open(path.parent, os.O_RDONLY)
    try:
        with registry_lock(path):
            assert list(path.parent.iterdir()) == [path]
            with pytest.raises(BlockingIOError):
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    finally:
        os.close(descriptor)


def test_a_directory_that_is_not_there_cannot_be_locked_and_is_named(tmp_path: Path) -> None:
    with (
        pytest.raises(InvalidInput, match="registry not found") as caught,
        registry_lock(tmp_path / "nope/models.json"),
    ):
        pass
    assert caught.value.where == str(tmp_path / "nope/models.json")


@pytest.mark.parametrize("kind", ["link", "dangling", "pipe", "directory", "nothing"])
def test_what_is_not_a_regular_file_is_refused_without_waiting(tmp_path: Path, kind: str) -> None:
    path, elsewhere = tmp_path / "models.json", tmp_path / "elsewhere.json"
    if kind == "link":
        elsewhere.write_bytes(OLD)
    if kind in ("link", "dangling"):
        path.symlink_to(elsewhere)
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "directory":
        path.mkdir()
    with pytest.raises(PromotebotError, match=r"symbolic link|regular file|not found") as caught:
        read_registry_bytes(path)
    assert caught.value.where == str(path)
    assert (caught.value.exit_code, elsewhere.exists()) == (1, kind == "link")
