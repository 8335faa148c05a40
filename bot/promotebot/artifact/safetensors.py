"""The header of a safetensors file, read in bounded memory, as strictly as its own library reads it.

https://github.com/huggingface/safetensors#format
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from promotebot.artifact.weights_header import (
    MAX_TENSORS,
    BrokenHeader,
    Header,
    TensorInfo,
    check_places,
    header_of,
    quoted,
)
from promotebot.errors import InvalidInput
from promotebot.registry.codec import parse_json

MAX_HEADER = 8 * 1024 * 1024
"""Bytes; the library itself reads a hundred megabytes, which would take a gigabyte of memory here."""
MAX_COMMAS, MAX_BRACES = 8 * MAX_TENSORS, 2 * MAX_TENSORS
"""Every value but the last of its list or object is followed by a comma: these numbers bound memory and time."""
MAX_DIMENSIONS = 64
MAX_SIZE = 2**63
_LENGTH = 8
_METADATA = "__metadata__"
_KEYS = {"dtype", "shape", "data_offsets"}
BITS = {
    **dict.fromkeys(("F64", "I64", "U64", "C64"), 64),
    **dict.fromkeys(("F32", "I32", "U32"), 32),
    **dict.fromkeys(("F16", "BF16", "I16", "U16"), 16),
    **dict.fromkeys(("BOOL", "I8", "U8", "F8_E4M3", "F8_E5M2", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ"), 8),
    **dict.fromkeys(("F6_E2M3", "F6_E3M2"), 6),
    "F4": 4,
}
"""Element type → bits of one element."""


def read_safetensors(path: Path) -> Header:
    """Return what the header says, the file's name left empty. No tensor is read.

    Raises:
        BrokenHeader: for a header that the format does not allow, or that is larger than is read here.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(_LENGTH), "little")
        if size < _LENGTH or length > size - _LENGTH:
            raise BrokenHeader(f"its header should have {length:,} bytes, and the file has {size:,}")
        if length > MAX_HEADER:
            raise BrokenHeader(f"its header has {length:,} bytes; at most {MAX_HEADER:,} are read")
        document = _document(file.read(length))
    metadata = document.pop(_METADATA, {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise BrokenHeader(f"its {_METADATA} is not an object of texts")
    if len(document) > MAX_TENSORS:
        raise BrokenHeader(f"it has {len(document):,} tensors; at most {MAX_TENSORS:,} are read")
    tensors = [_tensor(name, said) for name, said in document.items()]
    check_places(tensors, size - _LENGTH - length, closely=True)
    return header_of("safetensors", tensors, size)


def _document(data: bytes) -> dict[str, Any]:
    if not data.startswith(b"{"):
        raise BrokenHeader("its header does not begin with {")
    if data.count(b",") > MAX_COMMAS or data.count(b"{") > MAX_BRACES:
        raise BrokenHeader(f"its header has more than {MAX_COMMAS:,} values or {MAX_BRACES:,} objects")
    try:
        document = parse_json(data, where="header", max_bytes=MAX_HEADER, max_depth=4)
    except InvalidInput as problem:
        raise BrokenHeader(f"its header is not read: {problem.message[:200]}") from None
    if not isinstance(document, dict):
        raise BrokenHeader("its header is not an object")
    return document


def _tensor(name: str, said: Any) -> TensorInfo:
    if not isinstance(said, dict) or said.keys() != _KEYS:
        raise BrokenHeader(f"tensor {quoted(name)} does not have dtype, shape and data_offsets, and nothing else")
    kind, shape = said["dtype"], _numbers(name, said, "shape", MAX_DIMENSIONS)
    if not isinstance(kind, str) or kind not in BITS:
        raise BrokenHeader(f"tensor {quoted(name)} has the element type {quoted(str(kind))}, which is not known")
    offsets = _numbers(name, said, "data_offsets", 2)
    elements = math.prod(shape)
    whole, rest = divmod(elements * BITS[kind], 8)
    if len(offsets) != 2 or rest or offsets[1] - offsets[0] != whole:
        told = " to ".join(map(str, offsets))
        raise BrokenHeader(f"tensor {quoted(name)}, {kind} {list(shape)}, does not fit its bytes {told}")
    return TensorInfo(name, kind, shape, elements, offsets[0], offsets[1])


def _numbers(name: str, said: Mapping[str, Any], key: str, most: int) -> tuple[int, ...]:
    """Return a list of sizes; JSON's true and false are numbers for Python."""
    values = said[key]
    is_list = isinstance(values, list) and len(values) <= most
    if not is_list or not all(type(value) is int and 0 <= value < MAX_SIZE for value in values):
        raise BrokenHeader(f"{key} of tensor {quoted(name)} is not a list of at most {most} sizes")
    return tuple(values)
