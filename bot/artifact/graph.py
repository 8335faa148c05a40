"""What a model's graph refers to: operator domains and external files, without loading a tensor's data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

KNOWN_DOMAINS = frozenset({"", "ai.onnx", "ai.onnx.ml"})


@dataclass(frozen=True)
class Graph:
    """The outside of a model: operator sets, domains that no runtime ships, files it wants beside it."""

    opsets: tuple[tuple[str, int], ...]
    unknown_domains: tuple[str, ...]
    external_files: tuple[str, ...]
    """Locations as written in the model, relative to its directory."""


class UnreadableGraph(Exception):
    """The file is not one ONNX model, or holds bytes that no ONNX field explains."""


def read_graph(path: Path) -> Graph:
    """Walk a model: main graph, subgraphs, functions, attributes.

    Raises:
        UnreadableGraph: for anything but exactly one model.
    """
    import onnx  # a tenth of a second, needed only here
    from google.protobuf.message import DecodeError

    model = onnx.ModelProto()
    try:
        model.ParseFromString(path.read_bytes())
    except DecodeError as problem:
        raise UnreadableGraph(f"not an ONNX model: {problem}") from None
    if not model.opset_import or not model.HasField("graph"):
        raise UnreadableGraph("not an ONNX model: it has no graph or no opset_import")
    nodes = [*_nodes(model.graph), *(node for function in model.functions for node in _walk(function.node))]
    own = {function.domain for function in model.functions}
    domains = {item.domain for item in model.opset_import} | {node.domain for node in nodes}
    return Graph(
        opsets=tuple((item.domain, item.version) for item in model.opset_import),
        unknown_domains=tuple(sorted(domains - KNOWN_DOMAINS - own)),
        external_files=tuple(sorted(set(_external(model, nodes)))),
    )


def _nodes(graph: Any) -> Iterator[Any]:
    yield from _walk(graph.node)


def _walk(nodes: Any) -> Iterator[Any]:
    """Nodes and, through their attributes, the nodes of every graph inside them."""
    for node in nodes:
        yield node
        for attribute in node.attribute:
            for graph in [*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs]:
                yield from _walk(graph.node)


def _external(model: Any, nodes: list[Any]) -> Iterator[str]:
    for tensor in [*_initializers(model.graph), *_attribute_tensors(nodes)]:
        for entry in tensor.external_data:
            if entry.key == "location":
                yield entry.value


def _initializers(graph: Any) -> Iterator[Any]:
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
    for node in graph.node:
        for attribute in node.attribute:
            for inner in [*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs]:
                yield from _initializers(inner)


def _attribute_tensors(nodes: list[Any]) -> Iterator[Any]:
    for node in nodes:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t
            yield from attribute.tensors
