"""The required commit status and the check run beside it: their names, states, and GitHub's limits for their texts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

GATE = "promotebot/gate"
"""The context of the required commit status, for pull requests into the default branch."""
CHECK_NAME = "promotebot"
"""The check run with the report; nothing requires it."""
MAX_SUMMARY = 65_535
"""Bytes of a check run's summary, and of its text: https://docs.github.com/en/rest/checks/runs"""

MAX_ANNOTATIONS = 50
"""Remarks on lines that one request may carry: https://docs.github.com/en/rest/checks/runs#create-a-check-run"""

MAX_DESCRIPTION = 140
"""Characters of a commit status's description: https://docs.github.com/en/rest/commits/statuses"""


def other_base(base_ref: str, default_branch: str) -> str:
    """Return the name of a base that is not the default branch; empty for the default branch."""
    return "" if base_ref == default_branch else base_ref


def context_for(context: str, base: str) -> str:
    """Return a status's context as it is for one base, named where it is not the default branch.

    A status belongs to a commit, and a commit may be the head of pull requests into several branches.
    """
    return f"{context} ({base})" if base else context


def gate_context(base_ref: str, default_branch: str) -> str:
    """Return the context of the required status on a pull request into a branch: each has its own."""
    return context_for(GATE, other_base(base_ref, default_branch))


def is_gate(context: str) -> bool:
    """Return whether a status is the required one of any branch."""
    return context == GATE or context.startswith(f"{GATE} (")


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
