"""The demo keeps its promises, and stops when one is broken."""

from __future__ import annotations

from pathlib import Path

import pytest

from promotebot.errors import InvalidInput
from tests.demo.__main__ import main
from tests.demo.page import Shown, render_page
from tests.demo.story import BrokenPromise, expect, readable, run_demo

pytestmark = pytest.mark.thorough

ROOT = Path(__file__).resolve().parents[2]


def test_the_whole_story_runs_and_writes_the_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_demo(ROOT, tmp_path / "page" / "demo.html") == 0
    out = capsys.readouterr().out
    assert "All promises kept" in out
    assert "verified: ml/registry/models.json" in out
    page = (tmp_path / "page" / "demo.html").read_text()
    assert page.count("<section>") == 7
    assert page.count("refused, nothing was committed") + page.count("Refused, nothing was committed") == 3
    assert "<script" not in page


def test_a_broken_promise_ends_the_demo_with_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object) -> None:
        expect(False, "pigs fly", "none did")

    monkeypatch.setattr("tests.demo.story.Story.tell", broken)
    assert main(["--source", str(ROOT), "--output", str(tmp_path / "demo.html")]) == 1
    assert "promised that pigs fly" in capsys.readouterr().err
    assert not (tmp_path / "demo.html").exists()


def test_a_source_without_the_sample_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"ml/train\.py is not there"):
        run_demo(tmp_path, tmp_path / "x.html")


def test_expect_lets_kept_promises_pass() -> None:
    expect(True, "water is wet")
    with pytest.raises(BrokenPromise):
        expect("", "something is said")


def test_a_comment_in_a_terminal_is_open_and_without_markers() -> None:
    assert readable("<!-- x -->\n<details><summary>All</summary>\n\nbody</details>") == "**All**\n\nbody"


def test_titles_on_the_page_are_words() -> None:
    page = render_page([Shown("<b>", 1, "<script>alert(1)</script>", "body")])
    assert "<script" not in page
    assert "&lt;b&gt;" in page
