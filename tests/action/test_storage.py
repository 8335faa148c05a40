"""Artifacts in a bucket through the whole bot: promoted, merged, verified and loaded, and what must never pass."""

from __future__ import annotations

import html
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from promotebot import load
from promotebot.artifact.loading import fetch, make_bundle
from promotebot.artifact.runtime import ChildOpener
from promotebot.cli.main import main
from promotebot.errors import CouldNotVerify, InvalidInput
from promotebot.planning.examiner import Examiner
from promotebot.storage.buckets import Buckets
from tests.fake_github.people import Job, Person
from tests.office import Office
from tests.s3 import S3, SECRET, SESSION_TOKEN, upload

pytestmark = pytest.mark.thorough

V2, V3 = "ml/artifacts/regime_v2", "ml/artifacts/regime_v3"
PLACE = "models/prod/regime_v3"
ASK = f"/promote shadow --artifact-dir {V3} --artifact-id regime_v3"


@pytest.fixture
def office(office: Office, opener: ChildOpener, s3: S3, monkeypatch: pytest.MonkeyPatch) -> Office:
    """Every job examines for itself, with the environment of a runner that may read the buckets."""
    monkeypatch.setattr("promotebot.action.run.Examiner", lambda store: Examiner(opener, store))
    monkeypatch.setattr("promotebot.action.run.Buckets", lambda _, cost: Buckets(s3.environment, cost))
    for name, value in s3.environment.items():
        monkeypatch.setenv(name, value)
    office.policy("storage:\n  - s3://models/prod\n")
    return office


def manifest_of(directory: Path, *options: str) -> None:
    assert main(["manifest", str(directory), "--storage", f"s3://{PLACE}", *options]) == 0


def stored(office: Office, s3: S3, *, versioned: bool = False) -> Person:
    """alice's clone with a new artifact, whose model is in a bucket and not in git."""
    alice = office.person("alice")
    alice.start_branch("candidate")
    directory = alice.clone / V3
    shutil.copytree(alice.clone / V2, directory)
    s3.bucket("models", versioned=versioned)
    upload(s3, directory, PLACE, "model.onnx")
    manifest_of(directory)
    (directory / "model.onnx").unlink()
    return alice


def opened(office: Office, alice: Person) -> int:
    alice.commit("feat: Candidate")
    alice.push()
    return office.repository.open_pull(author="alice", head="candidate", title="Candidate").number


def plain(comment: str) -> str:
    """Return a comment without what keeps words in it from being Markdown."""
    return html.unescape(comment).replace("\\", "")


def verified(office: Office) -> Job:
    return office.event("schedule", {"schedule": "0 0 * * *"}, PROMOTEBOT_COMMAND="verify")


def test_a_model_in_a_bucket_is_promoted_judged_merged_verified_and_loaded(
    office: Office, s3: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = opened(office, stored(office, s3))
    size = (office.person("carol").clone / V2 / "model.onnx").stat().st_size
    job = office.ask(number, ASK)
    assert job.outputs["decision"] == "promoted", (job.log, office.comments(number))
    card = plain(office.comment(number))
    assert f"1 file in s3://{PLACE}, {size:,} bytes, read: every sha256 as listed" in card
    assert f"| `s3://{PLACE}` (1 file, " in card, card
    assert f"{size:,} bytes from buckets" in job.summary
    assert office.gate(number).outputs["decision"] == "passed", office.comments(number)
    assert office.merge(number).succeeded
    assert office.pointer("main", "shadow") == "regime_v3"
    checked = verified(office)
    assert checked.succeeded, checked.log
    assert f"{size:,} bytes from buckets" in checked.summary, "a verification reads what is there today"
    clone = office.person("bob").clone
    assert not (clone / V3 / "model.onnx").exists()
    with pytest.raises(InvalidInput, match=r"is not here, but at s3://models/prod/regime_v3/model\.onnx") as told:
        load("regime_classifier", "shadow", base_dir=clone)
    (line,) = told.value.remedy.commands
    monkeypatch.chdir(tmp_path)
    assert main(list(line.steps[0][1:])) == 0
    assert load("regime_classifier", "shadow", base_dir="regime_classifier-shadow").model_path.is_file()
    model = (clone / V2 / "model.onnx").read_bytes()
    loaded = load("regime_classifier", "shadow", base_dir=clone, cache=tmp_path / "cache")
    assert loaded.model_path.read_bytes() == model
    fetch("regime_classifier", "shadow", tmp_path / "copy", base_dir=clone)
    assert load("regime_classifier", "shadow", base_dir=tmp_path / "copy").model_path.read_bytes() == model
    assert json.loads(make_bundle("regime_classifier", "shadow", now=office.now, base_dir=clone))["model"]


def test_golden_data_of_active_in_a_bucket_is_read_for_the_comparison_with_a_candidate(office: Office, s3: S3) -> None:
    alice = stored(office, s3)
    golden = sorted(path.relative_to(alice.clone / V3).as_posix() for path in (alice.clone / V3).glob("test_data*/*"))
    (alice.clone / V3 / "model.onnx").write_bytes((alice.clone / V2 / "model.onnx").read_bytes())
    upload(s3, alice.clone / V3, PLACE, "model.onnx", *golden)
    manifest_of(alice.clone / V3)
    for name in ("model.onnx", *golden):
        (alice.clone / V3 / name).unlink()
    number = opened(office, alice)
    office.policy("storage: [s3://models/prod]\nstages: {active: {require_prior_stage: false}}\n")
    ask = f"/promote active --artifact-dir {V3} --artifact-id regime_v3"
    job = office.ask(number, ask)
    assert job.outputs["decision"] == "promoted", (job.log, office.comments(number))
    office.merge(number)
    other = office.pull("back")
    job = office.ask(other, "/promote staging --artifact-dir ml/artifacts/regime_v1")
    assert job.outputs["decision"] == "promoted", (job.log, office.comments(other))
    assert f"**Outputs beside those of the current ACTIVE** in `{V3}`, on its golden inputs" in office.comment(other)
    office.policy("comparison: {max_difference: 100}\n")
    office.gate(other)
    told = f"it is in s3://{PLACE}, which `storage` of the policy does not list"
    assert told in plain(office.comment(other))


def everything_said(office: Office, job: Job, number: int) -> str:
    return plain("\n".join([job.log, job.summary, json.dumps(job.outputs), *office.comments(number)]))


@pytest.mark.parametrize(
    ("change", "decision", "words"),
    [
        (lambda s3: s3.delete(f"{PLACE}/model.onnx"), "refused", f"s3://{PLACE}/model.onnx is not there"),
        (lambda s3: s3.put(f"{PLACE}/model.onnx", b"x"), "refused", "has 1 bytes, the manifest says"),
    ],
)
def test_what_is_not_there_as_listed_is_refused(
    office: Office, s3: S3, change: Callable[[S3], object], decision: str, words: str
) -> None:
    number = opened(office, stored(office, s3))
    change(s3)
    job = office.ask(number, ASK)
    assert job.outputs["decision"] == decision
    said = everything_said(office, job, number)
    assert words in said
    assert SECRET not in said
    assert SESSION_TOKEN not in said


def test_other_bytes_of_the_same_size_are_refused(office: Office, s3: S3) -> None:
    number = opened(office, stored(office, s3))
    model = (office.person("carol").clone / V2 / "model.onnx").read_bytes()
    s3.put(f"{PLACE}/model.onnx", b"X" + model[1:])
    job = office.ask(number, ASK)
    assert job.outputs["decision"] == "refused"
    assert "the manifest says sha256:" in plain(office.answer(number))


def test_a_replaced_object_is_read_in_the_version_that_the_manifest_pins(office: Office, s3: S3) -> None:
    number = opened(office, stored(office, s3, versioned=True))
    s3.put(f"{PLACE}/model.onnx", b"another model")
    job = office.ask(number, ASK)
    assert job.outputs["decision"] == "promoted", office.comments(number)
    assert "model.onnx in version" in office.comment(number)


def test_a_replaced_object_without_a_version_is_found_by_the_next_verification(office: Office, s3: S3) -> None:
    number = opened(office, stored(office, s3))
    assert office.ask(number, ASK).outputs["decision"] == "promoted"
    assert office.merge(number).succeeded
    model = (office.person("carol").clone / V2 / "model.onnx").read_bytes()
    s3.put(f"{PLACE}/model.onnx", b"X" + model[1:])
    job = verified(office)
    assert job.outputs["reason_code"] == "mismatch"
    (issue,) = (issue for issue in office.repository.issues.values() if "does not verify" in issue.title)
    assert "upload the listed file again" in (issue.body or "")
    with pytest.raises(InvalidInput, match="the manifest says"):
        fetch("regime_classifier", "shadow", office.scratch / "copy", base_dir=office.person("bob").clone)


def test_a_place_that_the_base_does_not_list_is_not_read_whatever_the_branch_says(office: Office, s3: S3) -> None:
    office.policy("storage:\n  - s3://models/production\n  - s3://models/prod/regime\n")
    alice = stored(office, s3)
    alice.write(".github/promotion.yml", "storage:\n  - s3://models\n")
    number = opened(office, alice)
    job = office.ask(number, ASK)
    assert job.outputs["decision"] == "refused"
    said = plain(office.answer(number))
    assert f"names s3://{PLACE}, which the policy of the base branch does not list" in said
    assert "bytes from buckets" not in job.summary


def test_a_store_that_does_not_answer_is_no_pass(office: Office, s3: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    number = opened(office, stored(office, s3))
    nowhere = {**s3.environment, "AWS_ENDPOINT_URL": "http://127.0.0.1:9"}
    monkeypatch.setattr("promotebot.action.run.Buckets", lambda _, cost: Buckets(nowhere, cost))
    job = office.ask(number, ASK)
    assert job.outputs["decision"] == "failed"
    said = everything_said(office, job, number)
    assert "does not answer" in said
    assert SECRET not in said


def test_the_time_for_reading_is_limited_by_the_policy(office: Office, s3: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    number = opened(office, stored(office, s3))
    moments = iter(range(0, 10**9, 700))
    buckets = Buckets(s3.environment, monotonic=lambda: next(moments))
    monkeypatch.setattr("promotebot.action.run.Buckets", lambda *_: buckets)
    job = office.ask(number, ASK)
    assert job.outputs["decision"] == "failed"
    assert "were not read in 600 seconds" in office.answer(number)
    office.policy("storage:\n  - s3://models/prod\nlimits: {storage_seconds: 300}\n")
    assert office.ask(number, ASK).outputs["decision"] == "failed"
    assert "were not read in 300 seconds" in office.answer(number)
    with pytest.raises(CouldNotVerify), buckets.session(600) as session:
        session.names("s3://models/prod")  # type: ignore[arg-type]  # parsed in the product
