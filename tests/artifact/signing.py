"""Keys, and signatures made with them; beside this file, one that OpenSSF's `model_signing` made."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from promotebot.artifact.sign import signature_bytes
from promotebot.artifact.signers import SignerKey, Signers, hash_of
from promotebot.artifact.statements import pae

SIGNED = Path(__file__).parent / "signed"
"""Made with model-signing 1.1.1: `model_signing sign key signed --private_key … --signature signed/model.sig`."""
SIGNED_BY = (Path(__file__).parent / "signed_by.pem").read_text()
Key = ec.EllipticCurvePrivateKey


@cache
def key(name: str = "release", curve: type[ec.EllipticCurve] = ec.SECP256R1) -> Key:
    """A key of this name, the same one whenever it is asked for."""
    number = int.from_bytes(hashlib.sha256(name.encode()).digest(), "big") >> 8
    return ec.derive_private_key(number, curve())


def public(private: Key) -> str:
    return private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def private_pem(private: Key, passphrase: bytes = b"") -> bytes:
    encryption = BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
    return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)


def signers(*names: str) -> Signers:
    return Signers(keys=tuple(SignerKey(name=name, pem=public(key(name))) for name in names or ("release",)))


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def sign(directory: Path, private: Key | None = None, *, without: tuple[str, ...] = ()) -> bytes:
    """Sign everything in a directory, as it is, and return `model.sig`, which is written there."""
    paths = {str(path.relative_to(directory)): path for path in directory.rglob("*") if path.is_file()}
    files = {name: sha256(path) for name, path in paths.items() if name not in without and name != "model.sig"}
    data = signature_bytes(directory.name, files, private or key())
    (directory / "model.sig").write_bytes(data)
    return data


def changed(data: bytes, change: Callable[[dict[str, Any]], None], private: Key | None = None) -> bytes:
    """A bundle whose statement is another one, with the old signature, or with one by a key."""
    bundle = json.loads(data)
    envelope = bundle["dsseEnvelope"]
    statement = json.loads(base64.b64decode(envelope["payload"]))
    change(statement)
    payload = json.dumps(statement).encode()
    envelope["payload"] = base64.b64encode(payload).decode()
    if private:
        signature = private.sign(pae(payload), ec.ECDSA(hash_of(private.public_key())))
        envelope["signatures"][0]["sig"] = base64.b64encode(signature).decode()
    return json.dumps(bundle).encode()


def attestation(*digests: str, private: Key | None = None) -> bytes:
    """A statement as `actions/attest-build-provenance` makes it, signed by a key, about these sha256."""
    statement = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": f"file {n}", "digest": {"sha256": digest}} for n, digest in enumerate(digests)],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {"buildDefinition": {"buildType": "https://actions.github.io/buildtypes/workflow/v1"}},
    }
    first = signature_bytes("m", {"a": "0" * 64}, key())

    def replace(document: dict[str, Any]) -> None:
        document.clear()
        document.update(statement)

    return changed(first, replace, private or key())
