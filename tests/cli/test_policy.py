"""`promotebot policy`: a file is checked, explained, and held against the past before anybody pushes it."""

from __future__ import annotations

from pathlib import Path

import pytest

from promotebot.cli.main import main
from tests.fake_github.people import Person

POLICY = ".github/promotion.yml"


def said(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> list[str]:
    assert main(["policy", *arguments]) == code
    shown = capsys.readouterr()
    return (shown.out if code == 0 else shown.err).splitlines()


def write(alice: Person, text: str) -> Path:
    path = alice.clone / POLICY
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_a_policy_is_valid_and_shows_what_it_makes_stricter_and_weaker(
    alice: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    write(alice, "require_sha: true\nstages:\n  active:\n    permission: write\n")
    assert said(capsys, "check") == [
        f"ok      {POLICY} is valid; 2 keys differ from the defaults",
        "        weaker    stages.active.permission: write (default: maintain, line 4)",
        "        stricter  require_sha: true (default: false, line 1)",
    ]


@pytest.mark.parametrize(
    ("general", "models", "model", "told"),
    [
        ("[onnx]", "regime_*: {formats: [onnx, opaque]}", "regime_classifier", "another format than ONNX is accepted"),
        ("[onnx, opaque]", "regime_*: {formats: [onnx]}", "regime_classifier", "the model has to be ONNX, and is"),
        ("[onnx, opaque]", "other: {formats: [onnx]}", "regime_classifier", "another format than ONNX is accepted"),
        ("[onnx]", "llm_*: {formats: [onnx, opaque]}", "", "other rules hold for llm_* (--model says which)"),
    ],
)
def test_what_holds_for_some_models_alone_is_explained_for_the_one_that_is_asked_for(
    alice: Person, capsys: pytest.CaptureFixture[str], general: str, models: str, model: str, told: str
) -> None:
    write(alice, f"formats: {general}\nmodels: {{{models}}}\n")
    lines = said(capsys, "explain", *(["--model", model] if model else []))
    keys = {"regime_*": "[models.regime_*.formats, line 2]", "other": "[formats, line 1]"}
    key = keys.get(models.partition(":")[0], "[models, line 2]")
    assert [line for line in lines if told in line and line.endswith(key)]
    assert len([line for line in lines if "format" in line or "ONNX" in line]) == bool(model)


def test_without_a_policy_the_defaults_hold(alice: Person, capsys: pytest.CaptureFixture[str]) -> None:
    (alice.clone / POLICY).unlink(missing_ok=True)
    assert said(capsys, "check")[0].startswith(f"ok      there is no {POLICY}: the defaults hold")
    assert said(capsys, "explain", "--stage", "shadow")[0].endswith(", which is not there:")


def test_a_file_that_is_no_policy_is_refused_by_the_same_words_as_in_a_pull_request(
    alice: Person, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    draft = tmp_path / "draft.yml"
    draft.write_text("requires_sha: true\n")
    lines = said(capsys, "check", "--policy", str(draft), code=1)
    assert "requires_sha" in lines[0]
    assert str(draft) in lines[0]
    assert said(capsys, "check", "--policy", str(tmp_path / "none.yml"), code=1)[0].startswith("error:")


def test_the_history_is_judged_by_the_draft(alice: Person, capsys: pytest.CaptureFixture[str]) -> None:
    write(alice, "terminal: [shadow, staging]\n")
    lines = said(capsys, "check", "--against-history")
    assert lines[2].startswith("refused 2026-")
    assert "promote regime_classifier ACTIVE regime_v1_prod by " in lines[2]
    assert lines[3] == "        request.terminal: The policy does not allow events made at a terminal for ACTIVE."
    assert lines[4] == "warning 1 of 3 past events would have been refused"
    assert lines[5].startswith("        Not compared: who had which role, who approved")
    write(alice, "")
    assert "ok      0 of 3 past events would have been refused" in said(capsys, "check", "--against-history")


def test_what_is_asked_for_is_explained_with_the_line_that_asks_for_it(
    alice: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    write(
        alice,
        "require_reason: true\nseparation: {approvals: 2}\n"
        "stages:\n  staging:\n    soak: {minimum: 3d, required: true}\n"
        "freezes: [{start: 2020-01-01T00:00, end: 2999-01-01T00:00, reason: audit}]\n",
    )
    lines = said(capsys, "explain", "--as", "bob", "--model", "regime_classifier")
    assert lines[0] == f"A promotion to ACTIVE, by {POLICY}:"
    for line in (
        "- whoever asks needs the role maintain or higher  [stages.active.permission, default]",
        "- it may not be made at a terminal  [separation.approvals, line 2]",
        "- at least 3 d in STAGING, if it was there (required)  [stages.staging.soak.minimum, line 5]",
        "- a reason (--reason)  [require_reason, line 1]",
        "- 2 approvals of the exact head, by others than the requester, the author and the last pusher  "
        "[separation.approvals, line 2]",
        "- frozen now, 2020-01-01 00:00 UTC to 2999-01-01 00:00 UTC: audit  [freezes, line 6]",
        "bob:",
        "- needs maintain; GitHub knows the role, and is not asked here",
        "- cannot approve a promotion that they requested, wrote or pushed last",
    ):
        assert line in lines
    assert any(line.startswith("- ACTIVE holds regime_v1_prod, for ") for line in lines)


def test_the_windows_of_a_model_are_explained_with_the_line_of_its_pattern(
    alice: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    write(alice, "windows: [{hours: 09:00-17:00}]\nmodels:\n  regime_*:\n    windows: [{hours: 10:00-12:00}]\n")
    lines = said(capsys, "explain", "--model", "regime_classifier")
    assert "- a time that is open: every day 09:00-17:00 UTC  [windows, line 1]" in lines
    assert "- a time that is open: every day 10:00-12:00 UTC  [models.regime_*.windows, line 4]" in lines


def test_what_a_stage_waits_for_is_shown_with_what_it_holds(alice: Person, capsys: pytest.CaptureFixture[str]) -> None:
    write(alice, "stages: {shadow: {soak: {minimum: 9000d}}}\n")
    lines = said(capsys, "explain", "--model", "regime_classifier")
    assert any(line.startswith("- SHADOW holds ") and line.endswith("; 9000 d asked for") for line in lines)


@pytest.mark.parametrize(
    ("arguments", "code", "begins"),
    [
        (("explain", "--model", "nope"), 1, "error: "),
        (("explain", "--stage", "prod"), 1, "error: "),
        (("explain", "--against-history"), 2, "error: --against-history is an option of `promotebot policy check`"),
        (("check", "--as", "bob"), 2, "error: --as is an option of `promotebot policy explain`"),
        (("mend",), 2, "error: "),
    ],
)
def test_a_wrong_line_is_refused_with_the_next_command(
    alice: Person, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], code: int, begins: str
) -> None:
    lines = said(capsys, *arguments, code=code)
    assert lines[0].startswith(begins)
    assert any(line.startswith("Next: ") for line in lines)


def test_a_model_that_there_is_not_is_answered_with_those_that_are(
    alice: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = said(capsys, "explain", "--model", "nope", code=1)
    assert lines[0].endswith("unknown model 'nope'")
    assert lines[1] == "Next: known models: regime_classifier"
