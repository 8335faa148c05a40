"""A fetched repository: commits made in it, merges tried, and pushes that move a branch from where it was."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from promotebot.errors import CouldNotVerify, InvalidInput, RefChanged
from promotebot.git.branch import FetchedRepository
from promotebot.git.process import Identity, Remote
from tests.fake_github.people import Person

Clone = Callable[[str], Person]
TOKEN = "ghs_made_up_token"
BOT = Identity("bot", "bot@example.com")
WHEN = datetime(2026, 2, 16, 9, tzinfo=timezone.utc)
REGISTRY = "ml/registry/models.json"


@pytest.fixture
def repository(remote: Path) -> Iterator[FetchedRepository]:
    with FetchedRepository.fetched(Remote(str(remote), TOKEN), {"refs/promotebot/base": "refs/heads/main"}) as fetched:
        yield fetched


def tip(repository: FetchedRepository) -> str:
    return repository.commit_id("refs/promotebot/base")


def on_remote(remote: Path, alice: Person, *arguments: str) -> str:
    return alice.git("--git-dir", str(remote), *arguments)


def commit(repository: FetchedRepository, *parents: str, content: bytes = b'{"a": 1}\n') -> str:
    return repository.commit_files(
        parents or [tip(repository)], {REGISTRY: content}, message="feat(ml): Promote\n", author=BOT, when=WHEN
    )


def test_what_was_fetched_stands_under_its_local_name(
    repository: FetchedRepository, remote: Path, clone: Clone
) -> None:
    assert tip(repository) == clone("alice").git("rev-parse", "main")
    assert repository.resolve("main") is None
    assert repository.read_file(tip(repository), REGISTRY, max_bytes=10) == b"{}\n"


def test_a_commit_that_was_pushed_away_is_fetched_by_its_id(
    repository: FetchedRepository, remote: Path, clone: Clone
) -> None:
    alice, old = clone("alice"), tip(repository)
    alice.write("late.txt", "late\n")
    late = alice.commit("docs: Late")
    alice.push()
    alice.git("push", "--quiet", "--force", "origin", f"{old}:main")
    assert repository.fetch_commit(late) == late
    assert repository.read_file(late, "late.txt", max_bytes=10) == b"late\n"
    with pytest.raises(CouldNotVerify, match=f"cannot fetch {'1' * 40}"):
        repository.fetch_commit("1" * 40)


def test_what_cannot_be_fetched_is_unknown_and_the_token_is_not_said(remote: Path) -> None:
    for url, ref in ((remote, "refs/heads/nowhere"), (remote.parent / "gone", "refs/heads/main")):
        with (
            pytest.raises(CouldNotVerify, match=f"cannot fetch {ref}") as caught,
            FetchedRepository.fetched(Remote(str(url), TOKEN), {"refs/promotebot/base": ref}),
        ):
            raise AssertionError("nothing was fetched")
        assert TOKEN not in str(caught.value) + repr(caught.value)


def test_the_private_repository_is_gone_when_the_job_is_done(remote: Path) -> None:
    with FetchedRepository.fetched(Remote(str(remote), TOKEN), {"refs/promotebot/base": "refs/heads/main"}) as fetched:
        directory = Path(fetched._repo.git_dir)
        configured = "".join(path.read_text() for path in directory.glob("config"))
        assert TOKEN not in configured
    assert not directory.exists()


def test_a_commit_changes_the_files_it_names_and_nothing_else(repository: FetchedRepository) -> None:
    base = tip(repository)
    made = commit(repository)
    assert repository.changed_paths(base, made) == [REGISTRY]
    assert repository.read_file(made, REGISTRY, max_bytes=100) == b'{"a": 1}\n'
    assert repository.read_file(made, "README.md", max_bytes=100) == b"models\n"
    assert repository.merge_base(base, made) == base


def test_a_commit_is_the_bots_at_the_moment_of_the_decision(repository: FetchedRepository) -> None:
    made = commit(repository)
    shown = repository._run("log", "-1", "--format=%an|%ae|%cn|%ce|%at|%ct|%B", made).strip()
    stamp = str(int(WHEN.timestamp()))
    assert shown == f"bot|bot@example.com|bot|bot@example.com|{stamp}|{stamp}|feat(ml): Promote"
    assert commit(repository) == made, "the same commit made again is the same commit"


def test_bytes_are_committed_as_they_are(repository: FetchedRepository) -> None:
    made = commit(repository, content=b"one\r\ntwo\0")
    assert repository.read_file(made, REGISTRY, max_bytes=100) == b"one\r\ntwo\0"


def test_an_empty_commit_and_a_merge_take_the_tree_they_are_given(repository: FetchedRepository) -> None:
    base = tip(repository)
    empty = repository.commit_files([base], {}, message="chore: Ask", author=BOT, when=WHEN)
    assert empty != base
    assert repository.changed_paths(base, empty) == []
    one = commit(repository)
    merge = repository.commit_files([empty, one], {}, tree=one, message="chore: Merge", author=BOT, when=WHEN)
    assert repository.changed_paths(one, merge) == []
    assert repository.is_ancestor(empty, merge)
    assert repository.is_ancestor(one, merge)


def test_two_branches_that_change_different_files_merge(repository: FetchedRepository) -> None:
    base = tip(repository)
    other = repository.commit_files([base], {"README.md": b"more\n"}, message="docs: x", author=BOT, when=WHEN)
    tree, conflicts = repository.merged_tree(commit(repository), other)
    assert conflicts == []
    merged = repository.commit_files([base], {}, tree=tree, message="x", author=BOT, when=WHEN)
    assert repository.changed_paths(base, merged) == ["README.md", REGISTRY]


def test_two_branches_that_change_one_file_conflict_in_it(repository: FetchedRepository) -> None:
    one, other = commit(repository), commit(repository, content=b'{"a": 2}\n')
    _, conflicts = repository.merged_tree(one, other)
    assert conflicts == [REGISTRY]


def test_what_cannot_be_merged_is_unknown_and_no_conflict(repository: FetchedRepository) -> None:
    empty_tree = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
    stranger = repository.commit_files([], {"x": b"x"}, tree=empty_tree, message="x", author=BOT, when=WHEN)
    with pytest.raises(CouldNotVerify, match=f"cannot merge {stranger[:7]} into .*unrelated histories"):
        repository.merged_tree(tip(repository), stranger)


def test_a_branch_is_moved_from_where_it_was_read(repository: FetchedRepository, remote: Path, clone: Clone) -> None:
    made = commit(repository)
    repository.push(made, "main", expected=tip(repository))
    assert on_remote(remote, clone("alice"), "rev-parse", "main") == made


def test_a_branch_that_moved_meanwhile_is_not_touched(
    repository: FetchedRepository, remote: Path, clone: Clone
) -> None:
    alice = clone("alice")
    alice.write("README.md", "mine\n")
    hers = alice.commit("docs: Mine")
    alice.push()
    with pytest.raises(RefChanged, match="main moved away from") as caught:
        repository.push(commit(repository), "main", expected=tip(repository))
    assert caught.value.remedy == "repeat the request on the new head"
    assert on_remote(remote, alice, "rev-parse", "main") == hers


def test_a_branch_that_was_deleted_meanwhile_is_not_made_again(
    repository: FetchedRepository, remote: Path, clone: Clone
) -> None:
    alice = clone("alice")
    on_remote(remote, alice, "update-ref", "-d", "refs/heads/main")
    with pytest.raises(RefChanged, match="main moved away from"):
        repository.push(commit(repository), "main", expected=tip(repository))
    assert on_remote(remote, alice, "for-each-ref") == ""


def test_a_commit_that_does_not_continue_the_branch_is_not_pushed(
    repository: FetchedRepository, remote: Path, clone: Clone
) -> None:
    base = tip(repository)
    made = commit(repository)
    with pytest.raises(InvalidInput, match=f"{base[:7]} does not continue {made[:7]}"):
        repository.push(base, "main", expected=made)
    with pytest.raises(InvalidInput, match="does not continue"):
        repository.push(commit(repository, content=b"2"), "main", expected=made)
    assert on_remote(remote, clone("alice"), "rev-parse", "main") == base


def test_a_push_that_the_server_refuses_says_its_words(
    repository: FetchedRepository, remote: Path, clone: Clone
) -> None:
    hook = remote / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho protected branch >&2\nexit 1\n")
    hook.chmod(0o755)
    base = tip(repository)
    with pytest.raises(CouldNotVerify, match=r"the push to main was refused: .*pre-receive hook declined") as caught:
        repository.push(commit(repository), "main", expected=base)
    assert "contents: write" in caught.value.remedy
    assert on_remote(remote, clone("alice"), "for-each-ref", "--format=%(objectname)") == base


def test_a_branch_is_forced_from_where_it_was_read_where_that_is_asked_for(
    repository: FetchedRepository, remote: Path, clone: Clone
) -> None:
    base = tip(repository)
    one, other = commit(repository), commit(repository, content=b"2")
    repository.push(one, "main", expected=base)
    repository.push(other, "main", expected=one, force=True)
    assert on_remote(remote, clone("alice"), "rev-parse", "main") == other
    with pytest.raises(RefChanged, match="main moved away from"):
        repository.push(one, "main", expected=base, force=True)


def test_what_differs_between_two_trees_comes_with_modes_and_ids(repository: FetchedRepository) -> None:
    base = tip(repository)
    made = repository.commit_files([base], {"README.md": None, "a b": b"1\n"}, message="x", author=BOT, when=WHEN)
    gone, new = repository.changed_entries(base, made)
    assert (gone.path, gone.is_gone, gone.old_mode, gone.is_plain) == ("README.md", True, "100644", True)
    assert (new.path, new.is_gone, new.old_mode, new.mode, new.is_plain) == ("a b", False, "000000", "100644", True)
    with repository.open_blob(new.oid) as stream:
        assert stream.read() == b"1\n"
    assert repository.changed_entries(base, base) == []


def test_a_commit_that_was_not_fetched_is_read_as_the_one_it_stands_for(repository: FetchedRepository) -> None:
    base, made, signed = tip(repository), commit(repository), "1" * 40
    repository.read_as(signed, made)
    assert repository.commit_id(signed) == signed
    assert repository.tree_id(signed) == repository.tree_id(made) != repository.tree_id(base)
    assert repository.changed_paths(base, signed) == [REGISTRY]
    assert repository.read_file(signed, REGISTRY, max_bytes=100) == b'{"a": 1}\n'
    assert repository.merge_bases(signed, base) == [base]
    assert (repository.is_ancestor(base, signed), repository.is_ancestor(signed, base)) == (True, False)
    assert repository.commits_of(REGISTRY, signed)[0] == signed


def test_a_hook_of_the_machine_is_not_run(
    repository: FetchedRepository, remote: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "hooks").mkdir()
    hook = tmp_path / "hooks" / "pre-push"
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/was-run\n")
    hook.chmod(0o755)
    home = tmp_path / "home"
    home.mkdir()
    (home / ".gitconfig").write_text(f"[core]\nhooksPath = {tmp_path}/hooks\n")
    monkeypatch.setenv("HOME", str(home))
    repository.push(commit(repository), "main", expected=tip(repository))
    assert not (tmp_path / "was-run").exists()


def test_refs_that_the_remote_lacks_are_left_out_where_they_are_optional(remote: Path) -> None:
    here = {"refs/promotebot/base": "refs/heads/main"}
    optional = {"refs/promotebot/head/1": "refs/heads/gone", "refs/promotebot/head/2": "refs/heads/main"}
    optional |= {"refs/promotebot/head/3": "refs/pull/3/head", "refs/promotebot/head/4": "refs/heads/gone"}
    with FetchedRepository.fetched(Remote(str(remote), TOKEN), here, optional=optional) as fetched:
        found = [fetched.resolve(name) for name in optional]
        assert found == [None, tip(fetched), None, None]
    gone = {"refs/promotebot/base": "refs/heads/gone"}
    with (
        pytest.raises(CouldNotVerify, match="cannot fetch refs/heads/gone: the remote has no such ref"),
        FetchedRepository.fetched(Remote(str(remote), TOKEN), gone, optional=optional),
    ):
        raise AssertionError("nothing was fetched")


def test_a_branch_whose_name_has_a_line_separator_is_one_name(
    repository: FetchedRepository, remote: Path, clone: Clone
) -> None:
    """git takes such a name, and gives every ref that ends like the one that is asked for."""
    odd = "refs/heads/a\u2028b/refs/heads/main"
    on_remote(remote, clone("alice"), "update-ref", odd, "main")
    assert repository.tips(["refs/heads/main"]) == {"refs/heads/main": tip(repository), odd: tip(repository)}
    repository.fetch({"refs/promotebot/odd\u2028one": odd})
    assert repository.refs_below("refs/promotebot/") == {"base": tip(repository), "odd\u2028one": tip(repository)}


def test_nothing_of_what_the_machine_puts_into_new_repositories_is_taken(
    remote: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook = tmp_path / "template/hooks/reference-transaction"
    hook.parent.mkdir(parents=True)
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    monkeypatch.setenv("GIT_TEMPLATE_DIR", str(tmp_path / "template"))
    with FetchedRepository.fetched(Remote(str(remote), TOKEN), {"refs/promotebot/base": "refs/heads/main"}) as fetched:
        assert not [*Path(fetched._repo.git_dir).glob("hooks/*")]


def test_who_comes_before_whom_is_asked_once_for_each_two_commits(
    repository: FetchedRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = tip(repository)
    second = commit(repository)
    asked: list[str] = []
    run = repository._run

    def counting(*words: str, **options: Any) -> Any:
        asked.append(words[0])
        return run(*words, **options)

    monkeypatch.setattr(repository, "_run", counting)
    assert [repository.is_ancestor(first, second) for _ in range(3)] == [True] * 3
    assert asked.count("merge-base") == 1
    assert [repository.is_ancestor(second, first) for _ in range(2)] == [False] * 2
    assert asked.count("merge-base") == 3, "what may come to be true is asked again"
