"""Signed statements about files, as they lie beside a manifest: Sigstore bundles, read strictly, nothing verified yet.

A bundle holds a DSSE envelope, and this an in-toto statement, which names files by their sha256. OpenSSF Model Signing
writes one as `model.sig`; `gh attestation download` writes one a line.

https://docs.sigstore.dev/about/bundle/ · https://github.com/secure-systems-lab/dsse/blob/v1.0.0/protocol.md ·
https://github.com/in-toto/attestation/tree/main/spec/v1 · https://github.com/ossf/model-signing-spec
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from promotebot.errors import InvalidInput
from promotebot.registry.codec import parse_json
from promotebot.registry.lfs import LFS_HEADER, lfs_remedy
from promotebot.registry.names import ArtifactPath
from promotebot.schema import validated_model

FILE_NAME = "model.sig"
MAX_BYTES = 2 * 1024 * 1024
"""Of one file; room for five thousand files of usual names."""
MAX_STATEMENTS = 32
"""In one file: there is one for each attestation of GitHub."""
PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
MODEL_SIGNATURE = "https://model_signing/signature/v1.0"
MEDIA_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"
IGNORED = (FILE_NAME, ".git", ".gitattributes", ".github", ".gitignore")
"""What `model_signing` leaves out of a signature unless it is told otherwise."""
_MEDIA_TYPES = r"^application/vnd\.dev\.sigstore\.bundle(\+json;version=0\.[123]|\.v0\.3\+json)$"
_NAME = re.compile(r"model\.sig|attestation\.jsonl|sha256[:-][0-9a-f]{64}\.jsonl|[^/]{1,200}\.sigstore(\.json)?")

Sha256 = Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")]
Text = Annotated[str, StringConstraints(min_length=1, max_length=4096)]


def is_signature_name(path: str) -> bool:
    """Return whether a path, relative to the artifact's directory, is one at which signatures are looked for."""
    return _NAME.fullmatch(path) is not None


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class _Known(BaseModel):
    """A part of a format that others extend: keys that are not known here say nothing about the files."""

    model_config = ConfigDict(frozen=True, strict=True, extra="allow")


class _Sig(_Part):
    sig: str
    keyid: str = ""


class _Envelope(_Part):
    payload: str
    payload_type: Annotated[Literal["application/vnd.in-toto+json"], Field(alias="payloadType")]
    signatures: Annotated[list[_Sig], Field(min_length=1, max_length=1)]


class _Bundle(_Part):
    media_type: Annotated[
        str,
        Field(
            alias="mediaType",
            pattern=r"^application/vnd\.dev\.sigstore\.bundle(\+json;version=0\.[123]|\.v0\.3\+json)$",
        ),
    ]
    material: Annotated[dict[str, Any], Field(alias="verificationMaterial")]
    envelope: Annotated[_Envelope, Field(alias="dsseEnvelope")]


class _Subject(_Known):
    name: Text | None = None
    digest: dict[str, str]


class _Resource(_Part):
    name: Text
    algorithm: Literal["sha256"]
    digest: Sha256


class _Serialization(_Known):
    method: Literal["files"]


class _Predicate(_Known):
    serialization: _Serialization
    resources: Annotated[list[_Resource], Field(min_length=1)]


class _Statement(_Known):
    type: Annotated[Literal["https://in-toto.io/Statement/v1"], Field(alias="_type")]
    subject: Annotated[list[_Subject], Field(min_length=1, max_length=2048)]
    predicate_type: Annotated[Text, Field(alias="predicateType")]


class _ModelSignature(_Statement):
    subject: Annotated[list[_Subject], Field(min_length=1, max_length=1)]
    predicate: _Predicate


@dataclass(frozen=True)
class Statement:
    """What one bundle states, and what it takes to verify it."""

    digests: tuple[tuple[str, str], ...]
    """(name, sha256 in 64 hex digits) of what it is about."""
    names_files: bool
    """Whether the names are paths relative to the artifact, and all of them, as OpenSSF Model Signing has it."""
    payload: bytes
    signature: bytes
    by_key: bool
    """Whether a key signed it; else a certificate that names an identity."""
    is_logged: bool
    """Whether it comes with an entry of a public log, which nobody has verified yet."""
    bundle: bytes
    """The whole bundle, as it was read."""


def parse_statements(data: bytes, *, where: str) -> tuple[Statement, ...]:
    """Return the statements of a file: one bundle, or one a line.

    Raises:
        InvalidInput: for anything that is not exactly such a file.
    """
    if data.startswith(LFS_HEADER):
        raise InvalidInput("is a Git LFS pointer, and git itself has to hold it", where=where, remedy=lfs_remedy(where))
    if len(data) > MAX_BYTES:
        raise InvalidInput(f"is over the limit of {MAX_BYTES:,} bytes", where=where)
    lines = [data] if not where.endswith(".jsonl") else [line for line in data.split(b"\n") if line.strip()]
    if not lines or len(lines) > MAX_STATEMENTS:
        raise InvalidInput(f"holds {len(lines)} bundles; expected 1 to {MAX_STATEMENTS}", where=where)
    return tuple(_parse_bundle(line, where) for line in lines)


def _parse_bundle(data: bytes, where: str) -> Statement:
    bundle = _read(_Bundle, parse_json(data, where=where, max_bytes=MAX_BYTES), where, "")
    payload = _decoded(bundle.envelope.payload, "dsseEnvelope.payload", where)
    document = parse_json(payload, where=where, max_bytes=MAX_BYTES)
    kind = document.get("predicateType") if isinstance(document, dict) else None
    if kind == MODEL_SIGNATURE:
        digests = tuple(_resources(_read(_ModelSignature, document, where, "payload."), where))
    else:
        digests = tuple(_subjects(_read(_Statement, document, where, "payload.")))
    if not digests:
        raise InvalidInput("names no file by its sha256", where=where)
    return Statement(
        digests,
        kind == MODEL_SIGNATURE,
        payload,
        _decoded(bundle.envelope.signatures[0].sig, "dsseEnvelope.signatures[0].sig", where),
        "publicKey" in bundle.material,
        bool(bundle.material.get("tlogEntries")),
        data,
    )


def _resources(statement: _ModelSignature, where: str) -> Iterator[tuple[str, str]]:
    """Yield name and sha256 of each file; the subject has to be the digest of all of them."""
    resources = statement.predicate.resources
    whole = hashlib.sha256(b"".join(bytes.fromhex(one.digest) for one in resources)).hexdigest()
    if statement.subject[0].digest.get("sha256") != whole:
        raise InvalidInput("its subject is not the digest of the files that it names", where=where)
    if len({one.name for one in resources}) != len(resources):
        raise InvalidInput("names a file twice", where=where)
    return ((one.name, one.digest) for one in resources)


def _subjects(statement: _Statement) -> Iterator[tuple[str, str]]:
    """Yield name and sha256 of each subject; one that is named by another algorithm alone is passed over."""
    for one in statement.subject:
        digest = one.digest.get("sha256", "")
        if re.fullmatch("[0-9a-f]{64}", digest):
            yield one.name or "", digest


def _read(model: type[Any], document: Any, where: str, prefix: str) -> Any:
    result = validated_model(model, document)
    if isinstance(result, model):
        return result
    problem = result[0].replace("$.", f"$.{prefix}", 1)
    more = f"; and {len(result) - 1} more" if len(result) > 1 else ""
    raise InvalidInput(f"{problem}{more}", where=where)


def _decoded(text: str, path: str, where: str) -> bytes:
    """Return the bytes of a base64 text, of which there is one spelling only."""
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError:
        data = b""
    if not data or base64.b64encode(data).decode() != text:
        raise InvalidInput(f"$.{path} is not base64", where=where)
    return data


def pae(payload: bytes) -> bytes:
    """Return the bytes that a DSSE envelope signs: the type of the payload, and the payload."""
    return b"DSSEv1 %d %s %d %s" % (len(PAYLOAD_TYPE), PAYLOAD_TYPE.encode(), len(payload), payload)


def difference(
    statement: Statement, files: Mapping[ArtifactPath, str], manifest: str, beside: Mapping[str, str]
) -> str:
    """Return in words why a statement does not speak for an artifact; empty where it does.

    Args:
        files: path → sha256 of what the manifest lists.
        manifest: the sha256 of the manifest's bytes; a statement that names it speaks for all that it lists.
        beside: path → sha256 of what else may lie there: the manifest, and other signatures.
    """
    there = dict[str, str]([*files.items(), *beside.items()])
    # Where a listed file differs, the manifest differs as well, and says less.
    for name, digest in sorted(statement.digests, key=lambda one: one[0] in beside) if statement.names_files else ():
        if name not in there:
            return f"it names {name}, which the artifact does not hold"
        if there[name] != digest:
            return f"{name} is sha256:{there[name][:12]}…, and was signed as sha256:{digest[:12]}…"
    named = {digest for _, digest in statement.digests}
    missing = [name for name, digest in files.items() if digest not in named]
    return f"it does not name {missing[0]} as it is" if missing and manifest not in named else ""
