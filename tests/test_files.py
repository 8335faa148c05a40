"""A file is written whole or not at all, and nothing is left beside it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from promotebot.errors import UsageError
from promotebot.files import write_file


def test_a_file_is_made_with_these_bytes_for_everybody_to_read(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        write_file(tmp_path / "a.json", b"{}\n")
    finally:
        os.umask(before)
    assert (tmp_path / "a.json").read_bytes() == b"{}\n"
    assert (tmp_path / "a.json").stat().st_mode & 0o777 == 0o644
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_a_file_is_replaced_by_another_one_and_not_written_into(tmp_path: Path) -> None:
    old = tmp_path / "a.json"
    old.write_bytes(b"a much longer text")
    with old.open("rb") as reader:
        write_file(old, b"{}")
        assert reader.read() == b"a much longer text"
    assert old.read_bytes() == b"{}"


def test_a_link_is_replaced_and_what_it_points_to_stays(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(b"theirs")
    (tmp_path / "a.json").symlink_to(elsewhere)
    write_file(tmp_path / "a.json", b"ours")
    assert elsewhere.read_bytes() == b"theirs"
    assert not (tmp_path / "a.json").is_symlink()


def test_where_no_file_can_be_written_it_is_said_and_the_old_one_stays(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot write: No such file or directory") as caught:
        write_file(tmp_path / "nowhere" / "a.json", b"{}")
    assert caught.value.where == str(tmp_path / "nowhere" / "a.json")
    (tmp_path / "directory").mkdir()
    with pytest.raises(UsageError, match="cannot write"):
        write_file(tmp_path / "directory", b"{}")
    assert [path.name for path in tmp_path.iterdir()] == ["directory"], "no half of a file is left"


def test_a_full_disk_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    (tmp_path / "a.json").write_bytes(b"old")
    monkeypatch.setattr("promotebot.files.os.fsync", full)
    with pytest.raises(UsageError, match="cannot write: No space left on device"):
        write_file(tmp_path / "a.json", b"new")
    assert (tmp_path / "a.json").read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]
