"""promotebot: the pull request is the only way a model reaches a stage.

`promotebot.load(model, stage)` is what a service calls; `ModelRegistry` and `load_artifact` are for programs that look
at the parts. Each is loaded when it is first named, so that importing the package loads no other module, not even
`typing`.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:  # type checkers read this as true, whatever is assigned
    from promotebot.artifact import load_artifact
    from promotebot.artifact.loading import load
    from promotebot.registry import ModelRegistry

__version__ = "0.1.0"
__all__ = ["ModelRegistry", "load", "load_artifact"]


def __getattr__(name: str) -> object:
    """Load a public name when it is first used: https://peps.python.org/pep-0562/"""
    if name == "load_artifact":
        from promotebot.artifact import load_artifact

        return load_artifact
    if name == "load":
        from promotebot.artifact.loading import load

        return load
    if name == "ModelRegistry":
        from promotebot.registry import ModelRegistry

        return ModelRegistry
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
