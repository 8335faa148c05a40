"""Author: write a manifest, lay the first files into a repository, generate the schemas."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from promotebot.artifact.digest import hash_stream
from promotebot.artifact.manifest import FILE_NAME, MAX_BYTES, parse_manifest
from promotebot.artifact.source import Kind, WorkTree
from promotebot.cli.schemas import SCHEMAS, schema_reference
from promotebot.errors import InvalidInput
from promotebot.files import write_file
from promotebot.registry.codec import parse_json, stored_json
from promotebot.registry.names import (
    parse_artifact_path,
    parse_git_sha,
    parse_identifier,
    parse_model_name,
    parse_text,
    to_timestamp,
)


def manifest(options: argparse.Namespace, now: datetime) -> int:
    """`promotebot manifest DIR`: a complete manifest of what is there; unknown keys of an old one are kept."""
    directory: Path = options.directory
    if not directory.is_dir() or directory.is_symlink():
        raise InvalidInput(f"Artifact directory not found: {directory}", remedy=f"ls -la {directory.parent}")
    said = {
        "git_sha": options.git_sha and parse_git_sha(options.git_sha),
        "dataset_id": options.dataset_id and parse_identifier(options.dataset_id),
        "model": options.model and parse_model_name(options.model),
        "notes": options.notes and parse_text(options.notes),
    }
    old = _old_manifest(directory / FILE_NAME)
    sha256 = _hashes(directory)
    model_file = options.model_file or old.get("model_file")
    if not isinstance(model_file, str) or model_file not in sha256:
        there = ", ".join(sorted(sha256)) or "nothing"
        raise InvalidInput(f"{model_file!r} is not in {directory}", remedy=f"--model-file FILE, one of: {there}")
    same = old.get("sha256") == sha256 and old.get("model_file") == model_file
    document = {
        **_schema_key(directory / FILE_NAME, "manifest"),
        **old,
        "schema_version": "v1.1",
        "model_file": model_file,
        "sha256": sha256,
        "created_at": old["created_at"] if same and "created_at" in old else to_timestamp(now),
        **{key: value for key, value in said.items() if value},
    }
    data = stored_json(document)
    try:
        parse_manifest(data, where=str(directory / FILE_NAME))  # never write what the loader refuses
    except InvalidInput as problem:
        remedy = f"mend it, or rm {shlex.quote(str(directory / FILE_NAME))}: the old manifest's other keys are kept"
        raise InvalidInput(problem.message, where=problem.where, remedy=remedy) from None
    write_file(directory / FILE_NAME, data)
    sys.stdout.write(f"wrote {directory / FILE_NAME}: {len(sha256)} files{_changes(old.get('sha256'), sha256)}\n")
    return 0


def _schema_key(path: Path, name: str) -> dict[str, str]:
    """`$schema` for a file in a repository that has the schemas; empty where there is none to name."""
    place = path.resolve()
    root = next((parent for parent in place.parents if (parent / SCHEMAS / f"{name}.schema.json").is_file()), None)
    return {"$schema": schema_reference(str(place.relative_to(root)), name)} if root else {}


def _old_manifest(path: Path) -> dict[str, Any]:
    if not path.exists() and not path.is_symlink():
        return {}
    if path.is_symlink() or not path.is_file():
        what = "is a symbolic link" if path.is_symlink() else "is not a regular file"
        raise InvalidInput(what, where=str(path), remedy=f"rm -r {shlex.quote(str(path))}; a new one is written")
    document = parse_json(path.read_bytes(), where=str(path), max_bytes=MAX_BYTES)
    if not isinstance(document, dict):
        raise InvalidInput("is not a JSON object", where=str(path), remedy="remove it; a new one is written")
    return document


def _hashes(directory: Path) -> dict[str, str]:
    """Every file below the directory but the manifest → sha256; anything that is no regular file is refused."""
    place = directory.resolve()
    files = WorkTree(place.parent)
    found: dict[str, str] = {}
    for entry in files.walk(place.name):
        path = entry.path.removeprefix(f"{place.name}/")
        if entry.kind is Kind.DIRECTORY or path == FILE_NAME:
            continue
        if entry.kind is not Kind.FILE:
            raise InvalidInput(
                f"is a {entry.kind.value}", where=str(directory / path), remedy="an artifact holds regular files only"
            )
        with files.open(entry.path) as stream:
            found[parse_artifact_path(path)] = hash_stream(stream)
    return dict(sorted(found.items()))


def _changes(old: object, new: Mapping[str, str]) -> str:
    before = old if isinstance(old, dict) else {}
    added = [path for path in new if path not in before]
    removed = [path for path in before if path not in new]
    changed = [path for path in new if path in before and before[path] != new[path]]
    parts = [
        f"{word} {', '.join(paths)}"
        for word, paths in (("new:", added), ("changed:", changed), ("gone:", removed))
        if paths and before
    ]
    return f" ({'; '.join(parts)})" if parts else ""
