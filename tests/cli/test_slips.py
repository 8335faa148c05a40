"""A command line with a slip is answered with the whole line that was meant, which works as it is pasted."""

from __future__ import annotations

import shlex

import pytest

from promotebot.cli.main import main
from promotebot.cli.parser import options_of

SHADOW = "promote --model m --stage shadow --artifact-dir ml/artifacts/v1"


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("promot --model m --stage shadow", "promote --model m --stage shadow"),
        ("rolback --model m --reason 'incident 42'", "rollback --model m --reason 'incident 42'"),
        (f"{SHADOW} --artefact-id x", f"{SHADOW} --artifact-id x"),
        (f"{SHADOW} --artefact-id=x --dryrun", f"{SHADOW} --artifact-id=x --dry-run"),
        ("rollback --model m --reason the canary is over", "rollback --model m --reason 'the canary is over'"),
        ("verify --registry-pth x.json", "verify --registry-path x.json"),
        ("statsu", "status"),
    ],
)
def test_a_slip_is_answered_with_the_line_that_was_meant(
    typed: str, meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(shlex.split(typed)) == 2
    assert f"Next: did you mean: promotebot {meant}\n" in capsys.readouterr().err
    assert options_of(shlex.split(meant))


@pytest.mark.parametrize(
    ("typed", "advice"),
    [
        ("frobnicate", "promotebot --help"),
        ("promot --help", "promotebot --help"),
        ("verify --format xml", "promotebot verify --help"),
        ("rollback --reason why", "see which models there are: promotebot status"),
        ("--frob", "promotebot --help"),
    ],
)
def test_what_comes_near_nothing_keeps_its_own_advice(
    typed: str, advice: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(shlex.split(typed)) == 2
    assert f"Next: {advice}\n" in capsys.readouterr().err
