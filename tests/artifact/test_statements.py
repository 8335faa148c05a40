"""Signed statements are read strictly, as OpenSSF and GitHub write them, and speak for exactly one artifact."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from promotebot.artifact.manifest import parse_manifest
from promotebot.artifact.sign import signature_bytes
from promotebot.artifact.signers import SignerKey, Signers, signer_of
from promotebot.artifact.statements import MAX_BYTES, Statement, difference, is_signature_name, parse_statements
from promotebot.errors import InvalidInput
from promotebot.registry.names import ArtifactPath

from .signing import SIGNED, SIGNED_BY, attestation, changed, key, public, sha256, signers

FILES = {"model.onnx": "1" * 64, "data/labels.json": "2" * 64}
LISTED = {ArtifactPath(name): digest for name, digest in FILES.items()}
MANIFEST = "3" * 64
BESIDE = {"manifest.json": MANIFEST}
OURS = signature_bytes("regime_v2", {**FILES, **BESIDE}, key())


def read(data: bytes, where: str = "model.sig") -> Statement:
    [statement] = parse_statements(data, where=where)
    return statement


def test_what_the_tool_of_openssf_writes_is_read_verified_and_speaks_for_its_files() -> None:
    statement = read((SIGNED / "model.sig").read_bytes())
    manifest = parse_manifest((SIGNED / "manifest.json").read_bytes(), where="manifest.json")
    digest = sha256(SIGNED / "manifest.json")
    assert difference(statement, manifest.sha256, digest, {"manifest.json": digest}) == ""
    assert signer_of(statement, Signers(keys=(SignerKey(name="golden", pem=SIGNED_BY),))) == ("the key golden", "")


def test_what_is_written_here_says_the_same_in_the_same_form_as_that_tool() -> None:
    theirs = json.loads((SIGNED / "model.sig").read_bytes())
    listed = {name: sha256(SIGNED / name) for name in ("model.onnx", "notes.md", "manifest.json")}
    ours = json.loads(signature_bytes("signed", listed, key()))

    def statement(bundle: dict[str, Any]) -> Any:
        document = json.loads(base64.b64decode(bundle["dsseEnvelope"]["payload"]))
        document["predicate"]["serialization"]["ignore_paths"].sort()  # a set, in no order
        return document

    assert statement(ours) == statement(theirs)
    assert ours["mediaType"] == theirs["mediaType"]
    assert ours["verificationMaterial"].keys() == theirs["verificationMaterial"].keys()
    assert len(ours["verificationMaterial"]["publicKey"]["hint"]) == 64


@pytest.mark.parametrize("curve", [ec.SECP256R1, ec.SECP384R1, ec.SECP521R1])
def test_a_signature_by_a_key_of_each_curve_is_verified(curve: type[ec.EllipticCurve]) -> None:
    private = key("a", curve)
    statement = read(signature_bytes("m", {**FILES, **BESIDE}, private))
    mine, other = (SignerKey(name=name, pem=public(key(name, curve))) for name in "ab")
    assert signer_of(statement, Signers(keys=(other, mine))) == ("the key a", "")
    assert signer_of(statement, Signers(keys=(other,)))[0] == ""
    assert signer_of(statement, Signers())[0] == ""


def test_the_hint_at_a_key_proves_nothing() -> None:
    bundle = json.loads(signature_bytes("m", FILES, key("mallory")))
    bundle["verificationMaterial"]["publicKey"]["hint"] = json.loads(OURS)["verificationMaterial"]["publicKey"]["hint"]
    assert signer_of(read(json.dumps(bundle).encode()), signers("release"))[0] == ""


@given(st.data())
def test_no_changed_byte_of_a_bundle_is_ever_taken_for_another_statement(data: st.DataObject) -> None:
    original = read(OURS)
    place = data.draw(st.integers(0, len(OURS) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda value: value != OURS[place]))
    try:
        [statement] = parse_statements(OURS[:place] + bytes([byte]) + OURS[place + 1 :], where="model.sig")
    except InvalidInput:
        return
    # What is not signed, such as the space between two keys or the hint at a key, says nothing about files.
    is_same = (statement.payload, statement.signature) == (original.payload, original.signature)
    assert is_same or signer_of(statement, signers())[0] == ""


@given(st.data())
def test_no_changed_byte_of_what_was_signed_is_verified(data: st.DataObject) -> None:
    original = read(OURS)
    part = data.draw(st.sampled_from(["payload", "signature"]))
    content: bytes = getattr(original, part)
    place = data.draw(st.integers(0, len(content) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda value: value != content[place]))
    forged = content[:place] + bytes([byte]) + content[place + 1 :]
    statement = Statement(**{**vars(original), part: forged})
    assert signer_of(original, signers())[0] == "the key release"
    assert signer_of(statement, signers())[0] == ""


NAMES = st.text("ab./", min_size=1, max_size=6)
DIGESTS = st.text("01", min_size=64, max_size=64)


@given(st.dictionaries(NAMES, DIGESTS, min_size=1, max_size=4), st.dictionaries(NAMES, DIGESTS, min_size=1, max_size=4))
def test_a_signature_of_some_files_speaks_for_no_others(signed: dict[str, str], there: dict[str, str]) -> None:
    statement = read(signature_bytes("m", {**signed, **BESIDE}, key()))
    files = {ArtifactPath(name): digest for name, digest in there.items()}
    said = difference(statement, files, MANIFEST, BESIDE)
    # A manifest that was signed lists the other files by their digests.
    assert (said == "") == (signed.items() <= there.items())
    assert difference(read(signature_bytes("m", signed, key())), files, MANIFEST, BESIDE) == "" or signed != there


@pytest.mark.parametrize(
    ("files", "words"),
    [
        (
            {**FILES, "model.onnx": "9" * 64},
            "model.onnx is sha256:111111111111…, and was signed as sha256:9999",
        ),
        ({**FILES, "evil.so": "9" * 64}, "it names evil.so, which the artifact does not hold"),
        ({"model.onnx": "1" * 64}, "it does not name data/labels.json as it is"),
        ({**FILES, "manifest.json": "9" * 64}, "manifest.json is sha256:333333333333…"),
        (FILES, ""),
        ({**FILES, **BESIDE}, ""),
        (BESIDE, ""),  # which lists the other files
    ],
)
def test_what_a_signature_says_otherwise_is_named(files: dict[str, str], words: str) -> None:
    said = difference(read(signature_bytes("m", files, key())), LISTED, MANIFEST, BESIDE)
    assert said.startswith(words)
    assert bool(said) == bool(words)


@pytest.mark.parametrize(
    ("digests", "speaks"),
    [((MANIFEST,), True), (("7" * 64, MANIFEST), True), (("1" * 64, "2" * 64), True), (("1" * 64,), False)],
)
def test_an_attestation_speaks_for_the_manifest_or_for_every_file(digests: tuple[str, ...], speaks: bool) -> None:
    said = difference(read(attestation(*digests)), LISTED, MANIFEST, BESIDE)
    assert said == ("" if speaks else "it does not name data/labels.json as it is")


def test_a_file_of_attestations_holds_one_a_line() -> None:
    lines = attestation("1" * 64) + b"\n" + attestation("2" * 64) + b"\n"
    first, second = parse_statements(lines, where="attestation.jsonl")
    assert (first.digests, second.digests) == ((("file 0", "1" * 64),), (("file 0", "2" * 64),))
    with pytest.raises(InvalidInput):
        parse_statements(lines, where="model.sig")


def edited(edit: Callable[[dict[str, Any]], None]) -> bytes:
    bundle = json.loads(OURS)
    edit(bundle)
    return json.dumps(bundle).encode()


def restated(edit: Callable[[dict[str, Any]], None]) -> bytes:
    return changed(OURS, edit, key())


NO_SIGNATURES = {
    "nothing": b"",
    "no JSON": b"\x7fELF",
    "a list": b"[]",
    "a key twice": OURS.replace(b'{"mediaType"', b'{"mediaType": "x", "mediaType"', 1),
    "an unknown key": edited(lambda bundle: bundle.update(extra=1)),
    "an unknown form": edited(lambda bundle: bundle.update(mediaType="application/vnd.dev.sigstore.bundle.v9+json")),
    "no envelope": edited(lambda bundle: bundle.pop("dsseEnvelope")),
    "a signature of a blob": edited(lambda bundle: bundle.update(messageSignature=bundle.pop("dsseEnvelope"))),
    "no signature": edited(lambda bundle: bundle["dsseEnvelope"].update(signatures=[])),
    "two signatures": edited(lambda bundle: bundle["dsseEnvelope"]["signatures"].append({"sig": "AAAA"})),
    "another payload": edited(lambda bundle: bundle["dsseEnvelope"].update(payloadType="text/plain")),
    "no base64": edited(lambda bundle: bundle["dsseEnvelope"].update(payload="?")),
    "base64 in two spellings": edited(lambda bundle: bundle["dsseEnvelope"]["signatures"][0].update(sig="AAB=")),
    "an empty payload": edited(lambda bundle: bundle["dsseEnvelope"].update(payload="")),
    "another statement": restated(lambda statement: statement.update(_type="https://in-toto.io/Statement/v0.1")),
    "no subject": restated(lambda statement: statement.update(subject=[])),
    "another subject": restated(lambda statement: statement["subject"][0]["digest"].update(sha256="0" * 64)),
    "no files": restated(lambda statement: statement["predicate"].update(resources=[])),
    "a file twice": restated(
        lambda statement: statement["predicate"]["resources"].append(statement["predicate"]["resources"][0])
    ),
    "shards": restated(lambda statement: statement["predicate"]["serialization"].update(method="shards")),
    "another hash": restated(lambda statement: statement["predicate"]["resources"][0].update(algorithm="blake3")),
    "too much": b" " * (MAX_BYTES + 1),
}


@pytest.mark.parametrize("data", NO_SIGNATURES.values(), ids=NO_SIGNATURES)
def test_anything_else_is_no_signature(data: bytes) -> None:
    with pytest.raises(InvalidInput):
        parse_statements(data, where="model.sig")


def test_what_is_wrong_is_named_by_its_place() -> None:
    with pytest.raises(InvalidInput, match=r"^model.sig: \$\.dsseEnvelope\.payloadType: "):
        parse_statements(NO_SIGNATURES["another payload"], where="model.sig")
    with pytest.raises(InvalidInput, match=r"^model.sig: \$\.payload\.predicate\.serialization\.method: "):
        parse_statements(NO_SIGNATURES["shards"], where="model.sig")


@pytest.mark.parametrize("name", ["model.sig", "attestation.jsonl", f"sha256:{'a' * 64}.jsonl", "m.sigstore.json"])
def test_signatures_are_looked_for_at_a_few_names(name: str) -> None:
    assert is_signature_name(name)
    assert not is_signature_name(f"below/{name}")
    assert not is_signature_name(f"{name}\n")
    assert not is_signature_name(name.upper())


def test_a_key_of_another_kind_is_none_of_the_policy() -> None:
    pem = (
        rsa.generate_private_key(65537, 2048).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )
    for text, words in (
        (pem.decode(), "of another kind"),
        (public(key("k", ec.SECP256K1)), "of another kind"),
        ("release.pub", "no public key in PEM"),
    ):
        with pytest.raises(ValueError, match=words):
            SignerKey(name="release", pem=text)
