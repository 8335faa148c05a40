"""Programs are told by what they are, not only by their names: pickles of every protocol, in a zip, compressed."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import pickle
import zipfile
import zlib
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from promotebot.artifact.limits import Program
from promotebot.artifact.programs import UNPACKED, program_of

from .weights import llama, safetensors

CALLS = b"cos\nsystem\n(S'true'\ntR."
"""What a pickle that runs a command looks like, in the oldest protocol."""


def of(tmp_path: Path, data: bytes, name: str = "file") -> Program | None:
    (tmp_path / "file").write_bytes(data)
    return program_of(tmp_path / "file", name, by_content=True)


def zipped(*names: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in names:
            archive.writestr(name, b"x" * 100)
    return file.getvalue()


def text_first(length: int) -> bytes:
    """A pickle that puts so long a text away before it calls something."""
    return b"X" + length.to_bytes(4, "little") + b"a" * length + b"0" + CALLS


def array(values: Any, kind: Any) -> bytes:
    file = io.BytesIO()
    numpy.save(file, numpy.array(values, dtype=kind), allow_pickle=True)
    return file.getvalue()


PICKLES = {
    **{f"protocol {n}": pickle.dumps(OrderedDict(a=1), protocol=n) for n in range(6)},
    "a call": CALLS,
    "an array of objects": array([{"a": 1}], object),
    "an array with objects in it": array([(1, None)], [("a", "i4"), ("b", object)]),
    "a call behind a long text": text_first(200_000),
    "an object of the oldest kind": b"(S'true'\nios\nsystem\n.",
    "one behind one that calls nothing": b"I1\n." + CALLS,
    "one behind a mark that is taken off": b"(0" + CALLS,
    "one that goes on for too long": b"N0" * 100_000,
    "a zip with more entries than are looked at": b"PK\x03\x04" + b"PK\x01\x02" * 300_000,
    "a false protocol": b"\x80\x00" + CALLS,
    "torch's zip": zipped("archive/data/0", "archive/data.pkl", "archive/version"),
    "torch's zip, its pickle last": zipped(*(f"archive/data/{n}" for n in range(3000)), "archive/DATA.PKL"),
    "gzip": gzip.compress(pickle.dumps([1])),
    "zlib": zlib.compress(pickle.dumps([1])),
    "zlib of the oldest protocol": zlib.compress(CALLS),
    "zlib behind a long text": zlib.compress(text_first(2 * UNPACKED)),
    "bz2": bz2.compress(pickle.dumps([1])),
    "xz": lzma.compress(pickle.dumps([1])),
    "lzma": lzma.compress(pickle.dumps([1]), format=lzma.FORMAT_ALONE),
}
LIBRARIES = {
    "ELF": b"\x7fELF\x02\x01\x01",
    "PE": b"MZ" + bytes(60),
    "Mach-O": b"\xcf\xfa\xed\xfe" + bytes(60),
    "Mach-O of two processors": b"\xca\xfe\xba\xbe\0\0\0\x02",
    "a class of Java": b"\xca\xfe\xba\xbe\0\0\0\x34",
    "WebAssembly": b"\0asm\1\0\0\0",
}


OTHERS = {
    "an array": array([1.5, 2], "float32"),
    "an array of texts": array(["|O"], "U2"),
    "nothing": b"",
    "words": b"cat\ndog\nrat\n",
    "words that could be opcodes": b"cat\ndog\nRabbit\n(a tiger)\nNoah.\n",
    "a long word": b"Xylophone and more of it\n",
    "compressed words": gzip.compress(b"The first of many words\n" * 9),
    "an end alone": b"." * 2000,
    "JSON": b'{"a": [1, 2], "b": null}',
    "zeros": bytes(5000),
    "many marks and values": b"N" * 50_000 + b"(t" * 20_000 + b"\x00",
    "a mark that is taken off": b"(0(0((00",
    "a zip of texts": zipped("a.txt", "notes about data.pkl files/b.md"[:5]),
    "half a zip": zipped("a/data.pkl")[:40],
    "broken gzip": b"\x1f\x8b" + bytes(40),
    "x": b"x",
    "weights": safetensors(),
    "a GGUF file": llama(),
}


@pytest.mark.parametrize("name", PICKLES)
def test_a_pickle_is_one_whatever_its_name(tmp_path: Path, name: str) -> None:
    assert of(tmp_path, PICKLES[name], "pytorch_model.bin") == "pickles"


@pytest.mark.parametrize("name", LIBRARIES)
def test_what_a_machine_runs_is_known_by_its_beginning(tmp_path: Path, name: str) -> None:
    assert of(tmp_path, LIBRARIES[name], "weights.bin") == "libraries"


@pytest.mark.parametrize("name", OTHERS)
def test_what_calls_nothing_is_no_pickle(tmp_path: Path, name: str) -> None:
    assert of(tmp_path, OTHERS[name]) is None


def test_a_text_that_unpacks_without_end_is_unpacked_to_a_limit(tmp_path: Path) -> None:
    assert of(tmp_path, zlib.compress(bytes(20 * UNPACKED))) is None


@given(st.binary(max_size=200) | st.text().map(str.encode))
def test_whatever_the_bytes_are_there_is_an_answer(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    assert of(tmp_path_factory.getbasetemp(), data) in (None, "libraries", "scripts", "pickles")


@given(st.sampled_from(["", "x", "\x80\x02", "PK\x03\x04"]), st.binary(max_size=50))
def test_what_is_weights_of_a_model_is_known_by_its_name_alone(
    tmp_path_factory: pytest.TempPathFactory, first: str, data: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "weights"
    path.write_bytes(first.encode("latin-1") + data)
    assert program_of(path, "weights.bin", by_content=False) is None
    assert program_of(path, "weights.PT", by_content=False) == "pickles"
