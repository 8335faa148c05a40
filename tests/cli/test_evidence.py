"""`promotebot evidence`: what it writes is what a promotion at the terminal then reads, and pins."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest

from promotebot.cli.main import main
from promotebot.registry import ModelRegistry
from tests.fake_github.people import Person

pytestmark = pytest.mark.thorough

V2 = "ml/artifacts/regime_v2"


def said(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    assert main(["evidence", V2, *arguments]) == code
    shown = capsys.readouterr()
    return shown.out + shown.err


def written(alice: Person) -> dict[str, Any]:
    (path,) = (alice.clone / "ml/evidence").iterdir()
    document: dict[str, Any] = json.loads(path.read_bytes())
    assert path.name == f"{document['artifact'].removeprefix('sha256:')}.json"
    return document


def test_metrics_of_flags_and_files_are_written_with_who_claims_them(
    alice: Person, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    table, run = tmp_path / "m.csv", tmp_path / "run.json"
    table.write_text("name,value,slice,rows\naccuracy,0.930,,500\naccuracy,0.91,eu,\n")
    run.write_text(json.dumps({"info": {"run_id": "4f2a"}, "data": {"metrics": {"f1": 0.9}}}))
    flags = ["--from", str(table), "--from", str(run), "--metric", "loss=1e-3", "--rows", "9", "--dataset", "q1"]
    shown = said(capsys, *flags, "--start", "2026-02-01", "--end", "2026-02-15")
    assert shown.endswith("4 metrics, claimed by `alice@example.com` from `MLflow run 4f2a`\n")
    document = written(alice)
    assert document["source"] == "MLflow run 4f2a"
    period = {"start": "2026-02-01", "end": "2026-02-15"}
    assert document["metrics"] == [
        {"dataset": "q1", "rows": 500, "name": "accuracy", "value": "0.930", "period": period},
        {"dataset": "q1", "rows": 9, "name": "accuracy", "value": "0.91", "slice": "eu", "period": period},
        {"dataset": "q1", "rows": 9, "name": "f1", "value": 0.9, "period": period},
        {"dataset": "q1", "rows": 9, "name": "loss", "value": "1e-3", "period": period},
    ]


def test_the_command_of_the_refusal_writes_what_the_policy_asks_for_once_the_numbers_are_in_it(
    alice: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    alice.write(
        ".github/promotion.yml", "evidence: {active: {metrics: {accuracy: {minimum: 0.9}, log loss: {maximum: 1}}}}\n"
    )
    alice.commit("chore: Evidence")
    ask = [
        "promote",
        "--model",
        "regime_classifier",
        "--stage",
        "active",
        "--artifact-dir",
        V2,
        "--reason",
        "x",
        "--dry-run",
    ]
    assert main(ask) == 1
    line = capsys.readouterr()
    [given] = re.findall(r"promotebot (evidence .+); then commit it", line.out + line.err)
    assert main(shlex.split(given)) == 1
    assert "'VALUE' is not a number" in capsys.readouterr().err
    assert not (alice.clone / "ml/evidence").exists()
    assert main(shlex.split(given.replace("VALUE", "0.93"))) == 0
    assert [metric["name"] for metric in written(alice)["metrics"]] == ["accuracy", "log loss"]
    alice.commit("docs: Evidence")
    assert main(ask) == 0


def test_evidence_that_is_there_is_replaced_only_where_somebody_says_so(
    alice: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    one, other = ("--metric", "f1=0.9", "--claimed-by", "bob"), ("--metric", "f1=0.8", "--source", "by hand")
    said(capsys, *one)
    said(capsys, *one)
    assert "replace it with --replace" in said(capsys, *other, code=1)
    assert written(alice)["claimed_by"] == "bob"
    said(capsys, *other, "--replace")
    assert written(alice)["source"] == "by hand"
    (path,) = (alice.clone / "ml/evidence").iterdir()
    path.write_text("{")
    assert "other evidence" in said(capsys, *one, code=1)


@pytest.mark.parametrize(
    ("flags", "code", "says"),
    [
        ((), 2, "no metrics are given"),
        (("--metric", "f1"), 2, "is not NAME=VALUE"),
        (("--metric", "=1"), 2, "is not NAME=VALUE"),
        (("--metric", "f1=high"), 1, "is not a number"),
        (("--metric", "f1=1", "--start", "2026-02-01"), 1, "end"),
        (("--metric", "f1=1", "--metric", "f1=2"), 1, "f1 is there 2 times"),
        (("--from", "nowhere.csv"), 1, "nowhere.csv"),
    ],
)
def test_what_is_no_evidence_is_refused_and_nothing_is_written(
    alice: Person, capsys: pytest.CaptureFixture[str], flags: tuple[str, ...], code: int, says: str
) -> None:
    assert says in said(capsys, *flags, code=code)
    assert not (alice.clone / "ml/evidence").exists()


def test_a_directory_without_a_manifest_and_one_outside_are_refused(
    alice: Person, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    shutil.copytree(alice.clone / V2, alice.clone / "ml/artifacts/fresh")
    (alice.clone / "ml/artifacts/fresh/manifest.json").unlink()
    line = ["evidence", "ml/artifacts/fresh", "--metric", "f1=1"]
    assert main(line) == 1
    assert "Next: write it: promotebot manifest ml/artifacts/fresh\n" in capsys.readouterr().err
    assert main(["manifest", "ml/artifacts/fresh"]) == 0
    assert main(line) == 0
    capsys.readouterr()
    assert main(["evidence", str(tmp_path), "--metric", "f1=1"]) == 2
    assert "outside the repository" in capsys.readouterr().err


def test_a_promotion_at_the_terminal_reads_what_was_written(alice: Person, capsys: pytest.CaptureFixture[str]) -> None:
    alice.write(".github/promotion.yml", "evidence: {staging: {metrics: {f1: {minimum: 0.9}}}}\n")
    alice.commit("chore: Policy")
    promote = ["promote", "--model", "regime_classifier", "--stage", "staging", "--artifact-dir", V2]
    assert main([*promote, "--artifact-id", "v2"]) == 1
    assert "STAGING needs evidence (f1 at least 0.9)" in capsys.readouterr().err
    said(capsys, "--metric", "f1=0.95")
    alice.commit("docs: Evidence")
    assert main([*promote, "--artifact-id", "v2"]) == 0
    event = ModelRegistry.load(alice.clone / "ml/registry/models.json").history["regime_classifier"][0]
    assert event.evidence is not None
