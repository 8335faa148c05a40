"""SECURITY.md names a test for every promise it makes, and every one of them is there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
PROMISES = ("attack", "promise", "what fails")


def defined() -> set[str]:
    sources = (path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    return {name for source in sources for name in re.findall(r"^\s*def (test_\w+)\(", source, re.MULTILINE)}


def test_every_test_that_is_named_exists() -> None:
    named = set(re.findall(r"`(test_\w+)`", TEXT))
    assert len(named) > 60
    assert named - defined() == set()


def test_every_promise_names_a_test() -> None:
    tables = re.split(r"\n\n", TEXT)
    rows = [
        row
        for table in tables
        if table.startswith(tuple(f"| {head} |" for head in PROMISES))
        for row in table.splitlines()[2:]
    ]
    assert len(rows) > 50
    assert [row for row in rows if "`test_" not in row] == []
