"""The words by which other tools name stages: what has one as a key may say what is in production."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from promotebot.registry.names import Stage

STAGES: Mapping[str, Stage] = {
    **dict.fromkeys(("active", "production", "prod", "live", "champion"), Stage.ACTIVE),
    **dict.fromkeys(("staging", "stage", "stg", "challenger"), Stage.STAGING),
    "shadow": Stage.SHADOW,
}
"""What is read without asking."""
NO_STAGE = frozenset({"none", "archived", "retired", "deprecated", "null", ""})
"""What says that a version is in no stage."""
UNCLEAR = frozenset(
    {
        *("canary", "candidate", "baseline", "blue", "green", "current", "default", "deployed", "dev", "development"),
        *("experiment", "latest", "previous", "preprod", "pre_production", "qa", "release", "rollback", "serving"),
        *("test", "testing", "uat", "beta", "alpha", "stable", "active_model", "production_model", "prod_model"),
        *("staging_model", "shadow_model", "active_version", "production_version", "staging_version"),
    }
)
"""What may name a stage; only a person knows which."""
POINTER_KEYS = ("artifact_dir", "artifact_path", "artifact_uri", "model_uri", "model_path")
"""Keys that only a pointer has, whatever it is called."""
TABLES = ("stages", "aliases", "pointers", "deployments")
"""Keys of tables from stages to what they hold."""


def plain(word: str) -> str:
    """Return a word as the tables above have it."""
    return word.strip().casefold().replace("-", "_").replace(" ", "_")


def looks_like_stage(key: str) -> bool:
    """Return whether a key may name a stage."""
    return plain(key) in STAGES or plain(key) in UNCLEAR


OWN = frozenset(stage.value for stage in Stage)
"""The keys of a model's entry that promotebot reads."""


def stage_like_keys(entry: Mapping[str, Any], own: frozenset[str] = OWN) -> list[str]:
    """Return the keys that look like a stage, and are none that promotebot reads there."""
    others = ((key, value) for key, value in entry.items() if key not in own and value not in (None, "", [], {}))
    return [key for key, value in others if looks_like_stage(key) or key in TABLES or is_pointer(value)]


def is_pointer(value: object) -> bool:
    """Return whether a value has the form of what a stage holds."""
    return isinstance(value, Mapping) and any(key in value for key in POINTER_KEYS)
