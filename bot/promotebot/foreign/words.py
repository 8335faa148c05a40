"""The keys by which other tools name the parts of a pointer."""

from __future__ import annotations

from collections.abc import Mapping

FIELDS: Mapping[str, tuple[str, ...]] = {
    "artifact": (
        *("artifact_dir", "artifact_path", "artifact_uri", "model_path", "model_uri", "model_dir", "storage_path"),
        *("path", "dir", "directory", "folder", "location", "uri", "source", "url", "model_file", "file"),
    ),
    "artifact_id": ("artifact_id",),
    "version": ("version", "model_version", "id", "run_id", "tag", "name"),
    "git_sha": ("git_sha", "git_commit", "commit", "commit_sha", "sha", "revision"),
    "dataset_id": ("dataset_id", "dataset", "dataset_version", "data_version", "training_data"),
    "promoted_at": (
        *("promoted_at_utc", "promoted_at", "deployed_at", "activated_at", "last_updated_timestamp", "updated_at"),
        *("ts_utc", "timestamp", "ts", "date", "created_at_utc", "created_at", "creation_timestamp"),
    ),
    "actor": ("actor", "promoted_by", "deployed_by", "updated_by", "user", "user_id", "author", "by", "owner"),
    "notes": ("notes", "note", "comment", "description", "reason"),
}
"""Part of a pointer → the keys that it is looked for under, the best one first."""
STAGE_KEYS = ("stage", "current_stage", "status", "env", "environment")
"""Keys that say in which stage a version is."""
NAME_KEYS = ("model_name", "model", "name", "model_id")
