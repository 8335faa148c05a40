"""`--share` at a terminal, and where the terminal and a service show it."""

from __future__ import annotations

import json

import pytest

import promotebot
from promotebot.artifact.loading import fetch
from promotebot.cli.main import main
from promotebot.registry import ModelRegistry
from tests.demo.story import REGISTRY
from tests.fake_github.people import Person

V2 = ("--artifact-dir", "ml/artifacts/regime_v2", "--artifact-id", "regime_v2_prod")
STAGING = ("promote", "--model", "regime_classifier", "--stage", "staging", *V2)


def test_a_share_goes_into_the_registry_and_is_shown(alice: Person, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*STAGING, "--share", "5%"]) == 0
    assert '+        "share": "5%"' in capsys.readouterr().out
    pointer = ModelRegistry.load(alice.clone / REGISTRY).get_stage_pointer("regime_classifier", "staging")
    assert pointer is not None
    assert pointer.share == "5%"
    for command in (["status"], ["show", "--model", "regime_classifier"], ["history"]):
        assert main(command) == 0
        assert "regime_v2_prod (5%)" in capsys.readouterr().out
    alice.commit("feat(ml): Promote regime_v2_prod to STAGING")
    assert main(["gate", "--base", "origin/main"]) == 0
    assert main(["verify"]) == 0


def test_a_service_gets_the_share_with_the_artifact(alice: Person) -> None:
    assert main([*STAGING, "--share", "2.5%"]) == 0
    registry = alice.clone / REGISTRY
    loaded = promotebot.load("regime_classifier", "staging", registry=registry, base_dir=alice.clone)
    assert loaded.share == "2.5%"
    copy = fetch("regime_classifier", "staging", alice.clone.parent / "copy", base_dir=alice.clone)
    assert copy.share == "2.5%"
    assert promotebot.load("regime_classifier", "staging", base_dir=alice.clone.parent / "copy").share == "2.5%"
    assert promotebot.load("regime_classifier", "active", base_dir=alice.clone).share is None


def test_the_plan_document_has_the_share(alice: Person, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*STAGING, "--share", "5%", "--dry-run", "--format", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["pointer"]["share"] == document["event"]["pointer"]["share"] == "5%"


@pytest.mark.parametrize("share", ["5", "500%", "-1%", "5 %", "5.0%"])
def test_another_form_is_refused_and_nothing_is_written(
    alice: Person, capsys: pytest.CaptureFixture[str], share: str
) -> None:
    before = (alice.clone / REGISTRY).read_bytes()
    assert main([*STAGING, f"--share={share}"]) == 1
    assert f"{share!r} is not a share such as 5% or 2.5%" in capsys.readouterr().err
    assert (alice.clone / REGISTRY).read_bytes() == before


def test_a_share_out_of_bounds_is_refused_with_the_line_that_works(
    alice: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*STAGING, "--share", "10%"]) == 1
    assert "STAGING takes a share of 1% to 5%, not 10%." in capsys.readouterr().err
    assert main([*STAGING, "--share", "5%"]) == 0
