"""What a model refers to is found wherever a graph can hide it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

from promotebot.artifact.graph import Graph, UnreadableGraph, read_graph
from promotebot.artifact.wire import Field, Malformed, Reader

from .conftest import build_model, external_tensor

WEIGHTS = {"location": "weights.bin"}


@pytest.fixture
def read(tmp_path: Path) -> Callable[[onnx.ModelProto | bytes], Graph]:
    """Read a model that stands beside a weights.bin of twelve bytes."""
    (tmp_path / "weights.bin").write_bytes(b"\0" * 12)

    def read(model: onnx.ModelProto | bytes) -> Graph:
        data = model if isinstance(model, bytes) else model.SerializeToString()
        (tmp_path / "model.onnx").write_bytes(data)
        return read_graph(tmp_path / "model.onnx")

    return read


Read = Callable[[onnx.ModelProto | bytes], Graph]


def inner_graph(*, node: onnx.NodeProto | None = None, tensor: onnx.TensorProto | None = None) -> onnx.GraphProto:
    return helper.make_graph([node] if node else [], "inner", [], [], [tensor] if tensor else [])


def branch(graph: onnx.GraphProto) -> onnx.NodeProto:
    return helper.make_node("If", ["c"], ["y"], then_branch=graph, else_branch=inner_graph())


def everywhere(node: onnx.NodeProto, tensor: onnx.TensorProto) -> dict[str, onnx.ModelProto]:
    """Models that hold one node and one external tensor, each in a place of its own."""
    function = helper.make_function("own", "f", ["x"], ["y"], [node], [helper.make_opsetid("", 17)])
    function.attribute_proto.append(helper.make_attribute("weights", tensor))
    inside = helper.make_function(
        "own", "f", ["x"], ["y"], [branch(inner_graph(node=node, tensor=tensor))], [helper.make_opsetid("", 17)]
    )
    constant = helper.make_node("Constant", [], ["w"])
    constant.attribute.append(helper.make_attribute("value", tensor))
    listed = helper.make_node("Anything", [], ["v"])
    listed.attribute.append(onnx.AttributeProto(name="l", type=onnx.AttributeProto.TENSORS, tensors=[tensor]))
    graphs = helper.make_node("Anything", [], ["v"])
    inner = inner_graph(node=node, tensor=tensor)
    graphs.attribute.append(onnx.AttributeProto(name="g", type=onnx.AttributeProto.GRAPHS, graphs=[inner]))
    training = build_model()
    training.training_info.add(algorithm=inner_graph(node=node, tensor=tensor))
    sparse = build_model([node])
    sparse.graph.sparse_initializer.append(onnx.SparseTensorProto(values=tensor, dims=[3]))
    holder = helper.make_node("Anything", [], ["v"])
    holder.attribute.append(
        onnx.AttributeProto(
            name="s",
            type=onnx.AttributeProto.SPARSE_TENSOR,
            sparse_tensor=onnx.SparseTensorProto(indices=tensor, dims=[3]),
        )
    )
    return {
        "main graph": build_model([node], initializers=[tensor]),
        "branch": build_model([branch(inner_graph(node=node, tensor=tensor))]),
        "branch of a branch": build_model([branch(inner_graph(node=branch(inner_graph(node=node, tensor=tensor))))]),
        "function": build_model(functions=[function]),
        "branch in a function": build_model(functions=[inside]),
        "tensor attribute": build_model([node, constant]),
        "tensors attribute": build_model([node, listed]),
        "graphs attribute": build_model([graphs]),
        "training graph": training,
        "sparse initializer": sparse,
        "sparse attribute": build_model([node, holder]),
    }


PLACES = everywhere(helper.make_node("Op", ["x"], ["y"], domain="custom.ops"), external_tensor(WEIGHTS))


@pytest.mark.parametrize("where", PLACES)
def test_a_custom_operator_and_an_external_file_are_found(read: Read, where: str) -> None:
    graph = read(PLACES[where])
    assert graph.external_files == ("weights.bin",)
    assert graph.external_problems == ()
    assert graph.other_domains == ("custom.ops",)


def test_the_outside_of_a_model_is_told(read: Read) -> None:
    graph = read(build_model(opsets=[("", 17), ("ai.onnx.ml", 3)]))
    assert graph.opsets == (("", 17), ("ai.onnx.ml", 3))
    assert graph.ir_version == 8
    assert graph.producer == "tests"
    assert graph.external_files == graph.external_problems == graph.other_domains == ()


def test_a_domain_that_is_only_imported_asks_for_nothing(read: Read) -> None:
    """PyTorch's exporter leaves imports of functions it has inlined."""
    assert read(build_model(opsets=[("", 17), ("pkg.onnxscript.torch_lib", 1)])).other_domains == ()


def test_functions_of_the_model_are_known_and_every_other_domain_is_told(read: Read) -> None:
    function = helper.make_function(
        "own", "f", ["x"], ["y"], [helper.make_node("Relu", ["x"], ["y"])], [helper.make_opsetid("", 17)]
    )
    nodes = [
        helper.make_node("Gelu", ["x"], ["h"], domain="com.microsoft"),
        helper.make_node("f", ["h"], ["y"], domain="own"),
    ]
    assert read(build_model(nodes, functions=[function])).other_domains == ("com.microsoft",)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"location": "../outside.bin"}, "Path traversal not allowed"),
        ({"location": "/etc/passwd"}, "Path traversal not allowed"),
        ({"location": "././weights.bin"}, "not normalised"),
        ({"location": "./../outside.bin"}, "Path traversal not allowed"),
        ({"location": "nothing.bin"}, "the manifest does not list such a file"),
        ({"location": "*/_ORT_MEM_ADDR_/*", "offset": "4096", "length": "12"}, "not a file name"),
        ({"offset": "0"}, "no location is given"),
        ({}, "no location is given"),
        ({**WEIGHTS, "offset": "4", "length": "12"}, "past the end"),
        ({**WEIGHTS, "offset": "13"}, "past the end"),
        ({**WEIGHTS, "offset": "-4"}, "not a number"),
        ({**WEIGHTS, "length": "1e3"}, "not a number"),
        ({**WEIGHTS, "offset": "9" * 30}, "not a number"),
        ({**WEIGHTS, "basepath": "/etc"}, "unknown or repeated keys"),
    ],
)
def test_external_data_is_read_as_the_strictest_reader_reads_it(
    read: Read, fields: dict[str, str], message: str
) -> None:
    (problem,) = read(build_model(initializers=[external_tensor(fields)])).external_problems
    assert message in problem
    assert problem.startswith("tensor 'w' ")


def test_a_location_beside_the_model_may_say_so(read: Read) -> None:
    graph = read(build_model(initializers=[external_tensor({"location": "./weights.bin"})]))
    assert (graph.external_files, graph.external_problems) == (("weights.bin",), ())


def test_no_byte_of_external_data_is_read(read: Read, tmp_path: Path) -> None:
    os.truncate(tmp_path / "weights.bin", 2**40)
    (tmp_path / "weights.bin").chmod(0)
    graph = read(build_model(initializers=[external_tensor({**WEIGHTS, "length": str(2**40)})]))
    assert (graph.external_files, graph.external_problems) == (("weights.bin",), ())


def test_a_location_given_twice_is_refused(read: Read) -> None:
    tensor = external_tensor(WEIGHTS)
    tensor.external_data.add(key="location", value="other.bin")
    assert "repeated" in read(build_model(initializers=[tensor])).external_problems[0]


def test_a_location_on_a_tensor_that_is_not_external_is_refused(read: Read) -> None:
    tensor = external_tensor(WEIGHTS)
    tensor.data_location = TensorProto.DEFAULT
    assert "not marked external" in read(build_model(initializers=[tensor])).external_problems[0]


def test_a_link_does_not_stand_for_a_location_outside(read: Read, tmp_path: Path) -> None:
    problems = read(build_model(initializers=[external_tensor({"location": "weights.bin/x"})])).external_problems
    assert "does not list" in problems[0]


@pytest.mark.parametrize(
    "data",
    [b"", b"junk", b"\x89PNG\r\n", b"\0" * 64, b"version https://git-lfs.github.com/spec/v1\n", b"\xff" * 9],
    ids=["empty", "text", "picture", "zeros", "pointer", "high"],
)
def test_what_is_no_model_is_refused(read: Read, data: bytes) -> None:
    with pytest.raises(UnreadableGraph, match="not an ONNX model"):
        read(data)


def test_a_truncated_model_is_refused(read: Read) -> None:
    data = build_model().SerializeToString()
    with pytest.raises(UnreadableGraph):
        read(data[: len(data) // 2])


def test_bytes_that_no_field_of_a_model_explains_are_refused(read: Read) -> None:
    with pytest.raises(UnreadableGraph, match=r"unknown fields \[1000\]"):
        read(build_model().SerializeToString() + b"\xc0\x3e\x01")  # field 1000, a number


def test_bytes_that_no_field_explains_are_refused_in_every_message_inside(read: Read) -> None:
    model = build_model([branch(inner_graph(tensor=external_tensor(WEIGHTS)))])
    (inner,) = next(a.g.initializer for a in model.graph.node[0].attribute if a.name == "then_branch")
    inner.ParseFromString(inner.SerializeToString() + b"\xc0\x3e\x01")
    with pytest.raises(UnreadableGraph, match="inside it"):
        read(model)


def test_a_value_that_nobody_knows_does_not_make_external_data_internal(read: Read) -> None:
    """Protobuf keeps a number outside an enumeration among the unknown fields; the field then reads as its default."""
    data = build_model(initializers=[external_tensor(WEIGHTS)]).SerializeToString()
    assert data.count(b"\x70\x01") == 1  # TensorProto.data_location = EXTERNAL
    with pytest.raises(UnreadableGraph, match="inside it"):
        read(data.replace(b"\x70\x01", b"\x70\x07"))


@pytest.mark.parametrize(
    "appended",
    [build_model().SerializeToString(), b"\x08\x08", b"\x12\x01x", b"\x3a\x00"],
    ids=["a model", "ir_version", "producer_name", "an empty graph"],
)
def test_what_is_appended_to_a_model_is_not_merged_into_it(read: Read, appended: bytes) -> None:
    with pytest.raises(UnreadableGraph, match="appears in it more than once"):
        read(build_model().SerializeToString() + appended)


def test_a_field_that_may_stand_often_is_no_second_model(read: Read) -> None:
    model = build_model(opsets=[("", 17), ("ai.onnx.ml", 3)])
    for number in range(200):
        model.metadata_props.add(key=f"key{number}", value="v" * number)
    assert read(model).ir_version == 8


def test_a_field_that_occurs_twice_inside_is_refused(read: Read) -> None:
    model = build_model()
    node = model.graph.node[0].SerializeToString()
    twice = node + node[node.index(b"\x22") :][: 2 + len("Relu")]  # NodeProto.op_type
    data = model.SerializeToString()
    longer = data.replace(bytes([0x0A, len(node)]) + node, bytes([0x0A, len(twice)]) + twice)
    added = len(longer) - len(data)
    start = data.index(b"\x3a")  # ModelProto.graph
    longer = longer[: start + 1] + bytes([longer[start + 1] + added]) + longer[start + 2 :]
    with pytest.raises(UnreadableGraph, match=r"the field 4 of onnx.NodeProto appears in it more than once"):
        read(longer)


def test_weights_inside_the_file_cost_no_memory(tmp_path: Path) -> None:
    """Half a gigabyte that is not even on the disk."""
    size = 512 * 1024**2
    weights = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[size // 4])
    head = build_model(initializers=[weights])
    tensor = weights.SerializeToString() + b"\x4a" + _varint(size)  # TensorProto.raw_data
    head.graph.ClearField("initializer")
    graph = head.graph.SerializeToString() + b"\x2a" + _varint(len(tensor) + size) + tensor
    head.ClearField("graph")
    data = head.SerializeToString() + b"\x3a" + _varint(len(graph) + size) + graph
    path = tmp_path / "model.onnx"
    path.write_bytes(data)
    os.truncate(path, len(data) + size)
    code = (
        "import os, sys; from pathlib import Path; from promotebot.artifact.graph import read_graph\n"
        "from promotebot.artifact.opening import peak_memory\n"
        "from promotebot.artifact.onnx_parts import load_onnx; load_onnx()\n"
        "print(read_graph(Path(sys.argv[1])).ir_version, peak_memory(os.getpid()))"
    )
    done = subprocess.run([sys.executable, "-I", "-c", code, str(path)], capture_output=True, check=True, text=True)
    version, peak = map(int, done.stdout.split())
    assert version == 8
    assert 0 < peak < size // 4


def _varint(number: int) -> bytes:
    parts = []
    while number > 127:
        parts.append(number & 127 | 128)
        number >>= 7
    return bytes([*parts, number])


FIELDS = {
    "M": {
        1: Field("number", 0),
        2: Field("eight", 1),
        3: Field("inner", 2, is_repeated=True, message="M"),
        4: Field("four", 5),
        5: Field("numbers", 0, is_repeated=True),
    }
}


def walked(data: bytes) -> list[str]:
    ended: list[str] = []
    Reader(data, FIELDS, {}, lambda name, _: ended.append(name)).read("M")
    return ended


def test_every_kind_of_field_is_stepped_over() -> None:
    data = b"\x08\x96\x01" + b"\x11" + bytes(8) + b"\x1a\x02\x08\x01" + b"\x25" + bytes(4) + b"\x28\x01\x2a\x02\x01\x02"
    assert walked(data) == ["M"]


@pytest.mark.parametrize(
    "data",
    [
        b"\x08",
        b"\x08\xff",
        b"\x08" + b"\xff" * 11,
        b"\x11\x00",
        b"\x1a\x05\x08",
        b"\x0b\x0c",
        b"\x0a\x01\x01",
        b"\x0d" + bytes(4),
        b"\x30\x01",
        b"\x08\x01\x08\x01",
        b"\x1a\x02\x0b\x0c",
        b"\x18\x01",
    ],
)
def test_what_is_no_such_message_is_refused(data: bytes) -> None:
    with pytest.raises(Malformed):
        walked(data)
