"""MLflow's registry where it is kept in files or in SQLite, as the document that its client exports.

https://mlflow.org/docs/latest/ml/model-registry. Nothing of MLflow is imported: the file store is folders with
`meta.yaml`, and the database has the tables `registered_models`, `model_versions`, `registered_model_aliases`, `tags`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

from promotebot.errors import InvalidInput
from promotebot.files import read_given
from promotebot.foreign.yaml_texts import parse_yaml

MAX_META = 1024 * 1024
"""Bytes of one `meta.yaml`; those of MLflow have some hundred."""
COMMIT = "mlflow.source.git.commit"
"""https://mlflow.org/docs/latest/ml/tracking: the tag of a run that names the commit of its code."""
SQLITE = b"SQLite format 3\0"


def models_folder(directory: Path) -> Path | None:
    """Return the folder of a file store that has the registered models; None where it is no file store."""
    candidates = (directory, directory / "models", directory / "mlruns" / "models")
    return next((place for place in candidates if any(place.glob("*/version-*/meta.yaml"))), None)


def file_store(models: Path) -> dict[str, Any]:
    """Return the document of a file store.

    Raises:
        InvalidInput: for a file of it that does not read.
    """
    documents = [_model_in(folder, models.parent) for folder in sorted(models.iterdir()) if folder.is_dir()]
    return {"registered_models": documents}


def _model_in(folder: Path, store: Path) -> dict[str, Any]:
    versions = [_version_in(meta, store) for meta in sorted(folder.glob("version-*/meta.yaml"))]
    aliases = folder / "aliases"
    named = sorted(path for path in aliases.iterdir() if path.is_file()) if aliases.is_dir() else []
    return {
        "name": folder.name,
        "versions": versions,
        "aliases": {path.name: _text(path) for path in named},
    }


def _version_in(meta: Path, store: Path) -> dict[str, Any]:
    document = _yaml(meta)
    run = str(document.get("run_id") or "")
    tags = [path for path in store.glob(f"*/{run}/tags/{COMMIT}") if path.is_file()] if run.isalnum() else []
    return {**document, "git_commit": _text(tags[0]) if tags else ""}


def _yaml(path: Path) -> dict[str, Any]:
    document = parse_yaml(_bytes(path), where=str(path), max_bytes=MAX_META)
    return document if isinstance(document, dict) else {}


def _bytes(path: Path) -> bytes:
    return read_given(path, max_bytes=MAX_META, remedy="give a folder that is whole")


def _text(path: Path) -> str:
    return _bytes(path).decode("utf-8", "replace").strip()


def database(path: Path) -> dict[str, Any]:
    """Return the document of a SQLite store, which is opened for reading only.

    Raises:
        InvalidInput: for a database that has not MLflow's tables, or is damaged.
    """
    # immutable: no journal is made beside it, whoever else has it open.
    uri = f"file:{quote(str(path.resolve()))}?mode=ro&immutable=1"
    try:
        with closing(sqlite3.connect(uri, uri=True)) as connection:
            connection.row_factory = sqlite3.Row
            return {"registered_models": list(_models(connection))}
    except sqlite3.Error as problem:
        raise InvalidInput(
            f"is no registry of MLflow: {problem}",
            where=str(path),
            remedy="give the database of `mlflow server --backend-store-uri sqlite:///…`",
        ) from None


def _models(connection: sqlite3.Connection) -> Iterator[dict[str, Any]]:
    commits = dict(connection.execute("SELECT run_uuid, value FROM tags WHERE key = ?", (COMMIT,)).fetchall())
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master").fetchall()}
    for (name,) in connection.execute("SELECT name FROM registered_models ORDER BY name").fetchall():
        rows = connection.execute("SELECT * FROM model_versions WHERE name = ? ORDER BY version", (name,)).fetchall()
        aliases: list[Any] = []
        if "registered_model_aliases" in tables:
            query = "SELECT alias, version FROM registered_model_aliases WHERE name = ? ORDER BY alias"
            aliases = connection.execute(query, (name,)).fetchall()
        yield {
            "name": name,
            "versions": [_version(dict(row), commits) for row in rows],
            "aliases": {alias: str(version) for alias, version in aliases},
        }


def _version(row: dict[str, Any], commits: dict[str, str]) -> dict[str, Any]:
    times = {
        "last_updated_timestamp": row.pop("last_updated_time", None),
        "creation_timestamp": row.pop("creation_time", None),
    }
    return {**row, **times, "version": str(row["version"]), "git_commit": commits.get(str(row.get("run_id")), "")}
