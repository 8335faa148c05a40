"""Signatures by an identity, such as a workflow of GitHub: a certificate of Sigstore, verified without a network.

The library sigstore is an extra: `pip install 'promotebot[sigstore]'`. https://docs.sigstore.dev/about/overview/
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, StringConstraints

from promotebot.artifact.statements import PAYLOAD_TYPE, Statement
from promotebot.errors import CouldNotVerify

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
        trusted_root: the JSON of another Sigstore's root, such as that of GitHub for private repositories.

    Raises:
        CouldNotVerify: where the library is missing, and for a root that is none.
    """
    try:
        from sigstore.errors import Error
        from sigstore.models import Bundle
        from sigstore.verify.policy import Identity
    except ImportError:
        raise CouldNotVerify(
            "the policy names identities that sign, and the library sigstore is not here to verify them",
            remedy="install promotebot with its extra sigstore; in a workflow, give the action `sigstore: true`",
        ) from None
    verifier, reason = _verifier(trusted_root), ""
    for one in identities:
        try:
            bundle = Bundle.from_json(statement.bundle)
            kind, payload = verifier.verify_dsse(bundle, Identity(identity=one.identity, issuer=one.issuer))
        except (Error, ValueError, KeyError, TypeError, AttributeError) as problem:
            reason = " ".join(str(problem).split())[:MAX_REASON]
            continue
        if (kind, payload) == (PAYLOAD_TYPE, statement.payload):
            return one, ""
        reason = "it signs another statement"
    return None, reason


def _verifier(trusted_root: str | None) -> Any:
    from sigstore.errors import Error
    from sigstore.models import TrustedRoot
    from sigstore.verify import Verifier

    if trusted_root is None:
        package, *parts = _ROOT
        with resources.as_file(resources.files(package).joinpath(*parts)) as path:
            return Verifier(trusted_root=TrustedRoot.from_file(str(path)))
    with tempfile.TemporaryDirectory(prefix="promotebot-root-") as directory:
        path = Path(directory) / "trusted_root.json"
        path.write_text(trusted_root, encoding="utf-8")
        try:
            return Verifier(trusted_root=TrustedRoot.from_file(str(path)))
        except (Error, ValueError, KeyError, TypeError, AttributeError):
            message = "signatures.trusted_root of the policy cannot be used"
            raise CouldNotVerify(message, remedy="take one line of what gh attestation trusted-root prints") from None
