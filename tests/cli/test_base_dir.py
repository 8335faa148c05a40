"""`--base-dir` at a terminal: the registry of a folder, and paths as one types them there."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from promotebot.cli.main import main
from promotebot.registry import ModelRegistry
from tests.demo.story import REGISTRY
from tests.fake_github.people import Person

pytestmark = pytest.mark.thorough

FOLDER = "teams/fraud"
FRAUD = f"{FOLDER}/{REGISTRY}"
MODEL = "regime_classifier"
Capture = pytest.CaptureFixture[str]


@pytest.fixture
def alice(alice: Person) -> Person:
    """A clone in which a team has an artifact and an empty registry of its own."""
    shutil.copytree(alice.clone / "ml/artifacts/regime_v2", alice.clone / FOLDER / "ml/artifacts/v1")
    empty = {"schema_version": "v1", "generated_at_utc": "2026-01-01T00:00:00Z", "models": {}}
    alice.write(FRAUD, json.dumps(empty, indent=2) + "\n")
    alice.commit("feat: A team's registry")
    return alice


def promote(*flags: str) -> int:
    words = ["--model", MODEL, "--stage", "shadow", "--artifact-id", "v1", "--new-model", "--base-dir", FOLDER]
    return main(["promote", *words, *flags])


@pytest.mark.parametrize("typed", ["ml/artifacts/v1", f"{FOLDER}/ml/artifacts/v1"])
def test_paths_start_from_the_folder_and_the_registry_has_them_from_the_root(
    alice: Person, typed: str, capsys: Capture
) -> None:
    before = (alice.clone / REGISTRY).read_bytes()
    assert promote("--artifact-dir", typed) == 0
    alice.commit("feat: Promote")
    pointer = ModelRegistry.load(alice.clone / FRAUD).get_stage_pointer(MODEL, "shadow")
    assert pointer
    assert pointer.artifact_dir == f"{FOLDER}/ml/artifacts/v1"
    assert (alice.clone / REGISTRY).read_bytes() == before
    assert alice.git("show", "--name-only", "--format=").split() == [FRAUD]
    for command in (["verify"], ["gate", "--base", "HEAD^"], ["status"], ["history"]):
        capsys.readouterr()
        assert main([*command, "--base-dir", FOLDER]) == 0, command
    assert "v1" in capsys.readouterr().out
    assert main(["demote", "--model", MODEL, "--stage", "shadow", "--reason", "x", "--base-dir", FOLDER]) == 0


def test_the_folder_may_be_named_from_inside_of_it(alice: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(alice.clone / FOLDER)
    words = ["--model", MODEL, "--stage", "shadow", "--artifact-id", "v1", "--new-model", "--base-dir", "."]
    assert main(["promote", *words, "--artifact-dir", "ml/artifacts/v1"]) == 0
    assert MODEL in ModelRegistry.load(alice.clone / FRAUD)


def test_what_another_folder_has_is_not_found_from_here(alice: Person, capsys: Capture) -> None:
    assert promote("--artifact-dir", "ml/artifacts/regime_v1") == 1
    assert f"{FOLDER}/ml/artifacts/regime_v1" in capsys.readouterr().err
    assert promote("--artifact-dir", "../../ml/artifacts/regime_v1") == 1
    assert "Path traversal not allowed" in capsys.readouterr().err


def test_a_folder_without_a_registry_is_told_as_such(alice: Person, capsys: Capture) -> None:
    assert main(["verify", "--base-dir", "ml"]) == 1
    assert "ml/ml/registry/models.json: registry not found" in capsys.readouterr().err


def test_the_policy_is_the_repositorys(alice: Person, capsys: Capture) -> None:
    alice.write(".github/promotion.yml", "require_reason: true\n")
    alice.commit("chore: Policy")
    assert main(["policy", "check", "--base-dir", FOLDER]) == 0
    assert "require_reason" in capsys.readouterr().out


def test_what_the_branch_changed_elsewhere_is_not_inferred(alice: Person, capsys: Capture) -> None:
    alice.git("remote", "set-head", "origin", "main")
    alice.git("switch", "--quiet", "--create", "mine")
    Path(alice.clone / "ml/artifacts/regime_v2/notes.txt").write_text("x")
    Path(alice.clone / FOLDER / "ml/artifacts/v1/notes.txt").write_text("x")
    alice.commit("chore: Both")
    main(["promote", "--stage", "shadow", "--base-dir", FOLDER, "--dry-run"])
    assert "ml/artifacts/regime_v2" not in capsys.readouterr().err
