"""What a job leaves behind: outputs, the step summary, and log lines no runner takes for a command."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from pathlib import Path

from promotebot.text import cut

MAX_STEP_SUMMARY = 1024 * 1024


def write_outputs(path: Path, outputs: Mapping[str, str]) -> None:
    """Append to GITHUB_OUTPUT, each value behind a random delimiter that no value can contain on purpose.

    https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands#multiline-strings
    """
    lines = []
    for name, value in outputs.items():
        delimiter = f"end_{secrets.token_hex(16)}"
        lines.append(f"{name}<<{delimiter}\n{value}\n{delimiter}\n")
    with path.open("a", encoding="utf-8") as file:
        file.write("".join(lines))


def write_summary(path: Path, markdown: str) -> None:
    """Append to GITHUB_STEP_SUMMARY, as many whole lines as fit: over one MiB, GitHub shows none of a step's.

    https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands#step-isolation-and-limits
    """
    used = path.stat().st_size if path.exists() else 0
    with path.open("a", encoding="utf-8") as file:
        file.write(cut(markdown, max(0, MAX_STEP_SUMMARY - used - 1)) + "\n")


def log_safe(text: str) -> str:
    """Return a log line that no runner takes for a workflow command.

    https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
    """
    return re.sub(r":(?=:)|#(?=#\[)", "\\g<0>\u200b", text.replace("\r", " "))
