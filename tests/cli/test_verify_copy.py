"""A deployed copy, verified on a machine without git: what is there is proven, and what was not looked at is said."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

from promotebot.artifact.loading import fetch
from promotebot.cli.main import main
from promotebot.cli.verify_copy import NOT_LOOKED_AT
from promotebot.findings import passed
from promotebot.verification.junit import to_junit
from promotebot.verification.report import ModelFinding, ReportScope, VerifyReport, report_of
from promotebot.verification.sarif import to_sarif
from tests.artifact.signing import sign, signers
from tests.artifact.test_loading import INDEX, MODEL, V1, V2, copy

__all__ = ["copy"]  # the fixture
pytestmark = pytest.mark.thorough
Capture = pytest.CaptureFixture[str]
RULES = {one.rule for one in NOT_LOOKED_AT}


@pytest.fixture(autouse=True)
def there(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(copy)


def report(capsys: Capture, *arguments: str) -> tuple[int, VerifyReport]:
    capsys.readouterr()
    code = main(["verify", "--without-git", "--format", "json", *arguments])
    return code, VerifyReport.model_validate_json(capsys.readouterr().out)


def errors(result: VerifyReport) -> dict[str, str]:
    return {f.rule: f.remedy for f in result.findings if f.severity.value == "error"}


def test_it_needs_no_git_and_says_what_was_not_looked_at(copy: Path) -> None:
    environment = {**os.environ, "PATH": str(copy / "nowhere")}
    program = [sys.executable, "-X", "importtime", "-I", "-m", "promotebot", "verify", "--without-git"]
    done = subprocess.run(program, cwd=copy, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    *lines, verdict = done.stdout.splitlines()
    assert verdict.startswith(f"verified without git: {INDEX}: ")
    assert verdict.endswith(f", 0 errors, {len(RULES)} not looked at")
    assert {line.split(": ")[1] for line in lines if line.startswith("not looked at: ")} == RULES
    assert not {"git", "github", "requests"} & {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}


def test_what_was_not_looked_at_never_passes(capsys: Capture) -> None:
    code, result = report(capsys)
    assert (code, result.verdict, result.about.without_git, result.about.commit) == (0, "verified", True, None)
    assert {one.rule for one in result.not_looked_at} == RULES
    assert {f.rule for f in result.findings} & RULES == set()
    assert {"history.chain", "history.pointer", "artifact.pinned", "artifact.opens"} <= {
        f.rule for f in result.findings
    }


def change_event(copy: Path) -> None:
    document = json.loads((copy / INDEX).read_bytes())
    document["models"][MODEL]["history"][1]["reason"] = "another"
    (copy / INDEX).write_text(json.dumps(document))


def exchange(copy: Path) -> None:
    shutil.rmtree(copy / V1)
    shutil.copytree(copy / V2, copy / V1)


@pytest.mark.parametrize(
    ("damage", "rule", "remedy"),
    [
        (lambda copy: (copy / V1 / "model.onnx").write_bytes(b"x"), "artifact.digest", f"deploy {V1} again"),
        (lambda copy: (copy / V1 / "more").write_bytes(b"x"), "artifact.files", f"deploy {V1} again"),
        (lambda copy: shutil.rmtree(copy / V1), "artifact.exists", f"deploy {V1} again"),
        (exchange, "artifact.pinned", f"deploy {V1} again"),
        (change_event, "history.chain", "restore the registry"),
        (lambda copy: (copy / INDEX).write_text("{"), "registry.schema", "git log --patch"),
    ],
)
def test_what_differs_is_an_error_whose_remedy_deploys_it_again(
    copy: Path, capsys: Capture, damage: Callable[[Path], object], rule: str, remedy: str
) -> None:
    damage(copy)
    code, result = report(capsys)
    assert (code, result.verdict) == (1, "mismatch")
    assert remedy in errors(result)[rule]
    assert {one.rule for one in result.not_looked_at} == RULES


def test_what_asks_git_is_refused(copy: Path, capsys: Capture, tmp_path: Path) -> None:
    for words, says in (
        (["--since", "HEAD"], "--since: needs git"),
        (["--base", "main"], "--base: needs git"),
        (["--base", ""], "--base: is empty"),
        (["--shard", "3/2"], "is not a shard"),
        (["--model", "nope"], f"known models: {MODEL}"),
        (["--path", str(tmp_path / "elsewhere.json")], "the registry is outside of"),
        (["--merge", "a.json"], "--merge takes reports as they are"),
    ):
        assert main(["verify", "--without-git", *words]) == 2
        assert says in capsys.readouterr().err
    assert main(["verify", "--without-git", "--base-dir", str(copy / "ml")]) == 1
    assert "registry not found" in capsys.readouterr().err


def test_the_policy_that_was_deployed_limits_and_names_whom_to_call(copy: Path, capsys: Capture) -> None:
    policy = copy / ".github/promotion.yml"
    policy.parent.mkdir()
    policy.write_text("limits: {files: 1}\ncontacts: [on call]\n")
    assert main(["verify", "--without-git"]) == 1
    told = capsys.readouterr()
    assert "artifact.limits" in told.out
    assert "Contacts: on call" in told.err
    policy.write_text("limits: {file: 1}\n")
    assert main(["verify", "--without-git"]) == 1
    assert "limits.file" in capsys.readouterr().err


def test_who_signed_what_a_stage_holds_is_told_where_the_policy_requires_it(copy: Path, capsys: Capture) -> None:
    policy = copy / ".github/promotion.yml"
    policy.parent.mkdir()
    keys = [{"name": one.name, "pem": one.pem} for one in signers("release").keys]
    policy.write_text(json.dumps({"signatures": {"required": ["active"], "keys": keys}}))
    code, result = report(capsys)
    assert code == 0  # what was promoted before the policy required it
    told = [(f.severity, f.message) for f in result.findings if f.rule == "provenance.signature"]
    assert told == [("warning", f"{V1} is not signed, and the policy names who may sign: the key release.")]
    sign(copy / V1)
    _, result = report(capsys)
    told = [(f.severity, f.message) for f in result.findings if f.rule == "provenance.signature"]
    assert told == [("pass", "signed by the key release: manifest and files (model.sig)")]


def test_a_copy_of_one_stage_is_verified_by_that_stage(copy: Path, tmp_path: Path, capsys: Capture) -> None:
    document = json.loads((copy / INDEX).read_bytes())
    elsewhere = {**document["models"][MODEL]["shadow"], "artifact_dir": "ml/artifacts/gone"}
    document["models"][MODEL] |= {"shadow": elsewhere, "history_digest": None, "history": []}
    (copy / INDEX).write_text(json.dumps(document))
    fetch(MODEL, "active", tmp_path / "to", base_dir=copy)
    place = ("--base-dir", str(tmp_path / "to"))
    assert "artifact.exists" in errors(report(capsys, *place)[1])
    _, result = report(capsys, *place, "--stage", "active")
    assert [stage.value for stage in result.about.stages or ()] == ["active"]
    assert "artifact.exists" not in errors(result)
    assert main(["verify", "--without-git", "--stage", "production"]) == 1


def test_shards_are_merged_with_what_they_did_not_look_at(copy: Path, tmp_path: Path, capsys: Capture) -> None:
    files = []
    for shard in ("1/2", "2/2"):
        _, part = report(capsys, "--shard", shard)
        files.append(str(tmp_path / f"{shard[0]}.json"))
        Path(files[-1]).write_text(part.model_dump_json())
    assert main(["verify", "--format", "json", "--merge", *files]) == 0
    merged = VerifyReport.model_validate_json(capsys.readouterr().out)
    assert merged.not_looked_at == NOT_LOOKED_AT
    with_git = part.model_copy(update={"about": part.about.model_copy(update={"without_git": False})})
    Path(files[-1]).write_text(with_git.model_dump_json())
    assert main(["verify", "--merge", *files]) == 4


def test_the_other_forms_of_the_report_say_it_too() -> None:
    finding = ModelFinding(model=MODEL, **passed("history.chain", "whole").model_dump())
    whole = report_of(ReportScope(registry="r.json", without_git=True), [MODEL], [finding])
    part = whole.model_copy(update={"not_looked_at": NOT_LOOKED_AT})
    notes = json.loads(to_sarif(part))["runs"][0]["invocations"][0]["toolExecutionNotifications"]
    assert {note["descriptor"]["id"] for note in notes} == RULES
    assert {note["level"] for note in notes} == {"note"}
    root = ElementTree.fromstring(to_junit(part))  # noqa: S314 - our own text
    (suite,) = root.findall("testsuite[@name='not looked at']")
    assert {case.get("name") for case in suite if case.find("skipped") is not None} == RULES
    assert "not looked at" not in to_sarif(whole) + to_junit(whole)


def test_a_machine_without_git_or_repository_is_told_of_the_way(
    copy: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    assert main(["verify", "--stage", "active"]) == 2
    assert "a deployed copy: promotebot verify --stage active --without-git" in capsys.readouterr().err
    monkeypatch.setenv("PATH", str(copy / "nowhere"))
    assert main(["verify"]) == 2
    err = capsys.readouterr().err
    assert "git is not installed here" in err
    assert "promotebot verify --without-git" in err
