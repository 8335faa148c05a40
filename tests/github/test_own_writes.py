"""A job reads at once what it wrote, and what others wrote after it stays the newest."""

from __future__ import annotations

from typing import Any

from promotebot.github.own_writes import OwnWrites

SHA = "a" * 40


def status(number: int, state: str = "success") -> dict[str, Any]:
    return {"id": number, "state": state}


def statuses(own: list[int], listed: list[int]) -> list[int]:
    writes = OwnWrites({SHA: {number: status(number) for number in own}})
    return [item["id"] for item in writes.with_statuses(SHA, map(status, listed))]


def test_a_status_that_the_list_lacks_stands_where_it_belongs() -> None:
    assert statuses([5], [4, 3]) == [5, 4, 3]
    assert statuses([3], [5, 4, 2, 1]) == [5, 4, 3, 2, 1], "somebody's newer one counts before ours"
    assert statuses([1], [3, 2]) == [3, 2, 1]
    assert statuses([4, 2], []) == [4, 2]


def test_a_status_that_is_listed_is_there_once() -> None:
    assert statuses([5, 3], [5, 4, 3]) == [5, 4, 3]


def test_another_commit_has_none_of_them() -> None:
    assert list(OwnWrites({SHA: {1: status(1)}}).with_statuses("b" * 40, [])) == []


def test_no_more_of_a_list_is_read_than_somebody_asks_for() -> None:
    def listed() -> Any:
        yield status(4)
        raise AssertionError("nobody asked for more")

    found = OwnWrites({SHA: {5: status(5)}}).with_statuses(SHA, listed())
    assert [next(found)["id"], next(found)["id"]] == [5, 4]


def test_comments_are_as_this_job_wrote_them_and_the_missing_ones_come_last() -> None:
    writes = OwnWrites(comments={7: {2: {"id": 2, "body": "new"}, 9: {"id": 9, "body": "posted"}}})
    listed = [{"id": 1, "body": "theirs"}, {"id": 2, "body": "old"}]
    assert [item["body"] for item in writes.with_comments(7, listed)] == ["theirs", "new", "posted"]
    assert list(writes.with_comments(8, listed)) == listed
