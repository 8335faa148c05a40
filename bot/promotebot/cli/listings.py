"""The JSON that `status`, `show` and `history` print, and an error with `--format json`, as models for the schemas.

The commands write these documents without pydantic: a registry of ten thousand models would wait for it.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from promotebot.registry.metadata import Metadata
from promotebot.registry.model import Event, Pointer
from promotebot.registry.names import Stage


class HeldStage(BaseModel):
    """What one stage of one model holds; null for nothing."""

    model_config = ConfigDict(extra="forbid")

    model: str
    stage: Stage
    pointer: Pointer | None


class StatusDocument(BaseModel):
    """`promotebot status` and `show`: a row for each stage of each model."""

    model_config = ConfigDict(extra="forbid")

    schema_version: Literal["v1"]
    stages: tuple[HeldStage, ...]
    metadata: dict[str, Metadata] = {}
    """Of `show` and `status --verbose`: model → what is said of it, where anything is."""


class NamedEvent(Event):
    """An event with its model's name."""

    model: str


class HistoryDocument(BaseModel):
    """`promotebot history`: the events, each model's newest first."""

    model_config = ConfigDict(extra="forbid")

    schema_version: Literal["v1"]
    events: tuple[NamedEvent, ...]


class Problem(BaseModel):
    """What is wrong, where, and what to do next; the exit code is the program's own."""

    model_config = ConfigDict(extra="forbid")

    kind: str
    """The error's class, as docs/reason-codes.md lists them."""
    message: str
    where: str
    remedy: str
    exit_code: Literal[1, 2, 3, 4]


class ErrorDocument(BaseModel):
    """What a command with `--format json` prints where it ends with an error instead of its document."""

    model_config = ConfigDict(extra="forbid")

    schema_version: Literal["v1"]
    error: Problem
