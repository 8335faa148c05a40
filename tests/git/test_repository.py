"""A repository read by object id: what names a commit, what a tree holds, and what is not read as a file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from git import Repo
from git.exc import GitCommandError

from promotebot.artifact.source import Kind
from promotebot.errors import CouldNotVerify, InvalidInput, UsageError
from promotebot.git.process import ISOLATED
from promotebot.git.repository import Repository, paths_below
from tests.fake_github.people import Person
from tests.git.conftest import person


@pytest.fixture(scope="module")
def alice(tmp_path_factory: pytest.TempPathFactory) -> Person:
    """A work tree with two commits on main, branches that left after the first."""
    alice = person("alice", tmp_path_factory.mktemp("repository") / "alice")
    alice.git("init", "--quiet", "--initial-branch=main")
    alice.write("a/one.txt", "one\n")
    alice.write("a/b/two.txt", "two\n")
    alice.write("ab.txt", "12345")
    alice.write("run.sh", "#!/bin/sh\n")
    (alice.clone / "run.sh").chmod(0o755)
    (alice.clone / "link").symlink_to("ab.txt")
    alice.write(":(top)odd*.txt", "odd")
    first = alice.commit("docs: First")
    alice.git("update-index", "--add", "--cacheinfo", f"160000,{first},module")
    alice.git("commit", "--quiet", "--message", "docs: Second")
    alice.git("branch", "second")
    alice.git("switch", "--quiet", "--create", "change", first)
    alice.git("mv", "a/one.txt", "a/moved.txt")
    alice.commit("docs: Move")
    alice.git("switch", "--quiet", "--create", "merged", "second")
    alice.git("merge", "--quiet", "--no-ff", "--message", "Merge change", "change")
    alice.git("switch", "--quiet", "--orphan", "alone")
    alice.write("alone.txt", "x")
    alice.commit("docs: Alone")
    alice.git("tag", "--annotate", "--message", "v1", "v1", "second")
    return alice


@pytest.fixture
def repository(alice: Person) -> Iterator[Repository]:
    repository = Repository(Repo(alice.clone), ISOLATED)
    yield repository
    repository.close()


def test_a_name_is_resolved_to_a_commit_or_nothing(repository: Repository, alice: Person) -> None:
    second = alice.git("rev-parse", "second")
    for name in ("second", "refs/heads/second", second, second[:12], "v1"):
        assert repository.resolve(name) == second
    for name in ("nowhere", "0" * 40, "second:ab.txt", "", "--help", "-x", "second^{tree}^0", "second~9"):
        assert repository.resolve(name) is None, name


def test_a_name_that_must_be_a_commit_is_refused_with_a_next_step(repository: Repository, alice: Person) -> None:
    assert repository.commit_id("main") == alice.git("rev-parse", "main")
    with pytest.raises(UsageError, match="'nowhere' names no commit here") as caught:
        repository.commit_id("nowhere")
    assert caught.value.remedy


def test_history_says_who_comes_before_whom(repository: Repository) -> None:
    main, second, change = (repository.commit_id(name) for name in ("main~1", "second", "change"))
    assert repository.is_ancestor(main, second)
    assert repository.is_ancestor(second, second)
    assert not repository.is_ancestor(second, main)
    assert (repository.reaches(second, main), repository.is_shallow()) == (False, False)
    assert not repository.is_ancestor(second, change)
    assert not repository.is_ancestor("0" * 40, second), "a commit that is not here"
    assert repository.merge_base(second, change) == main


def test_two_branches_without_a_common_commit_have_no_fork(repository: Repository) -> None:
    with pytest.raises(InvalidInput, match="shares no history with its base") as caught:
        repository.merge_base("main", "alone")
    assert caught.value.remedy == "start the branch from the base"


def test_both_names_of_a_rename_have_changed(repository: Repository) -> None:
    assert repository.changed_paths("main~1", "change") == ["a/moved.txt", "a/one.txt"]
    assert repository.changed_paths("main~1", "main~1") == []


def test_attributes_are_those_of_a_commit_whatever_the_work_tree_says(tmp_path: Path) -> None:
    alice = person("alice", tmp_path / "alice")
    alice.git("init", "--quiet", "--initial-branch=main")
    alice.write("ml/.gitattributes", "*.json text=auto ident\n")
    alice.write("ml/a b\n.json", "{}")
    first = alice.commit("docs: Attributes")
    alice.write("ml/.gitattributes", "*.json -text\n")
    second = alice.commit("docs: Others")
    alice.write("ml/.gitattributes", "*.json text\n")
    alice.git("clone", "--quiet", "--bare", ".", str(tmp_path / "bare.git"))
    path, names = "ml/a b\n.json", ("text", "ident")
    for place in (alice.clone, tmp_path / "bare.git"):
        repository = Repository(Repo(place), ISOLATED)
        assert repository.attributes(first, [path], names) == {path: {"text": "auto", "ident": "set"}}
        assert repository.attributes(second, [path], names) == {path: {"text": "unset", "ident": "unspecified"}}
        assert repository.attributes(first, [], names) == {}
        repository.close()
    assert alice.git("status", "--porcelain") == "M ml/.gitattributes"


def listed(repository: Repository, path: str, *, recursive: bool) -> dict[str, Kind]:
    return {entry.path: entry.kind for entry in repository.list_tree("second", path, recursive)}


def test_a_tree_is_listed_with_the_kind_of_each_entry(repository: Repository) -> None:
    assert listed(repository, "", recursive=False) == {
        ":(top)odd*.txt": Kind.FILE,
        "a": Kind.DIRECTORY,
        "ab.txt": Kind.FILE,
        "link": Kind.SYMLINK,
        "module": Kind.SUBMODULE,
        "run.sh": Kind.FILE,
    }
    assert listed(repository, "a/", recursive=False) == {"a/b": Kind.DIRECTORY, "a/one.txt": Kind.FILE}
    assert listed(repository, "a", recursive=False) == {"a": Kind.DIRECTORY}
    assert set(listed(repository, "a", recursive=True)) == {"a", "a/b", "a/b/two.txt", "a/one.txt"}
    assert listed(repository, "nowhere", recursive=True) == {}


def test_a_path_is_a_name_and_never_a_pattern(repository: Repository) -> None:
    assert list(listed(repository, ":(top)odd*.txt", recursive=False)) == [":(top)odd*.txt"]
    assert listed(repository, "*", recursive=True) == {}
    assert listed(repository, ":(top)a", recursive=True) == {}


def test_a_files_bytes_are_read_at_a_commit_up_to_a_limit(repository: Repository) -> None:
    assert repository.read_file("second", "ab.txt", max_bytes=5) == b"12345"
    assert repository.read_file("second", "run.sh", max_bytes=100) == b"#!/bin/sh\n"
    assert repository.read_file("change", "a/one.txt", max_bytes=100) is None
    with pytest.raises(InvalidInput, match="is over the limit of 4 bytes") as caught:
        repository.read_file("second", "ab.txt", max_bytes=4)
    assert caught.value.where == "ab.txt"


@pytest.mark.parametrize(
    ("path", "problem"),
    [("link", "is a symbolic link"), ("a", "is not a regular file"), ("module", "is not a regular file")],
)
def test_only_regular_files_are_read(repository: Repository, path: str, problem: str) -> None:
    with pytest.raises(InvalidInput, match=problem) as caught:
        repository.read_file("second", path, max_bytes=100)
    assert (caught.value.where, caught.value.remedy) == (path, "commit the file itself")


def test_an_object_that_is_not_there_is_unknown(repository: Repository) -> None:
    with pytest.raises(CouldNotVerify, match="cannot read object 0000"), repository.open_blob("0" * 40) as stream:
        assert stream.read() == b""


def test_a_reader_may_stop_early(repository: Repository) -> None:
    [entry] = repository.list_tree("second", "ab.txt", recursive=False)
    with repository.open_blob(entry.oid) as stream:
        assert stream.read(2) == b"12"


def test_the_commits_of_a_file_are_those_that_changed_it(repository: Repository) -> None:
    first, moved = repository.commit_id("main~1"), repository.commit_id("change")
    assert repository.commits_of("a/one.txt", "change") == [moved, first]
    assert repository.commits_of("ab.txt", "change") == [first]
    assert repository.commits_of("nowhere", "change") == []
    assert repository.commits_of("*", "change") == []


def test_what_a_merge_brought_came_to_the_branch_with_the_merge(repository: Repository) -> None:
    first, merge = repository.commit_id("main~1"), repository.commit_id("merged")
    assert list(repository.mainline_commits("merged", ["a/moved.txt"])) == [merge]
    assert list(repository.mainline_commits("merged", ["a/one.txt", "ab.txt"])) == [merge, first]
    assert list(repository.mainline_commits("change", ["a/moved.txt"])) == [repository.commit_id("change")]
    assert list(repository.mainline_commits("merged", ["nowhere", "*"])) == []


@pytest.mark.parametrize("status", [-9, 137, 2])
def test_a_git_that_was_killed_has_not_said_no(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    second = repository.commit_id("second")

    def killed(git: object, command: list[str], **options: object) -> str:
        if command[1] == "rev-parse" and asked != "rev-parse":
            return second
        raise GitCommandError(command, status, "killed")

    asked = "merge-base"
    monkeypatch.setattr("git.cmd.Git.execute", killed)
    with pytest.raises(CouldNotVerify, match="git merge-base failed: killed"):
        repository.is_ancestor(second, "main")
    with pytest.raises(CouldNotVerify, match="git merge-base failed: killed"):
        repository.merge_base(second, "main")
    asked = "rev-parse"
    with pytest.raises(CouldNotVerify, match="git rev-parse failed: killed"):
        repository.resolve("second")


def test_paths_below_a_directory_are_in_it_and_not_beside_it() -> None:
    assert paths_below(["a/b", "ab", "a", "a/c/d", "b/a/c"], "a") == ["a/b", "a/c/d"]


def test_a_file_that_was_read_is_not_read_again(alice: Person, tmp_path: Path) -> None:
    """Also with other limits, and only as far as there is room for it."""
    alice.git("clone", "--quiet", "--bare", ".", str(tmp_path / "gone.git"))
    repository = Repository(Repo(tmp_path / "gone.git"), ISOLATED)
    head = repository.commit_id("main~1")
    (small,) = repository.list_tree(head, "a/one.txt", recursive=False)
    assert repository.read_entry(small, max_bytes=10) == b"one\n"
    (tmp_path / "gone.git/HEAD").unlink()
    assert repository.read_entry(small, max_bytes=4) == b"one\n"
    with pytest.raises(InvalidInput, match="over the limit of 3 bytes"):
        repository.read_entry(small, max_bytes=3)
    repository.close()


def test_what_is_over_the_limit_is_not_kept_as_if_it_were_all(repository: Repository) -> None:
    (file,) = repository.list_tree(repository.commit_id("second"), "ab.txt", recursive=False)
    with pytest.raises(InvalidInput, match="over the limit of 3 bytes"):
        repository.read_entry(file, max_bytes=3)
    assert repository.read_entry(file, max_bytes=5) == b"12345"


def test_only_so_much_is_kept(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repository, "_room", 4)
    head = repository.commit_id("second")
    assert repository.read_file(head, "ab.txt", max_bytes=10) == b"12345"
    assert repository.read_file(head, "a/one.txt", max_bytes=10) == b"one\n"
    assert list(repository._small_files.values()) == [b"one\n"]


def test_a_shallow_clone_does_not_deny_what_it_does_not_hold(alice: Person, tmp_path: Path) -> None:
    first, second = (alice.git("rev-parse", name).strip() for name in ("second~1", "second"))
    copy = tmp_path / "shallow"
    alice.git("clone", "--quiet", "--depth=1", "--branch=second", alice.clone.as_uri(), str(copy))
    repository = Repository(Repo(copy), ISOLATED)
    assert repository.is_shallow()
    assert repository.reaches(second, second) is True
    assert repository.reaches(first, second) is None
    assert repository.reaches("0" * 40, second) is None
    repository.close()
    alice.git("-C", str(copy), "fetch", "--quiet", "--unshallow")
    whole = Repository(Repo(copy), ISOLATED)
    assert (whole.reaches(first, second), whole.reaches("0" * 40, second)) == (True, False)
    whole.close()
