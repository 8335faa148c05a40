"""Signs an artifact with a private key, as OpenSSF Model Signing does: `model_signing verify key` accepts the result.

https://github.com/sigstore/model-transparency
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from promotebot.artifact.signers import hash_of, hint_of, is_known_curve
from promotebot.artifact.statements import (
    IGNORED,
    MEDIA_TYPE,
    MODEL_SIGNATURE,
    PAYLOAD_TYPE,
    STATEMENT_TYPE,
    pae,
)
from promotebot.errors import InvalidInput

if TYPE_CHECKING:  # loaded by whoever signs
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

MAX_KEY_BYTES = 64 * 1024


def private_key(data: bytes, *, where: str, passphrase: Callable[[], bytes]) -> EllipticCurvePrivateKey:
    """Return the private key of a PEM file.

    Args:
        passphrase: asked only where the key is encrypted.

    Raises:
        InvalidInput: for any other file, a wrong passphrase, and a key of another kind than an elliptic curve's.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        try:
            key = load_pem_private_key(data, None)
        except TypeError:  # it is encrypted
            key = load_pem_private_key(data, passphrase())
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise InvalidInput(
            "is no private key in PEM, or has another passphrase", where=where, remedy="name the file of a private key"
        ) from None
    if not isinstance(key, EllipticCurvePrivateKey) or not is_known_curve(key.public_key()):
        raise InvalidInput(
            "is a private key of another kind",
            where=where,
            remedy="use a key of an elliptic curve: P-256, P-384 or P-521",
        )
    return key


def signature_bytes(name: str, files: Mapping[str, str], key: EllipticCurvePrivateKey) -> bytes:
    """Return the file `model.sig`: a bundle with the signed statement on these files.

    Args:
        name: what the statement calls the artifact.
        files: path → sha256 in 64 hex digits, the manifest's among them.
    """
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA

    payload = json.dumps(_statement(name, files)).encode()
    envelope = {
        "payload": base64.b64encode(payload).decode(),
        "payloadType": PAYLOAD_TYPE,
        "signatures": [{"sig": base64.b64encode(key.sign(pae(payload), ECDSA(hash_of(key.public_key())))).decode()}],
    }
    material = {"publicKey": {"hint": hint_of(key.public_key())}, "tlogEntries": []}
    bundle = {"mediaType": MEDIA_TYPE, "verificationMaterial": material, "dsseEnvelope": envelope}
    return json.dumps(bundle).encode() + b"\n"


def _statement(name: str, files: Mapping[str, str]) -> dict[str, object]:
    resources = [
        {"name": path, "algorithm": "sha256", "digest": digest}
        for path, digest in sorted(files.items())
        if path.split("/")[0] not in IGNORED
    ]
    whole = hashlib.sha256(b"".join(bytes.fromhex(one["digest"]) for one in resources)).hexdigest()
    serialization = {"method": "files", "hash_type": "sha256", "allow_symlinks": False, "ignore_paths": [*IGNORED]}
    return {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": name, "digest": {"sha256": whole}}],
        "predicateType": MODEL_SIGNATURE,
        "predicate": {"serialization": serialization, "resources": resources},
    }
