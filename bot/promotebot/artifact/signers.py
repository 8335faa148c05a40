"""Who may sign artifacts, as a part of the policy, and whether one of them signed a statement."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from promotebot.artifact.statements import Statement, pae
from promotebot.registry.names import Stage

if TYPE_CHECKING:  # loaded where a policy names a key
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
    from cryptography.hazmat.primitives.hashes import HashAlgorithm

CURVES = {"secp256r1": "SHA256", "secp384r1": "SHA384", "secp521r1": "SHA512"}
"""Curve → the hash that goes with it, as OpenSSF Model Signing has them."""
MAX_SIGNERS = 20
Name = Annotated[str, StringConstraints(min_length=1, max_length=60, pattern="^[A-Za-z0-9][A-Za-z0-9 ._@-]*$")]


def _pem(text: str) -> str:
    public_key(text)
    return text


class SignerKey(BaseModel):
    """A public key of an elliptic curve, in PEM, and what people call it."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: Name
    pem: Annotated[str, Field(max_length=4096), AfterValidator(_pem)]


class Signers(BaseModel):
    """Everybody whose signature counts."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    keys: Annotated[tuple[SignerKey, ...], Field(max_length=MAX_SIGNERS)] = ()

    @property
    def are_named(self) -> bool:
        """Whether there is anybody."""
        return bool(self.keys)

    @property
    def words(self) -> str:
        """Everybody by name."""
        return ", ".join(f"the key {one.name}" for one in self.keys)


class Signatures(Signers):
    """The policy's `signatures`: who may sign, and the stages that take no artifact without such a signature."""

    required: tuple[Stage, ...] = ()

    @model_validator(mode="after")
    def _names_somebody(self) -> Signatures:
        if self.required and not self.are_named:
            raise ValueError("required names a stage, but there are no keys with which anybody could sign")
        names = [key.name for key in self.keys]
        if len(set(names)) != len(names):
            raise ValueError("two keys have one name")
        return self

    @property
    def signers(self) -> Signers:
        """Return everybody whose signature counts."""
        return Signers(keys=self.keys)


def public_key(pem: str) -> EllipticCurvePublicKey:
    """Return the key of a PEM text. Raises ValueError for any other text, and for a key of another kind."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        key = load_pem_public_key(pem.encode())
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError("is no public key in PEM: -----BEGIN PUBLIC KEY-----") from None
    if not isinstance(key, EllipticCurvePublicKey) or not is_known_curve(key):
        raise ValueError("is a public key of another kind; expected an elliptic curve P-256, P-384 or P-521")
    return key


def is_known_curve(key: EllipticCurvePublicKey) -> bool:
    """Return whether signatures of a key are read here."""
    return key.curve.name in CURVES


def hash_of(key: EllipticCurvePublicKey) -> HashAlgorithm:
    """Return the hash that goes with a key's curve."""
    from cryptography.hazmat.primitives import hashes

    algorithm: HashAlgorithm = getattr(hashes, CURVES[key.curve.name])()
    return algorithm


def hint_of(key: EllipticCurvePublicKey) -> str:
    """Return what a bundle names a key by: the sha256 of its PEM, in 64 hex digits."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return hashlib.sha256(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


def signer_of(statement: Statement, signers: Signers) -> str | None:
    """Return in words who signed a statement, among those who may; None where none of them did."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA

    for one in signers.keys if statement.by_key else ():
        key = public_key(one.pem)
        try:
            key.verify(statement.signature, pae(statement.payload), ECDSA(hash_of(key)))
        except InvalidSignature:
            continue
        return f"the key {one.name}"
    return None
