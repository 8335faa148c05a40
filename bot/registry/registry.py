"""ModelRegistry: the whole of `models.json` as one immutable value that keeps every byte of meaning."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from bot.errors import InvalidInput
from bot.registry.chain import sealed
from bot.registry.codec import parse_json, stored_json
from bot.registry.model import Event, ModelEntry, Pointer, read_record
from bot.registry.names import ModelName, Stage, parse_model_name, parse_stage, parse_timestamp

SCHEMA_VERSIONS = ("v1",)
DEFAULT_PATH = "ml/registry/models.json"


class ModelRegistry:
    """A registry as read from one file. The document is kept as it was, so that unknown keys survive."""

    def __init__(self, document: Mapping[str, Any], *, where: str = DEFAULT_PATH) -> None:
        self.document = document
        self.where = where

    @classmethod
    def parse(cls, data: bytes, *, where: str = DEFAULT_PATH) -> ModelRegistry:
        """Read and check a registry's bytes.

        Raises:
            InvalidInput: naming the JSON path of everything that is wrong.
        """
        document = parse_json(data, where=where)
        if not isinstance(document, dict):
            raise InvalidInput(
                f"the top level is a {type(document).__name__}; expected an object with schema_version and models",
                where=where,
            )
        _check_head(document, where)
        registry = cls(document, where=where)
        _ = registry.entries
        return registry

    @classmethod
    def load(cls, path: str | Path) -> ModelRegistry:
        """Read a registry from a file (runbook, post-promotion verification).

        Raises:
            InvalidInput: when the file is not there or is not a registry.
        """
        from bot.registry.store import read_registry_bytes  # the only I/O, loaded where used

        return cls.parse(read_registry_bytes(Path(path)), where=str(path))

    @cached_property
    def entries(self) -> Mapping[ModelName, ModelEntry]:
        """Every model, in the file's order."""
        return {
            parse_model_name(name): read_record(ModelEntry, value, where=self.where, path=f"$.models.{name}")
            for name, value in self.document["models"].items()
        }

    def __iter__(self) -> Iterator[ModelName]:
        return iter(self.entries)

    def __contains__(self, name: object) -> bool:
        return name in self.entries

    def entry(self, name: str) -> ModelEntry | None:
        return self.entries.get(ModelName(name))

    def raw_entry(self, name: str) -> Mapping[str, Any]:
        """One model as stored: what digests are taken over. Empty for a model that is not there."""
        entry: Mapping[str, Any] = self.document["models"].get(name, {})
        return entry

    def raw_history(self, name: str) -> list[dict[str, Any]]:
        return list(self.raw_entry(name).get("history", []))

    def get_stage_pointer(self, name: str, stage: str | Stage) -> Pointer | None:
        """What a stage holds, or None. Takes the stage as a string or a Stage.

        Raises:
            InvalidInput: for a stage or a model that does not exist.
        """
        entry = self.entry(name)
        if entry is None:
            known = ", ".join(self.entries) or "none"
            raise InvalidInput(f"unknown model {name!r}", where=self.where, remedy=f"known models: {known}")
        return entry.pointer(parse_stage(stage) if not isinstance(stage, Stage) else stage)

    @property
    def history(self) -> Mapping[str, tuple[Event, ...]]:
        """Each model's events, newest first."""
        return {name: entry.history for name, entry in self.entries.items()}

    def with_event(
        self, name: ModelName, event: Mapping[str, Any], pointer: Mapping[str, Any] | None, stage: Stage
    ) -> ModelRegistry:
        """This registry after one event: the stage set, the event on top, the chain sealed over all of it."""
        entry = {"shadow": None, "staging": None, "active": None, **self.raw_entry(name)}
        history, digest = sealed([event, *entry.pop("history", [])])
        entry.pop("history_digest", None)
        entry[stage.value] = pointer
        models = {**self.document["models"], name: {**entry, "history": history, "history_digest": digest}}
        return ModelRegistry({**self.document, "models": models}, where=self.where)

    def to_bytes(self) -> bytes:
        return stored_json(self.document)


def _check_head(document: Mapping[str, Any], where: str) -> None:
    version = document.get("schema_version")
    if version not in SCHEMA_VERSIONS:
        raise InvalidInput(
            f"$.schema_version is {version!r}; this promotebot reads {', '.join(SCHEMA_VERSIONS)}",
            where=where,
            remedy="update promotebot if a newer one wrote this file",
        )
    if not isinstance(document.get("models"), dict):
        raise InvalidInput("$.models is missing or not an object", where=where)
    generated = document.get("generated_at_utc")
    if generated is not None:
        if not isinstance(generated, str):
            raise InvalidInput("$.generated_at_utc is not a string", where=where)
        parse_timestamp(generated)
