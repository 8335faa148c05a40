"""Evidence that events pinned, verified at the terminal, in a copy, and by the schedule: the same findings."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from promotebot.cli.main import main
from promotebot.findings import Finding
from promotebot.verification.report import VerifyReport
from tests.action.test_schedule import only_issue, watch
from tests.cli.conftest import alice
from tests.cli.test_promote import DATA, FLAGS, V2, sha
from tests.fake_github.people import Person
from tests.office import Office

__all__ = ["alice"]  # the fixture
pytestmark = pytest.mark.thorough
Capture = pytest.CaptureFixture[str]
Damage = Callable[[Path], object]


def claim(value: str, *flags: str) -> None:
    assert main(["evidence", V2, "--metric", f"f1={value}", *flags]) == 0


def decided(alice: Person, *stages: str) -> Path:
    """regime_v2 is promoted to these stages with evidence; returns its file."""
    claim("0.9")
    alice.commit("docs: Evidence")
    for stage in stages:
        flags = [*DATA, *sha(alice), "--reason", "measured"] if stage == "active" else []
        assert main([*FLAGS, "--stage", stage, *flags]) == 0
        alice.commit(f"feat(ml): Promote to {stage}")
    (path,) = (alice.clone / "ml/evidence").iterdir()
    return path


def found(capsys: Capture, *arguments: str, rule: str = "evidence.pinned") -> tuple[int, list[Finding]]:
    capsys.readouterr()
    code = main(["verify", "--format", "json", *arguments])
    report = VerifyReport.model_validate_json(capsys.readouterr().out)
    return code, [finding for finding in report.findings if finding.rule == rule]


def other_bytes(path: Path) -> None:
    document = json.loads(path.read_text())
    path.write_text(json.dumps({**document, "artifact": "sha256:" + "0" * 64}))


def test_evidence_as_it_was_decided_on_passes_whatever_its_line_endings(alice: Person, capsys: Capture) -> None:
    path = decided(alice, "active")
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    code, (finding,) = found(capsys)
    assert (code, finding.severity.value, finding.where) == (0, "pass", f"ml/evidence/{path.name}")
    assert "is what was decided on" in finding.message


@pytest.mark.parametrize(
    ("damage", "severity", "says"),
    [
        (Path.unlink, "warning", "which was decided on, is gone"),
        (lambda _: claim("0.95", "--replace"), "warning", "was changed since it is ACTIVE"),
        (lambda path: path.write_text("{"), "error", "does not count: "),
        (other_bytes, "error", "it speaks of other bytes"),
        (lambda path: (path.unlink(), path.mkdir()), "error", "it is a directory"),
    ],
)
def test_evidence_that_is_not_what_was_decided_on_is_put_back_by_the_line(
    alice: Person, capsys: Capture, damage: Damage, severity: str, says: str
) -> None:
    path = decided(alice, "active")
    damage(path)
    alice.git("add", "--all")
    alice.git("commit", "--quiet", "--allow-empty", "--message", "docs: Damage")
    code, (finding,) = found(capsys)
    assert (code, finding.severity.value) == (int(severity == "error"), severity)
    assert says in finding.message
    assert finding.where == f"ml/evidence/{path.name}"
    if path.is_dir():
        path.rmdir()
    line = str(finding.remedy).partition("put back what was decided on: ")[2]
    assert line.startswith("git checkout ")
    subprocess.run(["bash", "-c", line], cwd=alice.clone, check=True, capture_output=True)
    assert [one.severity.value for one in found(capsys)[1]] == ["pass"]


def test_what_a_lower_stage_was_decided_on_may_be_measured_further(alice: Person, capsys: Capture) -> None:
    decided(alice, "staging")
    claim("0.95", "--replace")
    code, (finding,) = found(capsys)
    assert (code, finding.severity.value) == (0, "pass")
    assert "was changed after it was decided on" in finding.message
    assert found(capsys, "--stage", "active")[1] == []


def test_where_no_commit_has_it_words_say_so(alice: Person, capsys: Capture) -> None:
    path = decided(alice, "active")
    alice.git("checkout", "--quiet", "--orphan", "squashed")
    path.unlink()
    alice.commit("chore: Squashed")
    _, (finding,) = found(capsys)
    assert str(finding.remedy) == f"restore ml/evidence/{path.name} as it was, from a clone or a backup that has it"


def test_a_file_that_nobody_pinned_must_read_where_a_stage_holds_its_artifact(alice: Person, capsys: Capture) -> None:
    claim("0.9")
    assert found(capsys) == (0, [])
    (path,) = (alice.clone / "ml/evidence").iterdir()
    path.write_text("{")
    code, (finding,) = found(capsys)
    assert (code, finding.severity.value, str(finding.remedy)) == (1, "error", "correct it, or remove it")


def test_files_of_artifacts_that_the_registry_does_not_name_are_counted_and_no_more(
    alice: Person, capsys: Capture
) -> None:
    decided(alice, "active")
    for number in range(2):
        alice.write(f"ml/evidence/{number:064x}.json", "{")
    code, (_, finding) = found(capsys)
    assert (code, finding.severity.value, finding.where) == (0, "pass", "ml/evidence")
    assert finding.message.startswith("2 files are of no artifact in this registry")


def test_a_sparse_checkout_without_it_is_unknown_and_names_the_line(alice: Person, capsys: Capture) -> None:
    decided(alice, "active")
    alice.git("sparse-checkout", "set", "ml/registry", "ml/artifacts", ".github")
    code, [*_, finding] = found(capsys, rule="verify.unknown")
    assert (code, finding.severity.value) == (4, "unknown")
    assert str(finding.remedy).endswith("git sparse-checkout add ml/evidence")


def test_since_looks_at_a_model_whose_evidence_alone_changed(alice: Person, capsys: Capture) -> None:
    path = decided(alice, "active")
    assert found(capsys, "--since", "HEAD")[1] == []
    path.unlink()
    alice.commit("docs: Gone")
    assert [one.severity.value for one in found(capsys, "--since", "HEAD~1")[1]] == ["warning"]


def test_a_copy_looks_at_it_where_it_was_deployed_and_says_where_it_was_not(
    alice: Person, capsys: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = decided(alice, "active")
    shutil.copytree(alice.clone / "ml", tmp_path / "copy/ml")
    monkeypatch.chdir(tmp_path / "copy")
    monkeypatch.setenv("PATH", str(tmp_path))  # without git
    assert [one.severity.value for one in found(capsys, "--without-git")[1]] == ["pass"]
    os.truncate(f"ml/evidence/{path.name}", 1)
    code, (finding,) = found(capsys, "--without-git")
    assert (code, finding.severity.value) == (1, "error")
    assert str(finding.remedy) == f"deploy ml/evidence/{path.name} again from the commit that the registry comes from"
    shutil.rmtree("ml/evidence")
    capsys.readouterr()
    assert main(["verify", "--without-git"]) == 0
    assert "not looked at: evidence.pinned: " in capsys.readouterr().out


def test_the_schedule_tells_the_same_and_its_issue_restores_nothing_else(office: Office, alice: Person) -> None:
    path = decided(alice, "staging")
    alice.git("push", "--quiet", "origin", "HEAD:main")
    assert watch(office).outputs["reason_code"] == "verified"
    path.write_text("{")
    alice.commit("docs: Damage")
    alice.git("push", "--quiet", "origin", "HEAD:main")
    assert watch(office).outputs["reason_code"] == "mismatch"
    body = office.repository.issue(only_issue(office)).body or ""
    assert "evidence.pinned" in body
    assert [line for line in re.findall("git checkout [^`\n]+", body) if not line.endswith(path.name)] == []
    (line,) = set(re.findall("git checkout [^`\n]+", body))
    alice.git(*line.split()[1:])
    alice.commit("fix: Restore")
    alice.git("push", "--quiet", "origin", "HEAD:main")
    assert watch(office).outputs["reason_code"] == "verified"
    path.unlink()
    alice.commit("docs: Gone")
    alice.git("push", "--quiet", "origin", "HEAD:main")
    assert watch(office).outputs["reason_code"] == "verified"
    number = office.pull()
    office.ask(number, "/verify")
    said = "".join(comment.body for comment in office.repository.comments_on(number))
    assert "which was decided on, is gone" in said
