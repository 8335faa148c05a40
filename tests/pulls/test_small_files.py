"""The files that are read with one question before a pull request is judged, their order, and the rest."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping

import pytest

from promotebot.github.ports import MAX_BLOBS
from promotebot.pulls.changeset import Changeset
from promotebot.pulls.small_files import read_changeset_files, read_our_files
from promotebot.registry.registry import DEFAULT_PATH
from tests.fakes import BASE, FORK, HEAD, POLICY_PATH, Commit, FakeGitHub, FakeRepository, job_context

INDEX, POLICY = {DEFAULT_PATH: b"index\n"}, {POLICY_PATH: b"policy\n"}


def model(name: str, content: str) -> dict[str, bytes]:
    return {f"ml/registry/models/{name}.json": f"{name} {content}\n".encode()}


class Partial(FakeRepository):
    """Commits whose blobs were left out by the fetch."""

    def __init__(self, commits: Mapping[str, Commit]) -> None:
        super().__init__(commits)
        self.here: dict[str, bytes] = {}
        self.expected: list[str] = []

    def missing(self, oids: Collection[str]) -> list[str]:
        return [oid for oid in oids if oid not in self.here]

    def add_blobs(self, blobs: Mapping[str, bytes]) -> None:
        self.here |= blobs

    def expect(self, oids: Collection[str], *, max_bytes: int) -> None:
        assert max_bytes
        self.expected += oids

    def told(self) -> list[str]:
        """The lines of what was read."""
        return sorted(data.decode().strip() for data in self.here.values())


def blob_id(data: bytes) -> str:
    return hashlib.sha1(data, usedforsecurity=False).hexdigest()


def pull(
    base: Mapping[str, bytes], head: Mapping[str, bytes], fork: Mapping[str, bytes] | None = None
) -> tuple[Partial, Changeset, FakeGitHub]:
    start = base if fork is None else fork
    repository = Partial({FORK: Commit((), start), BASE: Commit((FORK,), base), HEAD: Commit((FORK,), head)})
    files = {blob_id(data): data for commit in (start, base, head) for data in commit.values()}
    changeset = Changeset(repository, BASE, HEAD, DEFAULT_PATH, POLICY_PATH)
    return repository, changeset, FakeGitHub(files=files)


def read(repository: Partial, changeset: Changeset, github: FakeGitHub) -> list[str]:
    read_changeset_files(changeset, repository, BASE, job_context(github))
    return repository.told()


def test_policy_registry_and_the_manifests_that_the_branch_touches_are_read_with_one_question() -> None:
    untouched = {"ml/artifacts/v1/manifest.json": b"v1 manifest\n", "ml/artifacts/v1/m.onnx": b"v1 model\n"}
    weights = {"ml/artifacts/v2/weights/m.onnx": b"v2 model\n", "ml/artifacts/v2/manifest.json": b"v2 manifest\n"}
    base = {**INDEX, **POLICY, **untouched}
    repository, changeset, github = pull(base, {**base, **weights})
    assert read(repository, changeset, github) == ["index", "policy", "v2 manifest"]
    assert github.calls == ["blobs"]
    assert repository.expected == []


def test_the_fork_points_registry_is_read_where_it_is_another_one() -> None:
    base, head, fork = ({DEFAULT_PATH: f"index of {end}\n".encode()} for end in ("base", "head", "fork"))
    assert read(*pull(base, head, fork)) == ["index of base", "index of fork", "index of head"]


def test_of_the_models_files_those_that_differ_are_read_and_all_where_pointers_may_name_what_changed() -> None:
    base = {**INDEX, **model("one", "old"), **model("two", "old"), **model("three", "old")}
    promoted = {**base, **model("one", "new"), **model("four", "new")}
    assert read(*pull(base, promoted)) == ["four new", "index", "one new", "one old"]
    assert read(*pull(base, {**promoted, "README.md": b"readme\n"})) == [
        *("four new", "index", "one new", "one old", "three old", "two old")
    ]


def test_of_more_files_than_one_question_holds_the_most_needed_are_read() -> None:
    many = {path: data for number in range(MAX_BLOBS) for path, data in model(f"m{number}", "old").items()}
    base = {**INDEX, **POLICY, **many}
    repository, changeset, github = pull(base, {**base, **model("m7", "new"), "README.md": b"readme\n"})
    told = read(repository, changeset, github)
    assert len(told) == MAX_BLOBS
    assert {"index", "policy", "m7 new", "m7 old"} <= {*told}
    assert len(repository.expected) == 3, "the others come by git, together"


def test_what_github_does_not_tell_is_expected_from_git() -> None:
    base = {**INDEX, **POLICY}
    repository, changeset, github = pull(base, base)
    del github.files[blob_id(b"index\n")]
    assert read(repository, changeset, github) == ["policy"]
    assert repository.expected == [blob_id(b"index\n")]
    repository, changeset, github = pull(base, base)
    assert read(repository, changeset, github.fail("blobs")) == []
    assert repository.expected == [blob_id(b"policy\n"), blob_id(b"index\n")]


def test_a_branch_without_a_fork_point_is_read_as_far_as_it_can_be() -> None:
    repository, changeset, github = pull({**INDEX, **POLICY}, {**INDEX, "README.md": b"readme\n"})
    repository.commits = {**repository.commits, HEAD: Commit((), {**INDEX})}
    assert read(repository, changeset, github) == ["index", "policy"]


@pytest.mark.parametrize("path", [POLICY_PATH, DEFAULT_PATH])
def test_what_is_no_file_is_not_asked_for(path: str) -> None:
    repository, changeset, github = pull({f"{path}/inside": b"x\n"}, {f"{path}/inside": b"x\n"})
    assert read(repository, changeset, github) == []
    assert github.calls == []


def test_of_commits_alone_every_file_of_the_registry_is_read_once() -> None:
    old, new = {**INDEX, **model("one", "old")}, {**INDEX, **POLICY, **model("one", "new")}
    repository, _, github = pull(old, new)
    read_our_files(repository, [BASE, HEAD], job_context(github))
    assert repository.told() == ["index", "one new", "one old", "policy"]
    read_our_files(repository, [BASE], job_context(github))
    assert github.calls == ["blobs"]
