"""Coverage-guided fuzzing of what reads hostile bytes: `fuzz.py TARGET [libFuzzer options]`.

A finding is any exception that is not ours: https://github.com/google/atheris
"""

from __future__ import annotations

import contextlib
import json
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import get_args

import atheris

with atheris.instrument_imports(include=["promotebot"]):
    from promotebot.artifact.bundle import parse_bundle
    from promotebot.artifact.gguf import read_gguf
    from promotebot.artifact.golden_values import Unusable
    from promotebot.artifact.header import read_header
    from promotebot.artifact.manifest import parse_manifest
    from promotebot.artifact.metrics import Output, measure_for
    from promotebot.artifact.npy import open_rows
    from promotebot.artifact.safetensors import read_safetensors
    from promotebot.artifact.signers import SignerKey, Signers, signer_of
    from promotebot.artifact.statements import parse_statements
    from promotebot.artifact.weights_header import BrokenHeader, Header
    from promotebot.artifact.wire import Malformed
    from promotebot.errors import PromotebotError
    from promotebot.promotion.commands import Command, parse_comment
    from promotebot.promotion.policy import parse_policy
    from promotebot.registry.codec import parse_json, stored_json
    from promotebot.registry.names import Stage
    from promotebot.registry.registry import ModelRegistry

KINDS = get_args(Command)
SIGNED = Path(__file__).parents[1] / "artifact"
SIGNERS = Signers(keys=(SignerKey(name="golden", pem=(SIGNED / "signed_by.pem").read_text()),))
SEED = {one.payload for one in parse_statements((SIGNED / "signed/model.sig").read_bytes(), where="model.sig")}


def comment(data: bytes) -> None:
    """Every comment parses, and a command stands at column one of its own line."""
    body = data.decode("utf-8", "surrogateescape")
    for command in parse_comment(body):
        if not isinstance(command, KINDS) or not command.text.startswith("/"):
            raise AssertionError(command)


def registry(data: bytes) -> None:
    """What is read as JSON is stored and read back the same; what is a registry reads its own bytes."""
    stored = stored_json(parse_json(data, where="fuzz"))
    if stored_json(parse_json(stored, where="fuzz")) != stored:
        raise AssertionError("stored bytes do not read back")
    known = ModelRegistry.parse(data)
    if ModelRegistry.parse(known.to_bytes()).document != known.document:
        raise AssertionError("a registry does not read its own bytes")


def manifest(data: bytes) -> None:
    """A manifest that reads has a digest, and lists its model."""
    manifest = parse_manifest(data, where="fuzz/manifest.json")
    if manifest.model_file not in manifest.sha256 or len(manifest.digest) != len("sha256:") + 64:
        raise AssertionError(manifest)


def policy(data: bytes) -> None:
    """A policy that reads has a digest."""
    if len(parse_policy(data).digest) != len("sha256:") + 64:
        raise AssertionError("no digest")


def weights(read: Callable[[Path], Header], data: bytes) -> None:
    """A header that is read has a size and a few words."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        with contextlib.suppress(BrokenHeader):
            told = read(Path(file.name))
            if told.size != len(data) or not told.words:
                raise AssertionError(told)


def bundle(data: bytes) -> None:
    """A bundle that reads holds what its manifest says."""
    registry, manifest = parse_bundle(data, "regime_classifier", Stage.ACTIVE, where="fuzz")
    pointer = registry.get_stage_pointer("regime_classifier", Stage.ACTIVE)
    if pointer is None or pointer.digest != manifest.digest:
        raise AssertionError(pointer)


def onnx(data: bytes) -> None:
    """Inputs and outputs that are read have a type."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        with contextlib.suppress(Malformed):
            with Path(file.name).open("rb") as stream:
                inputs, outputs = read_header(stream)
            if not all(value.type for value in [*inputs, *outputs]):
                raise AssertionError(inputs, outputs)


def signature(data: bytes) -> None:
    """A signature that is read names files by their sha256, and an unknown key signed none of them."""
    for statement in parse_statements(data, where="fuzz/attestation.jsonl"):
        if not all(len(digest) == 64 for _, digest in statement.digests) or not statement.digests:
            raise AssertionError(statement)
        if signer_of(statement, SIGNERS)[0] and statement.payload not in SEED:
            raise AssertionError("verified, and never signed")


def npy(data: bytes) -> None:
    """Rows that open have the shape that they say, and as labels they give numbers or words that can be written."""
    import numpy

    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        with contextlib.suppress(Unusable):
            rows = open_rows(Path(file.name))
            values = rows.block(0, rows.count)
            if values.shape != rows.shape or values.nbytes != rows.count * rows.row_bytes:
                raise AssertionError(rows)
            shares = numpy.full((len(values), 3), 1 / 3, "float32")
            is_text = values.dtype.kind == "U"
            for output in (Output(shares, ("a", "b", "c") if is_text else ()), Output(values)):
                measure = measure_for(values.dtype)
                measure.add(values, {"y": output})
                json.dumps(measure.results(), ensure_ascii=False).encode()


TARGETS: Mapping[str, Callable[[bytes], None]] = {
    "comment": comment,
    "registry": registry,
    "manifest": manifest,
    "policy": policy,
    "safetensors": lambda data: weights(read_safetensors, data),
    "gguf": lambda data: weights(read_gguf, data),
    "bundle": bundle,
    "onnx": onnx,
    "signature": signature,
    "npy": npy,
}


def main() -> None:
    """Fuzz one target; libFuzzer ends the process, with a code other than 0 for a finding."""
    target = TARGETS[sys.argv.pop(1)]

    def one(data: bytes) -> None:
        with contextlib.suppress(PromotebotError):  # refused, which is what hostile bytes are for
            target(data)

    atheris.Setup(sys.argv, one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
