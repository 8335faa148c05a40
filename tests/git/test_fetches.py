"""What is read comes with as few fetches as can be: together where it is expected, and never more than was said."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path

import pytest

from promotebot.artifact.source import GitTree
from promotebot.cost import Cost
from promotebot.errors import CouldNotVerify
from promotebot.git import partial
from promotebot.git.branch import FetchedRepository
from promotebot.git.process import Identity, Remote
from promotebot.git.recent import TIP
from tests.fake_github.people import Person

pytestmark = pytest.mark.thorough

Clone = Callable[[str], Person]
WHEN = datetime(2026, 2, 16, 9, tzinfo=timezone.utc)
REF = "refs/promotebot/base"
MANY = {f"ml/artifacts/v1/{number}.bin": os.urandom(50_000) for number in range(5)}
OTHERS = {"ml/artifacts/v2/model.bin": b"two\n", "README.md": b"models\n"}


@pytest.fixture
def alice(remote: Path, clone: Clone) -> Person:
    """Somebody who has pushed artifacts to a remote that leaves blobs out on request, as GitHub does."""
    someone = clone("alice")
    for path, data in {**MANY, **OTHERS}.items():
        someone.write(path, data)
    someone.commit("feat: Artifacts")
    someone.push()
    for setting in ("uploadpack.allowFilter", "uploadpack.allowAnySHA1InWant"):
        someone.git("--git-dir", str(remote), "config", setting, "true")
    return someone


@pytest.fixture
def cost() -> Cost:
    return Cost()


@pytest.fixture
def repository(remote: Path, alice: Person, cost: Cost) -> Iterator[FetchedRepository]:
    assert alice
    with FetchedRepository.fetched(Remote(remote.as_uri(), "", cost), {REF: "refs/heads/main"}) as fetched:
        cost.fetches = 0
        yield fetched


def read(repository: FetchedRepository, path: str, revision: str = REF) -> bytes | None:
    return repository.read_file(revision, path, max_bytes=10**6)


def test_what_is_expected_comes_with_the_first_of_it_that_is_read(repository: FetchedRepository, cost: Cost) -> None:
    tree = GitTree(repository, repository.commit_id(REF))
    tree.expect("ml/artifacts/v1", max_files=10, max_bytes=10**6)
    tree.expect("ml/artifacts/v2", max_files=10, max_bytes=10**6)
    assert cost.fetches == 0, "nothing comes before it is read"
    for path, data in {**MANY, "ml/artifacts/v2/model.bin": b"two\n"}.items():
        assert read(repository, path) == data
    assert cost.fetches == 1
    assert read(repository, "README.md") == b"models\n"
    assert cost.fetches == 2


def test_git_brings_nothing_more_by_itself(repository: FetchedRepository, remote: Path, cost: Cost) -> None:
    """Without the remote, everything that was brought is there."""
    GitTree(repository, repository.commit_id(REF)).expect("ml/artifacts/v1", max_files=10, max_bytes=10**6)
    read(repository, next(iter(MANY)))
    remote.rename(remote.parent / "gone")
    for path, data in MANY.items():
        assert read(repository, path) == data
    with pytest.raises(CouldNotVerify):
        read(repository, "README.md")


def test_more_bytes_than_were_expected_do_not_come_at_once(
    repository: FetchedRepository, cost: Cost, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each file comes when it is read then, so that whoever counts them stops where the limit is."""
    monkeypatch.setattr(partial, "SPARE_BYTES", 10_000)
    GitTree(repository, repository.commit_id(REF)).expect("ml/artifacts/v1", max_files=10, max_bytes=100_000)
    paths = list(MANY)
    assert read(repository, paths[0]) == MANY[paths[0]]
    packs = sum(path.stat().st_size for path in Path(repository._repo.git_dir).rglob("*") if path.is_file())
    assert packs < 200_000, "no more than was expected is on the disk"
    assert cost.fetches == 2, "all together, which failed, and this one alone"
    assert read(repository, paths[1]) == MANY[paths[1]]
    assert cost.fetches == 3


def test_no_more_files_are_expected_than_an_artifact_may_have(repository: FetchedRepository, cost: Cost) -> None:
    GitTree(repository, repository.commit_id(REF)).expect("ml/artifacts/v1", max_files=2, max_bytes=10**6)
    for path in sorted(MANY):
        read(repository, path)
    assert cost.fetches == 1 + 2, "three with the manifest, and two that are too many"


def test_what_was_read_elsewhere_counts_only_by_its_id(repository: FetchedRepository, cost: Cost) -> None:
    ids = {entry.path: entry.oid for entry in repository.list_tree(REF, "", recursive=True)}
    readme, model = ids["README.md"], ids["ml/artifacts/v2/model.bin"]
    repository.add_blobs({readme: b"models\n", model: b"other bytes\n"})
    assert read(repository, "README.md") == b"models\n"
    assert cost.fetches == 0
    assert read(repository, "ml/artifacts/v2/model.bin") == b"two\n"
    assert cost.fetches == 1


def test_whether_a_commit_is_here_asks_nobody(
    repository: FetchedRepository, alice: Person, remote: Path, cost: Cost
) -> None:
    base = repository.commit_id(REF)
    alice.write("late.txt", "late\n")
    late = alice.commit("docs: Late")
    alice.push()
    assert [repository.has_commit(base), repository.has_commit(late)] == [True, False]
    assert repository.is_ancestor(late, base) is False
    assert repository.has_commit(late) is False, "git did not fetch it by itself"
    assert cost.fetches == 0
    assert repository.fetch_commit(late) == late
    assert repository.fetch_commit(late) == late
    assert cost.fetches == 1
    assert repository.is_ancestor(base, late)
    assert remote.exists()


def test_a_merge_reads_what_both_sides_changed_with_one_fetch(
    repository: FetchedRepository, alice: Person, cost: Cost
) -> None:
    base = repository.commit_id(REF)
    lines = [f"{number}\n" for number in range(20)]
    sides = []
    for name, place in (("ours", 1), ("theirs", 18)):
        alice.git("switch", "--quiet", "--force-create", name, base)
        for path in ("README.md", "ml/artifacts/v2/model.bin"):
            alice.write(path, "".join([*lines[:place], f"{name}\n", *lines[place:]]))
        sides.append(alice.commit(f"docs: {name}"))
        alice.push()
    ours, theirs = (repository.fetch_commit(sha) for sha in sides)
    cost.fetches = 0
    tree, conflicts = repository.merged_tree(ours, theirs)
    assert (cost.fetches, conflicts) == (1, ["README.md", "ml/artifacts/v2/model.bin"])
    assert tree


def test_attributes_are_read_with_one_fetch(repository: FetchedRepository, alice: Person, cost: Cost) -> None:
    for directory in ("", "ml/", "ml/artifacts/"):
        alice.write(f"{directory}.gitattributes", "*.bin -text\n")
    alice.write("ml/artifacts/v1/.gitattributes", "*.bin text\n")
    sha = alice.commit("chore: Attributes")
    alice.push()
    commit = repository.fetch_commit(sha)
    cost.fetches = 0
    found = repository.attributes(commit, ["ml/artifacts/v1/0.bin", "ml/artifacts/v2/model.bin"], ["text"])
    assert [found[path]["text"] for path in found] == ["set", "unset"]
    assert cost.fetches == 1


def test_tips_come_without_their_history(remote: Path, alice: Person, cost: Cost) -> None:
    before = alice.git("rev-parse", "main~1")
    with FetchedRepository.fetched(Remote(remote.as_uri(), "", cost), {REF: "refs/heads/main"}, depth=TIP) as fetched:
        assert not fetched.has_commit(before)
        assert read(fetched, "README.md") == b"models\n"
        assert cost.fetches == 2


def test_a_change_that_a_merge_threw_away_is_found_in_the_history(repository: FetchedRepository, alice: Person) -> None:
    base = repository.commit_id(REF)
    alice.write("ml/registry/models.json", '{"a": 1}\n')
    changed = alice.commit("feat: Change the registry")
    alice.git("switch", "--quiet", "--force-create", "other", base)
    alice.write("more.txt", "more\n")
    alice.commit("docs: More")
    alice.git("merge", "--quiet", "--strategy=ours", "--message=docs: Ours", changed)
    head = alice.git("rev-parse", "HEAD")
    alice.push()
    repository.fetch_commit(head)
    assert repository.changes_since(base, head, ["ml/registry"])
    assert not repository.changes_since(base, head, ["ml/artifacts"])


def test_blobs_that_this_repository_makes_are_here(repository: FetchedRepository, cost: Cost) -> None:
    made = hashlib.sha1(b"blob 4\0new\n", usedforsecurity=False).hexdigest()
    assert repository.missing([made]) == [made]
    base = repository.commit_id(REF)
    commit = repository.commit_files(
        [base], {"new.txt": b"new\n"}, message="x", author=Identity("bot", "bot@example.com"), when=WHEN
    )
    assert read(repository, "new.txt", commit) == b"new\n"
    assert (repository.missing([made]), cost.fetches) == ([], 0)
