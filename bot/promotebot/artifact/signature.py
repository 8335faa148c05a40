"""What a model takes and gives: inputs, outputs, the order of its features; read without a runtime.

A service is built for one signature. Another one may be promoted under the same name, and would take its numbers for
other ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from promotebot.artifact import Artifact
from promotebot.artifact.features import other_features
from promotebot.artifact.header import Value, read_header
from promotebot.artifact.manifest import MAX_BYTES, parse_manifest
from promotebot.artifact.wire import Malformed
from promotebot.artifact.work_tree import WorkTree
from promotebot.errors import CouldNotVerify, InvalidInput
from promotebot.files import read_given
from promotebot.registry.codec import canonical_json, parse_json
from promotebot.schema import validated_model

MAX_DIFFERENCES = 5
"""In one message; further ones are counted."""


class Signature(BaseModel):
    """Inputs and outputs in the model's order, and the features in theirs; None for what is not compared."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    inputs: list[Value] | None = None
    outputs: list[Value] | None = None
    feature_order: list[str] | None = None


def read_signature(expected: str | Path | Mapping[str, Any]) -> Signature:
    """Return what a service expects: a document as `Signature` has it, its file, or a manifest with a `feature_order`.

    Raises:
        InvalidInput: for a document of another form, and for one that expects nothing.
        CouldNotVerify: when the file cannot be read.
    """
    where = "expect_signature" if isinstance(expected, Mapping) else str(expected)
    document = dict(expected) if isinstance(expected, Mapping) else _document(where)
    if isinstance(document, dict) and "model_file" in document:
        manifest = parse_manifest(canonical_json(document), where=where)
        document = {"feature_order": list(manifest.feature_order)} if manifest.feature_order else {}
    result = validated_model(Signature, document)
    if not isinstance(result, Signature):
        remedy = "give inputs, outputs or feature_order, as schemas/signature.schema.json has them"
        raise InvalidInput("; ".join(result), where=where, remedy=remedy)
    if not result.model_dump(exclude_none=True):
        raise InvalidInput(
            "expects nothing, so that every model would do", where=where, remedy="name inputs, outputs or feature_order"
        )
    return result


def _document(path: str) -> Any:
    data = read_given(Path(path), max_bytes=MAX_BYTES, remedy="name the file with the expected signature")
    return parse_json(data, where=path, max_bytes=MAX_BYTES)


def signature_of(artifact: Artifact, *, where: str = "") -> Signature:
    """Return the signature of a model: of its file, which is not opened by any runtime, and of its manifest.

    Args:
        where: the model's file as an error names it, where that is not its own path.

    Raises:
        InvalidInput: for a file that is not there, or a link.
        CouldNotVerify: for a file that is no ONNX model of a version known here.
    """
    with WorkTree(artifact.path).open(artifact.manifest.model_file) as stream:
        try:
            inputs, outputs = read_header(stream)
        except Malformed as problem:
            raise CouldNotVerify(
                f"its inputs and outputs cannot be read: {problem}",
                where=where or str(artifact.model_path),
                remedy="if it is an ONNX model, update promotebot; of any other model expect the feature_order alone",
            ) from None
    return Signature(inputs=inputs, outputs=outputs, feature_order=_features(artifact))


def _features(artifact: Artifact) -> list[str] | None:
    order = artifact.manifest.feature_order
    return None if order is None else list(order)


def check_signature(artifact: Artifact, expected: Signature, *, where: str) -> None:
    """Compare a model with what a service was built for; the file is read only where inputs or outputs are expected.

    Raises:
        InvalidInput: saying each difference.
        CouldNotVerify: as `signature_of`.
    """
    reads_file = expected.inputs is not None or expected.outputs is not None
    actual = signature_of(artifact, where=where) if reads_file else Signature(feature_order=_features(artifact))
    found = differences(expected, actual)
    if found:
        raise InvalidInput(
            f"another signature than expected: {'; '.join(found)}",
            where=where,
            remedy="load it in a service that was built for it, or promote a model that fits this one",
        )


def differences(expected: Signature, actual: Signature) -> list[str]:
    """Return in words where a model is not what is expected; empty where it is."""
    found = [*_unlike("input", expected.inputs, actual.inputs), *_unlike("output", expected.outputs, actual.outputs)]
    if expected.feature_order is not None and expected.feature_order != actual.feature_order:
        found.append(other_features(expected.feature_order, actual.feature_order))
    more = len(found) - MAX_DIFFERENCES
    return found[:MAX_DIFFERENCES] + ([f"and {more} more"] if more > 0 else [])


def _unlike(kind: str, expected: Sequence[Value] | None, actual: Sequence[Value] | None) -> Iterator[str]:
    if expected is None:
        return
    for number, (here, there) in enumerate(zip_longest(expected, actual or ()), start=1):
        if here is None or there is None or not here.accepts(there):
            yield f"{kind} {number} is {there or 'not there'}, expected {here or 'none'}"
