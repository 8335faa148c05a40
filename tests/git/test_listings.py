"""What is known of a commit's tree without asking git again, and that git would say the same."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from git import Repo
from hypothesis import given
from hypothesis import strategies as st

from promotebot.artifact.source import TreeEntry
from promotebot.git import listings
from promotebot.git.listings import Listings
from promotebot.git.process import ISOLATED
from promotebot.git.repository import Repository
from tests.fake_github.people import Person
from tests.git.conftest import person

COMMIT = "1" * 40
FILES = ("a/b/two", "a/one", "a-b", "a.b/c/d/e", "ab", "z")
PARTS = ["", ".", "..", "a", "a-b", "a.b", "ab", "b", "c", "d", "e", "link", "module", "one", "two", "z", "gone", "*"]


@pytest.fixture(scope="module")
def alice(tmp_path_factory: pytest.TempPathFactory) -> Person:
    """A commit with names that git sorts in another way than we do, a link and a submodule."""
    alice = person("alice", tmp_path_factory.mktemp("listings") / "alice")
    alice.git("init", "--quiet", "--initial-branch=main")
    for path in FILES:
        alice.write(path, path)
    (alice.clone / "a/link").symlink_to("one")
    first = alice.commit("docs: First")
    alice.git("update-index", "--add", "--cacheinfo", f"160000,{first},a/module")
    alice.git("commit", "--quiet", "--message", "docs: Second")
    return alice


@pytest.fixture(scope="module")
def asked(alice: Person) -> Callable[[str, bool], list[TreeEntry]]:
    """What git says of the commit, asked anew each time but for what was asked before."""
    answers: dict[tuple[str, bool], list[TreeEntry]] = {}
    head = alice.git("rev-parse", "HEAD")

    def ask(path: str, recursive: bool) -> list[TreeEntry]:
        if (path, recursive) not in answers:
            repository = Repository(Repo(alice.clone), ISOLATED)
            answers[path, recursive] = repository.list_tree(head, path, recursive)
            repository.close()
        return answers[path, recursive]

    return ask


@given(st.lists(st.sampled_from(PARTS), max_size=4).map("/".join), st.booleans())
def test_the_listing_of_a_whole_commit_answers_for_every_path_as_git_does(
    asked: Callable[[str, bool], list[TreeEntry]], path: str, recursive: bool
) -> None:
    known = Listings()
    known.keep(COMMIT, "", True, asked("", True))
    answer = known.find(COMMIT, path, recursive)
    if answer is not None:
        assert answer == asked(path, recursive)


@pytest.mark.parametrize("path", ["", "a", "a/", "a/b", "a/b/", "a.b/c/d/e", "gone", "a/gone", "a/link", "z/gone"])
def test_a_path_is_looked_up_without_git(asked: Callable[[str, bool], list[TreeEntry]], path: str) -> None:
    known = Listings()
    known.keep(COMMIT, "", True, asked("", True))
    assert known.find(COMMIT, path, recursive=False) == asked(path, False)
    if not path.endswith("/"):
        assert known.find(COMMIT, path, recursive=True) == asked(path, True)


def test_git_is_asked_once_about_a_commit(alice: Person, tmp_path: Path) -> None:
    """What was said before is said again, also when the repository is gone."""
    alice.git("clone", "--quiet", "--bare", ".", str(tmp_path / "gone.git"))
    repository = Repository(Repo(tmp_path / "gone.git"), ISOLATED)
    head = repository.commit_id("main")
    first = repository.list_tree(head, "a", recursive=True)
    (tmp_path / "gone.git/HEAD").unlink()
    assert first
    assert repository.list_tree(head, "a", recursive=True) == first
    repository.close()


def test_a_branch_is_asked_about_each_time() -> None:
    known = Listings()
    known.keep("main", "a", False, [TreeEntry("100644", "2" * 40, None, "a")])
    assert known.find("main", "a", recursive=False) is None


def test_what_was_asked_longest_ago_is_forgotten_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listings, "MAX_ENTRIES", 5)
    known, entry = Listings(), TreeEntry("100644", "2" * 40, None, "a")
    for path in ("one", "two", "three"):
        known.keep(COMMIT, path, True, [entry])
    assert known.find(COMMIT, "one", recursive=True) == [entry]
    known.keep(COMMIT, "four", True, [entry])
    assert known.find(COMMIT, "two", recursive=True) is None
    assert known.find(COMMIT, "one", recursive=True) == [entry]
    known.keep(COMMIT, "large", True, [entry] * 6)
    assert known.find(COMMIT, "large", recursive=True) is None


def test_a_tree_that_holds_a_name_twice_is_left_to_git() -> None:
    known = Listings()
    known.keep(COMMIT, "", True, [TreeEntry("100644", one * 40, None, "a") for one in "23"])
    assert known.find(COMMIT, "a", recursive=False) is None
