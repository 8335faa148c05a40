"""The file of claimed evidence, as it lies in a tree: found by the artifact's digest, and of these very bytes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from promotebot.artifact.claims import MAX_BYTES, evidence_path, read_claims
from promotebot.artifact.source import Kind
from promotebot.registry.names import Digest
from tests.gate.trees import Tree

ONE, OTHER = (Digest("sha256:" + letter * 64) for letter in "ab")
PLACE = f"ml/evidence/{'a' * 64}.json"


def document(**changes: Any) -> bytes:
    metrics = [{"name": "accuracy", "value": 0.93}]
    whole = {"schema_version": "v1", "artifact": ONE, "claimed_by": "alice", "metrics": metrics}
    return json.dumps({**whole, **changes}).encode()


def test_the_file_is_found_by_the_digest_of_the_artifact() -> None:
    assert evidence_path(ONE) == PLACE
    found = read_claims(Tree({PLACE: document()}), ONE)
    assert found.file is not None
    assert (found.path, found.problem, found.read_from) == (PLACE, "", "the values")
    assert found.digest == found.file.digest


def test_no_file_claims_nothing() -> None:
    nothing = read_claims(Tree({PLACE: document()}), OTHER)
    assert (nothing.file, nothing.problem, nothing.digest) == (None, "", None)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (document(artifact=OTHER), f"it speaks of other bytes, {OTHER}"),
        (b"{", "not JSON"),
        (b"[]", "$"),
        (document(metrics=[]), "$.metrics"),
        (b'{"schema_version": "v1", "schema_version": "v1"}', "is given twice"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", "Git LFS pointer"),
        (b" " * (MAX_BYTES + 1), "the limit is"),
        (Kind.SYMLINK, "it is a symbolic link"),
        (Kind.SUBMODULE, "it is a submodule"),
    ],
)
def test_a_file_that_is_there_and_does_not_count_says_why(content: bytes | Kind, says: str) -> None:
    found = read_claims(Tree({PLACE: content}), ONE)
    assert found.file is None
    assert says in found.problem


class Sparse(Tree):
    """A checkout that leaves the evidence out."""

    def left_out(self, directory: str) -> set[str]:
        return {f"{directory}/{'a' * 64}.json"}


def test_what_a_sparse_checkout_leaves_out_is_not_taken_for_missing() -> None:
    assert read_claims(Sparse({}), ONE).problem == "this sparse checkout leaves it out"
    assert read_claims(Sparse({}), OTHER).problem == ""
