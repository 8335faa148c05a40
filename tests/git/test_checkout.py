"""The work tree that a person stands in: what git says of its files, and commits of one file and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from git import Repo
from git.exc import GitCommandError

from promotebot.errors import CouldNotVerify, UsageError
from promotebot.git.checkout import Checkout
from tests.fake_github.people import Person
from tests.git.conftest import person

REGISTRY = "ml/registry/models.json"


@pytest.fixture
def alice(clone: Callable[[str], Person], monkeypatch: pytest.MonkeyPatch) -> Person:
    """A clone of the remote, in whose terminal the checkout is opened."""
    alice = clone("alice")
    become(alice, monkeypatch)
    return alice


def become(somebody: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    """What their git is told, this process's git is told."""
    for name, value in somebody.environment.items():
        if name.startswith("GIT_"):
            monkeypatch.setenv(name, value)


@pytest.fixture
def checkout(alice: Person) -> Iterator[Checkout]:
    checkout = Checkout.open(alice.clone)
    yield checkout
    checkout.close()


def test_a_checkout_is_found_from_any_directory_in_it(alice: Person) -> None:
    inner = Checkout.open(alice.clone / "ml" / "registry")
    assert inner.root == alice.clone
    inner.close()


def test_outside_of_a_repository_there_is_none(tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    for directory in (tmp_path / "plain", tmp_path / "nowhere"):
        with pytest.raises(UsageError, match="not inside a git repository") as caught:
            Checkout.open(directory)
        assert caught.value.where == str(directory)
        assert caught.value.remedy == "run it in the repository, or give --base-dir"


def test_a_bare_repository_has_no_work_tree(tmp_path: Path) -> None:
    Repo.init(tmp_path / "bare.git", bare=True).close()
    bare = Checkout.open(tmp_path / "bare.git")
    with pytest.raises(UsageError, match="has no work tree"):
        _ = bare.root
    bare.close()


def test_a_clean_work_tree_has_no_dirty_path(checkout: Checkout) -> None:
    assert checkout.dirty_paths() == []
    assert checkout.changed_since("HEAD") == []


def test_changed_new_staged_and_renamed_files_are_dirty(checkout: Checkout, alice: Person) -> None:
    alice.write(REGISTRY, "changed\n")
    alice.write("new file.txt", "x")
    alice.git("mv", "README.md", "LIESMICH.md")
    assert set(checkout.dirty_paths()) == {REGISTRY, "new file.txt", "LIESMICH.md", "README.md"}


def test_files_that_are_ignored_are_not_dirty_and_are_still_not_what_the_commit_holds(
    checkout: Checkout, alice: Person
) -> None:
    alice.write(".git/info/exclude", "*.log\n")
    alice.write("a.log", "x")
    assert checkout.dirty_paths() == []
    assert checkout.changed_since("HEAD") == ["a.log"]


def test_what_changed_since_a_commit_is_told_by_content(checkout: Checkout, alice: Person) -> None:
    alice.write("README.md", "other\n")
    before = alice.git("rev-parse", "HEAD")
    alice.commit("docs: Other")
    assert checkout.changed_since("HEAD") == []
    assert checkout.changed_since(before) == ["README.md"]
    alice.write("README.md", "models\n")
    assert checkout.changed_since(before) == []


def test_tracked_files_are_those_of_that_very_directory(checkout: Checkout, alice: Person) -> None:
    alice.write("ml/registry/untracked.json", "{}")
    alice.write("ml/registry2/models.json", "{}")
    assert checkout.tracked_paths("ml/registry") == {REGISTRY}
    assert checkout.tracked_paths("ml/reg*") == set(), "a name, not a pattern"
    assert checkout.tracked_paths("nowhere") == set()


def test_what_a_sparse_checkout_leaves_out_is_named(checkout: Checkout, alice: Person) -> None:
    assert checkout.left_out_paths("ml") == set()
    alice.git("update-index", "--skip-worktree", REGISTRY)
    assert checkout.left_out_paths("ml") == checkout.left_out_paths(REGISTRY) == {REGISTRY}
    assert checkout.left_out_paths("README.md") == set()


def asked_of_git(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the commands of git, as they are run from now on."""
    asked, run = list[str](), Checkout._run

    def counted(self: Checkout, *words: str, **more: Any) -> str:
        asked.append(words[0])
        return run(self, *words, **more)

    monkeypatch.setattr(Checkout, "_run", counted)
    return asked


def test_what_is_the_same_for_every_artifact_is_asked_once(checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = asked_of_git(monkeypatch)
    for _ in range(3):
        assert checkout.held("ml/artifacts") == {}
        assert checkout.reaches("0" * 40, "HEAD") is False
    assert asked.count("config") == 1
    assert asked.count("rev-parse") == 3 + 1, "each commit, and once whether the history is whole"


def test_the_tags_of_commits_are_read_at_once(
    checkout: Checkout, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And a tag of a tag is the commit at its end; one of a tree is none."""
    head = alice.git("rev-parse", "HEAD").strip()
    alice.git("tag", "light")
    alice.git("tag", "--annotate", "--message", "v1", "v1")
    alice.git("tag", "--annotate", "--message", "v1 again", "again", "v1")
    alice.git("tag", "--annotate", "--message", "a tree", "tree", "HEAD^{tree}")
    alice.git("tag", "li\u2028ne")
    asked = asked_of_git(monkeypatch)
    tags = {name: (commit, tagger) for name, commit, _, tagger in checkout.tags()}
    alone, signed = (head, ""), (head, "alice@example.com")
    assert tags == {"light": alone, "v1": signed, "again": signed, "li\u2028ne": alone}
    assert len(asked) <= 3, "one question for all, and one for each tag that is of something else"


def test_who_commits_is_who_git_says(checkout: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert checkout.user_email() == "alice@example.com"
    nobody = person("nobody", tmp_path / "nobody", named=False)
    nobody.git("init", "--quiet", "--initial-branch=main")
    become(nobody, monkeypatch)
    unnamed = Checkout.open(nobody.clone)
    assert unnamed.user_email() == ""
    with pytest.raises(UsageError, match="git does not know who commits") as caught:
        unnamed.check_can_commit(None)
    assert caught.value.remedy == "set git's user.name and user.email"
    unnamed.close()


def test_a_commit_can_be_made_here_or_on_a_new_branch(checkout: Checkout) -> None:
    checkout.check_can_commit(None)
    checkout.check_can_commit("promote/regime")


@pytest.mark.parametrize(
    ("branch", "problem"),
    [
        ("main", "the branch main exists already"),
        ("a..b", "'a..b' is not a branch name"),
        ("-x", "'-x' is not a branch name"),
        ("", "'' is not a branch name"),
        ("a b", "'a b' is not a branch name"),
    ],
)
def test_a_branch_that_exists_or_cannot_is_refused_before_anything_is_written(
    checkout: Checkout, branch: str, problem: str
) -> None:
    with pytest.raises(UsageError, match=problem) as caught:
        checkout.check_can_commit(branch)
    assert caught.value.where == "--branch"


def test_a_git_that_was_killed_has_not_said_that_a_branch_is_free(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(git: object, command: list[str], **options: object) -> str:
        raise GitCommandError(command, -9, "killed")

    monkeypatch.setattr("git.cmd.Git.execute", killed)
    with pytest.raises(CouldNotVerify, match="git check-ref-format failed: killed"):
        checkout.check_can_commit("promote/regime")


def test_one_file_is_committed_and_what_else_was_staged_stays_staged(checkout: Checkout, alice: Person) -> None:
    alice.write(REGISTRY, "promoted\n")
    alice.write("README.md", "staged\n")
    alice.git("add", "README.md")
    alice.write("new.txt", "x")
    made = checkout.commit_path(REGISTRY, "feat(ml): Promote\n\nreason", branch=None)
    assert made == alice.git("rev-parse", "main")
    assert alice.git("show", "--format=%s", "--name-only", "HEAD").split("\n\n") == ["feat(ml): Promote", REGISTRY]
    assert alice.git("diff", "--cached", "--name-only") == "README.md"
    assert set(checkout.dirty_paths()) == {"README.md", "new.txt"}


def test_a_commit_on_a_new_branch_leaves_the_old_one(checkout: Checkout, alice: Person) -> None:
    before = alice.git("rev-parse", "main")
    alice.write("ml/registry/new.json", "{}\n")
    made = checkout.commit_path("ml/registry/new.json", "feat(ml): New", branch="promote/regime")
    assert alice.git("branch", "--show-current") == "promote/regime"
    assert (alice.git("rev-parse", "main"), alice.git("rev-parse", "promote/regime")) == (before, made)


def test_a_hook_that_refuses_is_said_and_the_file_stays_changed(checkout: Checkout, alice: Person) -> None:
    alice.write(".git/hooks/pre-commit", "#!/bin/sh\necho not on a Friday >&2\nexit 1\n")
    (alice.clone / ".git/hooks/pre-commit").chmod(0o755)
    alice.write(REGISTRY, "promoted\n")
    before = alice.git("rev-parse", "HEAD")
    with pytest.raises(CouldNotVerify, match="git did not commit: not on a Friday") as caught:
        checkout.commit_path(REGISTRY, "feat(ml): Promote", branch=None)
    line = f"git commit --only --message 'feat(ml): Promote' -- {REGISTRY}"
    assert caught.value.remedy == f"fix that, then commit it: {line}"
    assert alice.git("rev-parse", "HEAD") == before
    assert checkout.dirty_paths() == [REGISTRY]


def test_the_branch_one_stands_on_is_pushed(checkout: Checkout, alice: Person, remote: Path) -> None:
    alice.write(REGISTRY, "promoted\n")
    made = checkout.commit_path(REGISTRY, "feat(ml): Promote", branch="promote/regime")
    assert checkout.push_branch() == "promote/regime"
    assert alice.git("--git-dir", str(remote), "rev-parse", "promote/regime") == made


def test_a_branch_that_went_on_at_origin_is_never_forced(
    checkout: Checkout, alice: Person, clone: Callable[[str], Person], remote: Path
) -> None:
    bob = clone("bob")
    bob.write("README.md", "bob's\n")
    theirs = bob.commit("docs: Bob's")
    bob.push()
    alice.write(REGISTRY, "promoted\n")
    checkout.commit_path(REGISTRY, "feat(ml): Promote", branch=None)
    with pytest.raises(CouldNotVerify, match="origin did not accept main") as caught:
        checkout.push_branch()
    assert "promote again" in caught.value.remedy
    assert alice.git("--git-dir", str(remote), "rev-parse", "main") == theirs


def test_a_detached_head_is_on_no_branch_to_push(checkout: Checkout, alice: Person) -> None:
    alice.git("switch", "--quiet", "--detach", "HEAD")
    with pytest.raises(UsageError, match="HEAD is on no branch") as caught:
        checkout.push_branch()
    assert caught.value.where == "--push"


def test_origins_address_is_the_one_that_was_written_down(checkout: Checkout, alice: Person) -> None:
    alice.git("config", "url.https://token@elsewhere.example.com/.insteadOf", "https://github.com/")
    alice.git("remote", "set-url", "origin", "https://github.com/acme/models.git")
    assert checkout.origin_url() == "https://github.com/acme/models.git"
    alice.git("remote", "remove", "origin")
    assert checkout.origin_url() == ""


def test_a_push_that_cannot_be_is_refused_before_anything_is_committed(checkout: Checkout, alice: Person) -> None:
    before = alice.git("switch", "--quiet", "--detach") or alice.git("rev-parse", "HEAD")
    with pytest.raises(UsageError, match="HEAD is on no branch") as caught:
        checkout.check_can_commit(None, push=True)
    assert caught.value.remedy == f"name one: the same command with --branch promote/{before[:7]}"
    checkout.check_can_commit("promote/x", push=True)
    alice.git("remote", "remove", "origin")
    with pytest.raises(UsageError, match="no remote origin") as caught:
        checkout.check_can_commit("promote/x", push=True)
    assert caught.value.remedy.startswith("omit --push: the same command without --push")
    checkout.check_can_commit("promote/x")


@pytest.mark.parametrize(
    ("origin", "page"),
    [
        ("https://github.com/acme/models.git", "https://github.com/acme/models/compare/promote/x?expand=1"),
        ("git@github.com:acme/models", "https://github.com/acme/models/compare/promote/x?expand=1"),
        (
            "ssh://git@github.acme.example/acme/models",
            "https://github.acme.example/acme/models/compare/promote/x?expand=1",
        ),
        ("/srv/git/models.git", ""),
        ("https://gitlab.com/acme/models", ""),
    ],
)
def test_the_page_that_opens_a_pull_request_is_told_where_origin_is_on_github(
    checkout: Checkout, alice: Person, origin: str, page: str
) -> None:
    alice.git("remote", "set-url", "origin", origin)
    assert checkout.compare_url("promote/x") == page
