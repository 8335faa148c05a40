"""The JSON schemas of every file, generated from the models that read the files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import GenerateJsonSchema

from promotebot.artifact.bundle import Bundle
from promotebot.artifact.claims import EvidenceFile
from promotebot.artifact.dataset import DatasetManifest
from promotebot.artifact.manifest import Manifest
from promotebot.artifact.signature import Signature
from promotebot.cli.listings import ErrorDocument, HistoryDocument, StatusDocument
from promotebot.cli.outputs import (
    BundleOutput,
    CheckOutput,
    CompletionOutput,
    DeployedOutput,
    DescribeOutput,
    EvidenceOutput,
    FetchOutput,
    GateOutput,
    ImportOutput,
    InitOutput,
    ManifestOutput,
    PolicyCheckOutput,
    PolicyExplainOutput,
    RegistryOutput,
    RejectOutput,
    SchemasOutput,
)
from promotebot.doctor.report import DoctorReport
from promotebot.promotion.plan import PlanDocument
from promotebot.promotion.policy import Policy
from promotebot.registry.model import ModelEntry, Record, TimeField
from promotebot.registry.names import Timestamp
from promotebot.verification.report import VerifyReport

DIRECTORY = "schemas"
"""The directory of the schemas, from a repository's root."""


class RegistryFile(Record):
    """`ml/registry/models.json`: every model's stages and history, or the index of the split layout."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": ["models"]}, {"required": ["layout"]}]})

    schema_version: Literal["v1"]
    generated_at_utc: TimeField | None = None
    layout: Literal["split"] = Field(default="split", description="Each model is in models/<name>.json.")
    models: dict[str, ModelEntry] = Field(
        default={}, json_schema_extra={"propertyNames": {"pattern": "^[a-z0-9_]{1,128}$"}}
    )


MODELS: dict[str, type[BaseModel]] = {
    "registry": RegistryFile,
    "model": ModelEntry,
    "manifest": Manifest,
    "dataset": DatasetManifest,
    "evidence": EvidenceFile,
    "policy": Policy,
    "plan": PlanDocument,
    "report": VerifyReport,
    "doctor": DoctorReport,
    "signature": Signature,
    "bundle": Bundle,
    "status": StatusDocument,
    "history": HistoryDocument,
    "error": ErrorDocument,
    "gate_output": GateOutput,
    "check_output": CheckOutput,
    "fetch_output": FetchOutput,
    "bundle_output": BundleOutput,
    "deployed_output": DeployedOutput,
    "reject_output": RejectOutput,
    "manifest_output": ManifestOutput,
    "evidence_output": EvidenceOutput,
    "import_output": ImportOutput,
    "init_output": InitOutput,
    "policy_check_output": PolicyCheckOutput,
    "policy_explain_output": PolicyExplainOutput,
    "schemas_output": SchemasOutput,
    "completion_output": CompletionOutput,
    "registry_output": RegistryOutput,
    "describe_output": DescribeOutput,
}

DOCUMENTS: dict[str, tuple[str, ...]] = {
    "promote": ("plan",),
    "rollback": ("plan",),
    "demote": ("plan",),
    "reject": ("reject_output",),
    "history": ("history",),
    "show": ("status",),
    "status": ("status",),
    "verify": ("report",),
    "gate": ("gate_output",),
    "fetch": ("fetch_output",),
    "bundle": ("bundle", "bundle_output"),
    "deployed": ("deployed_output",),
    "check": ("check_output",),
    "manifest": ("manifest_output",),
    "evidence": ("evidence_output",),
    "import": ("import_output",),
    "init": ("init_output",),
    "doctor": ("doctor",),
    "policy": ("policy_check_output", "policy_explain_output"),
    "schemas": ("schemas_output",),
    "completion": ("completion_output",),
    "registry": ("registry_output", "import_output", "describe_output"),
}
"""Command → the schemas of what it prints with `--format json`; where it ends with an error, that is `error`."""


def generate() -> dict[str, dict[str, Any]]:
    """Return name → JSON Schema, keys sorted, so that the same models give the same bytes.

    Draft 2020-12: https://json-schema.org/draft/2020-12
    """
    return {
        name: {"$schema": GenerateJsonSchema.schema_dialect, **_sorted(model.model_json_schema(mode="validation"))}
        for name, model in MODELS.items()
    }


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    return [_sorted(item) for item in value] if isinstance(value, list) else value


def schema_reference(path: str, name: str) -> str:
    """Return the relative path from a file (its path from the root) to its schema, as editors follow it."""
    return os.path.relpath(f"{DIRECTORY}/{name}.schema.json", str(Path(path).parent))


def empty_registry(path: str, now: Timestamp) -> dict[str, Any]:
    """Return the document of a registry without models, for a path from the repository's root."""
    head = {"$schema": schema_reference(path, "registry"), "schema_version": "v1"}
    return {**head, "generated_at_utc": now, "models": {}}
