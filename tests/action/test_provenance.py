"""Where a model comes from: a training commit that a squash merge dropped, and signatures, through the whole bot."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path

import pytest

from promotebot.artifact.sign import signature_bytes
from tests.artifact.signing import attestation, key, public, sha256
from tests.artifact.sigstore_instance import GITHUB, WORKFLOW, SigstoreInstance
from tests.office import ROOT, Office

pytestmark = pytest.mark.thorough
V2, V3 = "ml/artifacts/regime_v2", "ml/artifacts/regime_v3"
TO_SHADOW = f"/promote shadow regime_classifier --artifact-dir {V3} --artifact-id regime_v3"
TO_ACTIVE = f"/promote active regime_classifier --artifact-dir {V3} --artifact-id regime_v3"


def files(**manifest: object) -> dict[str, str | bytes]:
    """A third version with the second one's bytes, and another manifest."""
    found = {str(path.relative_to(ROOT / V2)): path.read_bytes() for path in (ROOT / V2).rglob("*") if path.is_file()}
    document = {**json.loads(found["manifest.json"]), **manifest}
    return {f"{V3}/{name}": data for name, data in {**found, "manifest.json": json.dumps(document).encode()}.items()}


def committed(office: Office, branch: str, *commits: dict[str, str | bytes]) -> list[str]:
    """alice's commits on a branch, one after the other, pushed together; return their ids."""
    alice = office.person("alice")
    alice.start_branch(branch, branch if office.repository.git.branch(branch) else "main")
    made = []
    for content in commits:
        for path, data in content.items():
            alice.write(path, data)
        made.append(alice.commit("feat: A step"))
    alice.push()
    return made


def trained(office: Office, *, merge: str) -> str:
    """Train on a branch, promote to shadow from there, merge in this way; return the training commit."""
    [commit] = committed(office, "training", {"ml/notes.md": "lower learning rate\n"})
    committed(office, "training", files(git_sha=commit))
    number = office.repository.open_pull(author="alice", head="training", title="A third version").number
    assert office.ask(number, TO_SHADOW).outputs["decision"] == "promoted", office.comments(number)
    office.merge(number, method=merge)
    return commit


def test_a_training_commit_that_a_squash_merge_dropped_is_known_by_its_pull_request(office: Office) -> None:
    commit = trained(office, merge="squash")
    number = office.pull("evaluation")
    job = office.ask(number, TO_ACTIVE)
    assert job.outputs["decision"] == "promoted", office.comments(number)
    assert f"{commit[:12]} is a commit of #" in office.comment(number)
    assert office.checks(office.head(number))[-1] == "success"


def test_a_commit_of_a_pull_request_that_was_never_merged_is_not_known(office: Office) -> None:
    [commit] = committed(office, "training", {"ml/notes.md": "lower learning rate\n"})
    office.repository.open_pull(author="alice", head="training", title="Training")
    number = office.pull("other", files=files(git_sha=commit))
    office.policy("stages: {active: {require_prior_stage: false}}\n")
    assert office.ask(number, TO_ACTIVE).outputs["decision"] == "refused"
    assert f"{commit} is not an ancestor of the base or the head of this change" in office.answer(number)


def signed(content: dict[str, str | bytes], who: str, directory: Path) -> dict[str, str | bytes]:
    digests = {}
    for name, data in content.items():
        (directory / "file").write_bytes(data if isinstance(data, bytes) else data.encode())
        digests[name.removeprefix(f"{V3}/")] = sha256(directory / "file")
    return {**content, f"{V3}/model.sig": signature_bytes("regime_v3", digests, key(who))}


def policy(who: str) -> str:
    return json.dumps({"signatures": {"required": ["shadow"], "keys": [{"name": who, "pem": public(key(who))}]}})


def test_a_stage_that_requires_a_signature_takes_one_by_the_bases_key_only(office: Office, tmp_path: Path) -> None:
    office.policy(policy("release"))
    committed(office, "third", {**signed(files(), "mallory", tmp_path), ".github/promotion.yml": policy("mallory")})
    number = office.repository.open_pull(author="alice", head="third", title="A third version").number
    assert office.ask(number, TO_SHADOW).outputs["decision"] == "refused"
    assert "no key made it that the policy names (the key release)" in office.answer(number)
    committed(office, "third", {**signed(files(), "release", tmp_path), ".github/promotion.yml": policy("release")})
    assert office.ask(number, TO_SHADOW).outputs["decision"] == "promoted", office.comments(number)
    assert "signed by the key release&#58; manifest and files" in office.comment(number)
    assert office.checks(office.head(number))[-1] == "success"


def test_a_signature_that_is_exchanged_after_the_promotion_turns_the_check_red(office: Office, tmp_path: Path) -> None:
    office.policy(policy("release"))
    committed(office, "third", signed(files(), "release", tmp_path))
    number = office.repository.open_pull(author="alice", head="third", title="A third version").number
    assert office.ask(number, TO_SHADOW).outputs["decision"] == "promoted", office.comments(number)
    committed(office, "third", {f"{V3}/model.sig": signed(files(), "mallory", tmp_path)[f"{V3}/model.sig"]})
    office.gate(number)
    assert office.checks(office.head(number))[-1] == "failure"


def attested(content: dict[str, str | bytes], sigstore: SigstoreInstance) -> dict[str, str | bytes]:
    """The files with an attestation of their manifest by the workflow, of this Sigstore."""
    manifest = content[f"{V3}/manifest.json"]
    assert isinstance(manifest, bytes)
    statement = json.loads(attestation(hashlib.sha256(manifest).hexdigest()))["dsseEnvelope"]["payload"]
    return {**content, f"{V3}/attestation.jsonl": sigstore.bundle(base64.b64decode(statement))}


def trusting(sigstore: SigstoreInstance) -> str:
    who = {"identity": WORKFLOW, "issuer": GITHUB}
    return json.dumps(
        {"signatures": {"required": ["shadow"], "identities": [who], "trusted_root": sigstore.trusted_root()}}
    )


def test_a_workflow_of_the_bases_policy_counts_and_a_root_of_the_pull_request_does_not(office: Office) -> None:
    pytest.importorskip("sigstore", reason="an extra, which this environment has not")
    ours, theirs = SigstoreInstance(), SigstoreInstance("mallory.test")
    office.policy(trusting(ours))
    committed(office, "third", {**attested(files(), theirs), ".github/promotion.yml": trusting(theirs)})
    number = office.repository.open_pull(author="alice", head="third", title="A third version").number
    assert office.ask(number, TO_SHADOW).outputs["decision"] == "refused"
    assert "its certificate, its log entry or its signature is not right" in office.answer(number)
    committed(office, "third", {**attested(files(), ours), ".github/promotion.yml": trusting(ours)})
    assert office.ask(number, TO_SHADOW).outputs["decision"] == "promoted", office.comments(number)
    assert f"{WORKFLOW.rpartition('/')[2].partition('@')[0]}" in office.comment(number)
    assert office.checks(office.head(number))[-1] == "success"
