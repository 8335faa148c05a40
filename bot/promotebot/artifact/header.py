"""The inputs and outputs that an ONNX model's file declares, read in pure Python: no runtime sees the file."""

from __future__ import annotations

import mmap
from collections.abc import Mapping
from typing import BinaryIO

from pydantic import BaseModel, ConfigDict
from pydantic import Field as Described

from promotebot.artifact.wire import Field, Kept, Malformed, Reader

_VARINT, _EIGHT, _LENGTH, _FOUR = 0, 1, 2, 5
# The numbers of TensorProto.DataType, as ONNX Runtime spells them.
_ELEMENTS = (
    "undefined",
    "float",
    "uint8",
    "int8",
    "uint16",
    "int16",
    "int32",
    "int64",
    "string",
    "bool",
    "float16",
    "double",
    "uint32",
    "uint64",
    "complex64",
    "complex128",
    "bfloat16",
    "float8e4m3fn",
    "float8e4m3fnuz",
    "float8e5m2",
    "float8e5m2fnuz",
    "uint4",
    "int4",
    "float4e2m1",
    "float8e8m0",
    "uint2",
    "int2",
    "float6e2m3",
    "float6e3m2",
)
_NEGATIVE = 1 << 63
"""From here on, a number of 64 bits stands for a negative one."""
_AS_NUMPY = {"float": "float32", "double": "float64"}


def _passed_over(*numbers: int, wire: int = _LENGTH) -> dict[int, Field]:
    return {number: Field("", wire, True) for number in numbers}


# https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3, as far as a signature goes. A field that is not here is
# refused: nothing of the signature may hide in it.
SHAPES: Mapping[str, Mapping[int, Field]] = {
    "ModelProto": {
        7: Field("graph", _LENGTH, message="GraphProto"),
        **_passed_over(2, 3, 4, 6, 8, 14, 20, 25, 26),
        **_passed_over(1, 5, wire=_VARINT),
    },
    "GraphProto": {
        5: Field("initializer", _LENGTH, True, "TensorProto"),
        11: Field("input", _LENGTH, True, "ValueInfoProto"),
        12: Field("output", _LENGTH, True, "ValueInfoProto"),
        15: Field("sparse_initializer", _LENGTH, True, "SparseTensorProto"),
        **_passed_over(1, 2, 10, 13, 14, 16),
    },
    "ValueInfoProto": {1: Field("name", _LENGTH), 2: Field("type", _LENGTH, message="TypeProto"), **_passed_over(3, 4)},
    "TensorProto": {
        8: Field("name", _LENGTH),
        **_passed_over(3, 6, 9, 12, 13, 16),
        **_passed_over(1, 2, 5, 7, 11, 14, wire=_VARINT),
        **_passed_over(4, wire=_FOUR),
        **_passed_over(10, wire=_EIGHT),
    },
    "SparseTensorProto": {
        1: Field("values", _LENGTH, message="TensorProto"),
        **_passed_over(2),
        **_passed_over(3, wire=_VARINT),
    },
    "TypeProto": {
        1: Field("tensor", _LENGTH, message="TypeProto.Tensor"),
        4: Field("seq", _LENGTH, message="TypeProto.Sequence"),
        5: Field("map", _LENGTH, message="TypeProto.Map"),
        8: Field("sparse_tensor", _LENGTH, message="TypeProto.Tensor"),
        9: Field("optional", _LENGTH, message="TypeProto.Sequence"),
        **_passed_over(6, 7),
    },
    "TypeProto.Tensor": {1: Field("elem_type", _VARINT), 2: Field("shape", _LENGTH, message="TensorShapeProto")},
    "TypeProto.Sequence": {1: Field("elem_type", _LENGTH, message="TypeProto")},
    "TypeProto.Map": {1: Field("key_type", _VARINT), 2: Field("value_type", _LENGTH, message="TypeProto")},
    "TensorShapeProto": {1: Field("dim", _LENGTH, True, "Dimension")},
    "Dimension": {1: Field("dim_value", _VARINT), 2: Field("dim_param", _LENGTH), **_passed_over(3)},
}
_WANTED = {message: frozenset(field.name for field in fields.values()) - {""} for message, fields in SHAPES.items()}


class Value(BaseModel):
    """An input or output."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    name: str
    type: str = Described(description="The element type as the card shows it: float32, int64, seq(tensor(float)).")
    shape: list[int | str | None] | None = Described(
        default=None,
        description="A number: this size. A text: any size, whatever its name. null: not compared, like no shape.",
    )

    def __str__(self) -> str:
        sizes = "" if self.shape is None else f"[{','.join('?' if size is None else str(size) for size in self.shape)}]"
        return f"{self.name} {self.type}{sizes}"

    def accepts(self, other: Value) -> bool:
        """Return whether another value is what this one expects."""
        if (self.name, self.type) != (other.name, other.type):
            return False
        if self.shape is None or other.shape is None:
            return self.shape is None
        if len(self.shape) != len(other.shape):
            return False
        return all(
            here is None or here == there or (isinstance(here, str) and isinstance(there, str))
            for here, there in zip(self.shape, other.shape, strict=True)
        )


def read_header(stream: BinaryIO) -> tuple[list[Value], list[Value]]:
    """Return the inputs and the outputs of a model; weights are stepped over, so that its size costs no memory.

    Inputs with a default of their own are left out, as ONNX Runtime does.

    Args:
        stream: an open file of the disk.

    Raises:
        Malformed: for anything but a model of a version known here.
    """
    try:
        data = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
    except ValueError:
        raise Malformed("it is empty") from None
    with data:
        return _values(Reader(data, SHAPES, _WANTED, lambda *_: None))


def _values(reader: Reader) -> tuple[list[Value], list[Value]]:
    graph = reader.read("ModelProto").get("graph")
    if graph is None:
        raise Malformed("it has no graph")
    tensors = [*graph.get("initializer", []), *(one.get("values", {}) for one in graph.get("sparse_initializer", []))]
    defaults = {_text(reader, tensor, "name") for tensor in tensors}
    inputs = [value for one in graph.get("input", []) if (value := _value(reader, one)).name not in defaults]
    return inputs, [_value(reader, one) for one in graph.get("output", [])]


def _value(reader: Reader, kept: Kept) -> Value:
    kind: Kept = kept.get("type", {})
    spelt = _type(kind)
    plain = spelt.removeprefix("tensor(").removesuffix(")") if spelt.startswith("tensor(") else spelt
    return Value(
        name=_text(reader, kept, "name"),
        type=_AS_NUMPY.get(plain, plain),
        shape=_shape(reader, kind["tensor"]) if "tensor" in kind else None,
    )


def _type(kind: Kept) -> str:
    """Return a type as ONNX Runtime spells it: `seq(map(int64,tensor(float)))`."""
    if len(kind) != 1:
        raise Malformed("a type is none of those known, or several at once")
    ((name, inner),) = kind.items()
    if name in ("seq", "optional"):
        return f"{name}({_type(inner.get('elem_type', {}))})"
    if name == "map":
        return f"map({_element(inner.get('key_type', 0))},{_type(inner.get('value_type', {}))})"
    return f"{name}({_element(inner.get('elem_type', 0))})"


def _element(number: int) -> str:
    if not 0 < number < len(_ELEMENTS):
        raise Malformed(f"there is an element type {number}")
    return _ELEMENTS[number]


def _shape(reader: Reader, tensor: Kept) -> list[int | str | None] | None:
    """Return the sizes of a tensor: numbers, names, "?" for one without a name; None where their count is unknown."""
    if "shape" not in tensor:
        return None
    return [_size(reader, one) for one in tensor["shape"].get("dim", [])]


def _size(reader: Reader, kept: Kept) -> int | str:
    number: int = kept.get("dim_value", _NEGATIVE)
    # A negative one is no size to ONNX Runtime either.
    return number if number < _NEGATIVE else _text(reader, kept, "dim_param") or "?"


def _text(reader: Reader, kept: Kept, name: str) -> str:
    return reader.text(kept[name]) if name in kept else ""
