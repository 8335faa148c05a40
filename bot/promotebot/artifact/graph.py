"""The references of a model's graph: operator sets, domains, external files. Read before any runtime sees the model.

It runs in the process that opens the model, under its limits. The file is read where it lies: weights inside it are
stepped over, so that its size costs no memory.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from promotebot.artifact.wire import Kept, Malformed, Reader, shapes_of

ONNX_DOMAINS = frozenset({"", "ai.onnx", "ai.onnx.ml", "ai.onnx.preview.training"})
"""ONNX's own; a runtime is not asked for them, as opening shows whether it has the operator."""
EXTERNAL_KEYS = frozenset({"location", "offset", "length", "checksum"})
"""https://onnx.ai/onnx/repo-docs/ExternalData.html"""
_EXTERNAL = 1
_WANTED = {
    "onnx.ModelProto": {"ir_version", "producer_name", "producer_version", "graph", "opset_import"},
    "onnx.OperatorSetIdProto": {"domain", "version"},
    "onnx.NodeProto": {"domain"},
    "onnx.FunctionProto": {"domain"},
    "onnx.TensorProto": {"name", "external_data", "data_location"},
    "onnx.StringStringEntryProto": {"key", "value"},
}


class Graph(NamedTuple):
    """The references of a model: operator sets, domains that are not ONNX's, files beside it."""

    opsets: tuple[tuple[str, int], ...]
    ir_version: int
    producer: str
    other_domains: tuple[str, ...]
    """Domains of operators that are used and neither ONNX's nor defined in the model."""
    external_files: tuple[str, ...]
    """Locations relative to the model's directory."""
    external_problems: tuple[str, ...]
    """Problems of the references to external data, in words."""


class UnreadableGraph(Exception):
    """A file that is not one ONNX model, or holds bytes that no ONNX field explains."""


class _Tensor(NamedTuple):
    """A tensor that names external data, or is marked external."""

    name: str
    is_external: bool
    entries: tuple[tuple[str, str], ...]


def read_graph(path: Path) -> Graph:
    """Return the references of a model. No tensor's data is read.

    Raises:
        UnreadableGraph: for anything but exactly one model.
    """
    with path.open("rb") as file:
        if not path.stat().st_size:
            raise UnreadableGraph("not an ONNX model: it is empty")
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            try:
                return _read(data, path.parent)
            except Malformed as problem:
                raise UnreadableGraph(f"not an ONNX model of a version known here: {problem}") from None


def _read(data: mmap.mmap, directory: Path) -> Graph:
    # A twentieth of a second, needed only here.
    from onnx.onnx_ml_pb2 import DESCRIPTOR

    # What the walk meets, wherever in the model: graphs, subgraphs, functions, training graphs, attributes.
    used, own, tensors = set[str](), set[str](), set[_Tensor]()

    def ended(name: str, kept: Kept) -> None:
        if name == "onnx.NodeProto":
            used.add(text(kept, "domain"))
        elif name == "onnx.FunctionProto":
            # A model may define operators of its own in a domain of its own.
            own.add(text(kept, "domain"))
        elif name == "onnx.TensorProto" and (kept.get("data_location") or kept.get("external_data")):
            entries = tuple((text(entry, "key"), text(entry, "value")) for entry in kept.get("external_data", []))
            tensors.add(_Tensor(text(kept, "name"), kept.get("data_location") == _EXTERNAL, entries))

    wanted = {name: frozenset(fields) for name, fields in _WANTED.items()}
    reader = Reader(data, shapes_of(DESCRIPTOR.message_types_by_name), wanted, ended)

    def text(kept: Kept, name: str) -> str:
        return reader.text(kept[name]) if name in kept else ""

    model = reader.read("onnx.ModelProto")
    if "graph" not in model or "opset_import" not in model:
        raise UnreadableGraph("not an ONNX model: it has no graph or no opset_import")
    return Graph(
        opsets=tuple((text(item, "domain"), item.get("version", 0)) for item in model["opset_import"]),
        ir_version=model.get("ir_version", 0),
        producer=f"{text(model, 'producer_name')} {text(model, 'producer_version')}".strip(),
        other_domains=tuple(sorted(used - ONNX_DOMAINS - own)),
        external_files=tuple(sorted({beside(v) for t in tensors for k, v in t.entries if k == "location"})),
        external_problems=tuple(sorted({problem for t in tensors for problem in _problems(t, directory)})),
    )


def beside(location: str) -> str:
    """Return a location without a leading "./", which every reader takes for the model's own directory."""
    return location.removeprefix("./")


def _problems(tensor: _Tensor, directory: Path) -> Iterator[str]:
    """Yield the problems of a tensor's external data, by the strictest of onnx, its checker and ONNX Runtime.

    They disagree. See docs/architecture.md, Scale.
    """
    name = repr(tensor.name[:80])
    keys = [key for key, _ in tensor.entries]
    if not tensor.is_external:
        yield f"tensor {name} names external data but is not marked external"
    if len(set(keys)) != len(keys) or not set(keys) <= EXTERNAL_KEYS:
        yield f"tensor {name} has unknown or repeated keys of external data: {', '.join(map(repr, keys))[:200]}"
        return
    fields = dict(tensor.entries)
    location = beside(fields.get("location", ""))
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
    # Few models have external data, and the process that opens one needs nothing else of the registry.
    from promotebot.errors import InvalidInput
    from promotebot.registry.names import parse_artifact_path

    try:
        parse_artifact_path(location)
    except InvalidInput as problem:
        return problem.message.partition(":")[0]
    return "" if (directory / location).is_file() else "the manifest does not list such a file beside the model"
