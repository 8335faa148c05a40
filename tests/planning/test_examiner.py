"""The examiner opens each state of a directory once, and never takes one state for another."""

from __future__ import annotations

import hashlib
import json
import threading
from contextlib import nullcontext
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import pytest

from promotebot.artifact.answer import NotOpened, Opened, Problem
from promotebot.artifact.examination import Examination
from promotebot.artifact.limits import Limits, Terms
from promotebot.artifact.runtime import ModelOpener
from promotebot.artifact.source import FileSource, GitTree
from promotebot.artifact.work_tree import WorkTree
from promotebot.errors import CouldNotVerify
from promotebot.findings import errors_in
from promotebot.planning.examiner import Examiner, expect, within_budget
from promotebot.registry.names import ArtifactPath, GitSha
from tests.artifact.conftest import opened
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
    again = examine(tree(repository, BASE), V1, Terms())
    assert again == replace(first, source=again.source)
    assert BASE[:7] in again.source, "it is told where it was asked for, not where it was opened"
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
    assert examine(one, V1, Terms()) == examine(one, V1, Terms())
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


class Opening(ModelOpener):
    """Opens everything; several may be open at the same time, where `together` waits for the others."""

    def __init__(self, together: threading.Barrier | None = None) -> None:
        self._together = together
        self.opened: list[bytes] = []

    def open(self, directory: Path, model_file: str, limits: Limits) -> Opened:  # noqa: ARG002 - the protocol's signature
        self.opened.append((directory / model_file).read_bytes())
        if self._together:
            self._together.wait(timeout=60)
        return opened()


def test_models_with_the_same_bytes_on_the_same_terms_are_opened_once_wherever_they_lie(
    repository: FakeRepository,
) -> None:
    opener = Opening()
    examine = Examiner(opener)
    examined = [examine(tree(repository, BASE), directory, Terms()) for directory in (V1, COPY)]
    assert opener.opened == [b"model"]
    assert [evidence.artifact_dir for evidence in examined] == [V1, COPY]
    assert all(evidence.card for evidence in examined)
    examine(tree(repository, BASE), COPY, Terms(open_seconds=1))
    assert opener.opened == [b"model", b"model"], "the terms are others"
    examine(tree(repository, HEAD), V1, Terms())
    assert opener.opened[2:] == [b"another model"]


def test_a_model_that_did_not_open_is_opened_again_in_another_directory(repository: FakeRepository) -> None:
    opener = Opener()
    examine = Examiner(opener)
    for directory in (V1, COPY):
        examine(tree(repository, BASE), directory, Terms())
    assert opener.opened == [b"model", b"model"]


@pytest.fixture
def many() -> tuple[FakeRepository, list[ArtifactPath]]:
    """A commit with four artifacts, of which the second is not the one that its manifest lists."""
    directories = [ArtifactPath(f"ml/artifacts/v{number}") for number in range(4)]
    files = {path: data for name in directories for path, data in at(name, name.encode()).items()}
    return FakeRepository({BASE: Commit((), {**files, f"{directories[1]}/m.onnx": b"other"})}), directories


def test_what_is_expected_is_opened_on_all_cores_at_the_same_time(
    many: tuple[FakeRepository, list[ArtifactPath]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("promotebot.planning.examiner.cores", lambda: 4)
    repository, directories = many
    opener, source = Opening(threading.Barrier(3)), tree(repository, BASE)
    examine = Examiner(opener)
    with examine.keeping():  # where one waited for the other, the barrier would break
        expect(examine, [(source, directory, Terms()) for directory in directories])
        examined = [examine(source, directory, Terms()) for directory in directories]
    assert [bool(errors_in(evidence.findings)) for evidence in examined] == [False, True, False, False]
    assert [evidence.artifact_dir for evidence in examined] == directories
    assert sorted(opener.opened) == [directory.encode() for directory in directories if directory != directories[1]]


def test_no_more_is_read_ahead_than_there_is_room_for(
    many: tuple[FakeRepository, list[ArtifactPath]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("promotebot.planning.examiner.cores", lambda: 4)
    monkeypatch.setattr("promotebot.planning.examiner.AHEAD_BYTES", 1)
    repository, directories = many
    opener, source = Opening(), tree(repository, BASE)
    examine = Examiner(opener)
    with examine.keeping():
        expect(examine, [(source, directory, Terms()) for directory in directories])
        examine(source, directories[0], Terms())
    assert opener.opened == [directories[0].encode()]


def test_what_could_not_be_read_ahead_is_told_to_whoever_asks_for_it(
    many: tuple[FakeRepository, list[ArtifactPath]], monkeypatch: pytest.MonkeyPatch
) -> None:
    repository, directories = many
    source, broken = tree(repository, BASE), directories[2]
    read = Examination.of

    def read_or_fail(files: FileSource, directory: ArtifactPath, *rest: Any) -> Examination:
        if directory == broken:
            raise CouldNotVerify("the disk does not answer")
        return read(files, directory, *rest)

    monkeypatch.setattr("promotebot.planning.examiner.Examination.of", read_or_fail)
    examine = Examiner(Opening())
    with examine.keeping():
        expect(examine, [(source, directory, Terms()) for directory in directories])
        for directory in directories:
            with pytest.raises(CouldNotVerify) if directory == broken else nullcontext():
                examine(source, directory, Terms())


def test_when_it_is_stopped_no_copy_of_an_artifact_is_left(
    many: tuple[FakeRepository, list[ArtifactPath]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("promotebot.planning.examiner.cores", lambda: 1)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    repository, directories = many
    source, opener = tree(repository, BASE), Opening()
    monkeypatch.setattr(opener, "open", partial(_interrupted, opener.opened))
    examine = Examiner(opener)

    def look() -> None:
        with examine.keeping():
            expect(examine, [(source, directory, Terms()) for directory in directories])
            examine(source, directories[0], Terms())

    with pytest.raises(KeyboardInterrupt):
        look()
    assert [*tmp_path.iterdir()] == []


def _interrupted(opened_before: list[bytes], *_: object) -> NoReturn:
    opened_before.append(b"")
    raise KeyboardInterrupt
