"""What files are by their bytes: mostly told by how they begin, so that nothing else of them has to be kept."""

from __future__ import annotations

import mmap
from pathlib import Path
from typing import NamedTuple

from promotebot.artifact.archives import Archived, look_into_archive
from promotebot.artifact.gguf import MAGIC
from promotebot.artifact.limits import Program
from promotebot.artifact.onnx_bytes import has_graph
from promotebot.artifact.programs import Bytes, program_by_content

_SUFFIXES = {".safetensors": "safetensors", ".gguf": "GGUF"}
_ORT_MARK = b"ORTM"
"""The identifier of a flatbuffer stands behind its first four bytes: https://onnxruntime.ai/docs/performance/model-optimizations/ort-format-models.html"""


class Look(NamedTuple):
    """What a file is by its bytes, or by its name where that says enough."""

    program: Program | None
    """By its bytes alone; weights that a model reads may look like anything."""
    is_onnx: bool
    """Whether it is an ONNX model by its name or its bytes; of others than the artifact's own, by its name."""
    is_ort: bool
    """Whether it is of ONNX Runtime's own format."""
    weights: str
    """The format of weights that it claims to have; empty for none."""
    archived: Archived = Archived()
    """What is in it, where it is an archive."""

    @property
    def holds(self) -> Program | None:
        """Return what kind of program it is, or holds one level deep."""
        return self.program or self.archived.program


def is_named_onnx(name: str) -> bool:
    """Return whether a file is an ONNX model by its name."""
    return name.lower().endswith(".onnx")


def look_at(data: Bytes, name: str, *, is_own: bool, is_whole: bool = True) -> Look:
    """Return what a file is.

    Args:
        data: all of it, or its first bytes, no fewer than `promotebot.artifact.programs.LOOK`.
        is_own: whether it is the artifact's own model, by the manifest.

    Raises:
        Unsettled: where it goes on, and what follows decides.
    """
    lower = name.lower()
    claimed = next((one for end, one in _SUFFIXES.items() if lower.endswith(end)), "")
    program = program_by_content(data, is_whole=is_whole) if data else None
    return Look(
        program,
        is_named_onnx(name) or (is_own and bool(data) and has_graph(data, is_whole=is_whole)),
        lower.endswith(".ort") or data[4:8] == _ORT_MARK,
        claimed or ("GGUF" if data[: len(MAGIC)] == MAGIC else ""),
        look_into_archive(data, is_whole=is_whole) if data and program is None else Archived(),
    )


def look_into(path: Path, name: str, *, is_own: bool) -> Look:
    """Return what a file is whose private copy is at a path."""
    with path.open("rb") as file:
        if not path.stat().st_size:
            return look_at(b"", name, is_own=is_own)
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return look_at(data, name, is_own=is_own)
