"""What a model takes and gives is read from its file as ONNX Runtime says it, and no bytes make it crash."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper
from onnx.onnx_ml_pb2 import DESCRIPTOR

from promotebot.artifact.child import describe, start_session
from promotebot.artifact.header import _ELEMENTS, SHAPES, Value, read_header
from promotebot.artifact.wire import Malformed, shapes_of

from .conftest import build_model

FLOAT, INT = TensorProto.FLOAT, TensorProto.INT64


def header(path: Path, model: onnx.ModelProto | bytes) -> tuple[list[str], list[str]]:
    path.write_bytes(model if isinstance(model, bytes) else model.SerializeToString())
    with path.open("rb") as stream:
        inputs, outputs = read_header(stream)
    return [str(one) for one in inputs], [str(one) for one in outputs]


def model_of(
    nodes: Sequence[onnx.NodeProto], inputs: Sequence[Any], outputs: Sequence[Any], **more: Any
) -> onnx.ModelProto:
    graph = helper.make_graph(list(nodes), "g", list(inputs), list(outputs), **more)
    model: onnx.ModelProto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return model


def passing_on(kind: onnx.TypeProto) -> onnx.ModelProto:
    """A model that gives what it takes."""
    value = [helper.make_value_info(name, kind) for name in "xy"]
    return model_of([helper.make_node("Identity", ["x"], ["y"])], value[:1], value[1:])


def tensors(*sizes: Any) -> Iterator[onnx.ModelProto]:
    for kind in (FLOAT, TensorProto.DOUBLE, INT, TensorProto.STRING, TensorProto.BOOL, TensorProto.FLOAT16):
        yield passing_on(helper.make_tensor_type_proto(kind, list(sizes)))


@pytest.mark.parametrize(
    "model",
    [
        *tensors("n", 15),
        *tensors(None, 0, 3),
        *tensors(-1, 2),
        passing_on(helper.make_tensor_type_proto(FLOAT, [])),
        build_model(),
    ],
)
def test_tensors_are_told_as_the_card_tells_them(model: onnx.ModelProto, tmp_path: Path) -> None:
    inputs, outputs = header(tmp_path / "model.onnx", model)
    session, _ = start_session(tmp_path / "model.onnx", optimised=False)
    told = [[str(Value(**describe(one))) for one in some] for some in (session.get_inputs(), session.get_outputs())]
    assert [inputs, outputs] == told


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        (helper.make_sequence_type_proto(helper.make_tensor_type_proto(FLOAT, None)), "x seq(tensor(float))"),
        (helper.make_optional_type_proto(helper.make_tensor_type_proto(INT, [3])), "x optional(tensor(int64))"),
        (
            helper.make_sequence_type_proto(
                helper.make_map_type_proto(INT, helper.make_tensor_type_proto(FLOAT, None)),
            ),
            "x seq(map(int64,tensor(float)))",
        ),
        (helper.make_sparse_tensor_type_proto(FLOAT, [3]), "x sparse_tensor(float)"),
        (helper.make_tensor_type_proto(FLOAT, None), "x float32"),
    ],
)
def test_other_types_are_spelt_as_the_runtime_spells_them(kind: onnx.TypeProto, told: str, tmp_path: Path) -> None:
    assert header(tmp_path / "model.onnx", passing_on(kind))[0] == [told]


def test_an_input_with_a_default_is_none_that_a_service_has_to_give(tmp_path: Path) -> None:
    values = [helper.make_tensor_value_info(name, FLOAT, [2]) for name in "xwy"]
    weights = numpy_helper.from_array(numpy_helper.to_array(helper.make_tensor("w", FLOAT, [2], [1.0, 2.0])), "w")
    add = helper.make_node("Add", ["x", "w"], ["y"])
    model = model_of([add], values[:2], values[2:], initializer=[weights])
    assert header(tmp_path / "model.onnx", model) == (["x float32[2]"], ["y float32[2]"])
    indices = helper.make_tensor("i", INT, [2], [0, 1])
    sparse = model_of(
        [add], values[:2], values[2:], sparse_initializer=[helper.make_sparse_tensor(weights, indices, [2])]
    )
    assert header(tmp_path / "model.onnx", sparse) == (["x float32[2]"], ["y float32[2]"])


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "it is empty"),
        (b"\x08\x08", "it has no graph"),
        (b"not a model", "it has a group, or is no message"),
        (build_model().SerializeToString()[:-3], "in the middle of a field"),
        (build_model().SerializeToString() + b"\xa8\x06\x01", "unknown fields"),
        (passing_on(onnx.TypeProto()).SerializeToString(), "a type is none of those known"),
        (passing_on(helper.make_tensor_type_proto(99, [])).SerializeToString(), "an element type 99"),
        (passing_on(helper.make_tensor_type_proto(0, [])).SerializeToString(), "an element type 0"),
    ],
)
def test_anything_but_a_model_is_refused(data: bytes, says: str, tmp_path: Path) -> None:
    with pytest.raises(Malformed, match=says):
        header(tmp_path / "model.onnx", data)


def test_a_type_within_types_without_end_is_refused(tmp_path: Path) -> None:
    def inside(number: int, data: bytes) -> bytes:
        size = len(data)
        return bytes([number << 3 | 2, size & 0x7F | 0x80, size >> 7]) + data

    kind = helper.make_tensor_type_proto(FLOAT, [1]).SerializeToString()
    for _ in range(60):  # protobuf itself does not build so many
        kind = inside(4, inside(1, kind))
    with pytest.raises(Malformed, match="nested more than"):
        header(tmp_path / "model.onnx", inside(7, inside(11, inside(2, kind))))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.integers(0, 10_000), byte=st.integers(0, 255))
def test_no_changed_byte_makes_it_crash(tmp_path: Path, at: int, byte: int) -> None:
    data = bytearray(build_model().SerializeToString())
    data[at % len(data)] = byte
    try:
        header(tmp_path / "model.onnx", bytes(data))
    except Malformed:
        return


def test_weights_cost_no_memory(tmp_path: Path) -> None:
    import resource  # of Unix alone, like the limits of the process that opens models

    tensor = TensorProto(name="w", data_type=FLOAT, dims=[16 << 20], raw_data=b"\1" * (64 << 20))
    values = [helper.make_tensor_value_info(name, FLOAT, [1]) for name in "xy"]
    big = model_of([helper.make_node("Identity", ["x"], ["y"])], values[:1], values[1:], initializer=[tensor])
    (tmp_path / "model.onnx").write_bytes(big.SerializeToString())
    del big, tensor
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with (tmp_path / "model.onnx").open("rb") as stream:
        assert [str(one) for one in read_header(stream)[0]] == ["x float32[1]"]
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < (8 << 10)


def test_every_field_that_onnx_has_is_known_here_and_means_the_same() -> None:
    theirs = shapes_of(DESCRIPTOR.message_types_by_name)
    names = {"Dimension": "TensorShapeProto.Dimension"}
    for message, fields in SHAPES.items():
        of_onnx = theirs[f"onnx.{names.get(message, message)}"]
        assert set(fields) == set(of_onnx), message
        for number, field in fields.items():
            assert field.wire == of_onnx[number].wire, (message, number)
            if field.message:
                assert field.is_repeated == of_onnx[number].is_repeated, (message, number)
    kinds = DESCRIPTOR.message_types_by_name["TensorProto"].enum_types_by_name["DataType"].values_by_number
    assert [kinds[number].name.lower() for number in range(len(kinds))] == list(_ELEMENTS)
