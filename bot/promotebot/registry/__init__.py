"""The registry of models: `from promotebot.registry import ModelRegistry` (see docs/runbook.md).

Importing it loads no pydantic; the first registry that is read does. A service that only holds the name pays nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from promotebot.registry.names import Stage
from promotebot.registry.registry import ModelRegistry

if TYPE_CHECKING:
    from promotebot.registry.model import Action, Event, ModelEntry, Pointer, RequestRef, Source

__all__ = ["Action", "Event", "ModelEntry", "ModelRegistry", "Pointer", "RequestRef", "Source", "Stage"]


def __getattr__(name: str) -> Any:
    """Return a record's class, imported when it is first named: https://peps.python.org/pep-0562/"""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from promotebot.registry import model

    return getattr(model, name)
