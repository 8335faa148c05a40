"""The directories that the pointers of a registry name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from promotebot.artifact.dataset import DEFAULT_DIR as DATASETS_DIR
from promotebot.registry.names import ModelName, Stage
from promotebot.registry.registry import ModelRegistry


def every_place(registry: ModelRegistry, names: Iterable[ModelName] | None = None) -> frozenset[str]:
    """Return every directory that a pointer names, and the datasets of what is ACTIVE; no model is parsed.

    Args:
        names: the models to look at; None for all.
    """
    places = set()
    for name in registry if names is None else names:
        held = {
            stage: pointer for stage, pointer in registry.raw_pointers(name).items() if isinstance(pointer, Mapping)
        }
        places |= {str(pointer.get("artifact_dir")) for pointer in held.values()}
        if Stage.ACTIVE in held:
            places.add(f"{DATASETS_DIR}/{held[Stage.ACTIVE].get('dataset_id')}")
    return frozenset(places)
