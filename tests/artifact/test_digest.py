"""Copies and digests are made from one reading of the bytes, and a failing disk is never a wrong file."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from io import BytesIO, RawIOBase
from pathlib import Path
from typing import Any, BinaryIO, cast

import pytest

from promotebot.artifact.digest import CHUNK, Kept, OverLimit, copy_hashed, hash_stream, read_hashed, share_blocks
from promotebot.errors import CouldNotVerify, InvalidInput

DATA = b"0123456789abcdef" * (CHUNK // 8) + b"tail"


class FailingDisk(RawIOBase):
    def read(self, size: int = -1) -> Any:  # noqa: ARG002 - the signature of a stream
        raise OSError(5, "Input/output error")


def test_the_digest_is_of_the_copied_bytes(tmp_path: Path) -> None:
    digest, size = copy_hashed(BytesIO(DATA), tmp_path / "sub/copy", where="f", max_bytes=len(DATA))
    assert (tmp_path / "sub/copy").read_bytes() == DATA
    assert digest == hashlib.sha256(DATA).hexdigest() == hash_stream(BytesIO(DATA))
    assert size == len(DATA)


def test_the_first_bytes_are_kept_in_a_file_of_the_whole_size(tmp_path: Path) -> None:
    kept = Kept(tmp_path / "copy", 5)
    digest, size = read_hashed(BytesIO(DATA), lambda *_: kept, where="f", max_bytes=len(DATA))
    assert (digest, size) == (hashlib.sha256(DATA).hexdigest(), len(DATA))
    assert (tmp_path / "copy").read_bytes() == DATA[:5] + bytes(len(DATA) - 5)


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1])
@pytest.mark.parametrize("told", [None, 0, CHUNK, 5 * CHUNK])
def test_the_beginning_is_a_chunk_or_all_of_it_however_few_bytes_come_at_a_time(size: int, told: int | None) -> None:
    class Slow(BytesIO):
        def read(self, count: int | None = -1, /) -> bytes:
            return super().read(min(count or 1, 300_000))

    seen: list[tuple[int, bool]] = []
    data = b"x" * size
    keep = lambda data, is_whole: seen.append((len(data), is_whole))  # noqa: E731
    assert read_hashed(Slow(data), keep, where="f", max_bytes=size, size=told) == (
        hashlib.sha256(data).hexdigest(),
        size,
    )
    assert seen == [(min(size, CHUNK), size < CHUNK)]


def test_one_byte_over_the_limit_is_over_the_limit(tmp_path: Path) -> None:
    with pytest.raises(OverLimit, match=f"{len(DATA) - 1:,} bytes"):
        copy_hashed(BytesIO(DATA), tmp_path / "copy", where="f", max_bytes=len(DATA) - 1)


def test_a_copy_never_replaces_a_file(tmp_path: Path) -> None:
    (tmp_path / "copy").write_bytes(b"before")
    with pytest.raises(CouldNotVerify):
        copy_hashed(BytesIO(DATA), tmp_path / "copy", where="f", max_bytes=len(DATA))
    assert (tmp_path / "copy").read_bytes() == b"before"


def test_a_disk_that_fails_is_could_not_verify(tmp_path: Path) -> None:
    with pytest.raises(CouldNotVerify, match="Input/output error"):
        copy_hashed(cast(BinaryIO, FailingDisk()), tmp_path / "copy", where="f", max_bytes=1)
    with pytest.raises(CouldNotVerify, match="Input/output error"):
        hash_stream(cast(BinaryIO, FailingDisk()), where="f")


def sharing(data: bytes, *, works: bool = True) -> Callable[[int, int], bool]:
    """Stands in for a file system with reflinks, on which the file is these bytes by the time its blocks are shared."""

    def share(source: int, target: int) -> bool:
        assert (source != target, os.fstat(target).st_size) == (True, 0)
        assert os.pwrite(target, data, 0) == len(data)
        return works

    return share


def copied_from(folder: Path, data: bytes, share: Callable[[int, int], bool], **options: Any) -> tuple[str, int]:
    (folder / "file").write_bytes(data)
    kept = Kept(folder / "copy", options.get("most"))
    most = options.get("max_bytes", len(data))
    with (folder / "file").open("rb", buffering=0) as stream:
        return read_hashed(stream, lambda *_: kept, where="f", max_bytes=most, share=share)


@pytest.mark.parametrize("now", [DATA, DATA[:-1] + b"!", DATA[:CHUNK], DATA[:-2]])
def test_what_is_hashed_is_the_private_file(tmp_path: Path, now: bytes) -> None:
    """Whatever the other file was before or is after: the proof is of the bytes that are opened."""
    assert copied_from(tmp_path, DATA, sharing(now)) == (hashlib.sha256(now).hexdigest(), len(now))
    assert (tmp_path / "copy").read_bytes() == now


@pytest.mark.parametrize("now", [b"", DATA[: CHUNK - 1], b"!" + DATA[1:]])
def test_a_file_whose_beginning_changed_before_its_blocks_were_shared_is_refused(tmp_path: Path, now: bytes) -> None:
    """What it is was told by that beginning."""
    with pytest.raises(InvalidInput, match="changed while it was read"):
        copied_from(tmp_path, DATA, sharing(now))


def test_a_file_that_shares_blocks_keeps_to_the_limit(tmp_path: Path) -> None:
    with pytest.raises(OverLimit):
        copied_from(tmp_path, DATA, sharing(DATA + b"more"))


def test_where_sharing_fails_the_bytes_are_copied_over_whatever_it_left(tmp_path: Path) -> None:
    half_done = sharing(b"?" * (len(DATA) + 5), works=False)
    assert copied_from(tmp_path, DATA, half_done) == (hashlib.sha256(DATA).hexdigest(), len(DATA))
    assert (tmp_path / "copy").read_bytes() == DATA


def test_small_files_beginnings_and_streams_share_nothing(tmp_path: Path) -> None:
    def never(*_: int) -> bool:
        raise AssertionError

    for number, (data, most) in enumerate([(DATA[: CHUNK - 1], None), (DATA, 5)]):
        (tmp_path / str(number)).mkdir()
        copied_from(tmp_path / str(number), data, never, most=most)
    kept = Kept(tmp_path / "copy")
    read_hashed(BytesIO(DATA), lambda *_: kept, where="f", max_bytes=len(DATA), share=never)
    assert kept.target.read_bytes() == DATA


def test_another_file_system_and_a_pipe_share_nothing(tmp_path: Path) -> None:
    """The real call, where it cannot work; `make reflinks` shows it where it does."""
    reading, writing = os.pipe()
    with (tmp_path / "target").open("xb") as target, open(reading), open(writing, "w"):  # noqa: PTH123 - descriptors
        assert not share_blocks(reading, target.fileno())
        if hasattr(os, "memfd_create"):
            with open(os.memfd_create("elsewhere"), "wb") as file:  # noqa: PTH123 - a descriptor
                file.write(DATA)
                file.flush()
                assert not share_blocks(file.fileno(), target.fileno())
    assert (tmp_path / "target").read_bytes() == b""


def test_a_file_is_copied_whatever_this_file_system_offers(tmp_path: Path) -> None:
    assert copied_from(tmp_path, DATA, share_blocks) == (hashlib.sha256(DATA).hexdigest(), len(DATA))
    assert (tmp_path / "copy").read_bytes() == DATA
