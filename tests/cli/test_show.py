"""`status`, `show` and `history` on terminals of any width: no word is broken, and nothing is left out."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from promotebot.cli.main import main
from promotebot.registry import ModelRegistry
from tests.comments.plans import registry

__all__ = ["registry"]  # a fixture


class Terminal(io.StringIO):
    """A screen."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("command", ["status", "show", "history"])
@pytest.mark.parametrize("columns", [40, 60, 80, 119, 160])
def test_words_stay_whole_at_every_width(
    registry: ModelRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str, columns: int
) -> None:
    path = tmp_path / "models.json"
    path.write_bytes(registry.to_bytes())
    screen = Terminal()
    monkeypatch.setattr("sys.stdout", screen)
    monkeypatch.setenv("COLUMNS", str(columns))
    model = ["--model", "regime_classifier"] if command == "show" else []
    assert main([command, *model, "--registry-path", str(path)]) == 0
    shown = screen.getvalue()
    for word in ("regime_classifier", "regime_v1_prod", "regime_v2_staging", "alice", "sha256:b7bab1c1…"):
        assert word in shown, shown
    if columns < 120:
        assert "artifact" in shown
        assert "model" in shown
