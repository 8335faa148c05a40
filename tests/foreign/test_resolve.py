"""What another tool wrote becomes names, paths, commits and times as promotebot has them; what is assumed is told."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from promotebot.foreign.documents import read_document
from promotebot.foreign.found import Remark, Written
from promotebot.foreign.mlflow import COMMIT, database, file_store, models_folder
from promotebot.foreign.resolve import Resolver
from promotebot.promotion.request import Actor, Request
from promotebot.registry.model import Source
from promotebot.registry.names import ArtifactPath, GitSha, Stage
from tests.cli.shapes import SHAPES, V1

SHA = GitSha("0123456789" * 4)
PLACE = "$.models.fraud.production"


def resolver(root: Path, **chosen: ArtifactPath) -> Resolver:
    """For a registry in the folder `config`, in a repository that has one commit."""
    return Resolver(
        root,
        file="config/r.json",
        folder=root / "config",
        format="JSON",
        actor=Actor("alice@example.com", Source.CLI),
        zone=timezone.utc,
        now=datetime(2026, 2, 16, 9, tzinfo=timezone.utc),
        commit_of=lambda text: SHA if SHA.startswith(text) else None,
        tree_of=lambda _: "",
        manifest_of=lambda _: None,
        chosen={key.replace("_", "/"): path for key, path in chosen.items()},
    )


def resolved(root: Path, /, **written: Any) -> tuple[Request | None, list[Remark]]:
    (root / "ml/v1").mkdir(parents=True, exist_ok=True)
    one = resolver(root)
    request = one.request(
        Written(**{"model": "fraud", "stage": Stage.ACTIVE, "place": PLACE, "artifact": "ml/v1", **written})
    )
    return request, one.remarks


def test_a_name_that_promotebot_does_not_take_is_changed_and_that_is_told(tmp_path: Path) -> None:
    request, (remark,) = resolved(tmp_path, model="Fraud-Detector")
    assert request
    assert request.model == "fraud_detector"
    assert (remark.is_blocking, "'Fraud-Detector' is called fraud_detector" in remark.message) == (False, True)


def test_two_names_that_would_become_one_are_both_kept_apart(tmp_path: Path) -> None:
    (tmp_path / "ml/v1").mkdir(parents=True)
    one = resolver(tmp_path)
    for name in ("Fraud Detector", "fraud-detector"):
        request = one.request(Written(name, Stage.ACTIVE, PLACE, artifact="ml/v1"))
        assert bool(request) == (name == "Fraud Detector")
    assert one.remarks[-1].is_blocking
    assert "would both be fraud_detector" in one.remarks[-1].message


@pytest.mark.parametrize(
    ("there", "text", "found"),
    [
        (["ml/v1", "config/ml/v1"], "ml/v1", "ml/v1"),
        (["config/models/v2"], "models/v2", "config/models/v2"),
        (["config", "models/v3"], "../models/v3", "models/v3"),
        (["models/v4"], "models/v4/model.onnx", "models/v4"),
        (["models/v5"], "models\\v5", "models/v5"),
    ],
)
def test_a_path_counts_from_the_root_or_else_from_the_folder_of_the_file(
    tmp_path: Path, there: list[str], text: str, found: str
) -> None:
    for place in there:
        (tmp_path / place).mkdir(parents=True)
        (tmp_path / place / "model.onnx").touch()
    request, remarks = resolved(tmp_path, artifact=text)
    assert request, remarks
    assert request.artifact_dir == found


@pytest.mark.parametrize("text", ["", "s3://bucket/v1", "runs:/abc/model", "gone", "..", "/etc", "\0"])
def test_what_is_in_no_directory_of_the_repository_needs_a_decision_and_the_line_is_given(
    tmp_path: Path, text: str
) -> None:
    request, remarks = resolved(tmp_path, artifact=text)
    assert request is None
    assert [remark.is_blocking for remark in remarks] == [True]
    assert "--artifact fraud/active=ml/artifacts/fraud" in remarks[0].message
    decided = resolver(tmp_path, fraud_active=ArtifactPath("ml/v1")).request(
        Written("fraud", Stage.ACTIVE, PLACE, artifact=text)
    )
    assert decided
    assert decided.artifact_dir == "ml/v1"


@pytest.mark.parametrize(
    ("text", "commit"),
    [
        ("", None),
        (SHA[:7], SHA),
        (SHA.upper(), SHA),
        ("9" * 40, "9" * 40),
        (SHA[:6], None),
        ("9" * 7, None),
        ("v1.0", None),
    ],
)
def test_an_abbreviated_commit_has_to_be_here_and_what_is_none_is_told(
    tmp_path: Path, text: str, commit: str | None
) -> None:
    request, remarks = resolved(tmp_path, git_sha=text)
    assert request
    assert request.git_sha == commit
    assert bool(remarks) == bool(text and commit is None)


@pytest.mark.parametrize(
    ("text", "is_known"), [("2026-02-16T09:00:00Z", True), ("2026-02-16T09:00:01Z", False), ("soon", False)]
)
def test_a_time_that_is_none_or_still_to_come_is_not_known(tmp_path: Path, text: str, is_known: bool) -> None:
    request, remarks = resolved(tmp_path, promoted_at=text)
    assert request
    assert request.found
    assert request.found.promoted_at_utc == (text if is_known else None)
    assert any("not known since when" in remark.message for remark in remarks) is not is_known


def commits(document: Any) -> list[str]:
    found = read_document(document, where="r", words={})
    return [pointer.git_sha for pointer in found.pointers if pointer.artifact == V1]


def test_the_training_commit_of_mlflow_is_the_one_of_the_run(tmp_path: Path) -> None:
    write, _ = SHAPES["the file store of MLflow, with aliases"]
    store = tmp_path / write(tmp_path)
    (store / "0/run1/tags" / COMMIT).write_text(f"{SHA}\n")
    models = models_folder(store)
    assert models
    assert commits(file_store(models)) == [SHA]


def test_so_is_that_of_its_database(tmp_path: Path) -> None:
    write, _ = SHAPES["the database of MLflow"]
    path = tmp_path / write(tmp_path)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("INSERT INTO tags VALUES (?, ?, 'run1')", (COMMIT, SHA))
    assert commits(database(path)) == [SHA]
