"""`.npy` files block by block: what numpy writes is read, and no hostile header is believed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from promotebot.artifact.golden_values import Unusable
from promotebot.artifact.npy import MAX_HEADER, open_rows

from .evaluation_sets import npy, with_header

HEADER = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }\n"
DATA = bytes(24)


def written(folder: Path, data: bytes) -> Path:
    path = folder / "x.npy"
    path.write_bytes(data)
    return path


@given(
    arrays.arrays(
        st.sampled_from(["<f4", ">f8", "<f2", "|b1", "|u1", ">i8", "<u4", "<U5", ">U2"]),
        arrays.array_shapes(min_dims=1, max_dims=4, max_side=5),
    ),
    st.data(),
)
def test_any_rows_are_those_of_the_array(tmp_path_factory: Any, values: Any, data: st.DataObject) -> None:
    rows = open_rows(written(tmp_path_factory.mktemp("rows"), npy(np.ascontiguousarray(values))))
    start = data.draw(st.integers(0, len(values) - 1))
    stop = data.draw(st.integers(start + 1, len(values)))
    block = rows.block(start, stop)
    assert (rows.count, rows.shape) == (len(values), values.shape)
    assert block.dtype.isnative
    np.testing.assert_array_equal(block, values[start:stop])


def test_a_file_of_version_two_is_read(tmp_path: Path) -> None:
    rows = open_rows(written(tmp_path, with_header(HEADER, DATA, version=b"\x02\x00")))
    assert rows.block(0, 2).shape == (2, 3)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "no .npy file"),
        (b"\x93NUMPY", "no .npy file"),
        (b"PK\x03\x04" + bytes(60), "no .npy file"),
        (with_header(HEADER, DATA, version=b"\x03\x00"), "version 3.0"),
        (with_header(HEADER, DATA, version=b"\x02\x00", length=2**32 - 1), "longer than 10,000"),
        (with_header(HEADER, DATA, length=MAX_HEADER + 1), "longer than 10,000"),
        (with_header(HEADER, DATA[:-1]), "it has 23 bytes of values, and its header says 24"),
        (with_header(HEADER, DATA + b"x"), "it has 25 bytes of values, and its header says 24"),
        (with_header(HEADER.replace("(2, 3)", "(2, 99999999999999999999999)"), DATA), "its header says"),
        (with_header(HEADER.replace("(2, 3)", "(-2, -3)"), DATA), "an axis without values"),
        (with_header(HEADER.replace("(2, 3)", "(0, 3)")), "it has no rows"),
        (with_header(HEADER.replace("(2, 3)", "(2, 0)")), "an axis without values"),
        (with_header(HEADER.replace("(2, 3)", "()"), bytes(4)), "it has 0 axes"),
        (with_header(HEADER.replace("(2, 3)", str((1,) * 17)), bytes(4)), "it has 17 axes"),
        (with_header(HEADER.replace("(2, 3)", "'abc'"), DATA), "no .npy file"),
        (with_header(HEADER.replace("False", "True"), DATA), "Fortran order"),
        (with_header(HEADER.replace("'<f4'", "'|O'"), DATA), "its values are object"),
        (with_header(HEADER.replace("'<f4'", "[('a', '<f4')]"), DATA), "its values are [('a', '<f4')]"),
        (with_header(HEADER.replace("'<f4'", "'<c8'"), bytes(48)), "its values are complex64"),
        (with_header(HEADER.replace("'<f4'", "'|V0'")), "its values are"),
        (with_header(HEADER.replace("'<f4'", "'<U99999'"), DATA), "its values are <U99999"),
        (with_header(HEADER.replace("'<f4'", "__import__('os')"), DATA), "no .npy file"),
        (with_header("(" * 9000), "no .npy file"),
        (with_header("{'descr': '<f4'}", DATA), "no .npy file"),
        (npy(np.array([{"a": 1}], dtype=object)), "its values are object"),
        (npy(np.array(["2026-01-01"], dtype="datetime64[D]")), "its values are datetime64"),
        (npy(np.asfortranarray(np.ones((2, 3)))), "Fortran order"),
    ],
)
def test_what_is_no_plain_array_of_rows_is_refused_in_words(tmp_path: Path, data: bytes, words: str) -> None:
    with pytest.raises(Unusable) as refused:
        open_rows(written(tmp_path, data))
    assert words in str(refused.value)
    assert len(str(refused.value)) < 300


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("code", [0xD800, 0xDFFF, 0x110000, 0xFFFFFFFF])
def test_texts_with_numbers_that_are_no_characters_are_refused_in_words(tmp_path: Path, order: str, code: int) -> None:
    codes = np.array([[97, 0], [98, code]], f"{order}u4")
    header = HEADER.replace("<f4", f"{order}U2").replace("(2, 3)", "(2,)")
    rows = open_rows(written(tmp_path, with_header(header, codes.tobytes())))
    assert rows.block(0, 1).tolist() == ["a"]
    with pytest.raises(Unusable, match=r"x\.npy has texts with numbers that are no characters of Unicode"):
        rows.block(0, 2)


def test_every_character_is_read(tmp_path: Path) -> None:
    texts = ["", "\0a", "\ud7ff", "\ue000", "\U0010ffff"]
    assert open_rows(written(tmp_path, npy(np.array(texts)))).block(0, 5).tolist() == texts


@given(st.binary(max_size=300), st.booleans())
def test_no_bytes_raise_anything_else(tmp_path_factory: Any, data: bytes, has_magic: bool) -> None:
    path = written(tmp_path_factory.mktemp("any"), (b"\x93NUMPY\x01\x00" if has_magic else b"") + data)
    try:
        rows = open_rows(path)
    except Unusable:
        return
    assert rows.block(0, rows.count).shape == rows.shape
