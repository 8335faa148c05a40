"""The format of a model's file: what the policy takes, what goes on unopened, and what headers of weights say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from promotebot.artifact.answer import NotOpened, Opened, printable
from promotebot.artifact.gguf import MAGIC, read_gguf
from promotebot.artifact.golden_names import is_golden_file
from promotebot.artifact.limits import Program, Terms
from promotebot.artifact.manifest import Manifest, manifest_command
from promotebot.artifact.onnx_bytes import may_be_onnx
from promotebot.artifact.programs import RUNS
from promotebot.artifact.safetensors import read_safetensors
from promotebot.artifact.weights_header import BrokenHeader, Header
from promotebot.findings import Finding, error, passed, warning
from promotebot.remedies import Remedy

MAX_TENSORS, MAX_BROKEN = 300_000, 10
"""Of all headers of an artifact together: a minute of reading at most."""
_READERS = {"safetensors": read_safetensors, "GGUF": read_gguf}
_SUFFIXES = {".safetensors": "safetensors", ".gguf": "GGUF"}
_ORT_MARK = b"ORTM"
"""The identifier of a flatbuffer stands behind its first four bytes: https://onnxruntime.ai/docs/performance/model-optimizations/ort-format-models.html"""


@dataclass(frozen=True)
class Unopened:
    """A model's file that the policy lets go on unopened: what it is, in words, and its size in bytes."""

    kind: str
    size: int


def is_onnx(path: Path, name: str) -> bool:
    """Return whether a file is an ONNX model by its name or its bytes: it is opened, whatever the policy says."""
    return is_named_onnx(name) or may_be_onnx(path)


def is_named_onnx(name: str) -> bool:
    """Return whether a file is an ONNX model by its name."""
    return name.lower().endswith(".onnx")


def is_opaque(path: Path, name: str, terms: Terms) -> bool:
    """Return whether the model's file goes on unopened."""
    return "opaque" in terms.formats and not is_onnx(path, name)


def is_ort(path: Path, name: str) -> bool:
    """Return whether a file is of ONNX Runtime's own format, by its name or its mark."""
    with path.open("rb") as file:
        return name.lower().endswith(".ort") or file.read(8)[4:] == _ORT_MARK


def kind_of(path: Path, name: str, program: Program | None) -> str:
    """Return in words what a file is that is no ONNX model; empty where that is not known."""
    if program is not None:
        return RUNS[program]
    if is_ort(path, name):
        return "a model in ONNX Runtime's own format (.ort)"
    claimed = claimed_format(path, name)
    return f"a {claimed} file" if claimed else ""


def claimed_format(path: Path, name: str) -> str:
    """Return the format of weights that a file claims to have, by its name or its mark; empty for none."""
    by_name = next((one for end, one in _SUFFIXES.items() if name.lower().endswith(end)), "")
    if by_name:
        return by_name
    with path.open("rb") as file:
        return "GGUF" if file.read(len(MAGIC)) == MAGIC else ""


def opaque_finding(manifest: Manifest, directory: str, kind: str) -> Finding:
    """Return the warning on a model's file that the policy lets go on unopened."""
    where = f"{directory}/{manifest.model_file}"
    golden = " Its golden data was not compared." if any(map(is_golden_file, manifest.sha256)) else ""
    known = kind or "of a format that is not read here"
    message = f"Not opened: {where} is {known}. Its bytes are proven, and nothing of it was run.{golden}"
    advice = "try it where it will run before you approve; the policy allows it (formats)"
    return warning("artifact.opaque", message, where=where, remedy=advice)


def is_foreign(result: Opened | NotOpened | None, path: Path, name: str) -> bool:
    """Return whether a model's file is no ONNX model: neither opened by the runtime nor one by its name or bytes."""
    if isinstance(result, Opened) or is_onnx(path, name):
        return False
    return result is None or (bool(result.problems) and not any(problem.lacks for problem in result.problems))


def refused_format(result: NotOpened, manifest: Manifest, directory: str, kind: str) -> Finding:
    """Return the error on a model's file that is no ONNX model, under a policy that takes no others."""
    where = f"{directory}/{manifest.model_file}"
    reason = f"is {kind}" if kind else f"is not opened: {result.problems[0].message}"
    way = "promote the .onnx file that it was made from" if kind.endswith("(.ort)") else "export it to ONNX"
    way += "; or allow models that are proven by their bytes alone: formats: [onnx, opaque] in the base's policy"
    return error(
        "artifact.format", f"{where} {reason}, and the policy allows ONNX models only.", where=where, remedy=way
    )


def read_headers(
    copy: Path, names: Sequence[str], manifest: Manifest, directory: str
) -> Iterator[tuple[Header | None, Finding]]:
    """Yield the header of each file that claims to have one, with the finding on it; None for a broken one.

    What takes too long to read is an error as well: a header costs nothing to write.
    """
    tensors, broken = 0, 0
    for name in [name for name in names if claimed_format(copy / name, name)]:
        if tensors > MAX_TENSORS or broken > MAX_BROKEN:
            message = f"{directory}/{name} and what follows is not read: the headers before it are broken or too long."
            remedy = "correct the headers before it; an artifact with more tensors has to be split"
            yield None, error("artifact.format", message, where=f"{directory}/{name}", remedy=remedy)
            return
        header, finding = _read_header(copy, name, manifest, directory)
        tensors, broken = tensors + (header.tensors if header else 0), broken + (header is None)
        yield header, finding


def _read_header(copy: Path, name: str, manifest: Manifest, directory: str) -> tuple[Header | None, Finding]:
    where, claimed = f"{directory}/{name}", claimed_format(copy / name, name)
    try:
        header = replace(_READERS[claimed](copy / name), file=name)
    except BrokenHeader as problem:
        message = f"{where} is not a valid {claimed} file: {printable(str(problem))}."
        again = Remedy("export it again, then write the manifest: ", manifest_command(directory, manifest.model_file))
        return None, error("artifact.format", message, where=where, remedy=again)
    return header, passed("artifact.format", printable(", ".join(header.words)), where=where)
