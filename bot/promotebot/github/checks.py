"""The required check: its name, its conclusions, and GitHub's limit for its texts."""

from __future__ import annotations

from typing import Literal

CHECK_NAME = "promotebot/gate"
MAX_SUMMARY = 65_535
"""Bytes of a check run's summary, and of its text: https://docs.github.com/en/rest/checks/runs"""

Conclusion = Literal["success", "failure", "action_required"]
"""Only success lets a branch rule merge; action_required waits for people."""
