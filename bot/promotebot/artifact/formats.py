"""The format of a model's file: what the policy takes, what goes on unopened, and what headers of weights say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from promotebot.artifact.answer import NotOpened, Opened, printable
from promotebot.artifact.copied import Copied
from promotebot.artifact.gguf import read_gguf
from promotebot.artifact.golden_names import is_golden_file
from promotebot.artifact.limits import Program, Terms
from promotebot.artifact.looks import Look
from promotebot.artifact.manifest import Manifest, manifest_command
from promotebot.artifact.programs import RUNS
from promotebot.artifact.safetensors import read_safetensors
from promotebot.artifact.weights_header import BrokenHeader, Header
from promotebot.findings import Finding, error, passed, warning
from promotebot.remedies import Remedy

MAX_TENSORS, MAX_BROKEN = 300_000, 10
"""Of all headers of an artifact together: a minute of reading at most."""
_READERS = {"safetensors": read_safetensors, "GGUF": read_gguf}


@dataclass(frozen=True)
class Unopened:
    """A model's file that the policy lets go on unopened: what it is, in words, and its size in bytes."""

    kind: str
    size: int


def is_opaque(look: Look, terms: Terms) -> bool:
    """Return whether the model's file goes on unopened: an ONNX model is opened, whatever the policy says."""
    return "opaque" in terms.formats and not look.is_onnx


def kind_of(look: Look, program: Program | None) -> str:
    """Return in words what a file is that is no ONNX model; empty where that is not known."""
    if program is not None:
        return f"an archive that holds {RUNS[program]}" if look.archived.program else RUNS[program]
    if look.is_ort:
        return "a model in ONNX Runtime's own format (.ort)"
    return f"a {look.weights} file" if look.weights else ""


def opaque_finding(manifest: Manifest, directory: str, kind: str) -> Finding:
    """Return the warning on a model's file that the policy lets go on unopened."""
    where = f"{directory}/{manifest.model_file}"
    golden = " Its golden data was not compared." if any(map(is_golden_file, manifest.sha256)) else ""
    known = kind or "of a format that is not read here"
    message = f"Not opened: {where} is {known}. Its bytes are proven, and nothing of it was run.{golden}"
    advice = "try it where it will run before you approve; the policy allows it (formats)"
    return warning("artifact.opaque", message, where=where, remedy=advice)


def is_foreign(result: Opened | NotOpened | None, look: Look) -> bool:
    """Return whether a model's file is no ONNX model: neither opened by the runtime nor one by its name or bytes."""
    if isinstance(result, Opened) or look.is_onnx:
        return False
    return result is None or (bool(result.problems) and not any(problem.lacks for problem in result.problems))


def refused_format(result: NotOpened, manifest: Manifest, directory: str, kind: str) -> Finding:
    """Return the error on a model's file that is no ONNX model, under a policy that takes no others."""
    where = f"{directory}/{manifest.model_file}"
    reason = f"is {kind}" if kind else f"is not opened: {result.problems[0].message}"
    way = "promote the .onnx file that it was made from" if kind.endswith("(.ort)") else "export it to ONNX"
    way += "; or allow models that are proven by their bytes alone: formats: [onnx, opaque] in the base's policy, "
    way += "in general or below models"
    return error(
        "artifact.format", f"{where} {reason}, and the policy allows ONNX models only.", where=where, remedy=way
    )


def read_headers(
    copied: Copied, names: Sequence[str], manifest: Manifest, directory: str
) -> Iterator[tuple[Header | None, Finding]]:
    """Yield the header of each file that claims to have one, with the finding on it; None for a broken one.

    What takes too long to read is an error as well: a header costs nothing to write.
    """
    tensors, broken = 0, 0
    for name in [name for name in names if copied.look(name).weights]:
        if tensors > MAX_TENSORS or broken > MAX_BROKEN:
            message = f"{directory}/{name} and what follows is not read: the headers before it are broken or too long."
            remedy = "correct the headers before it; an artifact with more tensors has to be split"
            yield None, error("artifact.format", message, where=f"{directory}/{name}", remedy=remedy)
            return
        header, finding = _read_header(copied, name, manifest, directory)
        tensors, broken = tensors + (header.tensors if header else 0), broken + (header is None)
        yield header, finding


def _read_header(copied: Copied, name: str, manifest: Manifest, directory: str) -> tuple[Header | None, Finding]:
    where, claimed = f"{directory}/{name}", copied.look(name).weights
    try:
        header = replace(_READERS[claimed](copied.scratch / name), file=name)
    except BrokenHeader as problem:
        message = f"{where} is not a valid {claimed} file: {printable(str(problem))}."
        again = Remedy("export it again, then write the manifest: ", manifest_command(directory, manifest.model_file))
        return None, error("artifact.format", message, where=where, remedy=again)
    return header, passed("artifact.format", printable(", ".join(header.words)), where=where)
