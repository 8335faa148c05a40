"""What an older tool's pointer meant: the bytes of the commit in which it began to stand, or nothing."""

from __future__ import annotations

from typing import Any

import pytest

from promotebot.artifact.evidence import Evidence
from promotebot.artifact.limits import Terms
from promotebot.artifact.source import FileSource
from promotebot.errors import CouldNotVerify
from promotebot.planning.legacy_digests import LegacyDigests
from promotebot.registry import Stage
from promotebot.registry.codec import stored_json
from promotebot.registry.model import Pointer
from promotebot.registry.names import ArtifactPath, Digest
from promotebot.registry.registry import DEFAULT_PATH
from tests.fakes import Commit, FakeRepository

OLD = {"artifact_dir": "ml/artifacts/v0", "artifact_id": "v0"}
POINTER = Pointer.model_validate(OLD)
NEWER = {**OLD, "artifact_id": "v1"}


def registry(pointer: dict[str, Any] | None, stage: str = "active") -> bytes:
    stages = {"shadow": None, "staging": None, "active": None, stage: pointer}
    return stored_json({"schema_version": "v1", "models": {"regime": stages}})


def history(*contents: bytes | None) -> FakeRepository:
    """A row of commits, the oldest first, named 000…, 111… and so on; None is a commit without the file."""
    commits = {}
    for number, content in enumerate(contents):
        files = {} if content is None else {DEFAULT_PATH: content}
        parents = (str(number - 1) * 40,) if number else ()
        commits[str(number) * 40] = Commit(parents, {**files, "counter": str(number).encode()})
    return FakeRepository(commits)


def digest_by_commit(source: FileSource, directory: ArtifactPath, terms: Terms) -> Evidence:
    """The digest tells which commit was examined, and where (`promotebot.planning.examiner.Examine`)."""
    assert (directory, terms) == ("ml/artifacts/v0", Terms())
    return Evidence(directory, source.description, digest=Digest(source.description))


def found(
    repository: FakeRepository, head: str | None, stage: Stage = Stage.ACTIVE, model: str = "regime"
) -> str | None:
    return LegacyDigests(repository, head, DEFAULT_PATH, digest_by_commit)(model, stage, POINTER)


def commit(number: int) -> str:
    return f"commit {str(number) * 40}"


def test_it_is_examined_where_it_first_stood() -> None:
    repository = history(registry(None), registry(OLD), registry(OLD) + b"\n", registry(OLD))
    assert found(repository, "3" * 40) == commit(1)


def test_a_pointer_that_left_and_came_back_means_what_it_did_when_it_came_back() -> None:
    repository = history(registry(OLD), registry(NEWER), registry(OLD))
    assert found(repository, "2" * 40) == commit(2)


def test_a_pointer_that_another_replaced_since_means_what_it_did_when_it_stood() -> None:
    repository = history(registry(NEWER), registry(OLD), registry(OLD) + b"\n", registry(NEWER))
    assert found(repository, "3" * 40) == commit(1)


def test_another_stage_and_another_model_are_not_looked_at() -> None:
    repository = history(registry(OLD, "shadow"), registry(OLD))
    assert found(repository, "1" * 40) == commit(1)
    assert found(repository, "0" * 40) is None
    assert found(repository, "0" * 40, Stage.SHADOW) == commit(0)


def test_a_state_that_nobody_can_read_ends_the_row() -> None:
    repository = history(registry(OLD), b"not a registry", registry(OLD))
    assert found(repository, "2" * 40) == commit(2)


@pytest.mark.parametrize("contents", [(), (None,), (registry(NEWER), registry(None))])
def test_a_pointer_that_never_stood_is_not_known(contents: tuple[bytes | None, ...]) -> None:
    repository = history(*contents)
    assert found(repository, str(len(contents) - 1) * 40 if contents else None) is None


def test_an_unknown_model_is_not_known() -> None:
    assert found(history(registry(OLD)), "0" * 40, model="risk") is None


def test_what_cannot_be_fetched_is_not_known_and_no_error() -> None:
    def cannot(source: FileSource, directory: ArtifactPath, terms: Terms) -> Evidence:
        raise CouldNotVerify("a partial clone")

    looked_up = LegacyDigests(history(registry(OLD)), "0" * 40, DEFAULT_PATH, cannot)
    assert looked_up("regime", Stage.ACTIVE, POINTER) is None


def test_the_first_commit_of_a_shallow_clone_is_not_the_one_that_put_it_there(monkeypatch: pytest.MonkeyPatch) -> None:
    whole, begun = history(registry(OLD), registry(OLD)), history(registry(None), registry(OLD))
    for repository in (whole, begun):
        monkeypatch.setattr(repository, "is_shallow", lambda: True)
    assert found(whole, "1" * 40) is None, "it may have stood there before"
    assert found(begun, "1" * 40) == commit(1)
