"""An evaluation set in a bucket through the whole bot: measured when its bytes are the listed ones, and never else."""

from __future__ import annotations

import hashlib
import html
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from promotebot.artifact.evaluation_data import MAX_DATA
from promotebot.artifact.runtime import ChildOpener
from promotebot.cli.main import main
from promotebot.planning.examiner import Examiner
from promotebot.storage.buckets import Buckets
from tests.action.test_evaluation import ASK, DATASET, asked, cells, promoted_by_hand
from tests.artifact.evaluation_sets import moved_out, npy, write_set
from tests.fake_github.people import Job
from tests.office import Office
from tests.s3 import S3, SECRET, SESSION_TOKEN

pytestmark = pytest.mark.thorough

URI = f"s3://data/evaluations/{DATASET}"
LABELS = f"data/evaluations/{DATASET}/evaluation/labels.npy"
POLICY = f"storage: [PLACE]\nevaluation_set: {{dataset: {DATASET}, rows: 40, metrics: {{METRICS}}}}\n"


def bucket_only(office: Office, s3: S3, opener: ChildOpener, monkeypatch: pytest.MonkeyPatch, url: str = "") -> None:
    """Every job examines for itself, with the environment of a runner that may read the buckets."""
    environment = {**s3.environment, **({"AWS_ENDPOINT_URL": url} if url else {})}
    monkeypatch.setattr("promotebot.action.run.Examiner", lambda store: Examiner(opener, store))
    monkeypatch.setattr("promotebot.action.run.Buckets", lambda _, cost: Buckets(environment, cost))
    for name, value in environment.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def office(office: Office, opener: ChildOpener, s3: S3, monkeypatch: pytest.MonkeyPatch) -> Office:
    bucket_only(office, s3, opener, monkeypatch)
    return office


def policy(office: Office, metrics: str = "accuracy: {minimum: 0}", place: str = "s3://data/evaluations") -> None:
    office.policy(POLICY.replace("METRICS", metrics).replace("PLACE", place))


def prepared(office: Office, s3: S3, metrics: str = "accuracy: {minimum: 0}", *, versioned: bool = False) -> bytes:
    """A dataset of fifty rows on main, whose evaluation files are in a bucket alone; return its labels."""
    rows = np.random.default_rng(7).normal(size=(50, 15)).astype("float32")
    root = office.scratch / "set"
    place = write_set(root, DATASET, {"input.npy": npy(rows), "labels.npy": npy(np.zeros(50, "int64"))})
    s3.bucket("data", versioned=versioned)
    moved = moved_out(place, URI)
    versions = {url: s3.put(url.removeprefix("s3://"), data) for url, data in moved.items()}
    path = place / "manifest.json"
    document = json.loads(path.read_bytes())
    for name, entry in document["storage"]["files"].items():
        entry |= {"version": versions[f"{URI}/{name}"]} if versioned else {}
    path.write_text(json.dumps(document))
    files = {str(one.relative_to(root)): one.read_bytes() for one in place.rglob("*") if one.is_file()}
    assert not any(name.endswith(".npy") for name in files)
    office.push("bob", "main", files, "feat(ml): Evaluation set")
    policy(office, metrics)
    return moved[f"s3://{LABELS}"]


def plain(said: str) -> str:
    return html.unescape(said).replace("\\", "").replace("`", "")


def refused(office: Office, number: int) -> str:
    """What is said of a request that is refused, with no word of a secret in it."""
    job = asked(office, number)
    assert job.outputs["decision"] == "refused", (job.log, office.comments(number))
    return plain(without_secrets(office, job, number) and office.answer(number))


def without_secrets(office: Office, job: Job, number: int) -> str:
    said = "\n".join([job.log, job.summary, json.dumps(job.outputs), *office.comments(number)])
    assert SECRET not in said
    assert SESSION_TOKEN not in said
    return said


def test_both_models_are_measured_on_data_in_a_bucket_and_the_gate_measures_again(office: Office, s3: S3) -> None:
    prepared(office, s3, "accuracy: {minimum: 0}")
    number = office.pull()
    job = asked(office, number)
    assert job.outputs["decision"] == "promoted", (job.log, office.comments(number))
    assert "bytes from buckets" in job.summary
    card = office.comment(number)
    assert f"**Computed by promotebot** on the evaluation set `{DATASET}` of the base, the first 40 of 50 rows" in card
    assert cells(card, "accuracy")[1] != "—"
    judged = office.gate(number)
    assert office.checks(office.head(number))[-1] == "success"
    assert "bytes from buckets" in judged.summary


def test_a_request_that_is_not_measured_reads_nothing_of_the_bucket(office: Office, s3: S3) -> None:
    prepared(office, s3)
    number = office.pull()
    job = office.ask(number, "/promote staging --artifact-dir ml/artifacts/regime_v2 --artifact-id v2")
    assert job.outputs["decision"] == "promoted", office.comments(number)
    assert "bytes from buckets" not in job.summary


def test_swapped_bytes_are_refused_with_file_and_both_digests_and_pass_when_they_are_back(
    office: Office, s3: S3
) -> None:
    labels = prepared(office, s3)
    other = labels[:-8] + (1).to_bytes(8, "little")
    s3.put(LABELS, other)
    number = office.pull()
    said = refused(office, number)
    expected, found = (hashlib.sha256(data).hexdigest() for data in (labels, other))
    assert f"s3://{LABELS} is sha256:{found}, the manifest says sha256:{expected}" in said
    assert "upload the listed file there again" in said
    assert re.search(f"then ask again:\\W+text\\W+{ASK}\n", said), "the line to paste"
    s3.put(LABELS, labels)
    assert asked(office, number).outputs["decision"] == "promoted"


def test_bytes_that_are_swapped_after_the_promotion_turn_the_gate_red(office: Office, s3: S3) -> None:
    labels = prepared(office, s3)
    number = office.pull()
    assert asked(office, number).outputs["decision"] == "promoted"
    s3.put(LABELS, labels[:-8] + (1).to_bytes(8, "little"))
    office.gate(number)
    assert office.checks(office.head(number))[-1] == "failure"
    assert f"s3://{LABELS} is sha256:" in plain("\n".join(office.comments(number)))
    s3.put(LABELS, labels)
    office.gate(number)
    assert office.checks(office.head(number))[-1] == "success"


def test_without_a_threshold_what_was_not_measured_is_shown_and_refuses_nothing(office: Office, s3: S3) -> None:
    labels = prepared(office, s3, "")
    s3.put(LABELS, labels[:-8] + (1).to_bytes(8, "little"))
    number = office.pull()
    assert asked(office, number).outputs["decision"] == "promoted"
    card = plain(office.comment(number))
    assert f"**Not measured** on the evaluation set {DATASET}: " in card
    assert f"s3://{LABELS} is sha256:" in card


def test_an_event_that_a_terminal_made_is_judged_by_the_same_data(office: Office, s3: S3) -> None:
    labels = prepared(office, s3)
    s3.delete(LABELS)
    number = promoted_by_hand(office)
    office.gate(number)
    assert office.checks(office.head(number))[-1] == "failure"
    assert f"s3://{LABELS} is not there" in plain(office.comment(number))
    s3.put(LABELS, labels)
    office.gate(number)
    assert "is not there" not in office.comment(number)


def test_a_place_that_the_base_does_not_list_is_not_read(office: Office, s3: S3) -> None:
    prepared(office, s3)
    policy(office, place=f"{URI}_b")
    number = office.pull(files={".github/promotion.yml": "storage: [s3://data]\n"})
    job = asked(office, number)
    assert job.outputs["decision"] == "refused"
    said = plain(office.answer(number))
    assert f"it is in {URI}, which storage of the policy does not list" in said
    assert "add the place to storage in .github/promotion.yml of the base branch" in said
    assert "bytes from buckets" not in job.summary


def test_a_place_that_a_pull_request_names_is_not_read(office: Office, s3: S3) -> None:
    labels = prepared(office, s3, "accuracy: {minimum: 0.99}")
    manifest = json.loads((office.scratch / "set/ml/datasets" / DATASET / "manifest.json").read_bytes())
    manifest["storage"]["uri"] = "s3://data/evaluations/kinder"
    s3.put("data/evaluations/kinder/evaluation/labels.npy", labels)
    number = office.pull(files={f"ml/datasets/{DATASET}/manifest.json": json.dumps(manifest)})
    said = refused(office, number)
    assert "at least 0.99: missed by" in said
    assert "kinder" not in said


def test_more_than_the_limit_is_refused_before_anything_is_read(office: Office, s3: S3) -> None:
    prepared(office, s3)
    path = f"ml/datasets/{DATASET}/manifest.json"
    manifest = json.loads((office.scratch / "set" / path).read_bytes())
    manifest["storage"]["files"]["evaluation/input.npy"]["size"] = MAX_DATA
    office.push("bob", "main", {path: json.dumps(manifest)}, "feat(ml): Larger")
    number = office.pull()
    job = asked(office, number)
    assert job.outputs["decision"] == "refused"
    assert f"has more than {MAX_DATA:,} bytes" in office.answer(number)
    assert "bytes from buckets" not in job.summary


def test_a_pinned_version_is_read_whatever_replaced_it(office: Office, s3: S3) -> None:
    prepared(office, s3, versioned=True)
    s3.put(LABELS, b"something else")
    number = office.pull()
    assert asked(office, number).outputs["decision"] == "promoted", office.comments(number)
    assert cells(office.comment(number), "accuracy")[1] != "—"


@contextmanager
def failing() -> Iterator[str]:
    """A store that has trouble of its own: the address of a server that answers 503 to everything."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_error(503)

        def do_HEAD(self) -> None:
            self.send_error(503)

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize("metrics", ["", "accuracy: {minimum: 0}"])
def test_a_store_that_does_not_answer_is_never_a_pass(
    office: Office, s3: S3, opener: ChildOpener, monkeypatch: pytest.MonkeyPatch, metrics: str
) -> None:
    prepared(office, s3, metrics)
    number = office.pull()
    assert asked(office, number).outputs["decision"] == "promoted"
    with failing() as url:
        bucket_only(office, s3, opener, monkeypatch, url)
        office.gate(number)
        assert office.checks(office.head(number))[-1] in ("error", "failure", "pending")
        second = office.pull("second")
        job = asked(office, second)
        assert job.outputs["decision"] == "failed"
        assert "does not answer" in without_secrets(office, job, second)
    bucket_only(office, s3, opener, monkeypatch)
    office.gate(number)
    assert office.checks(office.head(number))[-1] == "success"


def test_a_terminal_reads_the_same_data(
    office: Office, s3: S3, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    labels = prepared(office, s3)
    alice = office.person("alice")
    monkeypatch.chdir(alice.clone)
    monkeypatch.setenv("ML_PROMOTION_ACTOR", "alice@example.com")
    manifest = json.loads((alice.clone / "ml/artifacts/regime_v2/manifest.json").read_bytes())
    ask = ["promote", "--model", "regime_classifier", "--stage", "active", "--dry-run", "--reason", "better"]
    ask += ["--artifact-dir", "ml/artifacts/regime_v2", "--artifact-id", "v2"]
    ask += ["--git-sha", manifest["git_sha"], "--dataset-id", manifest["dataset_id"], "--format", "json"]
    assert main(ask) == 0
    assert json.loads(capsys.readouterr().out)["evaluation"]["problem"] == ""
    s3.put(LABELS, labels[:-8] + (1).to_bytes(8, "little"))
    assert main(ask) == 1
    said = capsys.readouterr().err
    assert f"s3://{LABELS} is sha256:" in said
    assert "then ask again: promotebot promote --model regime_classifier --stage active --dry-run" in said
