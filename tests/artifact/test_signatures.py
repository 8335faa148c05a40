"""Signatures beside a manifest: accepted without being listed, compared with it, and verified where the policy asks."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from promotebot.artifact.evidence import Evidence
from promotebot.artifact.signatures import MAX_FILES, ModelSignature, signature_findings
from promotebot.artifact.signers import Signers
from promotebot.artifact.source import FileSource
from promotebot.findings import Finding, Severity, errors_in

from .conftest import DIRECTORY, Place, refusal
from .signing import attestation, key, sha256, sign, signers

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:%s\nsize 1\n" % (b"0" * 64)
RELEASE = signers("release")


def found(evidence: Evidence, who: Signers, *, required: bool = True) -> list[Finding]:
    return [*signature_findings(evidence.signatures, evidence.artifact_dir, who, required=required)]


def examined(place: Place, who: Signers = RELEASE, source: FileSource | None = None) -> list[Finding]:
    evidence = place.examine(source, signers=who)
    assert errors_in(evidence.findings) == []
    assert evidence.digest is not None
    return found(evidence, who)


def test_a_signature_beside_the_manifest_is_verified_and_needs_no_line_in_it(
    place: Place, source: Callable[[], FileSource]
) -> None:
    sign(place.path)
    [finding] = examined(place, source=source())
    assert finding.severity is Severity.PASS
    assert finding.message == "signed by the key release: manifest and files (model.sig)"


def test_a_signature_that_the_manifest_lists_is_a_file_like_others_and_counts_as_well(place: Place) -> None:
    sign(place.path)
    place.write_manifest()
    [finding] = examined(place)
    assert "manifest.json is sha256:" in finding.message  # it was written after the signature
    sign(place.path)
    refusal(place.examine(), "artifact.digest")


@pytest.mark.parametrize(
    ("required", "severity"), [(True, Severity.ERROR), (False, Severity.WARNING)], ids=["required", "not required"]
)
@pytest.mark.parametrize("case", ["none", "by another key", "of other bytes", "of more files"])
def test_what_nobody_of_the_policy_signed_is_an_error_where_the_policy_requires_it(
    place: Place, case: str, required: bool, severity: Severity
) -> None:
    words = {
        "none": f"{DIRECTORY} is not signed, and the policy names who may sign: the key release.",
        "by another key": "is not verified: no key made it that the policy names (the key release).",
        "of other bytes": "is not verified: model.onnx is sha256:",
        "of more files": "is not verified: it names evil.so, which the artifact does not hold.",
    }
    more = place.write("evil.so", b"x") if case == "of more files" else None
    data = sign(place.path, key("mallory") if case == "by another key" else None)
    (place.path / "model.sig").unlink()
    if more:
        more.unlink()
    if case == "of other bytes":
        place.write("model.onnx", (place.path / "model.onnx").read_bytes() + b"\0")
        place.write_manifest()
    if case != "none":
        place.write("model.sig", data)
    [finding] = found(place.examine(signers=RELEASE), RELEASE, required=required)
    assert (finding.rule, finding.severity) == ("provenance.signature", severity)
    assert words[case] in finding.message
    assert finding.remedy


def test_a_policy_that_names_nobody_says_what_is_there_and_refuses_nothing(place: Place) -> None:
    [finding] = found(place.examine(), Signers(), required=False)
    assert (finding.severity, finding.message) == (
        Severity.PASS,
        "not signed, and the policy asks for no signature",
    )
    sign(place.path)
    [finding] = found(place.examine(), Signers(), required=False)
    assert finding.severity is Severity.PASS
    assert finding.message == "signed (model.sig), not verified: the policy names no key and no identity"
    place.write_manifest(notes="written again")
    place.edit_manifest(lambda document: document["sha256"].pop("model.sig"))
    [finding] = found(place.examine(), Signers(), required=False)
    assert finding.severity is Severity.WARNING


def test_a_signature_from_before_the_manifest_speaks_for_the_files_alone(place: Place) -> None:
    sign(place.path, without=("manifest.json",))
    [finding] = examined(place)
    assert finding.severity is Severity.WARNING
    assert finding.message.endswith(
        "model.sig: the key release signed the files, but not what manifest.json says of them."
    )


def test_an_attestation_of_the_manifest_counts_and_one_of_other_files_does_not(place: Place) -> None:
    digest = sha256(place.path / "manifest.json")
    place.write("attestation.jsonl", attestation("0" * 64) + b"\n" + attestation(digest) + b"\n")
    [finding] = examined(place)
    assert finding.message == "signed by the key release: manifest and files (attestation.jsonl)"
    place.write("attestation.jsonl", attestation("0" * 64))
    [finding] = examined(place)
    assert finding.severity is Severity.ERROR


def test_one_of_several_signatures_is_enough_and_the_others_are_told(place: Place) -> None:
    sign(place.path)
    place.write(f"sha256:{'a' * 64}.jsonl", attestation("0" * 64))
    place.write("build.sigstore.json", attestation(sha256(place.path / "manifest.json"), private=key("other")))
    severities = [finding.severity for finding in examined(place)]
    assert severities == [Severity.PASS, Severity.WARNING, Severity.WARNING]


@pytest.mark.parametrize(
    "data", [b"\x7fELF", b"{}", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"]
)
def test_a_file_that_is_no_signature_is_an_unlisted_file(
    place: Place, source: Callable[[], FileSource], data: bytes
) -> None:
    place.write("model.sig", data)
    evidence = place.examine(source(), signers=RELEASE)
    finding = refusal(evidence, "artifact.files")
    assert f"{DIRECTORY}/model.sig is no signature, and the manifest does not list it" in finding.message
    assert evidence.digest is None
    [finding] = found(evidence, RELEASE)
    assert finding.severity is Severity.ERROR


def test_too_many_signatures_are_refused(place: Place) -> None:
    for number in range(MAX_FILES + 1):
        place.write(f"{number}.sigstore.json", attestation("0" * 64))
    refusal(place.examine(), "artifact.files")


def test_a_link_named_like_a_signature_is_not_followed(place: Place) -> None:
    sign(place.path)
    (place.path / "model.sig").rename(place.root / "model.sig")
    (place.path / "model.sig").symlink_to(place.root / "model.sig")
    evidence = place.examine(signers=RELEASE)
    refusal(evidence, "path.symlink")
    assert evidence.signatures == ()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_changed_byte_of_a_file_or_the_manifest_stays_signed(place: Place, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(["model.onnx", "train_report.json", "manifest.json"]))
    sign(place.path)
    original = (place.path / name).read_bytes()
    at = data.draw(st.integers(0, len(original) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda value: value != original[at]))
    try:
        place.write(name, original[:at] + bytes([byte]) + original[at + 1 :])
        evidence = place.examine(signers=RELEASE)
        is_proven = evidence.digest is not None
        assert not (is_proven and any(one.signer for one in evidence.signatures))
    finally:
        place.write(name, original)


def test_a_signature_is_one_value() -> None:
    assert ModelSignature("model.sig") == ModelSignature("model.sig", "", "", covers_manifest=False)
