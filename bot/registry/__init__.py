"""The registry of models: `from bot.registry import ModelRegistry` (runbook)."""

from __future__ import annotations

from bot.registry.model import Action, Event, ModelEntry, Pointer, RequestRef, Source
from bot.registry.names import Stage
from bot.registry.registry import ModelRegistry

__all__ = ["Action", "Event", "ModelEntry", "ModelRegistry", "Pointer", "RequestRef", "Source", "Stage"]
