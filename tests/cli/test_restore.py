"""Damaged bytes: what was promoted comes back by the command that is told, and nothing declares the damage right."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from promotebot.cli.main import main
from tests.demo.story import REGISTRY
from tests.fake_github.people import Person

V2 = "ml/artifacts/regime_v2"


def damage(alice: Person) -> Path:
    model = alice.clone / V2 / "model.onnx"
    model.write_bytes(model.read_bytes()[:-1] + b"\x00")
    return model


def restore_line(err: str) -> str:
    found = re.search(r"restore what was promoted: (git checkout [0-9a-f]{12} -- \S+?)(?:;|$)", err, re.MULTILINE)
    assert found, err
    return found[1]


def paste(line: str, alice: Person) -> None:
    subprocess.run(["bash", "-c", line], cwd=alice.clone, check=True, capture_output=True)


@pytest.mark.parametrize("committed", [False, True])
def test_verify_names_the_commit_that_has_the_bytes_and_its_line_brings_them_back(
    alice: Person, capsys: pytest.CaptureFixture[str], committed: bool
) -> None:
    damage(alice)
    if committed:
        alice.commit("chore: Damage")
    assert main(["verify"]) == 1
    out = capsys.readouterr().out
    assert "promotebot manifest" not in out, "that would declare the damage right"
    paste(restore_line(out), alice)
    assert main(["verify"]) == 0


def test_a_manifest_is_not_written_for_other_bytes_than_a_pointer_names(
    alice: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    damage(alice)
    before = (alice.clone / V2 / "manifest.json").read_bytes()
    assert main(["manifest", V2]) == 1
    err = capsys.readouterr().err
    assert "regime_classifier SHADOW (regime_v2_candidate) was promoted from this directory with other bytes" in err
    assert (alice.clone / V2 / "manifest.json").read_bytes() == before
    paste(restore_line(err), alice)
    assert main(["manifest", V2]) == 0
    assert main(["verify"]) == 0


def test_a_manifest_is_written_for_other_bytes_where_that_is_said(alice: Person) -> None:
    damage(alice)
    assert main(["manifest", V2, "--replace-promoted"]) == 0


def test_a_registry_of_another_place_guards_its_directories_too(
    alice: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    alice.git("mv", REGISTRY, "ml/registry/other.json")
    alice.commit("chore: Move the registry")
    damage(alice)
    assert main(["manifest", V2, "--registry-path", "ml/registry/other.json"]) == 1
    assert "was promoted from this directory" in capsys.readouterr().err


def test_where_no_commit_has_the_bytes_no_command_is_told(alice: Person, capsys: pytest.CaptureFixture[str]) -> None:
    damage(alice)
    alice.commit("chore: Damage")
    alice.git("checkout", "--quiet", "--orphan", "alone")
    alice.commit("chore: Begin again")
    assert main(["verify"]) == 1
    out = capsys.readouterr().out
    assert f"restore {V2} as it was promoted, from a clone or a backup that has it" in out
    assert "git checkout" not in out
