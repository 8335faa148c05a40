"""A team's own words for stages at a terminal: those of the policy at HEAD, or of a deployed copy's file."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from promotebot.cli.main import main
from tests.fake_github.people import Person

pytestmark = pytest.mark.thorough

V2 = "ml/artifacts/regime_v2"


@pytest.fixture
def desk(alice: Person) -> Person:
    alice.git("config", "user.name", "alice")
    alice.git("config", "user.email", "alice@example.com")
    alice.write(".github/promotion.yml", "aliases: {production: active, canary: staging}\n")
    alice.commit("chore: Words of our own")
    return alice


def test_promote_demote_and_what_reads_take_the_words(desk: Person, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["promote", "--stage", "canary", "--artifact-dir", V2, "--allow-dirty"]) == 0
    held = json.loads((desk.clone / "ml/registry/models.json").read_bytes())["models"]["regime_classifier"]
    assert held["staging"]["artifact_dir"] == V2
    assert "canary" not in json.dumps(held)
    desk.commit("feat(ml): Promote")
    capsys.readouterr()
    assert main(["status", "--stage", "canary", "--format", "json"]) == 0
    assert [row["stage"] for row in json.loads(capsys.readouterr().out)["stages"]] == ["staging"]
    assert main(["history", "--stage", "canary", "--format", "json"]) == 0
    assert [row["to_stage"] for row in json.loads(capsys.readouterr().out)["events"]] == ["staging"]
    assert main(["verify", "--stage", "production"]) == 0
    assert main(["policy", "explain", "--stage", "production"]) == 0
    assert "A promotion to ACTIVE" in capsys.readouterr().out
    assert main(["bundle", "regime_classifier", "production", "--out", "b.json"]) == 0
    for typed, meant in (
        ("fetch regime_classifier activ --to out", "fetch regime_classifier active --to out"),
        ("bundle activ activ --out b.json", "bundle activ active --out b.json"),
        ("status --stage=activ", "status --stage=active"),
        ("status --stage prodction", "status --stage production"),
        ("import models.yaml --stage live=activ", "import models.yaml --stage live=active"),
    ):
        capsys.readouterr()
        assert main(typed.split()) == 1
        assert f"did you mean: promotebot {meant}\n" in capsys.readouterr().err
    assert main(["fetch", "regime_classifier", "production", "--to", "deployed"]) == 0
    assert '"active", base_dir' in capsys.readouterr().out
    assert main(["demote", "--model", "regime_classifier", "--stage", "canary", "--reason", "r", "--dry-run"]) == 0


def test_a_word_in_the_work_tree_alone_is_none_yet(alice: Person, capsys: pytest.CaptureFixture[str]) -> None:
    alice.write(".github/promotion.yml", "aliases: {canary: staging}\n")
    assert main(["promote", "--stage", "canary", "--artifact-dir", V2, "--allow-dirty"]) == 1
    assert "'canary' is not a stage" in capsys.readouterr().err


def test_a_copy_without_git_has_the_words_of_its_file(
    desk: Person, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(desk.clone, copy, ignore=shutil.ignore_patterns(".git"))
    monkeypatch.chdir(copy)
    assert main(["status", "--stage", "production"]) == 0
    assert main(["status", "--stage", "qa"]) == 1
    assert "active, production, canary" in capsys.readouterr().err
    (copy / ".github/promotion.yml").unlink()
    assert main(["status", "--stage", "production"]) == 1
