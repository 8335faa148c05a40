"""Repositories that benchmarks make."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parents[1]
"""This repository's root."""


def committed(root: Path) -> None:
    """Commit all that is in a directory; make a repository of it where it is none."""
    # Large files are stored as they are, in one go: what git does with them is not measured.
    settings = ("core.autocrlf=false", "core.compression=0", "core.bigFileThreshold=1m")
    options = [word for setting in settings for word in ("-c", setting)]
    git(root, "init", "--quiet")
    git(root, "config", "gc.auto", "0")  # nothing is tidied up in the background while something is measured
    git(root, "config", "maintenance.auto", "false")
    git(root, "config", "user.name", "a")
    git(root, "config", "user.email", "a@example.com")
    git(root, *options, "add", "--all")
    git(root, *options, "commit", "--quiet", "--message", "chore: All")


def git(root: Path, *words: str) -> None:
    """Run git."""
    subprocess.run(["git", *words], cwd=root, check=True)


def promotebot(root: Path, *words: str) -> None:
    """Run a command of promotebot that has to succeed."""
    command = [sys.executable, "-I", "-m", "promotebot", *words]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"promotebot {' '.join(words)} ended with {done.returncode}: {done.stdout}{done.stderr}")
