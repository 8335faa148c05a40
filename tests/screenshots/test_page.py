"""The pages show what GitHub would show of a comment, and nothing in a comment can act in them."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from promotebot.cli.parser import COMMANDS
from promotebot.comments.markdown import details, fence, table
from tests.screenshots.__main__ import SHOWN, SIZES, THEMES
from tests.screenshots.browser import HERE, Browser, ToolMissing
from tests.screenshots.page import render_markdown, render_page, sanitize
from tests.screenshots.scene import Situation
from tests.screenshots.terminal import SCREENS, render_screen

pytestmark = pytest.mark.thorough

DRAWING = details("Stages", fence('flowchart LR\n  a["x"]', "mermaid"))


def test_tables_folds_and_code_are_kept() -> None:
    shown = render_markdown(f"{table(('a', 'b'), [('`x`', 'y')])}\n\n{details('Every <rule>', 'z')}", is_comment=True)
    assert "<th>a</th>" in shown
    assert "<td><code>x</code></td>" in shown
    assert "<details><summary>Every &lt;rule&gt;</summary>" in shown


def test_a_line_feed_ends_the_line_in_comments_only() -> None:
    assert "<br>" in render_markdown("a\nb", is_comment=True)
    assert "<br>" not in render_markdown("a\nb", is_comment=False)


@pytest.mark.parametrize(
    ("markup", "safe"),
    [
        ("<script>alert(1)</script>", "alert(1)"),
        ('<img src=x onerror="alert(1)">', ""),
        ('<a href="javascript:alert(1)" onclick="x">y</a>', "<a>y</a>"),
        ('<a href="https://a.test/?x=1&amp;y=2">y</a>', '<a href="https://a.test/?x=1&amp;y=2">y</a>'),
        ('<p style="color: red" class="x">y</p>', "<p>y</p>"),
        ("<!-- promotebot:x -->y", "y"),
        ("a &lt;b&gt; &amp;amp;", "a &lt;b&gt; &amp;amp;"),
        ("<hr/>", "<hr>"),
    ],
)
def test_what_could_act_is_left_out(markup: str, safe: str) -> None:
    assert sanitize(markup) == safe


def test_a_page_shows_who_asked_and_every_answer() -> None:
    page = render_page(Situation("x", "comment", "alice: /promote active", ["### One", "### Two"]), "")
    assert (
        page.index("<b>alice</b>")
        < page.index("/promote active</p>")
        < page.index("<h3>One</h3>")
        < page.index("<h3>Two")
    )


def test_only_folds_with_a_drawing_are_opened() -> None:
    situation = Situation("x", "comment", "", [f"{details('Rules', 'y')}\n\n{DRAWING}\n\n{details('History', 'z')}"])
    page = render_page(situation, "", unfolded=True)
    assert page.count("<details open><summary>Stages") == page.count("<details open>") == 1
    assert 'class="language-mermaid"' in page
    assert "<details open>" not in render_page(situation, "")


def test_a_terminal_breaks_lines_at_its_width_and_shows_every_character() -> None:
    page = render_page(Situation("x", "terminal", "promotebot verify", ["a" * 81 + "\n\n<b>"]), "")
    assert f"{'a' * 80}\na\n\n&lt;b&gt;</pre>" in page


@pytest.mark.parametrize(
    ("there", "missing"), [((), "Chromium"), (("chromium",), "Node.js"), (("chromium", "node"), "npm")]
)
def test_a_missing_program_is_named_with_what_to_install(
    tmp_path: Path, there: tuple[str, ...], missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for program in there:
        (tmp_path / program).write_text("#!/bin/sh\n")
        (tmp_path / program).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CHROMIUM", raising=False)
    with pytest.raises(ToolMissing, match=missing) as problem:
        Browser.prepared(tmp_path / "tools")
    assert "install" in (problem.value.remedy or "")
    assert not (tmp_path / "tools").exists()


@pytest.mark.parametrize("module", ["tests.screenshots", "tests.screenshots.drawings"])
def test_the_target_fails_with_a_sentence_where_a_program_is_missing(module: str, tmp_path: Path) -> None:
    (tmp_path / "git").symlink_to(shutil.which("git") or "git")  # without it, the product itself is not imported
    environment = {name: value for name, value in os.environ.items() if name != "CHROMIUM"} | {"PATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-m", module, "--tools", str(tmp_path / "tools")],
        cwd=HERE.parents[1],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "there is no Chromium" in done.stderr
    assert "Traceback" not in done.stderr


def test_every_package_is_pinned_and_its_bytes_are_known() -> None:
    wanted = json.loads((HERE / "package.json").read_text())["dependencies"]
    packages = json.loads((HERE / "package-lock.json").read_text())["packages"]
    assert {name: packages[f"node_modules/{name}"]["version"] for name in wanted} == wanted
    named = {path: package for path, package in packages.items() if path}
    assert [path for path, package in named.items() if not package.get("integrity", "").startswith("sha512-")] == []
    assert [path for path, package in named.items() if "resolved" in package] == []


def test_the_documents_show_the_pictures_that_are_drawn_for_them_and_these_are_small() -> None:
    pictures = {path.stem: path.read_bytes() for path in (HERE.parents[1] / "docs/screenshots").iterdir()}
    assert pictures.keys() == SHOWN.keys()
    assert [name for name, data in pictures.items() if not data.startswith(b"\x89PNG") or len(data) > 150_000] == []
    shown = re.findall(r"\]\(screenshots/([a-z-]+)\.png\)", (HERE.parents[1] / "docs/screenshots.md").read_text())
    assert sorted(shown) == sorted(pictures)
    assert set(SHOWN.values()) == {f"{size}-{theme}" for size in SIZES for theme in THEMES}


def test_a_screen_keeps_styles_and_shows_markup_as_it_is() -> None:
    page = render_screen("\x1b[1mmodel\x1b[0m <b>x</b>", 60)
    assert "font-weight: bold" in page
    assert "&lt;b&gt;x" in page
    assert "width: 60ch" in page


def test_every_screen_is_of_a_command() -> None:
    commands = {arguments[0] for arguments in SCREENS.values()} - {"--help", "stauts"}
    assert commands <= COMMANDS.keys()
