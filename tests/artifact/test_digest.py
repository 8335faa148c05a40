"""Copies and digests are made from one reading of the bytes, and a failing disk is never a wrong file."""

from __future__ import annotations

import hashlib
from io import BytesIO, RawIOBase
from pathlib import Path
from typing import Any, BinaryIO, cast

import pytest

from promotebot.artifact.digest import CHUNK, Kept, OverLimit, copy_hashed, hash_stream, read_hashed
from promotebot.errors import CouldNotVerify

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
