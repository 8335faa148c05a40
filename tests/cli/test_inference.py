"""What a command at a terminal leaves unsaid: inferred as a comment infers it, and shown with where it came from."""

from __future__ import annotations

import json
import re
import shutil

import pytest

from promotebot.cli.main import main
from promotebot.registry import ModelRegistry
from tests.demo.story import REGISTRY
from tests.fake_github.people import Person

V2 = "ml/artifacts/regime_v2"
MODEL = "regime_classifier"


def copy(alice: Person, name: str, **manifest: str) -> str:
    """Commit a copy of an artifact on the branch that alice stands on."""
    place = f"ml/artifacts/{name}"
    shutil.copytree(alice.clone / V2, alice.clone / place)
    path = alice.clone / place / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_bytes()), **manifest}))
    alice.commit(f"feat: {name}")
    return place


def test_the_stage_alone_is_enough_and_every_inferred_value_says_where_from(
    alice: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["promote", "--stage", "active", "--reason", "14 days in shadow"]) == 0
    inferred = dict(re.findall(r"^inferred: --(\S+) .* \((.*)\)$", capsys.readouterr().err, re.MULTILINE))
    assert inferred == {
        "model": "only model in the registry",
        "artifact-dir": "shadow pointer",
        "artifact-id": "shadow pointer",
        "dataset-id": "manifest",
        "git-sha": "manifest",
    }
    pointer = ModelRegistry.load(alice.clone / REGISTRY).get_stage_pointer(MODEL, "active")
    manifest = json.loads((alice.clone / V2 / "manifest.json").read_bytes())
    assert pointer is not None
    assert (pointer.artifact_dir, pointer.git_sha) == (V2, manifest["git_sha"])


def test_what_a_flag_says_is_taken_and_not_called_inferred(alice: Person, capsys: pytest.CaptureFixture[str]) -> None:
    said = ["--model", MODEL, "--artifact-id", "mine", "--dataset-id", "market_data_2026_q1_multi"]
    assert main(["promote", "--stage", "active", *said, "--reason", "x", "--dry-run", "--format", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["pointer"]["artifact_id"], sorted(document["origins"])) == ("mine", ["artifact_dir", "git_sha"])


def test_what_the_branch_changes_is_what_it_means(alice: Person, capsys: pytest.CaptureFixture[str]) -> None:
    alice.git("remote", "set-head", "origin", "main")
    place = copy(alice, "regime_v3")
    assert main(["promote", "--stage", "shadow"]) == 0
    err = capsys.readouterr().err
    assert f"inferred: --artifact-dir {place} (touched by this branch)" in err
    assert "inferred: --artifact-id regime_v3 (directory name)" in err


def test_of_several_artifacts_each_is_a_whole_line_that_runs(alice: Person, capsys: pytest.CaptureFixture[str]) -> None:
    alice.git("remote", "set-head", "origin", "main")
    places = [copy(alice, name) for name in ("regime_v3", "regime_v4")]
    given = ["promote", "--stage=shadow", "--registry-path", REGISTRY, "--notes", "it's so", "--dry-run"]
    assert main(given) == 1
    line = f"promotebot promote --stage=shadow --registry-path {REGISTRY} --notes 'it'\"'\"'s so' --dry-run"
    lines = [f"{line} --model {MODEL} --artifact-dir {place}" for place in places]
    assert f"Next: name one: {lines[0]} or {lines[1]}" in capsys.readouterr().err
    assert main([*given, "--model", MODEL, "--artifact-dir", places[1]]) == 0
