"""Conversion between layouts: the same models, events and unknown keys, in other files.

See docs/architecture.md, Scale.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from promotebot.registry.codec import stored_json
from promotebot.registry.names import Timestamp
from promotebot.registry.registry import Layout, ModelRegistry
from promotebot.registry.split_layout import model_file


def split_files(registry: ModelRegistry, now: Timestamp) -> tuple[bytes, Mapping[str, bytes]]:
    """Return the index's bytes, and each model's file by its path."""
    # Keys keep their places, so that the diff shows the conversion and nothing else.
    document: dict[str, Any] = {}
    for key, value in registry.document.items():
        if key == "models":
            document["layout"] = Layout.SPLIT.value
        else:
            document[key] = now if key == "generated_at_utc" else value
    files = {model_file(registry.where, name): stored_json(entry) for name, entry in registry.models.items()}
    return stored_json(document), files


def joined_bytes(registry: ModelRegistry, now: Timestamp) -> bytes:
    """Return the bytes of one file that holds everything."""
    document: dict[str, Any] = {}
    for key, value in registry.document.items():
        if key == "layout":
            document["models"] = dict(registry.models.items())
        else:
            document[key] = now if key == "generated_at_utc" else value
    return stored_json(document)
