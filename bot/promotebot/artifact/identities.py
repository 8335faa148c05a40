"""Signatures by an identity, such as a workflow of GitHub: a certificate of Sigstore, verified without a network.

The library sigstore is an extra: `pip install 'promotebot[sigstore]'`. https://docs.sigstore.dev/about/overview/
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, StringConstraints

from promotebot.artifact.source import shown
from promotebot.artifact.statements import PAYLOAD_TYPE, Statement
from promotebot.errors import CouldNotVerify

if TYPE_CHECKING:  # loaded where a policy names an identity
    from cryptography.x509 import Certificate

_ROOT = ("sigstore", "_store", "https%3A%2F%2Ftuf-repo-cdn.sigstore.dev", "trusted_root.json")
"""The root of the public Sigstore, as it was when the library was released; a cache of the user is never read."""
MAX_REASON = 300


class SignerIdentity(BaseModel):
    """An identity of Sigstore, such as a workflow of GitHub, and who vouches for it; both are compared as they are."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    identity: Annotated[str, StringConstraints(min_length=1, max_length=500)]
    issuer: Annotated[str, StringConstraints(min_length=1, max_length=500, pattern="^https://")]


def identity_of(
    statement: Statement, identities: Sequence[SignerIdentity], trusted_root: str | None
) -> tuple[SignerIdentity | None, str]:
    """Return who signed a statement, among those who may; or None, and why not in words.

    Args:
        trusted_root: the JSON of another Sigstore's root than the public one.

    Raises:
        CouldNotVerify: where the library is missing, and for a root that is none.
    """
    try:
        from sigstore.models import Bundle
    except ImportError:
        raise CouldNotVerify(
            "the policy names identities that sign, and the library sigstore is not here to verify them",
            remedy="install promotebot with its extra sigstore; in a workflow, give the action `sigstore: true`",
        ) from None
    verifier = _verifier(trusted_root)
    if not statement.is_logged:
        return None, "no log has it, as GitHub does for private repositories; only what is logged can be verified"
    try:
        bundle = Bundle.from_json(statement.bundle)
        signed = verifier.verify_dsse(bundle, _Anybody())
        who, why = _named(bundle.signing_certificate, identities)
    except Exception as problem:
        # A certificate is read by several libraries, each with errors of its own.
        return None, _plain(shown(" ".join(str(problem).split())))
    if signed != (PAYLOAD_TYPE, statement.payload):
        return None, "it signs another statement"
    return who, why


def _plain(reason: str) -> str:
    """Return what an error of the library means, with its own words where they say more."""
    if "not valid at validation time" in reason:
        return "its certificate was not valid when it was logged"
    # What follows the first problem of a form is the input itself.
    told = reason.partition(" [type=")[0][:MAX_REASON]
    if told.startswith("failed to load bundle"):
        return f"it is not whole, or not of the form that is read ({told})"
    return f"its certificate, its log entry or its signature is not right ({told})"


class _Anybody:
    """The library's policy on names. They are compared afterwards, when all else is known to be right."""

    def verify(self, cert: Certificate) -> None:
        """Take any."""


def _named(certificate: Certificate, identities: Sequence[SignerIdentity]) -> tuple[SignerIdentity | None, str]:
    """Return the identity of a verified certificate among these, or whose certificate it is in words."""
    from cryptography.x509 import SubjectAlternativeName
    from sigstore.errors import VerificationError
    from sigstore.verify.policy import Identity

    names = [str(name.value) for name in certificate.extensions.get_extension_for_class(SubjectAlternativeName).value]
    for one in identities:
        try:
            Identity(identity=one.identity, issuer=one.issuer).verify(certificate)
        except VerificationError:
            continue
        return one, ""
    who = shown(", ".join(names))[:MAX_REASON]
    if any(one.identity in names for one in identities):
        return None, f"{who} made it, and another issuer vouches for this name than the policy says"
    return None, f"{who} made it, whom the policy does not name"


def _verifier(trusted_root: str | None) -> Any:
    from sigstore.errors import Error
    from sigstore.models import TrustedRoot
    from sigstore.verify import Verifier

    if trusted_root is None:
        package, *parts = _ROOT
        try:
            with resources.as_file(resources.files(package).joinpath(*parts)) as path:
                return Verifier(trusted_root=TrustedRoot.from_file(str(path)))
        except (Error, OSError):
            message = (
                "the library sigstore is here without the root of the public Sigstore, at least where it is expected"
            )
            raise CouldNotVerify(message, remedy="install the release in requirements/sigstore.txt") from None
    with tempfile.TemporaryDirectory(prefix="promotebot-root-") as directory:
        path = Path(directory) / "trusted_root.json"
        path.write_text(trusted_root, encoding="utf-8")
        try:
            return Verifier(trusted_root=TrustedRoot.from_file(str(path)))
        except (Error, ValueError, KeyError, TypeError, AttributeError):
            message = "signatures.trusted_root of the policy cannot be used"
            raise CouldNotVerify(
                message, remedy="put the JSON of one trusted root there, or leave the key out for the public Sigstore"
            ) from None
