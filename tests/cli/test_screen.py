"""What a terminal shows at any width: whole words, tables that fit, commands that are pasted whole."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promotebot.cli.main import main
from promotebot.cli.parser import COMMANDS
from promotebot.registry import ModelRegistry
from promotebot.text import fitted
from tests.comments.plans import registry
from tests.fake_github.people import Person

__all__ = ["registry"]  # a fixture
WIDTHS = (60, 80, 120)
STYLE = re.compile(r"\x1b\[[0-9;]*m")
MODEL = "regime_classifier"
V2 = "ml/artifacts/regime_v2"


class Terminal(io.StringIO):
    """A screen."""

    def isatty(self) -> bool:
        return True


def opened(monkeypatch: pytest.MonkeyPatch, columns: int) -> Terminal:
    """What stdout and stderr show from now on, of a terminal that knows styles."""
    shown = Terminal()
    for stream in ("stdout", "stderr"):
        monkeypatch.setattr(f"sys.{stream}", shown)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", str(columns))
    for name in ("NO_COLOR", "GITHUB_EVENT_NAME"):
        monkeypatch.delenv(name, raising=False)
    return shown


@pytest.mark.parametrize("columns", [*WIDTHS, 200])
@pytest.mark.parametrize("line", ["status", f"show --model {MODEL}", "history"])
def test_a_table_fits_or_is_blocks(
    registry: ModelRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, columns: int, line: str
) -> None:
    (tmp_path / "models.json").write_bytes(registry.to_bytes())
    screen = opened(monkeypatch, columns)
    assert main([*line.split(), "--registry-path", str(tmp_path / "models.json")]) == 0
    lines = STYLE.sub("", screen.getvalue()).splitlines()
    assert max(map(len, lines)) <= columns
    is_table = lines[0].startswith(("model  ", "when (UTC)  ")) and "artifact" in lines[0]
    assert is_table is (columns == 200)
    words = screen.getvalue()
    for word in ("regime_classifier", "regime_v1_prod", "regime_v2_staging", "alice", "sha256:b7bab1c1…"):
        assert word in words


@pytest.mark.parametrize(("variable", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_nothing_is_styled_for_who_wants_none(
    registry: ModelRegistry,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
    value: str,
) -> None:
    (tmp_path / "models.json").write_bytes(registry.to_bytes())
    screen = opened(monkeypatch, 200)
    line = ["status", "--registry-path", str(tmp_path / "models.json")]
    assert main(line) == 0
    assert "\x1b" in screen.getvalue()
    screen.seek(0)
    screen.truncate()
    monkeypatch.setenv(variable, value)
    assert main(line) == 0
    assert "\x1b" not in screen.getvalue()


@pytest.mark.parametrize("columns", WIDTHS)
@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_fits_and_its_example_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], columns: int, command: str
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    with pytest.raises(SystemExit):
        main([*filter(None, [command]), "--help"])
    shown, _, examples = capsys.readouterr().out.partition("\nexample:\n")
    assert [line for line in shown.splitlines() if len(line) > columns] == []
    rest = [line for line in examples.splitlines() if not line.startswith("  promotebot ")]
    assert [line for line in rest if len(line) > columns] == []


@pytest.mark.parametrize("columns", WIDTHS)
def test_findings_break_between_words_and_commands_stay_whole(
    alice: Person, monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    screen = opened(monkeypatch, columns)
    line = ["promote", "--stage", "active", "--artifact-dir", "ml/artifacts/regime_v2", "--git-sha", "0" * 40]
    assert main([*line, "--allow-dirty"]) == 1
    lines = screen.getvalue().splitlines()
    long = [one for one in lines if len(one) > columns and not one.lstrip().startswith(("Next: ", "Try again: "))]
    assert long == []
    assert any(one.startswith("Try again: promotebot promote ") for one in lines)
    assert any(one.startswith("error   git_sha.ancestor:") for one in lines)


WORDS = st.lists(
    st.text(st.characters(categories=("L", "N", "P"), exclude_characters="\u2028"), min_size=1, max_size=30), min_size=1
)


@given(words=WORDS, columns=st.integers(20, 200), sign=st.sampled_from(["", "  ", "error   ", "ok      "]))
def test_no_word_is_lost_or_broken_and_no_line_is_too_long(words: list[str], columns: int, sign: str) -> None:
    line = sign + " ".join(words)
    shown = fitted(line, columns)
    assert shown.split() == line.split()
    assert all(len(one) <= columns or len(one.split()) <= 2 for one in shown.split("\n"))


@given(words=WORDS, columns=st.integers(20, 200), start=st.sampled_from(["Next: ", "        Next: ", "Try again: "]))
def test_a_line_to_paste_is_left_as_it_is(words: list[str], columns: int, start: str) -> None:
    line = start + " ".join(words)
    assert fitted(f"{line}\n{line}", columns) == f"{line}\n{line}"


def test_a_misspelt_command_is_one_line_with_what_was_meant(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["stauts", "--stage", "active"]) == 2
    assert capsys.readouterr().err == (
        "error: promotebot: 'stauts' is no command\nNext: did you mean: promotebot status --stage active\n"
    )


@pytest.mark.parametrize("path", [f"{V2}/", f"./{V2}", f"./{V2}/"])
def test_a_path_as_a_shell_completes_it_is_the_path(
    alice: Person, capsys: pytest.CaptureFixture[str], path: str
) -> None:
    line = ["promote", "--stage", "staging", "--artifact-dir", path, "--allow-dirty", "--dry-run"]
    assert main(line) == 0, capsys.readouterr().err
    assert '"artifact_dir": "ml/artifacts/regime_v2"' in capsys.readouterr().out


def test_a_path_counts_from_where_the_shell_is_too_and_an_absolute_one_inside_is_that_path(
    alice: Person, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for place, path in (("ml", "artifacts/regime_v2/"), ("ml/artifacts", "regime_v2"), (".", f"{alice.clone}/{V2}/")):
        monkeypatch.chdir(alice.clone / place)
        line = ["promote", "--stage", "staging", "--artifact-dir", path, "--allow-dirty", "--dry-run"]
        assert main(line) == 0, capsys.readouterr().err
        assert '"artifact_dir": "ml/artifacts/regime_v2"' in capsys.readouterr().out
    assert main([*line[:4], f"{alice.clone}/ml/../{V2}", "--dry-run"]) == 1
    assert "Path traversal not allowed" in capsys.readouterr().err


@pytest.mark.parametrize("path", ["/", "./", "../ml", "/ml/artifacts/regime_v2/", "ml//artifacts"])
def test_other_paths_stay_refused(alice: Person, capsys: pytest.CaptureFixture[str], path: str) -> None:
    line = ["promote", "--stage", "staging", "--artifact-dir", path, "--allow-dirty", "--dry-run"]
    assert main(line) == 1
    assert "Next: " in capsys.readouterr().err
