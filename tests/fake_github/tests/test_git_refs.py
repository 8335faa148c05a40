"""Refs, branches, commits and contents through the API; pull requests follow here too."""

from __future__ import annotations

import base64

import pytest

from .conftest import World

BASE = "/repos/acme/models"


def test_a_ref_is_created_moved_and_deleted_and_pull_requests_follow(world: World) -> None:
    pull = world.pull()
    first = pull.head_sha
    second = world.alice.branch("other", {"model.txt": "v9\n"}, start="add-v2")
    repo = world.client(world.bot_token()).get_repo("acme/models")
    created = repo.create_git_ref("refs/heads/made", first)
    assert (created.ref, created.object.sha) == ("refs/heads/made", first)
    ref = repo.get_git_ref("heads/add-v2")
    ref.edit(second)
    assert pull.head_sha == second
    ref.delete()
    assert pull.state == "closed"
    assert world.http("GET", f"{BASE}/git/ref/heads/add-v2").status == 404


def test_a_ref_moves_forward_unless_forced(world: World) -> None:
    world.pull()
    main = world.repo.git.branch("main")
    path, token = f"{BASE}/git/refs/heads/add-v2", world.token("alice")
    refused = world.http("PATCH", path, token, {"sha": main})
    assert (refused.status, refused.body["message"]) == (422, "Update is not a fast forward")
    assert world.http("PATCH", path, token, {"sha": main, "force": True}).status == 200


@pytest.mark.parametrize(
    ("ref", "sha", "words"),
    [
        ("refs/heads/main", "", "Reference already exists"),
        ("main", "", "at least three slash-separated components"),
        ("refs/pull/1/head", "", "at least three slash-separated components"),
        ("refs/heads/a..b", "", "is not a valid ref name"),
        ("refs/heads/new", "0" * 40, "Object does not exist"),
        ("refs/heads/new", "--all", "Object does not exist"),
    ],
)
def test_an_impossible_ref_is_refused(world: World, ref: str, sha: str, words: str) -> None:
    body = {"ref": ref, "sha": sha or world.repo.git.branch("main")}
    answered = world.http("POST", f"{BASE}/git/refs", world.token("alice"), body)
    assert answered.status == 422
    assert words in answered.body["message"]


def test_a_protected_branch_is_not_moved_through_the_api(world: World) -> None:
    world.pull()
    world.repo.protect("main")
    path, sha = f"{BASE}/git/refs/heads/main", world.repo.pull(1).head_sha
    assert world.http("PATCH", path, world.token("bob"), {"sha": sha}).status == 422
    assert world.http("DELETE", path, world.token("bob")).status == 422


def test_a_missing_ref_is_neither_moved_nor_deleted(world: World) -> None:
    path, token = f"{BASE}/git/refs/heads/none", world.token("alice")
    assert world.http("PATCH", path, token, {"sha": "0" * 40}).status == 422
    assert world.http("DELETE", path, token).body["message"] == "Reference does not exist"


def test_a_workflow_token_does_not_move_a_branch_over_workflow_changes(world: World) -> None:
    sha = world.alice.branch("ci", {".github/workflows/ci.yml": "on: push\n"})
    answered = world.http("PATCH", f"{BASE}/git/refs/heads/main", world.bot_token(), {"sha": sha})
    assert answered.status == 403


def test_refs_are_listed_by_prefix(world: World) -> None:
    world.pull()
    refs = {ref["ref"] for ref in world.http("GET", f"{BASE}/git/refs").body}
    assert refs == {"refs/heads/main", "refs/heads/add-v2", "refs/pull/1/head", "refs/pull/1/merge"}
    repo = world.client().get_repo("acme/models")
    assert [ref.ref for ref in repo.get_git_matching_refs("heads/a")] == ["refs/heads/add-v2"]


def test_branches_tell_their_tip_and_protection(world: World) -> None:
    world.alice.branch("feature/deep", {"a.txt": "a\n"})
    world.repo.protect("main", required_checks=["promotebot/gate"])
    repo = world.client().get_repo("acme/models")
    assert {branch.name: branch.protected for branch in repo.get_branches()} == {
        "feature/deep": False,
        "main": True,
    }
    assert repo.get_branch("feature/deep").commit.sha == world.repo.git.branch("feature/deep")
    assert world.http("GET", f"{BASE}/branches/none").body["message"] == "Branch not found"


@pytest.mark.parametrize("name", ["main", "heads/main", "tags/v1", "v1"])
def test_a_commit_is_found_by_branch_tag_or_id(world: World, name: str) -> None:
    world.alice.git("tag", "--annotate", "v1", "--message", "v1")
    world.alice.push("v1")
    repo = world.client().get_repo("acme/models")
    commit = repo.get_commit(name)
    assert commit.sha == world.repo.git.branch("main") == repo.get_commit(commit.sha[:12]).sha
    assert [file.filename for file in commit.files] == ["README.md", "model.txt"]
    assert world.http("GET", f"{BASE}/commits/none").status == 422


def test_contents_are_read_at_any_commit(world: World) -> None:
    world.alice.branch("deep", {"ml/registry/models.json": "{}\n"})
    repo = world.client().get_repo("acme/models")
    file = repo.get_contents("ml/registry/models.json", ref="deep")
    assert not isinstance(file, list)
    assert file.decoded_content == b"{}\n"
    folder = world.http("GET", f"{BASE}/contents/ml?ref=deep").body
    assert [(entry["path"], entry["type"]) for entry in folder] == [("ml/registry", "dir")]
    readme = world.http("GET", f"{BASE}/contents/README.md").body
    assert base64.b64decode(readme["content"]) == b"models\n"
    assert world.http("GET", f"{BASE}/contents/ml").status == 404


def test_a_git_commit_tells_its_tree_and_parents(world: World) -> None:
    pull = world.pull()
    commit = world.client().get_repo("acme/models").get_git_commit(pull.head_sha)
    assert commit.tree.sha == world.repo.git.resolve(pull.head_sha, "tree")
    assert [parent.sha for parent in commit.parents] == [pull.base_sha]
    assert world.http("GET", f"{BASE}/git/commits/{'0' * 40}").status == 404


def test_an_object_that_is_no_commit_is_no_branch(world: World) -> None:
    blob = world.repo.git.run("rev-parse", "main:model.txt").strip()
    answered = world.http("PATCH", f"{BASE}/git/refs/heads/main", world.token("alice"), {"sha": blob})
    assert answered.status == 422
