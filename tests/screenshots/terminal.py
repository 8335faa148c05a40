"""What a terminal shows at three widths: help, tables and errors, drawn from what the program writes to a real one."""

from __future__ import annotations

import errno
import fcntl
import io
import os
import pty
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

from tests.demo.story import MODEL
from tests.fake_github.people import Person
from tests.screenshots.browser import Shot
from tests.screenshots.scene import AT, found, open_scene

WIDTHS = (60, 80, 120)
"""Columns."""
CHARACTER = 8.5
"""Pixels of a page for a column."""
V2 = "ml/artifacts/regime_v2"
SCREENS: dict[str, Sequence[str]] = {
    "help": ["--help"],
    "help-promote": ["promote", "--help"],
    "help-registry": ["registry", "--help"],
    "status": ["status"],
    "show": ["show", "--model", MODEL],
    "history": ["history"],
    "verify": ["verify"],
    "dry-run": ["promote", "--dry-run", "--stage", "staging", "--artifact-dir", V2],
    "explain": ["policy", "explain", "--model", MODEL, "--as", "alice"],
    "refused": ["promote", "--stage", "active", "--artifact-dir", V2, "--git-sha", "0" * 40],
    "misspelt": ["stauts", "--stage", "active"],
    "missing": ["rollback", "--model", MODEL],
    "unknown-model": ["show", "--model", "regime_clasifier"],
    "no-registry": ["status", "--registry-path", "nowhere.json"],
}
"""Name → what is typed."""
PAGE = """<!doctype html><meta charset="utf-8"><style>
:root {{ color-scheme: light dark }} body {{ margin: 16px; font: 14px "Liberation Mono", monospace }}
pre {{ margin: 0; width: {columns}ch; white-space: pre-wrap; word-break: break-all; font: inherit; line-height: 1.35;
outline: 1px dotted gray; outline-offset: 4px }}</style><pre>{shown}</pre>"""


def terminal_shots(scratch: Path, output: Path) -> Iterator[Shot]:
    """Yield a picture of each screen at each width."""
    (scratch / "scene").mkdir()
    with open_scene(found(scratch), scratch / "scene") as scene:
        alice = scene.person("alice")
        moment = scene.office.now.isoformat()
        scene.office.person("alice")
        for name, arguments in SCREENS.items():
            for columns in WIDTHS:
                shown = typed(alice, columns, moment, *arguments)
                page = scratch / f"terminal-{name}-{columns}.html"
                page.write_text(
                    render_screen(f"$ promotebot {' '.join(arguments)}\n{shown}", columns), encoding="utf-8"
                )
                width = round(columns * CHARACTER) + 40
                yield Shot("terminal", str(page), width, "light", 1.0, str(output / f"{page.stem}.png"))


def typed(person: Person, columns: int, moment: str, *arguments: str) -> str:
    """Run the program in a clone, in a terminal of so many columns, and return what it shows."""
    screen, there = pty.openpty()
    fcntl.ioctl(there, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    environment = {**person.environment, "TERM": "xterm-256color", "ML_PROMOTION_ACTOR": "alice@example.com"}
    environment = {name: value for name, value in environment.items() if name not in ("COLUMNS", "NO_COLOR")}
    command = [sys.executable, "-I", "-c", AT, moment, *arguments]
    with subprocess.Popen(command, cwd=person.clone, env=environment, stdin=there, stdout=there, stderr=there):
        os.close(there)
        shown = b"".join(iter(lambda: _read(screen), b""))
    os.close(screen)
    return shown.decode("utf-8").replace("\r\n", "\n")


def _read(screen: int) -> bytes:
    try:
        return os.read(screen, 65536)
    except OSError as ended:  # how Linux tells that nobody writes any more
        if ended.errno != errno.EIO:
            raise
        return b""


def render_screen(shown: str, columns: int) -> str:
    """Return the page of a screen: its colours, and lines that go on below where they are too long, as a terminal's."""
    console = Console(record=True, file=io.StringIO(), width=columns, force_terminal=True, color_system="truecolor")
    console.print(Text.from_ansi(shown.rstrip()), soft_wrap=True)
    return PAGE.format(columns=columns, shown=console.export_html(inline_styles=True, code_format="{code}"))
