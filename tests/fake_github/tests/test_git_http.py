"""Clone, fetch and push with the git command."""

from __future__ import annotations

import gzip
import http.client
import subprocess

import pytest

from .conftest import World


def test_everybody_may_clone_a_public_repository(world: World) -> None:
    folder = world.folder / "anonymous"
    environment = {**world.alice.environment, "GIT_TRACE_CURL": "0"}
    command = ["git", "clone", "--quiet", world.repo.clone_url, str(folder)]
    subprocess.run(command, env=environment, check=True)
    assert (folder / "model.txt").read_text(encoding="utf-8") == "v1\n"


def test_nobody_pushes_without_a_token(world: World) -> None:
    world.alice.commit({"model.txt": "v2\n"})
    with pytest.raises(RuntimeError, match="could not read Username"):
        world.alice.git("push", world.repo.clone_url, "main")


@pytest.mark.parametrize("login", ["carol", "eve"])
def test_pushing_takes_write_access(world: World, login: str) -> None:
    clone = world.clone(world.token(login))
    clone.commit({"model.txt": "v2\n"})
    with pytest.raises(RuntimeError, match="403"):
        clone.push("main")


def test_an_actions_token_pushes_with_contents_write_only(world: World) -> None:
    clone = world.clone(world.bot_token(contents="read"))
    clone.commit({"model.txt": "v2\n"})
    with pytest.raises(RuntimeError, match="403"):
        clone.push("main")
    clone = world.clone(world.bot_token(contents="write"))
    sha = clone.commit({"model.txt": "v2\n"})
    clone.push("main")
    assert world.repo.git.branch("main") == sha


@pytest.mark.parametrize("branch", ["main", "fresh"])
def test_an_actions_token_pushes_no_workflow_change(world: World, branch: str) -> None:
    clone = world.clone(world.bot_token())
    clone.git("checkout", "--quiet", "-B", branch)
    clone.commit({".github/workflows/ci.yml": "on: push\n"})
    with pytest.raises(RuntimeError, match="refusing to allow a GitHub App to create or update workflow"):
        clone.push(branch)
    world.alice.branch("by-hand", {".github/workflows/ci.yml": "on: push\n"})
    assert world.repo.git.branch("by-hand")


def test_an_actions_token_pushes_a_new_branch_from_commits_github_has(world: World) -> None:
    world.alice.branch("main", {".github/workflows/ci.yml": "on: push\n"})
    clone = world.clone(world.bot_token())
    clone.git("checkout", "--quiet", "-B", "promote/x")
    sha = clone.commit({"model.txt": "v2\n"})
    clone.push("promote/x")
    assert world.repo.git.branch("promote/x") == sha


def test_an_app_with_the_workflows_permission_pushes_them(world: World) -> None:
    clone = world.clone(world.repo.issue_app_token({"contents": "write", "workflows": "write"}))
    clone.commit({".github/workflows/ci.yml": "on: push\n"})
    clone.push("main")
    assert world.repo.git.branch("main") == clone.git("rev-parse", "HEAD")


def test_a_refused_ref_carries_its_reason_and_the_others_move(world: World) -> None:
    clone = world.clone(world.bot_token())
    clone.commit({".github/workflows/ci.yml": "on: push\n"})
    clone.git("branch", "harmless", "HEAD~")
    with pytest.raises(RuntimeError) as caught:
        clone.push("main", "harmless")
    reason = "(refusing to allow a GitHub App to create or update workflow `.github/workflows/ci.yml` without"
    assert f"[remote rejected] main -> main {reason} `workflows` permission)" in str(caught.value)
    assert "remote:" not in str(caught.value)
    assert world.repo.git.branch("harmless") == clone.git("rev-parse", "harmless")


def test_a_reason_is_in_the_report_for_programs_too(world: World) -> None:
    clone = world.clone(world.bot_token())
    clone.commit({".github/workflows/ci.yml": "on: push\n"})
    command = ["git", "push", "--porcelain", "origin", "main"]
    done = subprocess.run(command, cwd=clone.folder, env=clone.environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "without `workflows` permission" in done.stdout
    assert "workflows" not in done.stderr


def test_a_merge_of_the_base_moves_the_pull_request(world: World) -> None:
    pull = world.pull()
    old, base = pull.head_sha, world.alice.branch("main", {"other.txt": "1\n"}, start="main")
    clone = world.clone(world.bot_token(contents="write"))
    clone.git("checkout", "--quiet", "add-v2")
    clone.git("merge", "--quiet", "--no-ff", "--message", "merge", "origin/main")
    clone.push("add-v2")
    assert world.repo.git.commit(pull.head_sha).parents == (old, base)
    read = world.client().get_repo("acme/models").get_pull(1)
    assert (read.head.sha, read.base.sha, read.mergeable) == (clone.git("rev-parse", "HEAD"), base, True)
    assert read.changed_files == 1
    assert world.alice.git("ls-remote", "origin", "refs/pull/1/head").split()[0] == read.head.sha


def test_an_actions_token_pushes_no_merge_of_a_base_that_changed_workflows(world: World) -> None:
    old = world.pull().head_sha
    world.alice.branch("main", {".github/workflows/ci.yml": "on: push\n"}, start="main")
    for token, may in ((world.bot_token(), False), (world.token("bob"), True)):
        clone = world.clone(token)
        clone.git("checkout", "--quiet", "add-v2")
        clone.git("merge", "--quiet", "--no-ff", "--message", "merge", "origin/main")
        if may:
            clone.push("add-v2")
        else:
            with pytest.raises(RuntimeError, match="without `workflows` permission"):
                clone.push("add-v2")
            assert world.repo.pull(1).head_sha == old
    assert len(world.repo.git.commit(world.repo.pull(1).head_sha).parents) == 2


def test_a_protected_branch_takes_no_direct_push(world: World) -> None:
    world.repo.protect("main", required_checks=["promotebot/gate"])
    world.alice.branch("release", {"a.txt": "a\n"})
    world.repo.protect("release")
    world.alice.git("checkout", "--quiet", "main")
    world.alice.commit({"model.txt": "v2\n"})
    with pytest.raises(RuntimeError, match=r"(?s)Changes must be made through.*\(protected branch hook declined\)"):
        world.alice.push("main")
    with pytest.raises(RuntimeError, match="GH006"):
        world.alice.push(":release")
    world.alice.push("main:elsewhere")
    assert world.repo.git.branch("elsewhere")


def test_a_file_over_the_limit_is_not_taken_and_the_branch_stays(world: World) -> None:
    assert world.hub.file_limit == 100 * 1024 * 1024
    world.hub.file_limit = 1000
    old = world.pull().head_sha
    world.alice.commit({"large.bin": "x" * 1001})
    with pytest.raises(RuntimeError, match=r"(?s)large.bin is 1001 bytes.*GH001.*\(pre-receive hook declined\)"):
        world.alice.push("add-v2")
    assert world.repo.pull(1).head_sha == old
    world.hub.file_limit = 1001
    world.alice.push("add-v2")


def test_the_refs_of_pull_requests_are_fetched_but_not_pushed(world: World) -> None:
    world.pull()
    world.alice.git("fetch", "--quiet", "origin", "refs/pull/1/head")
    with pytest.raises(RuntimeError, match="deny updating a hidden ref"):
        world.alice.push("main:refs/pull/1/head")


def test_a_stale_push_loses(world: World) -> None:
    other = world.clone(world.token("bob"))
    world.alice.commit({"model.txt": "v2\n"})
    world.alice.push("main")
    other.commit({"model.txt": "v3\n"})
    with pytest.raises(RuntimeError, match="fetch first"):
        other.push("main")


def test_a_partial_clone_fetches_content_when_it_is_needed(world: World) -> None:
    options = ("--filter=blob:none", "--no-checkout", "-c", "protocol.version=2")
    clone = world.clone(world.token("alice"), None, *options)
    missing = clone.git("rev-list", "--objects", "--all", "--missing=print")
    assert missing.count("?") == 2
    assert clone.git("show", "HEAD:model.txt") == "v1"


def test_any_object_can_be_fetched_by_its_id(world: World) -> None:
    old = world.repo.git.branch("main")
    world.alice.commit({"model.txt": "v2\n"})
    world.alice.push("main")
    clone = world.clone(world.token("alice"), None, "--depth=1")
    clone.git("fetch", "--quiet", "--depth=1", "origin", str(old))
    assert clone.git("show", "FETCH_HEAD:model.txt") == "v1"


def test_a_large_push_arrives_in_chunks(world: World) -> None:
    world.alice.git("config", "http.postBuffer", "1024")
    (world.alice.folder / "weights.bin").write_bytes(bytes(i * i % 251 for i in range(300_000)))
    sha = world.alice.commit({"model.txt": "v2\n"})
    world.alice.push("main")
    assert world.repo.git.branch("main") == sha


def test_a_compressed_request_is_understood(world: World) -> None:
    tip = world.repo.git.branch("main")
    want = f"want {tip}\n".encode()
    body = gzip.compress(b"%04x%s00000009done\n" % (len(want) + 4, want))
    address = world.hub.server_url.removeprefix("http://")
    connection = http.client.HTTPConnection(address)
    headers = {"Content-Type": "application/x-git-upload-pack-request", "Content-Encoding": "gzip"}
    connection.request("POST", "/acme/models.git/git-upload-pack", body, headers)
    reply = connection.getresponse()
    assert (reply.status, reply.read()[:12]) == (200, b"0008NAK\nPACK")
    connection.close()


def test_a_private_repository_is_cloned_by_those_who_may_read_it(world: World) -> None:
    secret = world.hub.create_repository("acme/secret", private=True)
    with pytest.raises(RuntimeError, match="not found"):
        world.clone(world.token("eve"), secret)
    secret.set_role("eve", "read")
    world.clone(world.token("eve"), secret)
    world.clone(secret.issue_actions_token({"contents": "read"}), secret)
    with pytest.raises(RuntimeError, match="not found"):
        world.clone(world.bot_token(), secret)


def test_other_files_of_the_repository_are_not_served(world: World) -> None:
    for path in ("/acme/models.git/config", "/acme/models.git/HEAD", "/acme/../models.git/info/refs"):
        answered = world.http("GET", f"{world.hub.server_url}{path}", world.token("alice"))
        assert answered.status == 404
