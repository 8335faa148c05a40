"""Who may sign artifacts, as a part of the policy, and whether one of them signed a statement."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from promotebot.artifact.identities import SignerIdentity, identity_of
from promotebot.artifact.statements import Statement, pae
from promotebot.errors import InvalidInput
from promotebot.registry.codec import parse_json
from promotebot.registry.names import Stage

if TYPE_CHECKING:  # loaded where a policy names a key
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
    from cryptography.hazmat.primitives.hashes import HashAlgorithm

CURVES = {"secp256r1": "SHA256", "secp384r1": "SHA384", "secp521r1": "SHA512"}
"""Curve → the hash that goes with it, as OpenSSF Model Signing has them."""
MAX_SIGNERS = 20
MAX_ROOT = 48 * 1024
"""Characters; GitHub's and the public one take about seven thousand."""
_ROOT_TYPE = "application/vnd.dev.sigstore.trustedroot"
Name = Annotated[str, StringConstraints(min_length=1, max_length=60, pattern="^[A-Za-z0-9][A-Za-z0-9 ._@-]*$")]


def _pem(text: str) -> str:
    public_key(text)
    return text


def _root(text: str) -> str:
    try:
        document = parse_json(text.encode(), where="trusted_root")
    except InvalidInput as problem:
        raise ValueError(problem.message) from None
    kind = document.get("mediaType") if isinstance(document, dict) else None
    if not isinstance(kind, str) or not kind.startswith(_ROOT_TYPE):
        raise ValueError(f"is no root of a Sigstore: its mediaType does not start with {_ROOT_TYPE}")
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
    identities: Annotated[tuple[SignerIdentity, ...], Field(max_length=MAX_SIGNERS)] = ()
    trusted_root: Annotated[str, Field(max_length=MAX_ROOT), AfterValidator(_root)] | None = None
    """The root of the Sigstore that vouches for the identities, as JSON; None for the public one."""

    @property
    def are_named(self) -> bool:
        """Whether there is anybody."""
        return bool(self.keys or self.identities)

    @property
    def words(self) -> str:
        """Everybody by name."""
        return ", ".join([*(f"the key {one.name}" for one in self.keys), *(one.identity for one in self.identities)])


class Signatures(Signers):
    """The policy's `signatures`: who may sign, and the stages that take no artifact without such a signature."""

    required: tuple[Stage, ...] = ()

    @model_validator(mode="after")
    def _names_somebody(self) -> Signatures:
        if self.required and not self.are_named:
            raise ValueError("required names a stage, but there are no keys and no identities that could sign")
        names = [key.name for key in self.keys]
        if len(set(names)) != len(names):
            raise ValueError("two keys have one name")
        return self

    @property
    def signers(self) -> Signers:
        """Return everybody whose signature counts."""
        return Signers(keys=self.keys, identities=self.identities, trusted_root=self.trusted_root)


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


def key_of(statement: Statement, keys: Sequence[SignerKey]) -> SignerKey | None:
    """Return the key, among those that count, with which a statement was signed; None where it was none of them."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA

    for one in keys:
        key = public_key(one.pem)
        try:
            key.verify(statement.signature, pae(statement.payload), ECDSA(hash_of(key)))
        except InvalidSignature:
            continue
        return one
    return None


def signer_of(statement: Statement, signers: Signers) -> tuple[str, str]:
    """Return in words who signed a statement, among those who may, or why it does not count; the other is empty.

    Raises:
        CouldNotVerify: for a signature by an identity, where the policy names any and the library is missing.
    """
    if statement.by_key:
        key = key_of(statement, signers.keys)
        signer = f"the key {key.name}" if key else ""
        reason = "no key made it that the policy names" if signers.keys else "a key made it, and the policy names none"
    elif signers.identities:
        identity, reason = identity_of(statement, signers.identities, signers.trusted_root)
        signer = identity.identity if identity else ""
    else:
        signer, reason = "", "an identity made it, and the policy names none"
    return signer, "" if signer else f"{reason} ({signers.words})"
