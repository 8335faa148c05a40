"""Programs in archives: whatever their names, one level deep; what cannot be read is no pass."""

from __future__ import annotations

import gzip
import pickle
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promotebot.artifact import archives
from promotebot.artifact.archives import Archived, look_into_archive
from promotebot.artifact.looks import look_at
from promotebot.artifact.programs import LOOK, Unsettled

from .archived import tar, zipped
from .test_programs import CALLS, OTHERS, PICKLES, text_first

PICKLE = pickle.dumps([1, 2, 3])


PLAIN = {"config.json": b'{"a": 1}', "weights/0.bin": bytes(200_000)}
WAYS: Mapping[str, Callable[[dict[str, bytes]], bytes]] = {
    "tar": tar,
    "tar of the oldest kind": lambda files: tar(files, format=tarfile.USTAR_FORMAT),
    "tar of GNU's": lambda files: tar(files, format=tarfile.GNU_FORMAT),
    "tar.gz": lambda files: tar(files, "w:gz"),
    "tar.bz2": lambda files: tar(files, "w:bz2"),
    "zip": zipped,
    "zip that is stored": lambda files: zipped(files, zipfile.ZIP_STORED),
}


def inside(data: bytes) -> Archived:
    return look_into_archive(data, is_whole=True)


@pytest.mark.parametrize("way", WAYS)
def test_a_pickle_with_another_name_is_found_behind_other_files(way: str) -> None:
    data = WAYS[way]({**PLAIN, "x" * 120 + "/weights.bin": PICKLE})
    found = inside(data)
    assert (found.program, found.unread) == ("pickles", "")
    assert found.member.endswith("/weights.bin")
    assert look_at(data, "model.bin", is_own=False).holds == "pickles"


@pytest.mark.parametrize("way", WAYS)
def test_a_program_is_known_by_its_name_as_well(way: str) -> None:
    assert inside(WAYS[way]({**PLAIN, "lib/ops.so": b"?"})) == Archived("libraries", "lib/ops.so")
    assert inside(WAYS[way]({**PLAIN, "lib/ops": b"\x7fELF"})).program == "libraries"


@pytest.mark.parametrize("way", WAYS)
def test_an_archive_of_other_files_is_none(way: str) -> None:
    assert inside(WAYS[way](PLAIN)) == Archived()
    assert inside(WAYS[way]({})) == Archived()


@pytest.mark.parametrize("name", [name for name in PICKLES if "zip with" not in name and not name.startswith("torch")])
def test_every_pickle_is_one_in_an_archive(name: str) -> None:
    assert inside(tar({"weights.bin": PICKLES[name]})).program == "pickles"


# So many opcodes of a pickle are not what a file of weights begins with; more of it is not looked at in an archive.
@pytest.mark.parametrize("name", sorted(OTHERS.keys() - {"many marks and values"}))
def test_what_calls_nothing_is_no_pickle_in_an_archive(name: str) -> None:
    assert inside(tar({"weights.bin": OTHERS[name]})).program is None


def test_a_call_behind_a_text_that_is_longer_than_what_is_looked_at_is_found() -> None:
    assert inside(zipped({"weights.bin": text_first(2 * LOOK)})).program == "pickles"


@pytest.mark.parametrize("way", WAYS)
def test_an_archive_of_which_the_beginning_is_known_is_looked_at_as_a_whole(way: str) -> None:
    data = WAYS[way]({**PLAIN, "weights.bin": CALLS})
    with pytest.raises(Unsettled):
        look_into_archive(data[:LOOK], is_whole=False)


def encrypted() -> bytes:
    data = bytearray(zipped({"weights.bin": b"x" * 50}, zipfile.ZIP_STORED))
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(mark) + place] |= 1
    return bytes(data)


UNREAD = {
    "encrypted": (encrypted(), "a file in it is encrypted"),
    "bzip2 in a zip": (zipped(PLAIN, zipfile.ZIP_BZIP2), "compressed in a way that is not read here"),
    "xz": (tar(PLAIN, "w:xz"), "compressed in a way that is not read here"),
    "half a zip": (zipped(PLAIN)[:-30], "it cannot be read to its end"),
    "half a tar": (tar({"a": bytes(5000)})[:3000], "it cannot be read to its end"),
    "half of a compressed tar": (tar(PLAIN | {"b": bytes(range(256)) * 90}, "w:gz")[:-40], "it cannot be read to its"),
}


@pytest.mark.parametrize("name", UNREAD)
def test_what_cannot_be_read_says_so(name: str) -> None:
    data, reason = UNREAD[name]
    assert inside(data).program is None
    assert reason in inside(data).unread


@pytest.mark.parametrize(
    ("limit", "value", "reason"),
    [
        ("MAX_MEMBERS", 1, "it has more than 1 files"),
        ("MAX_STEPPED", 10, "its files take too long to look at"),
        ("MAX_UNPACKED", 100_000, "it unpacks to more than 100,000 bytes"),
        ("MAX_READ", 30, "its list of files is too long"),
    ],
)
def test_what_takes_too_much_is_not_read_on(
    monkeypatch: pytest.MonkeyPatch, limit: str, value: int, reason: str
) -> None:
    monkeypatch.setattr(archives, limit, value)
    data = tar({**PLAIN, "a": b"N0" * 50, "b": b""}, "w:gz") if limit != "MAX_READ" else zipped(PLAIN)
    assert inside(data).unread == reason


def test_a_long_name_is_not_read_into_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MAX_READ", 1000)
    assert inside(tar({"x" * 3000: b""}, "w:gz")).unread == "its list of files is too long"


def test_a_tar_that_unpacks_without_end_is_unpacked_to_a_limit() -> None:
    header = tar({"zeros": b""})[:512]
    assert inside(gzip.compress(header + bytes(archives.MAX_UNPACKED), 1)) == Archived()  # two empty blocks end it
    member = tarfile.TarInfo("zeros")
    member.size = 10**12
    assert "unpacks to more than" in inside(gzip.compress(member.tobuf() + bytes(archives.MAX_UNPACKED), 1)).unread


@given(st.sampled_from(sorted(WAYS)), st.integers(0, 5000), st.binary(max_size=40), st.integers(0, 3))
def test_whatever_is_broken_in_an_archive_there_is_an_answer(way: str, place: int, data: bytes, cut: int) -> None:
    whole = WAYS[way]({"config.json": b"{}", "weights/0.bin": bytes(100)})
    place %= len(whole)
    broken = whole[:place] + data + whole[place + len(data) :]
    assert isinstance(inside(broken[: len(broken) - 7 * cut]), Archived)


def test_a_file_is_looked_into_where_it_lies(tmp_path: Path) -> None:
    from promotebot.artifact.looks import look_into

    (tmp_path / "file").write_bytes(zipped({"weights.bin": PICKLE}))
    look = look_into(tmp_path / "file", "file", is_own=False)
    assert (look.program, look.holds, look.archived.member) == (None, "pickles", "weights.bin")
