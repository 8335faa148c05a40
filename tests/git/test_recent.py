"""A clone of the newest commits gives the answers of the whole history, and fetches no more than they take."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promotebot.cost import Cost
from promotebot.errors import CouldNotVerify, PromotebotError
from promotebot.git.branch import FetchedRepository
from promotebot.git.process import Remote
from promotebot.git.recent import WHOLE
from tests.sampling import examples

pytestmark = pytest.mark.thorough

BASE, HEAD = "refs/promotebot/base", "refs/promotebot/head"
REFS = {BASE: "refs/heads/base", HEAD: "refs/heads/head"}
PATHS = ["one", "two"]
Parents = Sequence[Sequence[int]]
"""Commit → the numbers of its parents, each of them lower than its own."""


def git(directory: Path, *arguments: str, stdin: bytes = b"") -> str:
    command = ["git", "-C", str(directory), *arguments]
    return subprocess.run(command, input=stdin, check=True, capture_output=True).stdout.decode()


def write_history(remote: Path, parents: Parents, base: int, head: int) -> list[str]:
    """Make a remote with such a history; return the id of each commit. Every other commit changes a file."""
    remote.mkdir(exist_ok=True)
    git(remote, "init", "--quiet", "--bare", "--initial-branch=base")
    for setting in ("uploadpack.allowFilter", "uploadpack.allowAnySHA1InWant"):
        git(remote, "config", setting, "true")
    lines = []
    for number, before in enumerate(parents):
        lines.append(
            f"commit refs/heads/made\nmark :{number + 1}\ncommitter a <a@example.com> {number} +0000\ndata 0\n"
        )
        lines += [f"{'from' if place == 0 else 'merge'} :{parent + 1}\n" for place, parent in enumerate(before)]
        if number % 2 == 0 or not before:
            text = f"{number}\n"
            lines.append(f"M 100644 inline {PATHS[number % 4 // 2]}\ndata {len(text)}\n{text}\n")
        lines.append("\nreset refs/heads/made\n\n")
    lines += [f"reset refs/heads/{name}\nfrom :{end + 1}\n\n" for name, end in (("base", base), ("head", head))]
    marks = remote / "marks"
    git(remote, "fast-import", "--quiet", "--force", f"--export-marks={marks}", stdin="".join(lines).encode())
    named = dict(line.split() for line in marks.read_text().splitlines())
    return [named[f":{number + 1}"] for number in range(len(parents))]


@contextmanager
def fetched(remote: Path, depth: int, cost: Cost | None = None) -> Iterator[FetchedRepository]:
    with FetchedRepository.fetched(Remote(remote.as_uri(), "", cost or Cost()), REFS, depth=depth) as repository:
        yield repository


QUESTIONS: dict[str, Callable[[FetchedRepository, str, str], Any]] = {
    "merge_bases": lambda repository, base, head: sorted(repository.merge_bases(base, head)),
    "fork_points": lambda repository, base, head: sorted(repository.fork_points(base, head)),
    "commits_since": lambda repository, base, head: set(repository.commits_since(base, head, limit=99)),
    "paths": lambda repository, base, head: repository.paths_of_commits(base, head),
    "paths_without_merges": lambda repository, base, head: repository.paths_of_commits(base, head, merges=False),
    "changes_since": lambda repository, base, head: repository.changes_since(base, head, ["one"]),
    "is_ancestor": lambda repository, base, head: repository.is_ancestor(base, head),
    "mainline": lambda repository, base, _: list(repository.mainline_commits(base, ["one"])),
    "mainline_part": lambda repository, base, head: part_of_mainline(repository, base, since=head),
    "commits_of": lambda repository, _, head: set(repository.commits_of("two", head)),
    "rebased": lambda repository, base, head: repository.rebased_tree(head, base),
    "merged": lambda repository, base, head: repository.merged_tree(base, head),
}


def part_of_mainline(repository: FetchedRepository, base: str, since: str) -> list[str]:
    """Return the commits of the base that wrote into a file at least what another commit has there."""
    least = text_of(repository, since)

    def ends(commit: str) -> bool:
        return text_of(repository, commit) < least

    return [*takewhile(lambda commit: not ends(commit), repository.mainline_commits(base, ["one"], ends=ends))]


def text_of(repository: FetchedRepository, commit: str) -> int:
    return int(repository.read_file(commit, "one", max_bytes=9) or -1)


def answer(repository: FetchedRepository, question: str, base: str, head: str) -> Any:
    try:
        return QUESTIONS[question](repository, base, head)
    except PromotebotError as problem:
        return problem.message


@st.composite
def histories(draw: st.DrawFn) -> tuple[Parents, int, int]:
    """A history of up to 14 commits with merges, several first commits among them, and two of its commits."""
    count = draw(st.integers(2, 14))
    parents: list[list[int]] = [[]]
    for number in range(1, count):
        behind = st.integers(max(0, number - 6), number - 1)
        several = draw(st.sampled_from([1, 1, 1, 1, 2, 2, 0]))
        parents.append(
            draw(st.lists(behind, min_size=several, max_size=several, unique=True)) if several <= number else [0]
        )
    end = st.integers(max(0, count - 5), count - 1)
    return parents, draw(end), draw(end)


@examples(60)
@given(histories(), st.integers(1, 5), st.permutations(list(QUESTIONS)))
def test_every_answer_is_the_one_of_the_whole_history(
    tmp_path_factory: pytest.TempPathFactory, history: tuple[Parents, int, int], depth: int, order: list[str]
) -> None:
    remote = tmp_path_factory.mktemp("history") / "remote.git"
    commits = write_history(remote, *history)
    base, head = commits[history[1]], commits[history[2]]
    with fetched(remote, WHOLE) as whole:
        expected = {question: answer(whole, question, base, head) for question in QUESTIONS}
        behind = [whole.is_ancestor(commit, head) for commit in commits]
    for first in order[:3]:  # each of them alone, before another one has fetched what it takes
        with fetched(remote, depth) as repository:
            assert answer(repository, first, base, head) == expected[first], first
    with fetched(remote, depth) as repository:
        assert {question: answer(repository, question, base, head) for question in order} == expected
    with fetched(remote, depth) as repository:
        assert [repository.is_ancestor(commit, head) for commit in commits] == behind


def line(count: int) -> Parents:
    """Commits one behind the other, and a last one that was made on the commit three before the last."""
    return [[], *([number] for number in range(count - 1)), [count - 3]]


def test_what_the_newest_commits_answer_takes_no_fetch_more(tmp_path: Path) -> None:
    commits = write_history(tmp_path / "remote.git", line(40), 39, 40)
    base, head, cost = commits[39], commits[40], Cost()
    with fetched(tmp_path / "remote.git", 10, cost) as repository:
        assert repository.merge_bases(base, head) == [commits[37]]
        assert repository.commits_since(base, head, limit=9) == [head]
        assert repository.paths_of_commits(base, head) == PATHS[:1]
        assert repository.rebased_tree(head, base)
        assert repository.is_ancestor(commits[35], head)
        assert not repository.is_ancestor(head, base)
        assert next(repository.mainline_commits(base, PATHS)) == commits[38]
        assert repository.is_shallow()
        assert not repository.has_commit(commits[20])
    assert cost.fetches == 1


@pytest.mark.parametrize("commit", ["older", "unknown"])
def test_a_commit_that_is_not_among_the_newest_takes_one_fetch(tmp_path: Path, commit: str) -> None:
    commits, cost = write_history(tmp_path / "remote.git", line(40), 39, 40), Cost()
    with fetched(tmp_path / "remote.git", 10, cost) as repository:
        sha = commits[5] if commit == "older" else "1" * 40
        assert repository.is_ancestor(sha, commits[40]) is (commit == "older")
        assert not repository.is_shallow()
        assert repository.reaches("2" * 40, commits[40]) is False
        assert list(repository.mainline_commits(commits[39], ["one"]))[-1] == commits[0]
    assert cost.fetches == 2


def test_a_branch_that_left_its_base_long_ago_takes_one_fetch(tmp_path: Path) -> None:
    parents = [[], *([number] for number in range(39)), [5]]
    commits, cost = write_history(tmp_path / "remote.git", parents, 39, 40), Cost()
    with fetched(tmp_path / "remote.git", 10, cost) as repository:
        assert repository.merge_bases(commits[39], commits[40]) == [commits[5]]
        assert repository.commits_since(commits[39], commits[40], limit=9) == [commits[40]]
    assert cost.fetches == 2


def test_the_newest_mainline_commits_come_without_the_older_ones(tmp_path: Path) -> None:
    commits, cost = write_history(tmp_path / "remote.git", line(40), 39, 40), Cost()
    with fetched(tmp_path / "remote.git", 10, cost) as repository:
        changed = repository.mainline_commits(commits[39], ["one"])
        assert [next(changed), next(changed)] == [commits[36], commits[32]]
        assert cost.fetches == 1
        assert next(changed) == commits[28], "what seems to be the first commit here changed nothing"
        assert cost.fetches == 2


def test_older_mainline_commits_are_left_where_the_first_that_is_here_ends_it(tmp_path: Path) -> None:
    commits, cost = write_history(tmp_path / "remote.git", line(40), 39, 40), Cost()
    asked: list[str] = []

    def ends(commit: str) -> bool:
        asked.append(commit)
        return True

    with fetched(tmp_path / "remote.git", 10, cost) as repository:
        assert list(repository.mainline_commits(commits[39], ["one"], ends=ends)) == [commits[36], commits[32]]
        assert asked == [commits[29]], "the first that is here"
    assert cost.fetches == 1


def test_a_history_that_cannot_be_fetched_is_no_answer(tmp_path: Path) -> None:
    remote = tmp_path / "remote.git"
    commits = write_history(remote, line(40), 39, 40)
    with fetched(remote, 10) as repository:
        remote.rename(tmp_path / "gone")
        assert repository.is_ancestor(commits[35], commits[40])
        for question in (
            lambda: repository.is_ancestor(commits[5], commits[40]),
            lambda: repository.commits_of("one", commits[40]),
            lambda: repository.find_commit(commits[5]),
        ):
            with pytest.raises(CouldNotVerify, match="cannot fetch"):
                question()


def test_a_commit_is_found_where_the_remote_still_has_it(tmp_path: Path) -> None:
    commits, cost = write_history(tmp_path / "remote.git", line(40), 30, 31), Cost()
    with fetched(tmp_path / "remote.git", 10, cost) as repository:
        assert repository.find_commit(commits[29]) == commits[29]
        assert cost.fetches == 1
        assert repository.find_commit(commits[2]) == commits[2]
        assert cost.fetches == 2
        assert repository.find_commit("1" * 40) is None
