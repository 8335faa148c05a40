"""The terminal's door: promote, verify and gate on a work tree, as the program itself."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from promotebot.cli.main import main
from promotebot.promotion.commands import ChangeCommand, parse_comment
from promotebot.registry import ModelRegistry
from tests.demo.story import REGISTRY
from tests.fake_github.people import Person
from tests.office import ROOT

V2 = "ml/artifacts/regime_v2"
FLAGS = ["promote", "--model", "regime_classifier", "--artifact-dir", V2, "--artifact-id", "regime_v2_prod"]
DATA = ["--dataset-id", "market_data_2026_q1_multi"]


def sha(alice: Person) -> list[str]:
    manifest = json.loads((alice.clone / V2 / "manifest.json").read_bytes())
    return ["--git-sha", manifest["git_sha"]]


def test_a_dry_run_prints_the_diff_on_stdout_and_writes_nothing(
    alice: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*FLAGS, "--stage", "staging", "--dry-run"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith(f"--- a/{REGISTRY}\n+++ b/{REGISTRY}\n@@")
    assert '+        "artifact_id": "regime_v2_prod"' in out
    assert "Nothing was written" in err
    assert alice.git("status", "--porcelain") == ""


def test_without_dry_run_the_registry_is_written_and_verifies(
    alice: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*FLAGS, "--stage", "active", *DATA, *sha(alice), "--reason", "14 days in shadow"]) == 0
    pointer = ModelRegistry.load(alice.clone / REGISTRY).get_stage_pointer("regime_classifier", "active")
    assert pointer is not None
    assert (pointer.artifact_id, pointer.actor, pointer.source) == ("regime_v2_prod", "alice@example.com", "cli")
    assert alice.git("status", "--porcelain").split() == ["M", REGISTRY]
    capsys.readouterr()
    assert main(["verify", "--path", REGISTRY, "--base-dir", "."]) == 0
    assert "verified: ml/registry/models.json" in capsys.readouterr().out


def test_an_exception_from_a_rule_is_answered_with_the_comment_that_asks_for_it(
    alice: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*FLAGS, "--stage", "active", "--override", "freeze: the fix for incident 7", "--reason=now"]) == 2
    said = capsys.readouterr().err
    assert "error: --override: an exception from a rule is only made in a comment" in said
    (line,) = re.findall(r"write this comment on the pull request: (.+)", said)
    (asked,) = parse_comment(line)
    assert isinstance(asked, ChangeCommand)
    assert (asked.arguments.override, asked.arguments.reason) == ("freeze: the fix for incident 7", "now")
    assert asked.arguments.artifact_dir == V2
    assert main([*FLAGS, "--stage", "active", "--override", "freeze"]) == 1, "no rule with a reason"
    assert alice.git("status", "--porcelain") == ""


def test_the_written_change_passes_the_gate(alice: Person, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*FLAGS, "--stage", "staging"]) == 0
    alice.commit("feat(ml): Promote regime_v2_prod to STAGING")
    assert main(["gate", "--base", "origin/main"]) == 0
    printed = capsys.readouterr()
    assert "1 promotion, valid and verified" in printed.out
    assert "Permissions, approvals, labels and other checks are known on GitHub only" in printed.err


def test_the_gate_refuses_a_hand_edit_and_names_the_model(alice: Person, capsys: pytest.CaptureFixture[str]) -> None:
    path = alice.clone / REGISTRY
    path.write_text(path.read_text().replace("regime_v1_prod", "mine"))
    alice.commit("chore: Edit by hand")
    assert main(["gate", "--base", "origin/main"]) == 1
    out = capsys.readouterr().out
    assert "gate.replay" in out
    assert "FAIL" in out


def test_the_gate_refuses_bytes_that_changed_under_a_pointer(alice: Person, capsys: pytest.CaptureFixture[str]) -> None:
    (alice.clone / V2 / "model.onnx").write_bytes(b"junk")
    alice.commit("chore: Swap the model")
    assert main(["gate", "--base", "origin/main"]) == 1
    assert "artifact.pinned" in capsys.readouterr().out


def test_the_gate_passes_what_touches_neither_registry_nor_artifact(
    alice: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    alice.write("docs/x.md", "x\n")
    alice.commit("docs: x")
    assert main(["gate", "--base", "origin/main"]) == 0
    assert "no promotion in this pull request" in capsys.readouterr().out


def test_active_without_training_commit_says_the_runbooks_words_and_the_fix(
    alice: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    place = "ml/artifacts/regime_v3"
    shutil.copytree(alice.clone / V2, alice.clone / place)
    path = alice.clone / place / "manifest.json"
    document = {key: value for key, value in json.loads(path.read_bytes()).items() if key != "git_sha"}
    path.write_text(json.dumps(document))
    alice.commit("feat: A model whose manifest names no commit")
    assert main([*FLAGS[:3], "--artifact-dir", place, "--stage", "active", *DATA, "--reason", "x"]) == 1
    err = capsys.readouterr().err
    assert "ACTIVE promotion requires --git-sha" in err
    assert "name the commit of the training code with --git-sha" in err
    assert "Try again" not in err
    assert "Nothing was written" in err
    assert alice.git("status", "--porcelain") == ""


@pytest.mark.parametrize("path", ["../../../etc/passwd", "/absolute/path"])
def test_a_path_out_of_the_repository_says_the_runbooks_words(
    alice: Person, capsys: pytest.CaptureFixture[str], path: str
) -> None:
    assert main([*FLAGS[:3], "--stage", "shadow", "--artifact-dir", path, "--artifact-id", "x"]) == 1
    err = capsys.readouterr().err
    assert "Path traversal not allowed" in err
    assert "Next: " in err


def test_a_directory_that_is_not_there_says_the_runbooks_words(
    alice: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = [*FLAGS[:3], "--stage", "shadow", "--artifact-dir", "ml/artifacts/nope", "--artifact-id", "x"]
    assert main(flags) == 1
    assert "Artifact directory not found: ml/artifacts/nope" in capsys.readouterr().err


def test_a_dirty_tree_is_refused_warned_of_in_a_dry_run_and_can_be_allowed(
    alice: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    alice.write("scratch.txt", "x")
    assert main([*FLAGS, "--stage", "staging"]) == 1
    assert "git.clean" in capsys.readouterr().err
    assert main([*FLAGS, "--stage", "staging", "--dry-run"]) == 0
    assert "scratch.txt" in capsys.readouterr().err
    assert main([*FLAGS, "--stage", "staging", "--allow-dirty"]) == 0


def test_an_artifact_that_git_does_not_track_is_refused(alice: Person, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(ROOT / V2, alice.clone / "ml/artifacts/regime_v9")
    flags = [
        "promote",
        "--model",
        "regime_classifier",
        "--artifact-dir",
        "ml/artifacts/regime_v9",
        "--artifact-id",
        "x",
    ]
    assert main([*flags, "--stage", "shadow", "--allow-dirty"]) == 1
    err = capsys.readouterr().err
    assert "artifact.tracked" in err
    assert "git add --force -- ml/artifacts/regime_v9/model.onnx" in err


def test_the_same_promotion_twice_writes_once(alice: Person, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*FLAGS, "--stage", "staging"]) == 0
    alice.commit("feat(ml): Promote")
    assert main([*FLAGS, "--stage", "staging"]) == 0
    assert "unchanged" in capsys.readouterr().err
    assert alice.git("status", "--porcelain") == ""


def test_every_wrong_flag_is_named_at_once(alice: Person, capsys: pytest.CaptureFixture[str]) -> None:
    flags = ["promote", "--model", "Bad", "--stage", "prod", "--artifact-dir", V2, "--artifact-id", "x"]
    assert main([*flags, "--git-sha", "abc"]) == 1
    err = capsys.readouterr().err
    assert all(flag in err for flag in ("--model", "--stage", "--git-sha"))


def test_a_changed_byte_does_not_verify_and_is_named(alice: Person, capsys: pytest.CaptureFixture[str]) -> None:
    model = alice.clone / V2 / "model.onnx"
    model.write_bytes(model.read_bytes()[:-1] + b"\x00")
    assert main(["verify"]) == 1
    out = capsys.readouterr().out
    assert f"{V2}/model.onnx" in out
    assert "DOES NOT VERIFY" in out


def test_bytes_and_manifest_swapped_together_do_not_verify(alice: Person, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.rmtree(alice.clone / V2)
    shutil.copytree(alice.clone / "ml/artifacts/regime_v1", alice.clone / V2)
    assert main(["verify"]) == 1
    assert "artifact.pinned" in capsys.readouterr().out


@pytest.mark.parametrize("damage", [("regime_v1_prod", "regime_v9_prod"), ('"reason": "First model"', '"reason": "x"')])
def test_an_edited_history_does_not_verify(
    alice: Person, capsys: pytest.CaptureFixture[str], damage: tuple[str, str]
) -> None:
    path = alice.clone / REGISTRY
    path.write_text(path.read_text().replace(*damage))
    assert main(["verify"]) == 1
    assert "history." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("content", "says"),
    [(b"[]", "top level is a list"), (b"\xff", "not UTF-8")],
)
def test_a_file_that_is_no_registry_is_an_error_not_a_crash(
    alice: Person, capsys: pytest.CaptureFixture[str], content: bytes, says: str
) -> None:
    (alice.clone / REGISTRY).write_bytes(content)
    assert main(["verify"]) == 1
    assert says in capsys.readouterr().out


def test_a_registry_that_is_not_there_is_named(alice: Person, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", "--path", "ml/registry/nope.json"]) == 1
    assert "registry not found" in capsys.readouterr().err


def test_nobody_as_actor_is_an_error(
    alice: Person, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("ML_PROMOTION_ACTOR")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    assert main([*FLAGS, "--stage", "staging"]) == 2
    assert "ML_PROMOTION_ACTOR" in capsys.readouterr().err


def test_outside_a_repository_the_next_step_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["verify"]) == 2
    assert "--base-dir" in capsys.readouterr().err


def test_an_error_of_our_own_says_so_and_shows_no_traceback(
    alice: Person, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("boom")

    monkeypatch.setattr("promotebot.cli.verify_checkout.verify_checkout", lambda *_, **__: broken())
    assert main(["verify"]) == 3
    err = capsys.readouterr().err
    assert "internal error: RuntimeError: boom" in err
    assert "Traceback" not in err
