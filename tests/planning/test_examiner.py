"""The examiner opens each state of a directory once, and never takes one state for another."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta
from pathlib import Path

import pytest

from promotebot.artifact.answer import NotOpened, Problem
from promotebot.artifact.limits import Limits, Terms
from promotebot.artifact.runtime import ModelOpener
from promotebot.artifact.source import GitTree
from promotebot.artifact.work_tree import WorkTree
from promotebot.errors import CouldNotVerify
from promotebot.findings import errors_in
from promotebot.planning.examiner import Examiner, within_budget
from promotebot.registry.names import ArtifactPath, GitSha
from tests.fakes import BASE, FORK, HEAD, Commit, FakeRepository

V1, COPY = ArtifactPath("ml/artifacts/v1"), ArtifactPath("ml/artifacts/copy")


def artifact(content: bytes) -> dict[str, bytes]:
    manifest = {
        "schema_version": "v1",
        "model_file": "m.onnx",
        "sha256": {"m.onnx": hashlib.sha256(content).hexdigest()},
        "created_at": "2026-01-01T00:00:00Z",
    }
    return {"m.onnx": content, "manifest.json": json.dumps(manifest).encode()}


def at(directory: str, content: bytes = b"model") -> dict[str, bytes]:
    return {f"{directory}/{name}": data for name, data in artifact(content).items()}


class Opener(ModelOpener):
    """Opens nothing, and counts how often it was asked (`promotebot.artifact.runtime.ModelOpener`)."""

    def __init__(self) -> None:
        self.opened: list[bytes] = []

    def open(self, directory: Path, model_file: str, limits: Limits) -> NotOpened:
        self.opened.append((directory / model_file).read_bytes())
        return NotOpened((Problem(rule="artifact.opens", message=f"not in {limits.open_seconds} s"),))


@pytest.fixture
def repository() -> FakeRepository:
    """Three commits: the second changes another file, the third the model."""
    return FakeRepository(
        {
            FORK: Commit((), at(V1)),
            BASE: Commit((FORK,), {**at(V1), **at(COPY), "README.md": b"models"}),
            HEAD: Commit((BASE,), at(V1, b"another model")),
        }
    )


def tree(repository: FakeRepository, commit: GitSha) -> GitTree:
    return GitTree(repository, commit)


def test_the_same_directory_in_two_commits_is_opened_once(repository: FakeRepository) -> None:
    opener = Opener()
    examine = Examiner(opener)
    first = examine(tree(repository, FORK), V1, Terms())
    assert examine(tree(repository, BASE), V1, Terms()) is first
    assert opener.opened == [b"model"]


def test_other_bytes_under_the_same_name_are_opened_again(repository: FakeRepository) -> None:
    opener = Opener()
    examine = Examiner(opener)
    digests = {examine(tree(repository, commit), V1, Terms()).digest for commit in (FORK, HEAD)}
    assert opener.opened == [b"model", b"another model"]
    assert len(digests - {None}) == 2


def test_the_same_bytes_under_another_name_are_evidence_of_their_own(repository: FakeRepository) -> None:
    examine = Examiner(Opener())
    examined = [examine(tree(repository, BASE), directory, Terms()) for directory in (V1, COPY)]
    assert [evidence.artifact_dir for evidence in examined] == [V1, COPY]
    assert examined[0].digest == examined[1].digest is not None


def test_under_other_limits_it_is_opened_again(repository: FakeRepository) -> None:
    examine = Examiner(Opener())
    short = examine(tree(repository, FORK), V1, Terms(open_seconds=1))
    longer = examine(tree(repository, FORK), V1, Terms(open_seconds=2))
    assert "not in 1 s" in errors_in(short.findings)[-1].message
    assert "not in 2 s" in errors_in(longer.findings)[-1].message


def test_files_on_disk_may_change_so_only_the_same_work_tree_is_remembered(tmp_path: Path) -> None:
    for path, data in at(V1).items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(data)
    opener = Opener()
    examine, one = Examiner(opener), WorkTree(tmp_path)
    assert examine(one, V1, Terms()) is examine(one, V1, Terms())
    assert len(opener.opened) == 1
    examine(WorkTree(tmp_path), V1, Terms())
    assert len(opener.opened) == 2


def test_a_directory_that_is_not_there_is_evidence_of_nothing(repository: FakeRepository) -> None:
    opener = Opener()
    evidence = Examiner(opener)(tree(repository, FORK), COPY, Terms())
    assert evidence.digest is None
    assert evidence.findings
    assert opener.opened == []


def test_when_the_time_of_one_piece_of_work_is_spent_no_other_artifact_is_looked_at(repository: FakeRepository) -> None:
    moments = iter([100.0, 400.0, 400.1])
    examine = within_budget(
        Examiner(opener := Opener()), timedelta(minutes=5), monotonic=lambda: next(moments), subject="#7"
    )
    examine(tree(repository, BASE), V1, Terms())
    with pytest.raises(CouldNotVerify, match=rf"judging #7 took longer than 5 min, so {COPY} was not examined") as told:
        examine(tree(repository, BASE), COPY, Terms())
    assert "start the gate by hand" in told.value.remedy
    assert opener.opened == [b"model"]
