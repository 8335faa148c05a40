"""The required check's name and limits, and what a job leaves for later steps: outputs and summary."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

CHECK_NAME = "promotebot/gate"
MAX_SUMMARY = 65_535
MAX_STEP_SUMMARY = 1_000_000

Conclusion = Literal["success", "failure"]


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
    """Append to GITHUB_STEP_SUMMARY, which holds one MiB."""
    with path.open("a", encoding="utf-8") as file:
        file.write(markdown[:MAX_STEP_SUMMARY] + "\n")


def log_safe(text: str) -> str:
    """A log line no runner takes for a workflow command.

    https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
    """
    return text.replace("\r", " ").replace("::", ":\u200b:").replace("##[", "#\u200b#[")
