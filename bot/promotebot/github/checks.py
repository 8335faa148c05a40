"""The required check's name and limits, and what a job leaves for later steps: outputs and summary."""

from __future__ import annotations

from typing import Literal

CHECK_NAME = "promotebot/gate"
MAX_SUMMARY = 65_535

Conclusion = Literal["success", "failure", "action_required"]
"""Only success lets a branch rule merge; action_required waits for people."""
