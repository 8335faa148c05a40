"""Evaluation sets: datasets with `.npy` files, written without numpy's help where they are to be hostile."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

FEATURES = ["x"]


def npy(values: Any) -> bytes:
    """A file as numpy writes it."""
    stream = BytesIO()
    np.save(stream, np.asarray(values), allow_pickle=True)
    return stream.getvalue()


def with_header(header: str, data: bytes = b"", *, version: bytes = b"\x01\x00", length: int | None = None) -> bytes:
    """A file with any header."""
    text = header.encode("latin1")
    size = len(text) if length is None else length
    return b"\x93NUMPY" + version + size.to_bytes(2 if version == b"\x01\x00" else 4, "little") + text + data


def write_set(root: Path, dataset: str, files: Mapping[str, bytes], directory: str = "ml/datasets") -> Path:
    """Write a dataset whose manifest lists these files; return its directory."""
    place = root / directory / dataset
    every = {"data.parquet": b"rows", **{f"evaluation/{name}": data for name, data in files.items()}}
    for name, data in every.items():
        path = place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    manifest = {
        "schema_version": "v1",
        "dataset_id": dataset,
        "created_at_utc": "2026-02-01T00:00:00Z",
        "source": "manual",
        "feature_order": FEATURES,
        "feature_order_hash": hashlib.sha256(json.dumps(FEATURES).encode()).hexdigest()[:16],
        "label_columns": ["label"],
        "row_count": 100,
        "sha256": {name: hashlib.sha256(data).hexdigest() for name, data in every.items()},
    }
    (place / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")
    return place


def moved_out(place: Path, uri: str, **versions: str) -> dict[str, bytes]:
    """Take the evaluation files of a dataset out of its directory, name their place, and return them by address.

    `versions` are by the file's name without its end.
    """
    path, moved, files = place / "manifest.json", dict[str, bytes](), dict[str, dict[str, Any]]()
    for file in sorted(place.glob("evaluation/*")):
        name = file.relative_to(place).as_posix()
        moved[f"{uri}/{name}"] = file.read_bytes()
        files[name] = {"size": file.stat().st_size}
        if version := versions.get(file.stem):
            files[name]["version"] = version
        file.unlink()
    document = json.loads(path.read_bytes()) | {"storage": {"uri": uri, "files": files}}
    path.write_text(json.dumps(document, indent=2) + "\n")
    return moved
