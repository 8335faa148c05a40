"""A model of 300 MB in a bucket through the whole bot, in a process of its own whose memory the kernel counts."""

from __future__ import annotations

import hashlib
import json
import re
import sys

import pytest

from tests.action.test_lfs_memory import LIMIT, MEASURED, WEIGHTS, model
from tests.fake_github.people import Runner, run_program
from tests.office import Office
from tests.s3 import S3

pytestmark = pytest.mark.thorough

DIRECTORY, PLACE = "ml/artifacts/large", "models/prod/large"
START = 117 * 1000 * 1000
"""Bytes that the program has in memory with the library of S3, when it has read a file of a thousand bytes."""


def stored_zeros(s3: S3, size: int) -> str:
    """Put zeros into the bucket; return their sha256."""
    s3.bucket("models")
    data = bytes(size)
    s3.put(f"{PLACE}/weights.bin", data)
    return hashlib.sha256(data).hexdigest()


def test_a_model_of_300_mb_is_promoted_in_less_than_100_mb_of_memory_beside_the_library(office: Office, s3: S3) -> None:
    office.policy("storage:\n  - s3://models/prod\n")
    digest = stored_zeros(s3, WEIGHTS)
    listed = {"model.onnx": hashlib.sha256(model()).hexdigest(), "weights.bin": digest}
    manifest = {"schema_version": "v1.1", "model": "regime_classifier", "model_file": "model.onnx", "sha256": listed}
    storage = {"uri": f"s3://{PLACE}", "files": {"weights.bin": {"size": WEIGHTS}}}
    document = {**manifest, "created_at": "2026-02-16T09:00:00Z", "storage": storage}
    alice = office.person("alice")
    alice.start_branch("large")
    alice.write(f"{DIRECTORY}/model.onnx", model())
    alice.write(f"{DIRECTORY}/manifest.json", json.dumps(document))
    alice.commit("feat: A large model")
    alice.push()
    number = office.repository.open_pull(author="alice", head="large", title="A large model").number
    comment = office.repository.comment(number, author="alice", body=f"/promote shadow --artifact-dir {DIRECTORY}")
    runner = Runner.of(office.repository, office.scratch / "runner")
    office.hub.catch_up()
    environment = runner.environment("issue_comment", office.repository.issue_comment_event(comment.id))
    done = run_program([sys.executable, "-I", "-c", MEASURED], runner.directory, {**environment, **s3.environment})
    job = runner.finished(environment, done.returncode, done.stdout + done.stderr)
    assert job.outputs["decision"] == "promoted", (job.log, office.comments(number))
    assert f"{WEIGHTS:,} bytes from buckets" in job.summary
    peak = re.search(r"^peak (\d+)$", done.stdout, re.MULTILINE)
    assert peak, job.log
    assert int(peak[1]) * 1024 < START + LIMIT
