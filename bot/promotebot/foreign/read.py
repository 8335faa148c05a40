"""Which registry a file or a folder is, and what it holds."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from promotebot.errors import InvalidInput
from promotebot.files import read_given
from promotebot.foreign import mlflow
from promotebot.foreign.documents import read_document
from promotebot.foreign.found import Found
from promotebot.foreign.gto import is_gto, read_tags
from promotebot.foreign.tags import GtoRepository
from promotebot.foreign.yaml_texts import parse_yaml
from promotebot.registry.codec import parse_json, read_from
from promotebot.registry.names import Stage

MAX_BYTES = 64 * 1024 * 1024
"""Of a document that is decoded here; MLflow's database may be of any size."""
_YAML = (".yaml", ".yml")


def read_foreign(path: Path, git: GtoRepository, *, model: str, words: Mapping[str, Stage | None]) -> Found:
    """Return what another tool's registry holds.

    Args:
        model: the name of the only model, where the file does not say one.
        words: what a word for a stage means here, None for no stage.

    Raises:
        InvalidInput: for what is not there, does not read, or is no registry.
        CouldNotVerify: when the disk does not answer.
    """
    with read_from(str(path)):
        document, format_name = _document(path)
    if path.suffix in _YAML and is_gto(document, git.tags()):
        return read_tags(git.tags(), lambda commit: git.artifacts(commit, path), git.tree_of, words)
    found = read_document(document, where=str(path), model=model, words=words)
    found.format = format_name
    return found


def _document(path: Path) -> tuple[Any, str]:
    if path.is_dir():
        models = mlflow.models_folder(path)
        if models is None:
            raise InvalidInput(
                "holds no registry of MLflow: no models/NAME/version-N/meta.yaml is in it",
                where=str(path),
                remedy="give the folder that has `models` in it, such as mlruns, or the file of another tool",
            )
        return mlflow.file_store(models), "MLflow"
    data = read_given(path, max_bytes=MAX_BYTES, remedy="give the file in which your tool keeps its models and stages")
    if data.startswith(mlflow.SQLITE):
        return mlflow.database(path), "MLflow"
    if path.suffix in _YAML:
        return parse_yaml(data, where=str(path), max_bytes=MAX_BYTES), "YAML"
    document = parse_json(data, where=str(path))
    is_mlflow = isinstance(document, dict) and ("registered_models" in document or "registered_model" in document)
    return document, "MLflow" if is_mlflow else "JSON"
