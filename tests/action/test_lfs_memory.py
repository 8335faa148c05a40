"""A model of 300 MB in Git LFS through the whole bot, in a process of its own whose memory the kernel counts."""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections.abc import Mapping
from typing import Any

import pytest
from onnx import TensorProto, helper

from tests.artifact.conftest import external_tensor
from tests.fake_github.people import Job, Runner, run_program
from tests.office import Office

pytestmark = pytest.mark.thorough

DIRECTORY, NAME = "ml/artifacts/large", "acme/models"
WEIGHTS = 300 * 1000 * 1000
LIMIT = 100 * 1000 * 1000
MEASURED = """
import re, sys
from pathlib import Path
from promotebot.cli.main import main
code = main([])
print("peak", re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])
sys.exit(code)
"""
"""The program, and the most memory that it had: https://man7.org/linux/man-pages/man5/proc_pid_status.5.html"""


def model() -> bytes:
    """A graph that looks up three rows of weights in a file of 300 MB."""
    weights = external_tensor({"location": "weights.bin", "length": str(WEIGHTS)}, dims=[WEIGHTS // 12, 3])
    graph = helper.make_graph(
        [helper.make_node("Gather", ["w", "x"], ["y"])],
        "graph",
        [helper.make_tensor_value_info("x", TensorProto.INT64, ["n"])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 3])],
        [weights],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], producer_name="tests")
    made.ir_version = 8
    data: bytes = made.SerializeToString()
    return data


def promoted(
    office: Office, files: Mapping[str, str | bytes], manifest: Mapping[str, Any], environment: Mapping[str, str]
) -> tuple[Job, int]:
    """Ask for a model in these files, in a process of its own; return its job, and the most bytes of memory it had."""
    listed = {"schema_version": "v1.1", "model": "regime_classifier", "model_file": "model.onnx", **manifest}
    alice = office.person("alice")
    alice.start_branch("large")
    alice.write(f"{DIRECTORY}/model.onnx", model())
    alice.write(f"{DIRECTORY}/manifest.json", json.dumps({**listed, "created_at": "2026-02-16T09:00:00Z"}))
    for path, content in files.items():
        alice.write(path, content)
    alice.commit("feat: A large model")
    alice.push()
    number = office.repository.open_pull(author="alice", head="large", title="A large model").number
    comment = office.repository.comment(number, author="alice", body=f"/promote shadow --artifact-dir {DIRECTORY}")
    runner = Runner.of(office.repository, office.scratch / "runner")
    office.hub.catch_up()
    given = runner.environment("issue_comment", office.repository.issue_comment_event(comment.id))
    done = run_program([sys.executable, "-I", "-c", MEASURED], runner.directory, {**given, **environment})
    job = runner.finished(given, done.returncode, done.stdout + done.stderr)
    assert job.outputs["decision"] == "promoted", (job.log, office.comments(number))
    peak = re.search(r"^peak (\d+)$", done.stdout, re.MULTILINE)
    assert peak, job.log
    return job, int(peak[1]) * 1024


def sums(weights: str) -> dict[str, str]:
    """The files and their sha256, as a manifest lists them."""
    return {"model.onnx": hashlib.sha256(model()).hexdigest(), "weights.bin": weights}


def test_a_model_of_300_mb_is_promoted_in_less_than_100_mb_of_memory(office: Office) -> None:
    oid, pointer = office.hub.lfs.add_zeros(NAME, WEIGHTS)
    attributes = f"{DIRECTORY}/*.bin filter=lfs diff=lfs merge=lfs -text\n"
    files = {f"{DIRECTORY}/weights.bin": pointer, ".gitattributes": attributes}
    job, peak = promoted(office, files, {"sha256": sums(oid)}, {})
    assert f"{WEIGHTS:,} bytes, fetched" in job.summary
    assert peak < LIMIT
