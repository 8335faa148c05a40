"""Who moved a branch: from GitHub's list, newest first, which may come late, end early or name an App."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promotebot.errors import CouldNotVerify
from promotebot.gate.pushers import last_pusher, pushers_since
from promotebot.github.ports import BranchPush
from tests.fakes import BOT, push

ON_BASE = "b" * 40


def sha(number: int) -> str:
    return f"{number:040d}"


def listed(*actors: str, creates: bool = True) -> list[BranchPush]:
    """A branch's pushes, newest first, by these people from the oldest on, the first of which made the branch."""
    pushes = [push(sha(at + 1), actor, before=sha(at), creates=creates and at == 0) for at, actor in enumerate(actors)]
    return pushes[::-1]


def since(pushes: Iterable[BranchPush], head: str, *, on_base: str = ON_BASE) -> Sequence[str]:
    return sorted(pushers_since(pushes, "change", [head], lambda commit: commit == on_base, BOT))


def test_the_last_person_is_the_newest_one_who_is_no_app() -> None:
    assert last_pusher(listed("alice", "bob"), "change", sha(2)) == "bob"
    assert last_pusher(listed("alice", "bob", BOT, BOT), "change", sha(4)) == "bob"
    assert last_pusher(listed(BOT), "change", sha(1)) is None


def test_a_push_that_is_not_listed_yet_or_any_more_is_nobodys() -> None:
    with pytest.raises(CouldNotVerify, match=f"does not list who pushed {sha(3)[:7]} to change") as problem:
        last_pusher(listed("alice", "bob"), "change", sha(3))
    assert problem.value.remedy == "run the job again"
    for too_short in ([], listed(BOT, creates=False)):
        with pytest.raises(CouldNotVerify, match="does not list who pushed"):
            last_pusher(too_short, "change", sha(1))


def test_everybody_counts_who_moved_the_branch_since_it_left_the_base() -> None:
    assert since(listed("alice", "bob", "alice", BOT), sha(4)) == ["alice", "bob"]
    assert since(listed("zoe", "alice", "bob"), sha(3), on_base=sha(1)) == ["alice", "bob"]
    assert since(listed("zoe", "alice", BOT), sha(3), on_base=sha(3)) == []


def test_another_app_stands_for_somebody_whom_nobody_knows() -> None:
    with pytest.raises(CouldNotVerify, match=r"sync\[bot\], an App, pushed to change, .* for whom") as problem:
        since(listed("alice", "sync[bot]"), sha(2))
    assert problem.value.remedy == "request the promotion with a comment"
    assert since(listed("sync[bot]", "alice"), sha(2), on_base=sha(1)) == ["alice"]


@pytest.mark.parametrize("pushes", [[], listed("alice", "bob"), listed("alice", "bob", "carol", creates=False)])
def test_a_list_that_comes_late_or_ends_early_tells_nobody(pushes: list[BranchPush]) -> None:
    with pytest.raises(CouldNotVerify, match=r"does not list everybody who pushed to change \(yet\)") as problem:
        since(pushes, sha(3))
    assert str(problem.value.remedy).startswith("run the job again; if that does not help, push the commits to a new ")


@given(st.lists(st.sampled_from(["alice", "bob", "carol", BOT]), min_size=1, max_size=8), st.data())
def test_exactly_the_people_of_the_pushes_after_the_base_are_found(actors: list[str], data: st.DataObject) -> None:
    left = data.draw(st.integers(0, len(actors)))
    found = since(listed(*actors), sha(len(actors)), on_base=sha(left) if left else ON_BASE)
    assert found == sorted(set(actors[left:]) - {BOT})
