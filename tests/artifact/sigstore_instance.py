"""A Sigstore of our own: certificate authority, certificate log and signature log, so that bundles verify offline.

https://github.com/sigstore/protobuf-specs · https://www.rfc-editor.org/rfc/rfc6962
"""

from __future__ import annotations

import base64
import hashlib
import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from promotebot.artifact.statements import PAYLOAD_TYPE, pae

from .signing import Key, key

SIGNED_AT = datetime(2026, 2, 16, 9, tzinfo=timezone.utc)
WORKFLOW = "https://github.com/acme/training/.github/workflows/train.yml@refs/heads/main"
GITHUB = "https://token.actions.githubusercontent.com"
_ISSUER = ObjectIdentifier("1.3.6.1.4.1.57264.1.1")
_SCTS = ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2")
_SHA256 = ec.ECDSA(hashes.SHA256())


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _der(private: Key) -> bytes:
    return private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _id(private: Key) -> bytes:
    return hashlib.sha256(_der(private)).digest()


@dataclass(frozen=True)
class SigstoreInstance:
    """Signs statements for identities; another name makes another instance, which nobody trusts."""

    name: str = "sigstore.test"

    @property
    def authority(self) -> x509.Certificate:
        private, name = key(f"{self.name} authority"), self._name
        return (
            x509.CertificateBuilder(name, name, private.public_key(), 1)
            .not_valid_before(SIGNED_AT - timedelta(days=1000))
            .not_valid_after(SIGNED_AT + timedelta(days=1000))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(signs_certificates=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(private.public_key()), critical=False)
            .sign(private, hashes.SHA256())
        )

    @property
    def _name(self) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, self.name)])

    def trusted_root(self) -> str:
        """What `gh attestation trusted-root` prints of an instance."""
        valid = {"start": "2020-01-01T00:00:00Z"}

        def log(name: str) -> dict[str, Any]:
            private = key(f"{self.name} {name}")
            public = {"rawBytes": _b64(_der(private)), "keyDetails": "PKIX_ECDSA_P256_SHA_256", "validFor": valid}
            url, log_id = f"https://{name}.test", {"keyId": _b64(_id(private))}
            return {"baseUrl": url, "hashAlgorithm": "SHA2_256", "publicKey": public, "logId": log_id}

        authority = {
            "subject": {"organization": "test", "commonName": self.name},
            "uri": "https://fulcio.test",
            "certChain": {"certificates": [{"rawBytes": _b64(self.authority.public_bytes(Encoding.DER))}]},
            "validFor": valid,
        }
        media_type = "application/vnd.dev.sigstore.trustedroot+json;version=0.1"
        root = {"tlogs": [log("rekor")], "certificateAuthorities": [authority], "ctlogs": [log("ctfe")]}
        return json.dumps({"mediaType": media_type, **root, "timestampAuthorities": []})

    def certificate(self, public: ec.EllipticCurvePublicKey, identity: str, issuer: str) -> x509.Certificate:
        """A certificate for ten minutes, with the promise of the certificate log in it."""
        authority = key(f"{self.name} authority")
        identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key())
        builder = (
            x509.CertificateBuilder(self._name, x509.Name([]), public, 2)
            .not_valid_before(SIGNED_AT)
            .not_valid_after(SIGNED_AT + timedelta(minutes=10))
            .add_extension(x509.SubjectAlternativeName([x509.UniformResourceIdentifier(identity)]), critical=True)
            .add_extension(_usage(), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), critical=False)
            .add_extension(identifier, critical=False)
            .add_extension(x509.UnrecognizedExtension(_ISSUER, issuer.encode()), critical=False)
        )
        body = builder.sign(authority, hashes.SHA256()).tbs_certificate_bytes
        promise = self._promise(body, _id(authority))
        return builder.add_extension(x509.UnrecognizedExtension(_SCTS, promise), critical=False).sign(
            authority, hashes.SHA256()
        )

    def _promise(self, body: bytes, issuer: bytes) -> bytes:
        log, moment = key(f"{self.name} ctfe"), int(SIGNED_AT.timestamp() * 1000)
        entry = issuer + len(body).to_bytes(3, "big") + body
        signature = log.sign(struct.pack("!BBQH", 0, 0, moment, 1) + entry + b"\0\0", _SHA256)
        promise = struct.pack("!B32sQHBBH", 0, _id(log), moment, 0, 4, 3, len(signature)) + signature
        listed = struct.pack("!HH", len(promise) + 2, len(promise)) + promise
        return bytes([0x04, *_der_length(len(listed))]) + listed

    def bundle(
        self, payload: bytes, *, identity: str = WORKFLOW, issuer: str = GITHUB, after: timedelta = timedelta(minutes=1)
    ) -> bytes:
        """A bundle of this payload, signed by an identity so long after its certificate was made."""
        private = key(f"{identity} once")
        certificate = self.certificate(private.public_key(), identity, issuer)
        signature = private.sign(pae(payload), _SHA256)
        entry = self._entry(payload, signature, certificate, SIGNED_AT + after)
        material = {"certificate": {"rawBytes": _b64(certificate.public_bytes(Encoding.DER))}, "tlogEntries": [entry]}
        envelope = {"payload": _b64(payload), "payloadType": PAYLOAD_TYPE, "signatures": [{"sig": _b64(signature)}]}
        media_type = "application/vnd.dev.sigstore.bundle.v0.3+json"
        return json.dumps(
            {"mediaType": media_type, "verificationMaterial": material, "dsseEnvelope": envelope}
        ).encode()

    def _entry(self, payload: bytes, signature: bytes, certificate: x509.Certificate, at: datetime) -> dict[str, Any]:
        """A log of this entry alone, signed, with the promise that it is there."""
        log, digest = key(f"{self.name} rekor"), hashlib.sha256(payload).hexdigest()
        signed = {"signature": _b64(signature), "verifier": _b64(certificate.public_bytes(Encoding.PEM))}
        hash_of = {"algorithm": "sha256", "value": digest}
        spec = {"envelopeHash": hash_of, "payloadHash": hash_of, "signatures": [signed]}
        body = _canonical({"apiVersion": "0.0.1", "kind": "dsse", "spec": spec})
        root = hashlib.sha256(b"\0" + body).digest()
        note = f"rekor.test\n1\n{_b64(root)}\n"
        checkpoint = f"{note}\n— rekor.test {_b64(_id(log)[:4] + log.sign(note.encode(), _SHA256))}\n"
        time = int(at.timestamp())
        promised = {"body": _b64(body), "integratedTime": time, "logID": _id(log).hex(), "logIndex": 0}
        proof = {"logIndex": "0", "rootHash": _b64(root), "treeSize": "1", "hashes": []}
        return {
            "logIndex": "0",
            "logId": {"keyId": _b64(_id(log))},
            "kindVersion": {"kind": "dsse", "version": "0.0.1"},
            "integratedTime": str(time),
            "inclusionPromise": {"signedEntryTimestamp": _b64(log.sign(_canonical(promised), _SHA256))},
            "inclusionProof": {**proof, "checkpoint": {"envelope": checkpoint}},
            "canonicalizedBody": _b64(body),
        }


def _canonical(document: object) -> bytes:
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()


def _der_length(length: int) -> Sequence[int]:
    return [length] if length < 128 else [0x81, length] if length < 256 else [0x82, *divmod(length, 256)]


def _usage(*, signs_certificates: bool = False) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
