"""Golden inputs and outputs as values: tensors of every type that numpy has or not, sequences, optional ones."""

from __future__ import annotations

import ctypes
import re
from pathlib import Path
from typing import Any

Row = dict[str, Any]
"""Input → array, list of arrays, or None."""
PACKED = {"uint4": 21, "int4": 22}
"""Of them, those of which ONNX Runtime keeps two in a byte, the first one in its lower half."""
SHORT = {"bfloat16": 16, "float8e4m3fn": 17, "float8e4m3fnuz": 18, "float8e5m2": 19, "float8e5m2fnuz": 20, **PACKED}
"""Types that numpy has not, as ONNX Runtime writes them → their number in ONNX.

https://github.com/onnx/onnx/blob/main/onnx/onnx.proto (TensorProto.DataType)
"""
PLAIN = {1: "float32", 2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 6: "int32", 7: "int64"}
PLAIN |= {9: "bool", 10: "float16", 11: "float64", 12: "uint32", 13: "uint64"}
"""Types whose bytes numpy reads as they stand, by their number in ONNX."""
_TENSOR = re.compile(r"tensor\((\w+)\)")
_INPUT = re.compile(r"input_(\d{1,6})\.pb")


class Unusable(Exception):
    """Golden data that cannot be used; the message is the reason."""


def read_inputs(session: Any, directory: Path) -> Row:
    """Return the inputs of one data set; one with a default may be missing.

    A file that names an input of the model is for that one, every other one is for the input of its number.
    """
    needed, defaults = session.get_inputs(), session.get_overridable_initializers()
    items = {item.name: item.type for item in [*needed, *defaults]}
    names, row = list(items), {}
    for number in sorted(int(match[1]) for path in directory.iterdir() if (match := _INPUT.fullmatch(path.name))):
        path = directory / f"input_{number}.pb"
        by_number = names[number] if number < len(names) else ""
        name, value = read_value(path, items.get(by_number, ""))
        if name not in items:
            name = by_number
        if not name:
            raise Unusable(f"there is {path.name}, but the model has {len(names)} inputs")
        row[name] = value
    missing = [index for index, item in enumerate(needed) if item.name not in row]
    if missing:
        raise Unusable(f"input_{missing[0]}.pb is missing")
    return row


def read_value(path: Path, kind: str) -> tuple[str, Any]:
    """Return the name in a file and its value, read as the type that ONNX Runtime gives the input or output."""
    if kind.startswith("seq("):
        return _read_sequence(path)
    if kind.startswith("optional("):
        return _read_optional(path)
    from onnx import TensorProto

    tensor = _parse(path, TensorProto(), "a tensor")
    return tensor.name, _array(path, tensor)


def _read_sequence(path: Path) -> tuple[str, list[Any]]:
    from onnx.onnx_data_pb2 import SequenceProto

    sequence = _parse(path, SequenceProto(), "a sequence of tensors")
    if sequence.elem_type not in (SequenceProto.UNDEFINED, SequenceProto.TENSOR):
        raise Unusable(f"{path.name} is a sequence of other things than tensors")
    return sequence.name, [_array(path, tensor) for tensor in sequence.tensor_values]


def _read_optional(path: Path) -> tuple[str, Any]:
    from onnx.onnx_data_pb2 import OptionalProto

    optional = _parse(path, OptionalProto(), "an optional tensor")
    if optional.elem_type == OptionalProto.UNDEFINED:
        return optional.name, None
    if optional.elem_type != OptionalProto.TENSOR:
        raise Unusable(f"{path.name} is an optional value, not a tensor")
    return optional.name, _array(path, optional.tensor_value)


def _parse(path: Path, message: Any, what: str) -> Any:
    from google.protobuf.message import DecodeError

    try:
        message.ParseFromString(path.read_bytes())
    except FileNotFoundError:
        raise Unusable(f"{path.name} is missing") from None
    except DecodeError:
        raise Unusable(f"{path.name} is not {what}") from None
    return message


def _array(path: Path, tensor: Any) -> Any:
    # A path in the data could lead anywhere.
    if tensor.external_data or tensor.data_location:
        raise Unusable(f"{path.name} keeps its data in another file")
    if tensor.raw_data and tensor.data_type in PLAIN and not tensor.HasField("segment"):
        import numpy

        return numpy.frombuffer(tensor.raw_data, PLAIN[tensor.data_type]).reshape(tensor.dims)
    # It takes a tenth of the time of `import onnxruntime`, for types that few models have.
    from onnx import numpy_helper

    return numpy_helper.to_array(tensor)


def run(session: Any, feed: Row) -> list[Any]:
    """Return the outputs of one run, those of types that numpy has not among them."""
    kinds = {item.name: item.type for item in [*session.get_inputs(), *session.get_overridable_initializers()]}
    every = [*kinds.values(), *(item.type for item in session.get_outputs())]
    if not any(_short(kind) for kind in every):
        outputs: list[Any] = session.run(None, feed)
        return outputs
    values = {name: _to_runtime(value, kinds[name]) for name, value in feed.items()}
    return [_from_runtime(value) for value in session.run_with_ort_values(None, values)]


def _short(kind: str) -> str:
    """Return the element type of a tensor that numpy has not; empty for every other one."""
    match = _TENSOR.fullmatch(kind)
    return match[1] if match and match[1] in SHORT else ""


def _to_runtime(value: Any, kind: str) -> Any:
    from onnxruntime import OrtValue

    if not hasattr(value, "dtype"):
        raise Unusable(
            "sequences together with tensors of types that numpy does not have cannot be given to ONNX Runtime"
        )
    short = _short(kind)
    if not short:
        return OrtValue.ortvalue_from_numpy(value)
    # Its bytes are given as those of an integer that is as long.
    data = _packed(value) if short in PACKED else value.view(f"uint{value.itemsize * 8}")
    return OrtValue.ortvalue_from_numpy_with_onnx_type(data, SHORT[short])


def _packed(value: Any) -> Any:
    """Return an array of the same shape whose first half of bytes holds the values, two in each."""
    import numpy

    halves = numpy.zeros(value.size + value.size % 2, "uint8")
    halves[: value.size] = value.view("uint8").reshape(-1) & 0x0F
    data = numpy.zeros(value.size, "uint8")
    data[: halves.size // 2] = halves[::2] | halves[1::2] << 4
    return data.reshape(value.shape)


def _unpacked(data: bytes, shape: list[int], short: str) -> Any:
    import ml_dtypes
    import numpy

    pairs = numpy.frombuffer(data, "uint8")
    halves = numpy.stack([pairs & 0x0F, pairs >> 4], axis=-1).reshape(-1)[: int(numpy.prod(shape, dtype="int64"))]
    # The upper of four bits is the sign.
    values = (halves.astype("int8") ^ 8) - 8 if short == "int4" else halves
    return values.astype(getattr(ml_dtypes, short)).reshape(shape)


def _from_runtime(value: Any) -> Any:
    import numpy

    short = _short(value.data_type())
    if not short:
        return value.numpy()
    if short in PACKED:
        count = int(numpy.prod(value.shape(), dtype="int64"))
        return _unpacked(ctypes.string_at(value.data_ptr(), (count + 1) // 2), value.shape(), short)
    import ml_dtypes

    kind = numpy.dtype(getattr(ml_dtypes, short.replace("float8", "float8_")))
    size = int(numpy.prod(value.shape(), dtype="int64")) * kind.itemsize
    return numpy.frombuffer(ctypes.string_at(value.data_ptr(), size), kind).reshape(value.shape())


def single_row(inputs: Row) -> Row | None:
    """Return the first row of each input, as the first axis is the batch; None where one is no tensor of numpy's."""
    if not all(hasattr(value, "dtype") and value.dtype.kind != "V" for value in inputs.values()):
        return None
    return {name: value[:1] if value.ndim else value for name, value in inputs.items()}
