"""Files of weights as programs write them, and as nobody should."""

from __future__ import annotations

import hashlib
import json
import math
import struct
from collections.abc import Mapping, Sequence
from typing import Any

from promotebot.artifact.gguf_types import BLOCKS
from promotebot.artifact.safetensors import BITS

LLM = "ml/artifacts/llm_v1"
ASK = f"/promote shadow llm --artifact-dir {LLM} --artifact-id llm_v1 --new-model"
Tensors = Sequence[tuple[str, Any, Sequence[int]]]
"""Name, element type, shape."""


def safetensors(
    tensors: Tensors = (("w", "F32", (2, 3)),), *, metadata: Mapping[str, Any] | None = None, data: bytes | None = None
) -> bytes:
    """A file that the format's own library reads."""
    header: dict[str, Any] = {} if metadata is None else {"__metadata__": metadata}
    end = 0
    for name, kind, shape in tensors:
        begin, end = end, end + math.prod(shape) * BITS[kind] // 8
        header[name] = {"dtype": kind, "shape": list(shape), "data_offsets": [begin, end]}
    return with_length(json.dumps(header).encode(), bytes(end) if data is None else data)


def with_length(header: bytes, data: bytes = b"", *, length: int | None = None) -> bytes:
    """A header behind its length, or behind another one."""
    return (len(header) if length is None else length).to_bytes(8, "little") + header + data


def text(words: str | bytes) -> bytes:
    """A text of GGUF behind its length."""
    data = words if isinstance(words, bytes) else words.encode()
    return struct.pack("<Q", len(data)) + data


def key(name: str | bytes, kind: int, value: bytes) -> bytes:
    """A key of GGUF with its value."""
    return text(name) + struct.pack("<I", kind) + value


def words(name: str, value: str | bytes) -> bytes:
    """A key of GGUF whose value is a text."""
    return key(name, 8, text(value))


def number(name: str, value: int) -> bytes:
    """A key of GGUF whose value is a number of 32 bits."""
    return key(name, 4, struct.pack("<I", value))


def tensor(name: str | bytes, shape: Sequence[int], kind: int, begin: int) -> bytes:
    """What the header of a GGUF file says of a tensor."""
    return text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, kind, begin)


def gguf(
    keys: Sequence[bytes] = (), tensors: Sequence[bytes] = (), *, data: int = 0, version: int = 3, align: int = 32
) -> bytes:
    """A file of these keys and tensors, with so many bytes of data."""
    head = b"GGUF" + struct.pack("<IQQ", version, len(tensors), len(keys)) + b"".join([*keys, *tensors])
    return head + bytes(-len(head) % align) + bytes(data)


def llama() -> bytes:
    """A small file with what a real one has: a vocabulary, several types, a length of context."""
    tokens = struct.pack("<IQ", 8, 3) + text("<s>") + text("a") + text(b"\xff")
    keys = [
        words("general.architecture", "llama"),
        words("general.name", "Tiny | Llama"),
        number("general.file_type", 15),
        key("llama.context_length", 10, struct.pack("<Q", 4096)),
        key("tokenizer.ggml.tokens", 9, tokens),
        key("tokenizer.ggml.scores", 9, struct.pack("<IQ3f", 6, 3, 0, 1, 2)),
        key("tokenizer.ggml.add_bos_token", 7, b"\x01"),
    ]
    size = 2 * BLOCKS[12][2]
    tensors = [tensor("blk.0.w", (256, 2), 12, 0), tensor("norm", (3,), 0, 288), tensor("b", (1,), 0, 320)]
    assert size == 288
    return gguf(keys, tensors, data=324)


def artifact(name: str, data: bytes) -> dict[str, str | bytes]:
    """The files of an artifact whose model is no ONNX model, by their paths."""
    manifest = {
        "schema_version": "v1.1",
        "model_file": name,
        "sha256": {name: hashlib.sha256(data).hexdigest()},
        "created_at": "2026-02-16T09:00:00Z",
        "model": "llm",
    }
    return {f"{LLM}/{name}": data, f"{LLM}/manifest.json": json.dumps(manifest)}
