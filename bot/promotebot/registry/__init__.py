"""The registry of models: `from promotebot.registry import ModelRegistry` (see docs/runbook.md).

Importing it loads nothing; each name loads its module when it is first used, and the first registry that is read loads
pydantic. A service that only holds the name pays nothing.
"""

from __future__ import annotations

from importlib import import_module

TYPE_CHECKING = False
if TYPE_CHECKING:  # type checkers read this as true, whatever is assigned
    from promotebot.registry.model import Action, Event, ModelEntry, Pointer, RequestRef, Source
    from promotebot.registry.names import Stage
    from promotebot.registry.registry import ModelRegistry

__all__ = ["Action", "Event", "ModelEntry", "ModelRegistry", "Pointer", "RequestRef", "Source", "Stage"]


def __getattr__(name: str) -> object:
    """Return a public name, imported when it is first used: https://peps.python.org/pep-0562/"""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = {"ModelRegistry": "registry", "Stage": "names"}.get(name, "model")
    return getattr(import_module(f"{__name__}.{module}"), name)
