"""Rows of `.npy` files, block by block, in the process that opens models: no header is believed before it was checked.

https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from promotebot.artifact.golden_values import Unusable

MAX_HEADER = 10_000
"""Bytes of a header; numpy itself writes a few hundred."""
MAX_AXES = 16
MAX_VALUE = 4096
"""Bytes of one value: texts of a thousand characters."""
_LENGTH = {(1, 0): 2, (2, 0): 4}
"""Version of the format → bytes of the header's length."""


@dataclass(frozen=True)
class Rows:
    """A file whose first axis is the rows; its size is what its header says."""

    path: Path
    dtype: Any
    shape: tuple[int, ...]
    offset: int
    """Bytes before the first row."""

    @property
    def count(self) -> int:
        """Return how many rows there are."""
        return self.shape[0]

    @property
    def row_bytes(self) -> int:
        """Return the bytes of one row."""
        return int(math.prod(self.shape[1:]) * self.dtype.itemsize)

    def block(self, start: int, stop: int) -> Any:
        """Return some rows, in the byte order of this machine.

        Raises:
            Unusable: for texts that are none.
        """
        import numpy

        with self.path.open("rb") as file:
            file.seek(self.offset + start * self.row_bytes)
            data = file.read((stop - start) * self.row_bytes)
        values = numpy.frombuffer(data, self.dtype).reshape(stop - start, *self.shape[1:])
        values = values.astype(self.dtype.newbyteorder("="))
        # numpy keeps any four bytes for a character, and fails much later at those that are none.
        if self.dtype.kind == "U" and not _are_characters(values.reshape(-1).view("uint32")):
            raise Unusable(f"{self.path.name} has texts with numbers that are no characters of Unicode")
        return values


def _are_characters(codes: Any) -> bool:
    """Return whether all are Unicode scalar values: https://www.unicode.org/glossary/#unicode_scalar_value"""
    return bool(((codes < 0xD800) | ((codes > 0xDFFF) & (codes <= sys.maxunicode))).all())


def open_rows(path: Path) -> Rows:
    """Return the rows of a file; nothing of them is read yet.

    Raises:
        Unusable: for anything that is not a plain array with rows.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        shape, is_fortran, dtype = _header(file)
        offset = file.tell()
    if dtype.hasobject or dtype.kind not in "biufU" or not 0 < dtype.itemsize <= MAX_VALUE:
        raise Unusable(f"its values are {str(dtype)[:60]}: numbers, truth values and texts of fixed length are read")
    if is_fortran:
        raise Unusable("it is in Fortran order; write numpy.ascontiguousarray of it")
    if not 0 < len(shape) <= MAX_AXES:
        raise Unusable(f"it has {len(shape)} axes: the first one has to be the rows")
    if min(shape) <= 0:
        raise Unusable("it has no rows" if shape[0] == 0 else "its shape has an axis without values")
    rows = Rows(path, dtype, shape, offset)
    if size - offset != rows.count * rows.row_bytes:
        raise Unusable(f"it has {size - offset:,} bytes of values, and its header says {rows.count * rows.row_bytes:,}")
    return rows


def _header(file: BinaryIO) -> tuple[tuple[int, ...], bool, Any]:
    """Return shape, whether it is in Fortran order, and type; the file is then at the first value."""
    from numpy.lib import format as npy

    try:
        version = npy.read_magic(file)
        start, width = file.tell(), _LENGTH.get(version, 0)
        if not width:
            raise Unusable(f"it is of version {version[0]}.{version[1]} of the format; 1.0 and 2.0 are read")
        # numpy would allocate what a header says of its own length.
        if int.from_bytes(file.read(width), "little") > MAX_HEADER:
            raise Unusable(f"its header is longer than {MAX_HEADER:,} bytes")
        file.seek(start)
        read = npy.read_array_header_1_0 if width == _LENGTH[1, 0] else npy.read_array_header_2_0
        shape, is_fortran, dtype = read(file, max_header_size=MAX_HEADER)
    except Unusable:
        raise
    except Exception as problem:  # noqa: BLE001 - whatever numpy says of a hostile header is the answer
        raise Unusable(f"it is no .npy file: {' '.join(str(problem).split())[:200]}") from None
    return tuple(int(size) for size in shape), bool(is_fortran), dtype
