"""The required commit status and the check run beside it: their names, states, and GitHub's limits for their texts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

GATE = "promotebot/gate"
"""The context of the required commit status."""
CHECK_NAME = "promotebot"
"""The check run with the report; nothing requires it."""
MAX_SUMMARY = 65_535
"""Bytes of a check run's summary, and of its text: https://docs.github.com/en/rest/checks/runs"""

MAX_ANNOTATIONS = 50
"""Remarks on lines that one request may carry: https://docs.github.com/en/rest/checks/runs#create-a-check-run"""

MAX_DESCRIPTION = 140
"""Characters of a commit status's description: https://docs.github.com/en/rest/commits/statuses"""

Conclusion = Literal["success", "failure", "action_required"]
"""Of a check run; action_required waits for people."""
State = Literal["success", "failure", "pending"]
"""Of a commit status; only success lets a branch rule merge."""
STATES: dict[Conclusion, State] = {"success": "success", "failure": "failure", "action_required": "pending"}
Level = Literal["failure", "warning"]
"""Of a remark on a line."""


@dataclass(frozen=True)
class Annotation:
    """A remark that GitHub shows at a line of a file, in the check run and in the pull request's files."""

    path: str
    line: int
    level: Level
    title: str
    message: str
