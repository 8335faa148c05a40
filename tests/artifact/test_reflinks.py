"""Private copies on a file system with reflinks (`make reflinks`); everywhere else the bytes are copied."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from promotebot.artifact.answer import NotOpened, Opened
from promotebot.artifact.digest import CHUNK, copy_hashed
from promotebot.artifact.limits import Limits
from promotebot.artifact.runtime import ChildOpener
from promotebot.findings import errors_in

from .conftest import Place, StandIn, refusal
from .test_copied import reading

pytestmark = pytest.mark.reflinks

SIZE = 32 * CHUNK


@pytest.fixture
def private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The private copies are on the same file system."""
    folder = tmp_path / "private"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def used(folder: Path) -> int:
    """Bytes that the file system has given away."""
    os.sync()
    state = os.statvfs(folder)
    return (state.f_blocks - state.f_bfree) * state.f_frsize


def test_a_copy_takes_no_room(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(os.urandom(SIZE))
    before = used(tmp_path)
    with (tmp_path / "file").open("rb", buffering=0) as stream:
        shared = copy_hashed(stream, tmp_path / "shared", where="f", max_bytes=SIZE)
    between = used(tmp_path)
    with (tmp_path / "file").open("rb") as stream:  # buffered, so that nothing is shared
        streamed = copy_hashed(stream, tmp_path / "streamed", where="f", max_bytes=SIZE)
    after = used(tmp_path)
    assert shared == streamed
    assert between - before < SIZE // 8
    assert after - between >= SIZE


def test_whoever_writes_later_does_not_reach_the_copy(place: Place, private: Path) -> None:
    place.write_model(reading("w.bin"))
    weights = place.write("w.bin", os.urandom(SIZE))
    place.write_manifest()

    class Opener(StandIn):
        def open(self, directory: Path, model_file: str, limits: Limits) -> Opened | NotOpened:
            assert directory.is_relative_to(private)
            assert (directory / "w.bin").stat().st_ino != weights.stat().st_ino
            with weights.open("r+b") as file:
                file.write(bytes(SIZE))
            return super().open(directory, model_file, limits)

    was, opener = weights.read_bytes(), Opener()
    assert errors_in(place.examine(opener=opener).findings) == []
    assert opener.seen[0]["w.bin"] == was
    assert "w.bin" in refusal(place.examine(), "artifact.digest").message


def test_the_runtime_opens_such_a_copy(place: Place, private: Path) -> None:
    assert private
    place.write_model(reading("w.bin"))
    place.write("w.bin", bytes(SIZE))
    place.write_manifest()
    assert place.examine(opener=ChildOpener()).card is not None
