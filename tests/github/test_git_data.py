"""Commits and branches by GitHub's API: what is asked, what is answered, and every way in which it is refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from promotebot.errors import CouldNotVerify, RefChanged
from promotebot.github.answers import read_rules
from promotebot.github.client import PyGithubClient
from promotebot.github.git_data import GitDataClient
from promotebot.github.git_port import BranchRules, TreeChange
from promotebot.github.rest import Rest
from tests.fake_github.api import graphql
from tests.fake_github.api.call import Answer
from tests.fake_github.http import EmbeddedGitHub
from tests.fake_github.people import BOT_PERMISSIONS, Person
from tests.fake_github.scenario import Repository
from tests.github.test_client import settings_for

BOT = "github-actions[bot]"


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[Repository]:
    """acme/models with main and alice's branch `change`."""
    with EmbeddedGitHub(root=tmp_path / "hub") as hub:
        repository = hub.create_repository("acme/models")
        hub.add_user("alice")
        repository.set_role("alice", "maintain")
        alice = Person.at_work(hub, repository, "alice", tmp_path / "alice")
        for branch in ("main", "change"):
            alice.git("switch", "--quiet", "--force-create", branch)
            alice.write("README.md", f"{branch}\n")
            alice.write("run.sh", "exit\n")
            alice.commit("docs: Start")
            alice.git("push", "--quiet", "origin", branch)
        yield repository


@contextmanager
def connected(repository: Repository, **permissions: str) -> Iterator[GitDataClient]:
    token = repository.issue_actions_token({**BOT_PERMISSIONS, **permissions})
    with closing(PyGithubClient.connect(settings_for(repository.hub.api_url, token), retries=0)) as client:
        yield client.git


@pytest.fixture
def git(repository: Repository) -> Iterator[GitDataClient]:
    with connected(repository) as client:
        yield client


def tip(repository: Repository, branch: str = "change") -> str:
    return repository.git.branch(branch) or ""


def shown(repository: Repository, revision: str) -> str:
    return repository.git.run("cat-file", "blob", revision)


def test_a_commit_on_a_branch_is_the_bots_and_signed(git: GitDataClient, repository: Repository) -> None:
    head = tip(repository)
    files = {"README.md": b"caf\xc3\xa9 \xff\0", "new/file": b"new\n", "run.sh": None}
    made = git.commit_on_branch("change", expected=head, message="feat(ml): Do\n\nwhy\n\nBy: alice\n", files=files)
    assert (tip(repository), made.parents) == (made.sha, (head,))
    assert made.tree == repository.git.resolve(made.sha, "tree")
    commit = repository.git.commit(made.sha)
    assert (commit.author.name, commit.message) == (BOT, "feat(ml): Do\n\nwhy\n\nBy: alice")
    assert repository.git.run("ls-tree", "-r", "--name-only", made.sha).split() == ["README.md", "new/file"]
    assert repository.git.run_bytes("cat-file", "blob", f"{made.sha}:README.md") == files["README.md"]
    assert made.sha in repository.verified
    assert git.tip("change") == made
    assert repository.activity.entries[-1].actor.login == BOT


def test_a_branch_that_stands_elsewhere_is_ref_changed(git: GitDataClient, repository: Repository) -> None:
    head = tip(repository)
    for call in (
        lambda: git.commit_on_branch("change", expected=tip(repository, "main"), message="x", files={}),
        lambda: git.move_branch("change", tip(repository, "main"), expected=tip(repository, "main"), force=True),
    ):
        with pytest.raises(RefChanged, match="change moved away from") as caught:
            call()
        assert caught.value.remedy == "repeat the request on the new head"
    assert tip(repository) == head


def test_a_commit_is_made_from_a_tree_and_two_parents_and_the_branch_is_moved_to_it(
    git: GitDataClient, repository: Repository
) -> None:
    main, head = tip(repository, "main"), tip(repository)
    link = repository.git.write_blob(b"README.md")
    changes = [
        TreeChange("README.md", "100644", content="both\n"),
        TreeChange("run.sh", "100755", oid=repository.git.run("rev-parse", f"{head}:run.sh").strip()),
        TreeChange("link", "120000", oid=link),
        TreeChange("sub", "160000", oid="1" * 40),
    ]
    base_tree = repository.git.resolve(main, "tree") or ""
    tree = git.create_tree(base_tree, changes)
    listed = [line.split()[0::3] for line in repository.git.run("ls-tree", tree).splitlines()]
    assert listed == [["100644", "README.md"], ["120000", "link"], ["100755", "run.sh"], ["160000", "sub"]]
    gone = git.create_tree(tree, [TreeChange("sub", "160000"), TreeChange("link", "120000")])
    made = git.create_commit("feat: Both\n", tree=gone, parents=[head, main])
    assert (made.tree, made.parents) == (gone, (head, main))
    assert tip(repository) == head
    git.move_branch("change", made.sha, expected=head)
    assert tip(repository) == made.sha in repository.verified
    git.move_branch("change", main, expected=made.sha, force=True)
    assert tip(repository) == main
    alone = git.create_commit("feat: Alone", tree=gone, parents=[]).sha
    with pytest.raises(CouldNotVerify, match="not a fast forward"):
        git.move_branch("main", alone, expected=main)


def test_a_branch_is_made_once(git: GitDataClient, repository: Repository) -> None:
    main = tip(repository, "main")
    git.create_branch("promote/one", main)
    assert tip(repository, "promote/one") == main
    with pytest.raises(RefChanged, match="the branch promote/one was made meanwhile"):
        git.create_branch("promote/one", tip(repository))
    assert tip(repository, "promote/one") == main
    with pytest.raises(CouldNotVerify, match="422 Object does not exist"):
        git.create_branch("promote/two", "1" * 40)


def test_a_branch_that_is_gone_has_no_tip(git: GitDataClient) -> None:
    with pytest.raises(CouldNotVerify, match="the request to read the branch gone is not understood"):
        git.tip("gone")


def test_a_token_that_may_not_write_is_told_the_line_to_add(repository: Repository) -> None:
    head = tip(repository)
    with connected(repository, contents="read") as git:
        for call in (
            lambda: git.commit_on_branch("change", expected=head, message="x", files={}),
            lambda: git.create_tree(head, [TreeChange("x", "100644", content="")]),
            lambda: git.create_commit("x", tree=head, parents=[]),
            lambda: git.create_branch("new", head),
            lambda: git.move_branch("change", head, expected=head),
        ):
            with pytest.raises(CouldNotVerify, match="not accessible by integration") as caught:
                call()
            assert caught.value.remedy == "add `contents: write` under `permissions:` of the job"


def test_what_a_branchs_rules_forbid_is_said_with_where_to_look(git: GitDataClient, repository: Repository) -> None:
    repository.protect("change")
    head = tip(repository)
    with pytest.raises(CouldNotVerify, match="UNPROCESSABLE Changes must be made through a pull request") as caught:
        git.commit_on_branch("change", expected=head, message="x", files={})
    assert caught.value.remedy == "check that the job has `contents: write`, and what the branch's rules forbid"


def test_a_workflow_file_is_not_written(git: GitDataClient, repository: Repository) -> None:
    head = tip(repository)
    with pytest.raises(CouldNotVerify, match="without `workflows` permission"):
        git.commit_on_branch("change", expected=head, message="x", files={".github/workflows/a.yml": b"on: push\n"})
    assert tip(repository) == head


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"type": "STALE_DATA", "message": "Expected branch to point to x"}, RefChanged),
        ({"type": "STALE_REF", "message": "?"}, RefChanged),
        ({"type": "INTERNAL", "message": "Something went wrong"}, CouldNotVerify),
        ({"message": "Something went wrong"}, CouldNotVerify),
    ],
)
def test_an_error_of_graphql_comes_with_status_200(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, error: Mapping[str, Any], kind: type[Exception]
) -> None:
    answer = Answer(200, {"data": None, "errors": [error]})
    monkeypatch.setattr(graphql, "answer_query", lambda _: answer)
    with connected(repository) as git, pytest.raises(kind):
        git.commit_on_branch("change", expected="1" * 40, message="x", files={})


@pytest.mark.parametrize("is_classic", [False, True])
def test_a_branchs_rules_are_read_from_rulesets_and_from_older_protection(
    repository: Repository, is_classic: bool
) -> None:
    repository.protect("main", linear_history=True, required_reviews=1, is_classic=is_classic)
    repository.merge_methods = {"merge", "rebase"}
    with connected(repository) as git:
        rules = git.rules("main")
        assert rules.merge_methods == {"rebase"}
        assert rules.dismisses_approvals is (None if is_classic else False), "older protection does not say"
        before = len(repository.hub.requests)
        assert git.rules("main") == rules
        assert len(repository.hub.requests) == before, "asked once"
        others = git.rules("change")
        assert others == BranchRules(frozenset({"merge", "rebase"}), dismisses_approvals=False)


def test_rules_that_dismiss_approvals_or_leave_one_way_of_merging_are_read(repository: Repository) -> None:
    repository.protect("main", dismisses_approvals=True, merge_methods=("squash",))
    with connected(repository) as git:
        assert git.rules("main") == BranchRules(frozenset({"squash"}), dismisses_approvals=True)


def test_a_merge_queue_merges_in_its_own_way() -> None:
    settings = {"mergeCommitAllowed": True, "squashMergeAllowed": True, "rebaseMergeAllowed": False, "ref": None}
    rules: list[dict[str, Any]] = [
        {"type": "merge_queue", "parameters": {"merge_method": "REBASE"}},
        {"type": "deletion"},
    ]
    assert read_rules(settings, rules) == BranchRules(frozenset({"rebase"}), dismisses_approvals=False)


def test_a_server_without_rulesets_has_none(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = Rest.listed

    def without(self: Rest, read: Any, path: str, **asked: Any) -> Any:
        return listed(self, read, path.replace("/rules/", "/no-rules/"), **asked)

    monkeypatch.setattr(Rest, "listed", without)
    repository.protect("main", merge_methods=("squash",))
    with connected(repository) as git:
        assert git.rules("main").merge_methods == {"merge", "squash", "rebase"}
