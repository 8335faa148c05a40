"""The embedded GitHub remembers who moved a branch, as GitHub's activity list does."""

from __future__ import annotations

from typing import Any

from .conftest import World

PATH = "/repos/acme/models/activity"


def activity(world: World, query: str = "") -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = world.http("GET", f"{PATH}{query}", world.token("alice")).body
    return entries


def test_every_move_of_a_branch_is_told_newest_first_with_who_made_it(world: World) -> None:
    first = world.pull().head_sha
    second = world.alice.commit({"model.txt": "v3\n"})
    world.alice.push("add-v2")
    (moved, made) = activity(world, "?ref=add-v2")
    assert (moved["activity_type"], moved["before"], moved["after"]) == ("push", first, second)
    assert (made["activity_type"], made["after"], made["ref"]) == ("branch_creation", first, "refs/heads/add-v2")
    assert {moved["actor"]["login"], made["actor"]["login"]} == {"alice"}


def test_a_merge_and_a_deleted_branch_are_told_too(world: World) -> None:
    world.pull()
    world.repo.merge(1, by="bob")
    world.clone(world.token("bob")).push(":add-v2")
    assert [(entry["activity_type"], entry["actor"]["login"]) for entry in activity(world)][:2] == [
        ("branch_deletion", "bob"),
        ("push", "bob"),
    ]


def test_a_list_goes_on_by_cursor_and_knows_no_pages(world: World) -> None:
    world.pull()
    world.pull(head="other", files={"other.txt": "1\n"})
    answered = world.http("GET", f"{PATH}?per_page=1", world.token("alice"))
    following = answered.headers["Link"].partition(">")[0].removeprefix("<").partition("/activity")[2]
    assert activity(world, "?per_page=1&page=2") == answered.body
    assert activity(world, following) == activity(world)[1:2] != answered.body
