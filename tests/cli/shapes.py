"""Registries of ten teams, as tools and people write them: each has regime_v1 in production and regime_v2 in shadow."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

V1, V2 = "ml/artifacts/regime_v1", "ml/artifacts/regime_v2"
NAME = "regime_classifier"


def _json(path: str, document: Any) -> Callable[[Path], str]:
    def write(root: Path) -> str:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(json.dumps(document, indent=1))
        return path

    return write


def _text(path: str, text: str) -> Callable[[Path], str]:
    def write(root: Path) -> str:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
        return path

    return write


OLDER = {  # the registry's own place, by an older script: a list of models, fractions, +00:00, history
    "schema_version": "1.0",
    "generated_at": "2026-01-05T10:11:12.131415+00:00",
    "models": [
        {
            "name": NAME,
            "production": {
                "artifact_dir": V1,
                "artifact_id": "regime_v1_prod",
                "promoted_at_utc": "2026-01-05T10:11:12.131415+00:00",
                "metrics": {"accuracy": 0.9312, "loss": 1e-7},
            },
            "shadow": {"artifact_dir": V2, "promoted_at_utc": "2026-01-06T00:00:00+01:00"},
            "staging": None,
            "history": [{"ts": "2026-01-05T10:11:12", "event": "promoted"}],
        }
    ],
}

VERSIONS = [
    {
        "version": "1",
        "current_stage": "Production",
        "source": f"file://ROOT/{V1}",
        "last_updated_timestamp": 1767607872131,
    },
    {"version": "2", "current_stage": "Shadow", "source": V2, "run_id": "abc"},
    {"version": "3", "current_stage": "Archived", "source": "s3://bucket/old"},
]


def _mlflow_export(root: Path) -> str:
    document = {"registered_models": [{"name": NAME, "latest_versions": VERSIONS, "creation_timestamp": 1767607872131}]}
    (root / "export.json").write_text(json.dumps(document).replace("ROOT", str(root)))
    return "export.json"


def _mlflow_files(root: Path) -> str:
    model = root / "mlruns" / "models" / NAME
    for number, directory in (("1", V1), ("2", V2)):
        version = model / f"version-{number}"
        version.mkdir(parents=True)
        (version / "meta.yaml").write_text(
            f"name: {NAME}\nversion: {number}\ncurrent_stage: None\nrun_id: run{number}\nsource: {directory}\n"
            "last_updated_timestamp: 1767607872131\nuser_id: bob\nstatus: READY\n"
        )
        tags = root / "mlruns" / "0" / f"run{number}" / "tags"
        tags.mkdir(parents=True)
    (model / "meta.yaml").write_text(f"name: {NAME}\n")
    (model / "aliases").mkdir()
    (model / "aliases" / "champion").write_text("1")
    (model / "aliases" / "shadow").write_text("2")
    return "mlruns"


def _mlflow_database(root: Path) -> str:
    with closing(sqlite3.connect(root / "mlflow.db")) as connection, connection:
        connection.executescript(
            """
            CREATE TABLE registered_models (name TEXT, creation_time INTEGER);
            CREATE TABLE model_versions (name TEXT, version INTEGER, creation_time INTEGER, last_updated_time INTEGER,
              user_id TEXT, current_stage TEXT, source TEXT, run_id TEXT, status TEXT);
            CREATE TABLE registered_model_aliases (alias TEXT, version INTEGER, name TEXT);
            CREATE TABLE tags (key TEXT, value TEXT, run_uuid TEXT);
            """
        )
        connection.execute("INSERT INTO registered_models VALUES (?, 1)", (NAME,))
        for number, stage, place in ((1, "Production", V1), (2, "None", V2)):
            row = (NAME, number, 1767607872131, 1767607872131, "bob", stage, place, f"run{number}", "READY")
            connection.execute("INSERT INTO model_versions VALUES (?,?,?,?,?,?,?,?,?)", row)
        connection.execute("INSERT INTO registered_model_aliases VALUES ('shadow', 2, ?)", (NAME,))
    return "mlflow.db"


SHAPES: dict[str, tuple[Callable[[Path], str], list[str]]] = {
    "an older script's file in place, a list of models": (_json("ml/registry/models.json", OLDER), []),
    "stages under promotebot's own version, with other names": (
        _json(
            "ml/registry/models.json",
            {
                "schema_version": "v1",
                "models": {NAME: {"production": {"artifact_dir": V1}, "shadow": {"artifact_dir": V2}}},
            },
        ),
        [],
    ),
    "flat JSON by model": (
        _json(
            "config/models.json",
            {
                NAME: {
                    "prod": {"path": f"{V1}/model.onnx", "version": "1", "deployed_at": "2026-01-05 10:11:12"},
                    "shadow": V2,
                }
            },
        ),
        [],
    ),
    "flat JSON of one model": (
        _json("model_registry.json", {"champion": {"model_path": V1, "accuracy": 0.93}, "shadow": {"model_path": V2}}),
        ["--model", NAME],
    ),
    "a table of rows": (
        _json(
            "registry.json",
            [
                {"model": NAME, "stage": "production", "path": f"./{V1}/", "date": "2026-01-05"},
                {"model": NAME, "stage": "shadow", "path": V2, "git_commit": "0123456"},
                {"model": NAME, "stage": "archived", "path": "gone"},
            ],
        ),
        [],
    ),
    "YAML with versions and pointers to them": (
        _text(
            "models.yaml",
            f"models:\n  {NAME}:\n    versions:\n      v1: {{path: {V1}, created_at: 2026-01-05T10:11:12}}\n"
            f"      v2: {{path: {V2}}}\n"
            "    stages: {production: v1, shadow: v2, staging: null}\n    owner: team-ml\n",
        ),
        [],
    ),
    "a stage that only the team knows": (
        _json("registry.json", {"models": {NAME: {"live": {"uri": V1}, "canary": {"uri": V2}}}}),
        ["--stage", "canary=shadow"],
    ),
    "the export of MLflow": (_mlflow_export, []),
    "the file store of MLflow, with aliases": (_mlflow_files, []),
    "the database of MLflow": (_mlflow_database, []),
}
