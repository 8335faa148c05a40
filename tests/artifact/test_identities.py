"""Signatures by an identity of Sigstore, verified offline against the root that the policy names."""

from __future__ import annotations

import json
import sys
from base64 import b64decode, b64encode
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from promotebot.artifact import identities
from promotebot.artifact.identities import SignerIdentity, _verifier
from promotebot.artifact.signatures import signature_findings
from promotebot.artifact.signers import Signers, signer_of
from promotebot.artifact.statements import parse_statements
from promotebot.errors import CouldNotVerify, InvalidInput
from promotebot.findings import Severity

from .conftest import Place
from .signing import SIGNED, attestation, sha256, sign, signers
from .sigstore_instance import GITHUB, WORKFLOW, SigstoreInstance

pytest.importorskip("sigstore", reason="an extra, which this environment has not")
OURS = SigstoreInstance()
TRAINER = SignerIdentity(identity=WORKFLOW, issuer=GITHUB)
TRUST = Signers(identities=(TRAINER,), trusted_root=OURS.trusted_root())
PAYLOAD = b64decode(json.loads(attestation("1" * 64))["dsseEnvelope"]["payload"])


REAL = SIGNED / "github-attestation.sigstore.json"
"""Made by actions/attest for a package, and published as test data by the package pypi-attestations 0.0.31."""
RELEASE = "https://github.com/trailofbits/pypi-attestations/.github/workflows/release.yml@refs/tags/v0.0.19"


def who(bundle: bytes, trust: Signers = TRUST) -> tuple[str, str]:
    [statement] = parse_statements(bundle, where="attestation.jsonl")
    return signer_of(statement, trust)


def test_a_workflow_that_the_policy_names_is_verified_without_a_network() -> None:
    assert who(OURS.bundle(PAYLOAD)) == (WORKFLOW, "")


def test_a_real_attestation_of_github_is_verified_with_the_public_root() -> None:
    [statement] = parse_statements(REAL.read_bytes(), where=REAL.name)
    digest = "9bb1add04b1b4e182be6b0b80931593f7a291eb49d69b4fd728a5d4cbcdc4bd3"
    assert statement.digests == (("pypi_attestations-0.0.19.tar.gz", digest),)
    real = SignerIdentity(identity=RELEASE, issuer=GITHUB)
    assert signer_of(statement, Signers(identities=(TRAINER, real))) == (RELEASE, "")
    signer, said = signer_of(statement, Signers(identities=(TRAINER,)))
    assert (signer, said) == ("", f"{RELEASE} made it, whom the policy does not name ({WORKFLOW})")


@pytest.mark.parametrize(
    "identity",
    [".*", "*", f"{WORKFLOW[:-4]}.*", WORKFLOW[:-1], WORKFLOW + "/", WORKFLOW.upper(), f" {WORKFLOW}", f"{WORKFLOW}\n"],
)
def test_an_identity_is_compared_as_it_is_and_is_no_pattern(identity: str) -> None:
    trust = Signers(identities=(SignerIdentity(identity=identity, issuer=GITHUB),), trusted_root=OURS.trusted_root())
    signer, said = who(OURS.bundle(PAYLOAD), trust)
    assert (signer, said.partition(" (")[0]) == ("", f"{WORKFLOW} made it, whom the policy does not name")


@pytest.mark.parametrize(
    ("bundle", "trust", "reason"),
    [
        (OURS.bundle(PAYLOAD, identity=f"{WORKFLOW}-2"), TRUST, f"{WORKFLOW}-2 made it, whom the policy does not name"),
        (
            OURS.bundle(PAYLOAD, issuer="https://accounts.example.com"),
            TRUST,
            "and another issuer vouches for this name",
        ),
        (OURS.bundle(PAYLOAD, after=timedelta(minutes=11)), TRUST, "its certificate was not valid when it was logged"),
        (OURS.bundle(PAYLOAD, after=-timedelta(minutes=1)), TRUST, "its certificate was not valid when it was logged"),
        (SigstoreInstance("mallory.test").bundle(PAYLOAD), TRUST, "certificate"),
        (OURS.bundle(PAYLOAD), Signers(identities=(TRAINER,)), "certificate"),
        (OURS.bundle(PAYLOAD), signers("release"), "an identity made it, and the policy names none (the key release)"),
    ],
    ids=[
        "another identity",
        "another issuer",
        "expired",
        "too early",
        "another Sigstore",
        "the public Sigstore",
        "a key",
    ],
)
def test_anybody_else_is_not_and_the_reason_is_said(bundle: bytes, trust: Signers, reason: str) -> None:
    signer, said = who(bundle, trust)
    assert signer == ""
    assert reason in said
    assert said.endswith(f"({trust.words})")


JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.text(max_size=20),
    st.binary(max_size=40).map(lambda b: b64encode(b).decode()),
    st.just([]),
    st.just({}),
    st.just([[]]),
    st.just("A" * 5000),
)


def paths_of(value: Any) -> Iterator[tuple[Any, ...]]:
    """Every place in a document, as the steps that lead to it."""
    for step, below in (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    ):
        yield (step,)
        yield from ((step, *rest) for rest in paths_of(below))


def changed(part: str) -> bytes:
    bundle = json.loads(OURS.bundle(PAYLOAD))
    entry, envelope = bundle["verificationMaterial"]["tlogEntries"][0], bundle["dsseEnvelope"]
    if part == "payload":
        envelope["payload"] = b64encode(PAYLOAD.replace(b"1" * 64, b"2" * 64)).decode()
    elif part == "signature":
        envelope["signatures"] = json.loads(OURS.bundle(PAYLOAD + b" "))["dsseEnvelope"]["signatures"]
    elif part == "time":
        entry["integratedTime"] = str(int(entry["integratedTime"]) + 1)
    elif part == "log":
        entry["inclusionProof"]["rootHash"] = b64encode(bytes(32)).decode()
    elif part == "promise":
        del entry["inclusionPromise"]
    elif part == "no proof":
        del entry["inclusionProof"]
    elif part == "no checkpoint":
        del entry["inclusionProof"]["checkpoint"]
    elif part == "another entry":
        bundle["verificationMaterial"]["tlogEntries"] = json.loads(OURS.bundle(PAYLOAD + b" "))["verificationMaterial"][
            "tlogEntries"
        ]
    elif part == "an old form without a proof":
        bundle["mediaType"] = "application/vnd.dev.sigstore.bundle+json;version=0.1"
        del entry["inclusionProof"]
    elif part == "a type that is none":
        entry["logIndex"] = {"x": [None]}
    elif part == "certificate":
        bundle["verificationMaterial"]["certificate"]["rawBytes"] = b64encode(b"x").decode()
    return json.dumps(bundle).encode()


PARTS = ["payload", "signature", "time", "log", "promise", "certificate", "no proof", "no checkpoint", "another entry"]


@pytest.mark.parametrize("part", [*PARTS, "an old form without a proof", "a type that is none"])
def test_nothing_that_was_changed_is_verified(part: str) -> None:
    signer, said = who(changed(part))
    assert signer == ""
    assert said.startswith(
        ("its certificate, its log entry or its sig", "it is not whole, or not of the form that is read")
    )
    assert "input_value" not in said


@pytest.mark.parametrize("entries", [[], None])
def test_a_signature_that_no_log_has_is_said_to_be_one_that_cannot_be_verified(entries: list[str] | None) -> None:
    bundle = json.loads(OURS.bundle(PAYLOAD))
    bundle["verificationMaterial"]["tlogEntries"] = entries
    bundle["verificationMaterial"]["timestampVerificationData"] = {"rfc3161Timestamps": [{"signedTimestamp": "AAAA"}]}
    signer, said = who(json.dumps(bundle).encode())
    assert signer == ""
    assert said.startswith(
        "no log has it, as GitHub does for private repositories; only what is logged can be verified"
    )


@pytest.mark.thorough
@given(st.data())
@settings(max_examples=150, deadline=None)
def test_no_value_of_a_bundle_that_somebody_changed_is_a_crash_or_another_statement(data: st.DataObject) -> None:
    bundle = json.loads(OURS.bundle(PAYLOAD))
    *path, last = data.draw(st.sampled_from([path for path in paths_of(bundle) if path[0] != "mediaType"]))
    place = bundle
    for step in path:
        place = place[step]
    place[last] = data.draw(JUNK.filter(lambda value: value != place[last]))
    try:
        [statement] = parse_statements(json.dumps(bundle).encode(), where="attestation.jsonl")
    except InvalidInput:
        return
    signer, said = signer_of(statement, TRUST)
    assert bool(signer) != bool(said)
    assert not signer or statement.payload == PAYLOAD


def test_a_certificate_without_what_belongs_into_one_is_no_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> object:
        raise x509.ExtensionNotFound("no such extension", x509.ObjectIdentifier("2.5.29.17"))

    monkeypatch.setattr("sigstore.verify.Verifier.verify_dsse", broken)
    assert who(OURS.bundle(PAYLOAD))[0] == ""


def test_a_library_without_its_root_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identities, "_ROOT", ("sigstore", "nowhere.json"))
    with pytest.raises(CouldNotVerify, match="without the root of the public Sigstore"):
        who(OURS.bundle(PAYLOAD), Signers(identities=(TRAINER,)))


def test_an_attestation_of_the_manifest_by_a_workflow_counts_and_says_who(place: Place) -> None:
    digest = sha256(place.path / "manifest.json")
    payload = b64decode(json.loads(attestation(digest))["dsseEnvelope"]["payload"])
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
