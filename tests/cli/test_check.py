"""`promotebot check`, and the hooks that run it and others before a commit or a push."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from promotebot.cli.main import main
from tests.fake_github.people import Person
from tests.office import ROOT

V2 = "ml/artifacts/regime_v2"


def said(capsys: pytest.CaptureFixture[str], *paths: str, code: int = 0) -> str:
    assert main(["check", *paths]) == code
    shown = capsys.readouterr()
    return shown.out + shown.err


def test_an_artifact_that_is_well_passes_by_its_directory_or_by_any_of_its_files(
    alice: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    for paths in ([V2], [f"{V2}/model.onnx", f"{V2}/manifest.json"], [str(alice.clone / V2)]):
        shown = said(capsys, *paths)
        assert shown.startswith(f"{V2}\n  ok")
        assert shown.endswith("examined: 1 artifact\n")


def test_what_is_wrong_is_said_with_the_next_command_and_each_artifact_is_examined(
    alice: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    (alice.clone / V2 / "model.onnx").write_bytes(b"no model")
    shown = said(capsys, V2, "ml/artifacts/regime_v1", code=1)
    assert "artifact.digest" in shown
    assert "Next: " in shown
    assert "ml/artifacts/regime_v1\n  ok" in shown
    assert shown.endswith("refused: 2 artifacts\n")


def test_a_new_directory_without_a_manifest_is_an_artifact_too(
    alice: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    place = alice.clone / "ml/artifacts/fresh/deep"
    place.mkdir(parents=True)
    (place / "model.onnx").write_bytes(b"x")
    shown = said(capsys, "ml/artifacts/fresh/deep/model.onnx", code=1)
    assert shown.startswith("ml/artifacts/fresh\n  error   artifact.manifest: There is no manifest.json")


def test_a_link_is_refused_and_not_followed(alice: Person, capsys: pytest.CaptureFixture[str]) -> None:
    (alice.clone / "ml/artifacts/linked").symlink_to("regime_v2")
    assert "path.symlink" in said(capsys, "ml/artifacts/linked", code=1)


@pytest.mark.parametrize(
    ("path", "code", "words"),
    [("README.md", 1, "is in no artifact"), ("ml/none/x.onnx", 1, "is in no artifact"), ("/", 2, "is outside the")],
)
def test_a_path_that_is_in_no_artifact_is_refused(
    alice: Person, capsys: pytest.CaptureFixture[str], path: str, code: int, words: str
) -> None:
    shown = said(capsys, path, code=code)
    assert words in shown
    assert "Next: " in shown


HOOKS: list[dict[str, Any]] = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
FILES = ("ml/artifacts/regime_v2/model.onnx", "ml/registry/models.json", ".github/promotion.yml")


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: hook["id"])
def test_each_hook_passes_on_a_repository_that_is_well(alice: Person, hook: dict[str, Any]) -> None:
    program, *arguments = shlex.split(hook["entry"]) + hook.get("args", [])
    named = [path for path in FILES if re.search(hook.get("files", "."), path)]
    assert program == "promotebot"
    assert named
    assert main([*arguments, *(named if hook.get("pass_filenames", True) else [])]) == 0


@pytest.mark.parametrize(
    ("hook_id", "words"),
    [
        ("promotebot-check", "artifact.digest: ml/artifacts/regime_v2/model.onnx is sha256:"),
        ("promotebot-verify", "history.pointer: ACTIVE holds by_hand, its newest event says regime_v1_prod"),
        ("promotebot-policy", "requires_sha"),
        ("promotebot-gate", "gate.replay: active does not match the model's events"),
    ],
)
def test_each_hook_refuses_what_a_pull_request_would(
    alice: Person, capsys: pytest.CaptureFixture[str], hook_id: str, words: str
) -> None:
    hook = next(hook for hook in HOOKS if hook["id"] == hook_id)
    registry, policy = alice.clone / "ml/registry/models.json", alice.clone / ".github/promotion.yml"
    document = json.loads(registry.read_text())
    document["models"]["regime_classifier"]["active"]["artifact_id"] = "by_hand"
    registry.write_text(json.dumps(document, indent=2) + "\n")
    policy.parent.mkdir(exist_ok=True)
    policy.write_text("requires_sha: true\n")
    (alice.clone / V2 / "model.onnx").write_bytes(b"no model")
    if hook["id"] == "promotebot-gate":
        alice.git("checkout", "-q", "-b", "change")
        policy.unlink()
        alice.commit("chore: By hand")
    arguments = [*shlex.split(hook["entry"]), *hook.get("args", [])][1:]
    assert main([*arguments, *([FILES[0]] if hook.get("pass_filenames", True) else [])]) == 1
    shown = capsys.readouterr()
    assert words in shown.out + shown.err


def test_the_hooks_are_described_where_they_are_set_up() -> None:
    setup = Path(ROOT / "docs/setup.md").read_text(encoding="utf-8")
    assert [hook["id"] for hook in HOOKS if hook["id"] not in setup] == []
