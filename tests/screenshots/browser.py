"""The browser: Chromium, driven by Node.js with pinned packages, none of which the tests need."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from promotebot.errors import CouldNotVerify, PromotebotError

HERE = Path(__file__).parent
CHROMIUMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


class ToolMissing(PromotebotError):
    """A program that is not on this machine."""

    exit_code = 2


@dataclass(frozen=True)
class Shot:
    """One page in one width and theme, and where its picture goes."""

    name: str
    path: str
    width: int = 912
    theme: str = "light"
    scale: float = 1.5
    """Pixels of the picture for each pixel of the page."""
    png: str | None = None
    """None draws the page and takes no picture."""
    compress: bool = False
    only: str = ""
    """A selector: the picture is of these elements alone."""
    sources: Sequence[str] | None = None
    """Drawings to make in place of those on the page."""


@dataclass(frozen=True)
class Browser:
    """Takes pictures with what `tools` holds: node_modules, as the lock names them."""

    tools: Path
    chromium: str
    node: str

    @classmethod
    def prepared(cls, tools: Path) -> Browser:
        """Install the packages where the lock changed. Raises ToolMissing with what to install."""
        chromium = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, CHROMIUMS)), None)
        node, npm = shutil.which("node"), shutil.which("npm")
        if chromium is None:
            raise ToolMissing(
                "there is no Chromium",
                remedy="apt-get install chromium fonts-liberation fonts-noto-color-emoji, or set CHROMIUM",
            )
        if node is None or npm is None:
            raise ToolMissing("there is no Node.js with npm", remedy="install Node.js 18 or newer, with npm")
        lock, installed = HERE / "package-lock.json", tools / "installed.json"
        if not installed.exists() or installed.read_bytes() != lock.read_bytes():
            tools.mkdir(parents=True, exist_ok=True)
            for name in ("package.json", "package-lock.json"):
                shutil.copy(HERE / name, tools / name)
            command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
            if subprocess.run(command, cwd=tools, check=False).returncode:
                raise CouldNotVerify(
                    "npm could not install the packages", where=str(tools), remedy="see its message above"
                )
            shutil.copy(lock, installed)
        return cls(tools.resolve(), chromium, node)

    @property
    def styles(self) -> str:
        """GitHub's style sheet for Markdown."""
        return (self.tools / "node_modules/github-markdown-css/github-markdown.css").read_text(encoding="utf-8")

    def take(self, shots: Sequence[Shot], scratch: Path) -> list[dict[str, Any]]:
        """Take the pictures, and return what each drawing became. Raises CouldNotVerify where one could not be made."""
        job = scratch / "job.json"
        job.write_text(json.dumps({"chromium": self.chromium, "shots": [asdict(shot) for shot in shots]}))
        command = [self.node, str(HERE / "shoot.mjs"), str(self.tools), str(job)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        results: list[dict[str, Any]] = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        problems = [f"{result['shot']}: {result['error']}" for result in results if "error" in result]
        if done.returncode or problems:
            seen = "; ".join(problems) or done.stderr.strip()[-2000:]
            raise CouldNotVerify(f"the browser could not draw everything: {seen}", remedy="see the message")
        return results
