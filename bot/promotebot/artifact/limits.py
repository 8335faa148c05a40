"""Limits on the cost of examining an artifact, as a part of the policy.

Those of the child process that opens a model are applied in `promotebot.artifact.child_limits`.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

GIB = 1024**3


class Limits(BaseModel):
    """Bytes, counts and seconds; every one can be lowered or raised by the policy's `limits`."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    # Defaults that fit a standard runner of GitHub: https://docs.github.com/en/actions/reference/runners/github-hosted-runners
    file_bytes: int = Field(default=2 * GIB, gt=0)
    artifact_bytes: int = Field(default=4 * GIB, gt=0)
    files: int = Field(default=1000, gt=0)
    open_seconds: int = Field(default=60, gt=0)
    open_memory_bytes: int = Field(default=4 * GIB, gt=0)
    """Address space of the process that opens the model."""
    walls: Literal["required", "available"] = "available"
    """Whether a model is refused where a wall around that process cannot be raised, or opened with a warning."""
