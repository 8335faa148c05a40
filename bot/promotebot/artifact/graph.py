"""The references of a model's graph: operator sets, domains, external files. Read before any runtime sees the model.

It runs in the process that opens the model, under its limits: a few bytes of protobuf can ask for gigabytes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from promotebot.artifact.wire import field_numbers
from promotebot.errors import InvalidInput
from promotebot.registry.names import parse_artifact_path

SHIPPED_DOMAINS = frozenset({"", "ai.onnx", "ai.onnx.ml", "ai.onnx.preview.training", "com.microsoft"})
"""Operator domains in every build of ONNX Runtime; opening shows whether it has the operator itself."""
EXTERNAL_KEYS = frozenset({"location", "offset", "length", "checksum"})
"""https://onnx.ai/onnx/repo-docs/ExternalData.html"""
_ONCE = frozenset(range(1, 8))
"""Numbers of the fields of a model that have one value: ir_version, four about its producer, doc_string, graph.

Protobuf merges a field that occurs twice, so that two models one after the other read as a third.
https://protobuf.dev/programming-guides/encoding/#last-one-wins
"""


@dataclass(frozen=True)
class Graph:
    """The references of a model: operator sets, domains that no runtime ships, files beside it."""

    opsets: tuple[tuple[str, int], ...]
    ir_version: int
    producer: str
    unknown_domains: tuple[str, ...]
    """Domains of operators that are used and neither shipped nor defined in the model."""
    external_files: tuple[str, ...]
    """Locations as written in the model, relative to its directory."""
    external_problems: tuple[str, ...]
    """Problems of the references to external data, in words."""


class UnreadableGraph(Exception):
    """A file that is not one ONNX model, or holds bytes that no ONNX field explains."""


def read_graph(path: Path) -> Graph:
    """Return the references of a model: main graph, subgraphs, functions, training graphs, attributes.

    No tensor's external data is loaded.

    Raises:
        UnreadableGraph: for anything but exactly one model.
    """
    model = _parse(path)
    nodes = list(_nodes(model))
    # A model may define operators of its own in a domain of its own.
    own = {function.domain for function in model.functions}
    tensors = [tensor for tensor in _tensors(model, nodes) if tensor.data_location or tensor.external_data]
    return Graph(
        opsets=tuple((item.domain, item.version) for item in model.opset_import),
        ir_version=model.ir_version,
        producer=f"{model.producer_name} {model.producer_version}".strip(),
        unknown_domains=tuple(sorted({node.domain for node in nodes} - SHIPPED_DOMAINS - own)),
        external_files=tuple(sorted({item.value for t in tensors for item in t.external_data if _is_location(item)})),
        external_problems=tuple(sorted({problem for t in tensors for problem in _problems(t, path.parent)})),
    )


def _parse(path: Path) -> Any:
    # A tenth of a second, needed only here.
    from google.protobuf.message import DecodeError
    from google.protobuf.unknown_fields import UnknownFieldSet
    from onnx import ModelProto

    model, data = ModelProto(), path.read_bytes()
    try:
        model.ParseFromString(data)
    except DecodeError as problem:
        raise UnreadableGraph(f"not an ONNX model: {problem}") from None
    if not model.opset_import or not model.HasField("graph"):
        raise UnreadableGraph("not an ONNX model: it has no graph or no opset_import")
    fields: Any = UnknownFieldSet(model)  # its types leave out that it is a sequence
    unknown = sorted({field.field_number for field in fields})
    if unknown:
        raise UnreadableGraph(f"not an ONNX model of a version known here: it has the unknown fields {unknown[:10]}")
    size = model.ByteSize()
    # UnknownFieldSet shows the outer message only; this discards in every message inside, and shows it in the size.
    model.DiscardUnknownFields()
    if model.ByteSize() != size:
        raise UnreadableGraph("not an ONNX model of a version known here: there are unknown fields or values inside it")
    twice = sorted(field for field, times in Counter(field_numbers(data)).items() if times > 1 and field in _ONCE)
    if twice:
        raise UnreadableGraph(f"not one ONNX model: the fields {twice} appear in it more than once")
    return model


def _graphs(model: Any) -> Iterator[Any]:
    """Yield every graph of the model; inner ones are in their nodes' attributes."""
    yield model.graph
    for training in model.training_info:
        yield from (training.initialization, training.algorithm)


def _nodes(model: Any) -> Iterator[Any]:
    for graph in _graphs(model):
        yield from _below(graph.node)
    for function in model.functions:
        yield from _below(function.node)
        yield from _in_attributes(function.attribute_proto)


def _below(nodes: Any) -> Iterator[Any]:
    """Yield nodes and, through their attributes, the nodes of every graph inside them."""
    for node in nodes:
        yield node
        yield from _in_attributes(node.attribute)


def _in_attributes(attributes: Any) -> Iterator[Any]:
    for graph in _attribute_graphs(attributes):
        yield from _below(graph.node)


def _attribute_graphs(attributes: Any) -> Iterator[Any]:
    for attribute in attributes:
        yield from [*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs]


def _tensors(model: Any, nodes: list[Any]) -> Iterator[Any]:
    """Yield every tensor that can carry data: initializers of every graph, attributes of every node and function."""
    attributes = [attribute for node in nodes for attribute in node.attribute]
    attributes += [attribute for function in model.functions for attribute in function.attribute_proto]
    for graph in [*_graphs(model), *_attribute_graphs(attributes)]:
        yield from graph.initializer
        yield from _dense(graph.sparse_initializer)
    for attribute in attributes:
        yield from [*([attribute.t] if attribute.HasField("t") else []), *attribute.tensors]
        yield from _dense([*([attribute.sparse_tensor] if attribute.HasField("sparse_tensor") else [])])
        yield from _dense(attribute.sparse_tensors)


def _dense(sparse: Any) -> Iterator[Any]:
    for tensor in sparse:
        yield from (tensor.values, tensor.indices)


def _is_location(item: Any) -> bool:
    return bool(item.key == "location")


def _problems(tensor: Any, directory: Path) -> Iterator[str]:
    """Yield the problems of a tensor's external data, by the strictest of onnx, its checker and ONNX Runtime.

    They disagree. See docs/architecture.md, Scale.
    """
    name = repr(tensor.name[:80])
    keys = [item.key for item in tensor.external_data]
    if tensor.data_location != type(tensor).EXTERNAL:
        yield f"tensor {name} names external data but is not marked external"
    if len(set(keys)) != len(keys) or not set(keys) <= EXTERNAL_KEYS:
        yield f"tensor {name} has unknown or repeated keys of external data: {', '.join(map(repr, keys))[:200]}"
        return
    fields = {item.key: item.value for item in tensor.external_data}
    location = fields.get("location", "")
    problem = _location_problem(location, directory)
    if problem:
        yield f"tensor {name} wants {location[:200]!r}: {problem}"
        return
    span = [fields.get("offset", "0"), fields.get("length", "0")]
    if not all(text.isascii() and text.isdigit() and len(text) < 20 for text in span):
        yield f"tensor {name} has an offset or length that is not a number"
    elif sum(map(int, span)) > (directory / location).stat().st_size:
        yield f"tensor {name} reads past the end of {location!r}"


def _location_problem(location: str, directory: Path) -> str:
    if not location:
        return "no location is given"
    if "*" in location:
        # ONNX Runtime takes */_ORT_MEM_ADDR_/* for an address in memory.
        return "that is not a file name"
    try:
        parse_artifact_path(location)
    except InvalidInput as problem:
        return problem.message.partition(":")[0]
    return "" if (directory / location).is_file() else "the manifest does not list such a file beside the model"
