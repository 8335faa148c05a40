"""`promotebot init` looks first: what is there already becomes the next steps, and each command of them runs."""

from __future__ import annotations

import hashlib
import json
import re
import shlex
import subprocess
from pathlib import Path

import pytest
import yaml

from promotebot.cli import init_scan
from promotebot.cli.main import main
from promotebot.registry.lfs import INTO_LFS
from tests.cli.test_init_workflows import ACTION
from tests.fake_github.people import Person
from tests.office import ROOT

pytestmark = pytest.mark.thorough

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def team(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A team's repository as it was before: a model, and a file that says it is in production."""
    for arguments in (["init", "--quiet", "--initial-branch=trunk"], ["config", "user.email", "a@b.c"]):
        subprocess.run(["git", *arguments], cwd=tmp_path, check=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ML_PROMOTION_ACTOR", "alice@example.com")
    monkeypatch.delenv("GITHUB_EVENT_NAME", raising=False)
    for name, value in (("GIT_AUTHOR_NAME", "alice"), ("GIT_COMMITTER_NAME", "alice")):
        monkeypatch.setenv(name, value)
    model = tmp_path / "models" / "fraud"
    model.mkdir(parents=True)
    (model / "model.onnx").write_bytes((ROOT / "ml/artifacts/regime_v1/model.onnx").read_bytes())
    (tmp_path / "config").mkdir()
    (tmp_path / "config/models.json").write_text(json.dumps({"fraud": {"production": {"path": "models/fraud"}}}))
    (tmp_path / "package.json").write_text(json.dumps({"name": "left-pad", "version": "1.0.0"}))
    (tmp_path / "model_settings.json").write_text(json.dumps({"alpha": 1, "layers": [1, 2]}))
    commit("chore: As it was")
    return tmp_path


def commit(message: str) -> None:
    subprocess.run(["git", "add", "--all"], check=True)
    subprocess.run(["git", "commit", "--quiet", "--message", message], check=True)


def steps(capsys: Capture, *flags: str) -> str:
    capsys.readouterr()
    assert main(["init", "--action", ACTION, *flags]) == 0
    return capsys.readouterr().out.partition("Next:\n")[2]


def commands(told: str) -> list[str]:
    return re.findall(r"^     (\S.*)$", told, re.MULTILINE)


def test_what_is_there_becomes_steps_and_each_of_them_runs_as_it_is_pasted(team: Path, capsys: Capture) -> None:
    told = steps(capsys)
    assert "models/fraud has a model and no manifest" in told
    assert "config/models.json looks like the registry of another tool" in told
    assert "model_settings.json" not in told
    assert "models/** -text" in (team / ".gitattributes").read_text()
    lines = commands(told)
    numbers = re.findall(r"^  (\d+)\. ", told, re.MULTILINE)
    assert numbers == [str(index + 1) for index in range(len(numbers))]
    for line in lines:
        if line.startswith(("promotebot manifest", "promotebot import", "git add", "promotebot verify")):
            run(line)
            if line.startswith("promotebot import"):
                assert line.endswith(" --dry-run")
                run(line.removesuffix(" --dry-run"))
    assert json.loads((team / "ml/registry/models.json").read_bytes())["models"]["fraud"]["active"]["digest"]


def run(line: str) -> None:
    for step in line.split(" && "):
        words = shlex.split(step)
        if words[0] == "promotebot":
            allowed = (0, 1) if words[1] == "verify" else (0,)  # ACTIVE of a bare model names no training commit yet
            assert main(words[1:]) in allowed, step
        else:
            subprocess.run(words, check=True, stdout=subprocess.DEVNULL)


def test_golden_data_beside_a_model_is_no_artifact_of_its_own(team: Path, capsys: Capture) -> None:
    golden = team / "models/fraud/test_data_set_0"
    golden.mkdir()
    (golden / "input_0.pb").write_bytes(b"golden")
    commit("feat: Golden data")
    told = steps(capsys)
    assert "promotebot manifest models/fraud &&" in told
    assert "test_data_set_0" not in told


def test_an_empty_repository_verifies_after_the_first_commit(
    tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    monkeypatch.chdir(tmp_path)
    told = steps(capsys)
    assert "Promote the first artifact: promotebot promote --model NAME" in told
    assert main(["verify"]) == 0


def test_a_dry_run_shows_the_diff_and_writes_nothing(team: Path, capsys: Capture) -> None:
    (team / ".gitattributes").write_text("*.png binary\n")
    commit("chore: Attributes")
    capsys.readouterr()
    assert main(["init", "--dry-run"]) == 0
    told = capsys.readouterr().out
    assert "--- a/.gitattributes\n+++ b/.gitattributes\n" in told
    assert "+ml/artifacts/** -text\n" in told
    assert "would create schemas/policy.schema.json" in told
    done = subprocess.run(["git", "status", "--porcelain"], capture_output=True, text=True, check=True)
    assert done.stdout == ""


def test_a_second_run_changes_nothing_and_tells_what_is_left(team: Path, capsys: Capture) -> None:
    steps(capsys)
    commit("chore: Set up promotebot")
    before = {path: path.read_bytes() for path in team.rglob("*") if path.is_file() and ".git/" not in str(path)}
    told = steps(capsys)
    assert "promotebot import config/models.json --dry-run" in told
    assert {path: path.read_bytes() for path in before} == before
    done = subprocess.run(["git", "status", "--porcelain"], capture_output=True, text=True, check=True)
    assert done.stdout == ""


def test_a_registry_of_another_form_in_its_own_place_is_kept_and_told_how_to_import(
    team: Path, capsys: Capture
) -> None:
    (team / "ml/registry").mkdir(parents=True)
    text = json.dumps({"models": [{"name": "fraud", "production": {"path": "models/fraud"}}]})
    (team / "ml/registry/models.json").write_text(text)
    commit("chore: Our registry")
    told = steps(capsys)
    assert "promotebot import ml/registry/models.json --dry-run" in told
    assert (team / "ml/registry/models.json").read_text() == text


def test_a_registry_elsewhere_is_named_in_every_job_and_step(team: Path, capsys: Capture) -> None:
    told = steps(capsys, "--registry-path", "services/fraud/models.json")
    assert "promotebot verify --registry-path services/fraud/models.json" in told
    assert (team / "services/fraud/models.json").is_file()
    assert not (team / "ml").exists()
    for name in ("promote", "gate", "verify"):
        jobs = yaml.safe_load((team / f".github/workflows/{name}.yml").read_text())["jobs"]
        uses = [step for job in jobs.values() for step in job["steps"] if "promotebot@" in step.get("uses", "")]
        assert uses
        assert {step["with"]["registry-path"] for step in uses} == {"services/fraud/models.json"}
    assert main(["init", "--registry-path", "../out/models.json"]) == 1
    assert "Path traversal not allowed" in capsys.readouterr().err


def test_large_files_outside_of_git_lfs_and_other_branches_with_a_registry_are_told(
    alice: Person, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(init_scan, "GITHUB_LIMIT", 1000)
    alice.git("push", "--quiet", "origin", "HEAD:refs/heads/sandbox")
    alice.git("fetch", "--quiet", "origin")
    told = steps(capsys)
    assert "is over 100 MiB, which GitHub takes through Git LFS only" in told
    assert "promotebot init --lfs" in told
    assert "Other branches have a registry: sandbox" in told
    assert "looks like the registry of another tool" not in told


def test_a_large_file_that_is_in_git_lfs_already_is_no_step(
    team: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(init_scan, "GITHUB_LIMIT", 300)
    model = team / "models/fraud/model.onnx"
    content = model.read_bytes()
    assert "models/fraud/model.onnx is over 100 MiB" in steps(capsys, "--dry-run")
    digest = hashlib.sha256(content).hexdigest()
    model.write_text(f"version https://git-lfs.github.com/spec/v1\noid sha256:{digest}\nsize {len(content)}\n")
    (team / ".gitattributes").write_text(f"*.onnx {INTO_LFS}\n")
    commit("chore: Into Git LFS")
    model.write_bytes(content)
    assert " is over " not in steps(capsys, "--dry-run")


def test_a_registry_in_place_of_bare_artifacts_is_imported_by_the_steps_alone(team: Path, capsys: Capture) -> None:
    """A manifest is written although the registry does not read yet: the import needs the manifest first."""
    (team / "ml/registry").mkdir(parents=True)
    text = json.dumps({"models": [{"name": "fraud", "production": {"path": "models/fraud"}}]})
    (team / "ml/registry/models.json").write_text(text)
    (team / "config/models.json").unlink()
    commit("chore: Our registry")
    for line in commands(steps(capsys)):
        if line.startswith(("promotebot manifest", "promotebot import")):
            run(line.removesuffix(" --dry-run"))
    models = json.loads((team / "ml/registry/models.json").read_bytes())["models"]
    assert models["fraud"]["active"]["digest"]


def test_a_folder_with_artifacts_of_its_own_is_proposed_as_a_registry_of_its_own(team: Path, capsys: Capture) -> None:
    for folder in ("teams/fraud", "teams/churn"):
        artifact = team / folder / "ml/artifacts/v1"
        artifact.mkdir(parents=True)
        (artifact / "model.onnx").write_bytes((ROOT / "ml/artifacts/regime_v1/model.onnx").read_bytes())
    registry = team / "teams/churn/ml/registry/models.json"
    registry.parent.mkdir(parents=True)
    registry.write_text(json.dumps({"schema_version": "v1", "models": {}}))
    commit("feat: Two teams")
    told = steps(capsys, "--dry-run")
    assert "teams/fraud has artifacts of its own." in told
    assert "promotebot init --base-dir teams/fraud" in commands(told)
    assert "teams/churn has artifacts of its own." not in told
    assert "has artifacts of its own" not in steps(capsys, "--dry-run", "--base-dir", "teams/fraud")
    [line] = [line for line in commands(told) if "--base-dir" in line]
    assert main(shlex.split(line)[1:]) == 0
    assert "has artifacts of its own" not in steps(capsys, "--dry-run")
    commit("chore: Set up promotebot for fraud")
    assert "has artifacts of its own" not in steps(capsys, "--dry-run")
