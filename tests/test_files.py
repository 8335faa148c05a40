"""A file is replaced whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from promotebot.files import sync_directory, write_atomically


def test_a_file_is_replaced_with_the_mode_asked_for_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "policy.yml"
    for data, mode in ((b"old", 0o600), (b"new", 0o644)):
        write_atomically(path, data, mode)
        assert (path.read_bytes(), path.stat().st_mode & 0o777) == (data, mode)
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_is_replaced_and_what_it_points_to_stays(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_bytes(b"kept")
    link.symlink_to(target)
    write_atomically(link, b"new", 0o644)
    assert (target.read_bytes(), link.read_bytes(), link.is_symlink()) == (b"kept", b"new", False)


@pytest.mark.parametrize(("owner", "call"), [(os, "fsync"), (os, "fchmod"), (Path, "replace")])
def test_a_disk_that_fails_leaves_the_old_file_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owner: object, call: str
) -> None:
    path = tmp_path / "policy.yml"
    path.write_bytes(b"old")

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(owner, call, full)
    with pytest.raises(OSError, match="No space left"):
        write_atomically(path, b"new", 0o644)
    assert [(entry.name, entry.read_bytes()) for entry in tmp_path.iterdir()] == [("policy.yml", b"old")]


@pytest.mark.parametrize(
    ("names", "begins", "ends"), [({}, ".policy.yml-", ""), ({"prefix": ".p-", "suffix": ".tmp"}, ".p-", ".tmp")]
)
def test_the_file_that_a_killed_writer_leaves_is_known_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, names: dict[str, str], begins: str, ends: str
) -> None:
    seen: list[str] = []
    monkeypatch.setattr(os, "fsync", lambda _: seen.extend(entry.name for entry in tmp_path.iterdir()))
    write_atomically(tmp_path / "policy.yml", b"new", 0o644, **names)
    assert len(seen) == 1
    assert seen[0].startswith(begins)
    assert seen[0].endswith(ends)


def test_a_directory_that_is_not_there_cannot_be_synced(tmp_path: Path) -> None:
    sync_directory(tmp_path)
    with pytest.raises(FileNotFoundError):
        sync_directory(tmp_path / "missing")
