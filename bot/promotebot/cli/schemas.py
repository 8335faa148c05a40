"""The JSON schemas, generated from the models that read the files."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import GenerateJsonSchema

from promotebot.artifact.dataset import DatasetManifest
from promotebot.artifact.manifest import Manifest
from promotebot.errors import InvalidInput
from promotebot.files import write_file
from promotebot.promotion.plan import PlanDocument
from promotebot.promotion.policy import Policy
from promotebot.registry.codec import stored_json
from promotebot.registry.model import ModelEntry, Record, TimeField
from promotebot.verification.report import VerifyReport


class RegistryFile(Record):
    """`ml/registry/models.json`: every model's stages and history, or the index of the split layout."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": ["models"]}, {"required": ["layout"]}]})

    schema_version: Literal["v1"]
    generated_at_utc: TimeField | None = None
    layout: Literal["split"] = Field(default="split", description="Each model stands in models/<name>.json.")
    models: dict[str, ModelEntry] = Field(
        default={}, json_schema_extra={"propertyNames": {"pattern": "^[a-z0-9_]{1,128}$"}}
    )


MODELS: dict[str, type[BaseModel]] = {
    "registry": RegistryFile,
    "model": ModelEntry,
    "manifest": Manifest,
    "dataset": DatasetManifest,
    "policy": Policy,
    "plan": PlanDocument,
    "report": VerifyReport,
}


def generate() -> dict[str, dict[str, Any]]:
    """Name → JSON Schema (draft 2020-12), keys sorted, so that the same models give the same bytes."""
    return {
        name: {"$schema": GenerateJsonSchema.schema_dialect, **_sorted(model.model_json_schema(mode="validation"))}
        for name, model in MODELS.items()
    }


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    return [_sorted(item) for item in value] if isinstance(value, list) else value


SCHEMAS = "schemas"


def schema_reference(path: str, name: str) -> str:
    """The way from a file to its schema, as editors follow it."""
    return os.path.relpath(f"{SCHEMAS}/{name}.schema.json", str(Path(path).parent))


def schemas(options: argparse.Namespace) -> int:
    """`promotebot schemas`: write the JSON schemas, or with --check compare them with what stands there."""

    stale: list[str] = []
    for name, schema in generate().items():
        path, data = options.directory / f"{name}.schema.json", stored_json(schema)
        if not options.check:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_file(path, data)
            sys.stdout.write(f"wrote {path}\n")
        elif not path.is_file() or path.read_bytes() != data:
            stale.append(str(path))
    if stale:
        raise InvalidInput(
            f"not what the models say: {', '.join(stale)}", remedy=f"promotebot schemas {options.directory}"
        )
    return 0
