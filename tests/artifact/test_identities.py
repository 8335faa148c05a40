"""Signatures by an identity of Sigstore, verified offline against the root that the policy names."""

from __future__ import annotations

import base64
import json
import sys
from datetime import timedelta

import pytest
from pydantic import ValidationError

from promotebot.artifact.identities import SignerIdentity, _verifier
from promotebot.artifact.signatures import signature_findings
from promotebot.artifact.signers import Signers, signer_of
from promotebot.artifact.statements import parse_statements
from promotebot.errors import CouldNotVerify
from promotebot.findings import Severity

from .conftest import Place
from .signing import attestation, sha256, sign, signers
from .sigstore_instance import GITHUB, WORKFLOW, SigstoreInstance

pytest.importorskip("sigstore", reason="an extra, which this environment has not")
OURS = SigstoreInstance()
TRAINER = SignerIdentity(identity=WORKFLOW, issuer=GITHUB)
TRUST = Signers(identities=(TRAINER,), trusted_root=OURS.trusted_root())
PAYLOAD = base64.b64decode(json.loads(attestation("1" * 64))["dsseEnvelope"]["payload"])


def who(bundle: bytes, trust: Signers = TRUST) -> tuple[str, str]:
    [statement] = parse_statements(bundle, where="attestation.jsonl")
    return signer_of(statement, trust)


def test_a_workflow_that_the_policy_names_is_verified_without_a_network() -> None:
    assert who(OURS.bundle(PAYLOAD)) == (WORKFLOW, "")


@pytest.mark.parametrize(
    ("bundle", "trust", "reason"),
    [
        (OURS.bundle(PAYLOAD, identity=f"{WORKFLOW}-2"), TRUST, "do not match"),
        (OURS.bundle(PAYLOAD, issuer="https://accounts.example.com"), TRUST, "https://accounts.example.com"),
        (OURS.bundle(PAYLOAD, after=timedelta(minutes=11)), TRUST, "certificate"),
        (SigstoreInstance("mallory.test").bundle(PAYLOAD), TRUST, "certificate"),
        (OURS.bundle(PAYLOAD), Signers(identities=(TRAINER,)), "certificate"),
        (OURS.bundle(PAYLOAD), signers("release"), "an identity made it, and the policy names none (the key release)"),
    ],
    ids=["another identity", "another issuer", "expired", "another Sigstore", "the public Sigstore", "a key"],
)
def test_anybody_else_is_not_and_the_reason_is_said(bundle: bytes, trust: Signers, reason: str) -> None:
    signer, said = who(bundle, trust)
    assert signer == ""
    assert reason in said
    assert said.endswith(f"({trust.words})")


def changed(part: str) -> bytes:
    bundle = json.loads(OURS.bundle(PAYLOAD))
    entry, envelope = bundle["verificationMaterial"]["tlogEntries"][0], bundle["dsseEnvelope"]
    if part == "payload":
        envelope["payload"] = base64.b64encode(PAYLOAD.replace(b"1" * 64, b"2" * 64)).decode()
    elif part == "signature":
        envelope["signatures"] = json.loads(OURS.bundle(PAYLOAD + b" "))["dsseEnvelope"]["signatures"]
    elif part == "time":
        entry["integratedTime"] = str(int(entry["integratedTime"]) + 1)
    elif part == "log":
        entry["inclusionProof"]["rootHash"] = base64.b64encode(bytes(32)).decode()
    elif part == "promise":
        del entry["inclusionPromise"]
    elif part == "no log":
        bundle["verificationMaterial"]["tlogEntries"] = []
    elif part == "certificate":
        bundle["verificationMaterial"]["certificate"]["rawBytes"] = base64.b64encode(b"x").decode()
    return json.dumps(bundle).encode()


@pytest.mark.parametrize("part", ["payload", "signature", "time", "log", "promise", "no log", "certificate"])
def test_nothing_that_was_changed_is_verified(part: str) -> None:
    signer, said = who(changed(part))
    assert signer == ""
    assert said


def test_an_attestation_of_the_manifest_by_a_workflow_counts_and_says_who(place: Place) -> None:
    digest = sha256(place.path / "manifest.json")
    payload = base64.b64decode(json.loads(attestation(digest))["dsseEnvelope"]["payload"])
    place.write("attestation.jsonl", OURS.bundle(payload))
    evidence = place.examine(signers=TRUST)
    [finding] = signature_findings(evidence.signatures, evidence.artifact_dir, TRUST, required=True)
    assert finding.severity is Severity.PASS
    assert finding.message == f"signed by {WORKFLOW}: manifest and files (attestation.jsonl)"


def test_without_the_library_nothing_is_known_and_keys_still_count(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "sigstore"]:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(CouldNotVerify, match="the library sigstore is not here"):
        who(OURS.bundle(PAYLOAD))
    sign(place.path)
    both = Signers(keys=signers("release").keys, identities=(TRAINER,))
    [signature] = place.examine(signers=both).signatures
    assert signature.signer == "the key release"


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"mediaType": "x"}', '{"mediaType": 1}'])
def test_a_root_that_is_none_is_refused_with_the_policy(text: str) -> None:
    with pytest.raises(ValidationError):
        Signers(identities=(TRAINER,), trusted_root=text)


def test_a_root_that_the_library_does_not_take_is_no_answer() -> None:
    root = json.dumps({"mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=9"})
    with pytest.raises(CouldNotVerify, match=r"signatures\.trusted_root of the policy cannot be used"):
        who(OURS.bundle(PAYLOAD), Signers(identities=(TRAINER,), trusted_root=root))


def test_the_root_of_the_public_sigstore_comes_with_the_library() -> None:
    assert _verifier(None)
