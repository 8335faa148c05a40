"""The policy's evaluation set at a terminal: what HEAD has is measured, printed, and in the JSON."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import jsonschema
import numpy as np
import pytest

from promotebot.artifact.dataset import read_dataset_manifest
from promotebot.artifact.work_tree import WorkTree
from promotebot.cli.main import main
from tests.artifact.evaluation_sets import npy, write_set
from tests.cli.test_promote import DATA, FLAGS, sha
from tests.fake_github.people import Person
from tests.office import ROOT

pytestmark = pytest.mark.thorough

DRY = [*FLAGS, "--stage", "active", *DATA, "--reason", "14 days in shadow", "--dry-run"]


def prepared(alice: Person, metrics: str) -> None:
    rows = np.random.default_rng(7).normal(size=(50, 15)).astype("float32")
    write_set(alice.clone, "eval_1", {"input.npy": npy(rows), "labels.npy": npy(np.zeros(50, "int64"))})
    policy = f"evaluation_set: {{dataset: eval_1, rows: 40, metrics: {{{metrics}}}}}\n"
    (alice.clone / ".github").mkdir(exist_ok=True)
    (alice.clone / ".github/promotion.yml").write_text(policy)
    alice.commit("feat(ml): Evaluation set")


def test_a_dry_run_prints_both_models_and_the_json_has_all_of_it(
    alice: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    prepared(alice, "accuracy: {minimum: 0, max_drop: 1}")
    assert main([*DRY, *sha(alice)]) == 0
    err = capsys.readouterr().err
    assert "measured on eval_1, the first 40 of 50 rows:" in err
    assert "  accuracy 0." in err
    assert ", ACTIVE 0." in err
    assert main([*DRY, *sha(alice), "--format", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    jsonschema.validate(document, json.loads((ROOT / "schemas/plan.schema.json").read_bytes()))
    found = document["evaluation"]
    assert (found["rows"], found["total"], found["active"]) == (40, 50, "ml/artifacts/regime_v1")
    accuracy = found["metrics"][0]
    assert accuracy["difference"] == pytest.approx(accuracy["candidate"] - accuracy["active"])
    assert [one["asked"] for one in accuracy["limits"]] == ["at least 0", "at most 1 below ACTIVE"]
    assert found["outputs"][0]["name"] == "regime_probs"


def test_what_does_not_reach_a_threshold_is_refused_and_what_is_not_committed_does_not_count(
    alice: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    prepared(alice, "accuracy: {minimum: 0.99}")
    kinder = npy(np.zeros(50, "int64"))
    (alice.clone / "ml/datasets/eval_1/evaluation/labels.npy").write_bytes(kinder + b"x")
    assert main([*DRY, *sha(alice), "--format", "json"]) == 1
    printed = capsys.readouterr()
    assert "missed by" in printed.err
    assert json.loads(printed.out)["evaluation"]["problem"] == ""


def test_a_dataset_made_by_the_lines_of_the_documentation_alone_is_accepted_and_measured(
    alice: Person, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    part = (ROOT / "docs/policy.md").read_text(encoding="utf-8").split("\n## evaluation_set\n")[1].split("\n## ")[0]
    monkeypatch.chdir(alice.clone)
    subprocess.run([sys.executable, "-c", found("```python\n(.*?)```", part)], check=True)
    manifest = alice.clone / "ml/datasets/eval_2026_q3/manifest.json"
    assert json.loads(manifest.read_bytes()) == json.loads(found("```json\n(.*?)```", part))
    alice.write(".github/promotion.yml", textwrap.dedent(found(r"((?:^ {4}[^\n]*\n)+)", part)))
    alice.commit("feat(ml): Evaluation set")
    assert main([*DRY, *sha(alice), "--format", "json"]) == 0
    printed = capsys.readouterr()
    measured = json.loads(printed.out)["evaluation"]
    assert measured["problem"] == measured["active_problem"] == ""
    assert {one["name"] for one in measured["metrics"] if one["candidate"] is not None} >= {"accuracy", "macro_f1"}
    assert "measured on eval_2026_q3, the first 10,000 of 52,000 rows:" in printed.err


def test_the_lines_for_data_in_a_bucket_name_each_file_of_the_dataset(
    alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = (ROOT / "docs/policy.md").read_text(encoding="utf-8").split("\n## evaluation_set\n")[1].split("\n## ")[0]
    lines, more = re.findall("```python\n(.*?)```", part, re.DOTALL)
    before, mark, last = lines.rpartition("(place / ")
    monkeypatch.chdir(alice.clone)
    subprocess.run([sys.executable, "-c", f"{before}{more}{mark}{last}"], check=True)
    place = "ml/datasets/eval_2026_q3"
    stored = read_dataset_manifest(WorkTree(alice.clone), place).stored_files
    assert {name: file.size for name, file in stored.items()} == {
        path.relative_to(place).as_posix(): path.stat().st_size for path in Path(place).glob("evaluation/*")
    }
    target = found(r"\n(aws s3 cp [^\n]*)", part).split()
    assert target[3] == f"{place}/evaluation/"
    assert target[4] == f"{stored['evaluation/input.npy'].uri}/evaluation/"


def found(pattern: str, text: str) -> str:
    """What the first group of a pattern finds first."""
    place = re.search(pattern, text, re.DOTALL | re.MULTILINE)
    assert place
    return place[1]
