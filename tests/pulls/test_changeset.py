"""A pull request's two ends as commits: the registry that merging gives, conflicts, and artifacts that are touched."""

from __future__ import annotations

import json

import pytest

from promotebot.errors import InvalidInput
from promotebot.promotion.policy import Policy
from promotebot.pulls.changeset import Changeset
from promotebot.registry import ModelRegistry
from promotebot.registry.names import ArtifactPath
from tests.fakes import BASE, FORK, HEAD, POLICY_PATH, TRAINED, Commit, FakeRepository, diverged
from tests.gate.sequences import MODEL, OTHER
from tests.pulls.promoted import EMPTY, KNOWN, OTHER_TO_SHADOW, TO_SHADOW, files, moved_apart, promoted

MINE = promoted(KNOWN, TO_SHADOW)
THEIRS = promoted(KNOWN, OTHER_TO_SHADOW, asked=50)
INDEX = "ml/registry/models.json"


def split(*, base: ModelRegistry = KNOWN, head: ModelRegistry = KNOWN) -> Changeset:
    """Ends that left KNOWN, each with a file per model."""
    return diverged(files(base, split=True), files(head, split=True), fork=files(KNOWN, split=True))


def test_the_fork_point_is_where_the_branch_left_the_base() -> None:
    assert diverged({}, {}).fork_point == FORK


def test_a_branch_that_merged_its_base_crosswise_has_no_fork_point() -> None:
    """Merging then starts from a tree that no commit has, so nothing says what the branch changed."""
    commits: dict[str, Commit] = {TRAINED: Commit(), "d" * 40: Commit((TRAINED,)), "e" * 40: Commit((TRAINED,))}
    commits |= {BASE: Commit(("d" * 40, "e" * 40)), HEAD: Commit(("e" * 40, "d" * 40))}
    with pytest.raises(InvalidInput, match=r"have 2 merge bases \((ddddddd, eeeeeee|eeeeeee, ddddddd)\)") as caught:
        _ = Changeset(FakeRepository(commits), BASE, HEAD, INDEX, POLICY_PATH).fork_point
    assert caught.value.remedy.startswith("bring the branch up to date")


def test_each_end_and_the_fork_has_its_own_files() -> None:
    changeset = diverged({"b": b"1"}, {"h": b"1"}, fork={"f": b"1"})
    for tree, holds in ((changeset.base_files, "b"), (changeset.head_files, "h"), (changeset.fork_files, "f")):
        assert [path for path in ("b", "h", "f") if tree.kind(path)] == [holds]


def test_where_only_one_side_changed_the_registry_nothing_conflicts() -> None:
    ahead, behind = moved_apart(KNOWN, MINE, fork=KNOWN), moved_apart(THEIRS, KNOWN, fork=KNOWN)
    assert [set(ahead.touched_registry_files), set(ahead.moved_registry_files)] == [{INDEX}, set()]
    assert [set(behind.touched_registry_files), set(behind.moved_registry_files)] == [set(), {INDEX}]
    assert not ahead.has_conflict
    assert not behind.has_conflict


def test_one_file_that_both_sides_changed_is_a_conflict() -> None:
    assert moved_apart(THEIRS, MINE, fork=KNOWN).has_conflict


def test_the_same_change_on_both_sides_is_none() -> None:
    same = moved_apart(MINE, MINE, fork=KNOWN)
    assert (same.touched_registry_files, same.has_conflict) == (frozenset(), False)


def test_a_file_that_only_the_base_changed_is_the_bases() -> None:
    behind = moved_apart(THEIRS, KNOWN, fork=KNOWN).head_registry
    assert behind is not None
    assert behind.document == THEIRS.document


def test_two_models_of_a_split_registry_never_conflict_and_merge_to_both() -> None:
    both = split(base=THEIRS, head=MINE)
    assert not both.has_conflict
    assert both.head_registry is not None
    assert both.head_registry.raw_entry(MODEL) == MINE.raw_entry(MODEL)
    assert both.head_registry.raw_entry(OTHER) == THEIRS.raw_entry(OTHER)
    assert both.touched_registry_files == {f"ml/registry/models/{MODEL}.json"}
    assert both.moved_registry_files == {f"ml/registry/models/{OTHER}.json"}


def test_one_model_of_a_split_registry_that_both_sides_changed_conflicts() -> None:
    assert split(base=promoted(KNOWN, TO_SHADOW, asked=60), head=MINE).has_conflict


def test_a_change_of_the_index_conflicts_with_any_change_of_the_other_side() -> None:
    """The index says where the models are: who moved them meets everybody."""
    one, many = files(KNOWN), files(KNOWN, split=True)
    assert diverged(many, files(MINE), fork=one).has_conflict
    assert diverged(files(THEIRS, split=True), one, fork=many).has_conflict
    assert not diverged(many, one, fork=one).has_conflict, "the branch changed nothing"


def test_without_an_index_there_is_no_registry() -> None:
    assert diverged(files(None), files(KNOWN)).base_registry is None
    assert diverged(files(KNOWN), files(None)).head_registry is None


def test_a_registry_that_cannot_be_read_is_an_error_and_not_none() -> None:
    with pytest.raises(InvalidInput, match="JSON"):
        _ = diverged({INDEX: b"{"}, files(KNOWN)).base_registry


def test_the_policy_is_the_bases_whatever_the_branch_says() -> None:
    changeset = diverged(files(KNOWN, policy="drafts: true\n"), files(KNOWN, policy="require_sha: true\n"))
    assert (changeset.policy.drafts, changeset.policy.require_sha) == (True, False)
    assert diverged(files(KNOWN), files(KNOWN, policy="require_sha: true\n")).policy == Policy()


def touched(base: dict[str, bytes], head: dict[str, bytes], fork: dict[str, bytes] | None = None) -> list[str]:
    return list(diverged(base, head, fork=fork).touched_artifacts)


def test_an_artifact_is_touched_by_any_change_in_its_directory() -> None:
    base = files(EMPTY, "v1", "v2", "v3")
    head = {**base, **files(EMPTY, "v1=changed"), "ml/artifacts/v2/deep/down/report.txt": b"x"}
    assert touched(base, head) == ["ml/artifacts/v1", "ml/artifacts/v2"]
    gone = {path: data for path, data in head.items() if "report" not in path}
    assert touched(head, gone) == ["ml/artifacts/v2"]


def test_what_only_the_base_changed_is_not_touched_by_the_branch() -> None:
    fork = files(EMPTY, "v1")
    assert touched(files(EMPTY, "v1=changed", "v2"), fork, fork) == []


def test_a_directory_without_a_manifest_is_no_artifact() -> None:
    assert touched({}, {"docs/readme.md": b"x", "ml/artifacts/v1/m.onnx": b"x", "manifest.json": b"{}"}) == []


@pytest.mark.parametrize(
    ("manifest", "counts"),
    [
        (b'{"model_file": "m.onnx"}', True),
        (b'{"model_file": null}', True),
        (b"not JSON", True),
        (b"", True),
        (b"[" * 100_000, True),
        (b'{"name": "a web app"}', False),
        (b"[]", False),
        (b'"model_file"', False),
    ],
)
def test_not_every_manifest_is_a_models(manifest: bytes, counts: bool) -> None:
    assert touched({}, {"app/manifest.json": manifest}) == (["app"] if counts else [])


def test_what_a_pointer_names_is_an_artifact_whatever_its_manifest_says() -> None:
    place = "ml/artifacts/v2/manifest.json"
    assert touched(files(KNOWN), {**files(KNOWN), place: b"{}"}) == ["ml/artifacts/v2"]
    assert touched(files(EMPTY), {**files(EMPTY), place: b"{}"}) == []


def test_only_what_stood_on_the_base_has_changed() -> None:
    changeset = diverged(files(EMPTY, "v1"), files(EMPTY, "v1=changed", "v2"))
    assert changeset.touched_artifacts == ("ml/artifacts/v1", "ml/artifacts/v2")
    assert [changeset.changes(f"ml/artifacts/{name}") for name in ("v1", "v2", "v3")] == [True, False, False]


def test_a_manifest_is_read_at_the_head_or_is_none() -> None:
    good = {
        "schema_version": "v1",
        "model_file": "m.onnx",
        "sha256": {"m.onnx": "0" * 64},
        "created_at": "2026-01-01T00:00:00Z",
    }
    head = {"a/manifest.json": json.dumps(good).encode(), "b/manifest.json": b"{}"}
    changeset = diverged({"c/manifest.json": head["a/manifest.json"]}, head)
    manifest = changeset.manifest_of(ArtifactPath("a"))
    assert manifest is not None
    assert manifest.model_file == "m.onnx"
    assert changeset.manifest_of(ArtifactPath("b")) is None
    assert changeset.manifest_of(ArtifactPath("c")) is None


def test_a_command_is_completed_from_what_the_branch_touches() -> None:
    inference = diverged(files(EMPTY), files(EMPTY, "v1")).inference(KNOWN)
    assert inference.registry is KNOWN
    assert inference.touched == ("ml/artifacts/v1",)


def test_a_commit_behind_either_end_is_reachable_and_no_commit_is_unknown() -> None:
    changeset = diverged({}, {})
    assert [changeset.reachable(sha) for sha in (TRAINED, FORK, BASE, HEAD)] == [True] * 4
    assert changeset.reachable("9" * 40) is False
    assert changeset.reachable(None) is None


def test_each_file_is_read_once() -> None:
    changeset = moved_apart(KNOWN, MINE, fork=KNOWN)
    assert isinstance(changeset.repository, FakeRepository)
    for _ in range(3):
        assert changeset.base_registry is not None
        assert changeset.head_registry is not None
        assert changeset.policy == Policy()
    assert len(changeset.repository.read) == 2
