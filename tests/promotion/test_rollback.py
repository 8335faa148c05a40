"""Which pointer a rollback goes back to."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

import pytest

from promotebot.promotion.rollback import candidates, rollback_id
from promotebot.registry import ModelEntry, Stage
from promotebot.registry.model import read_record
from tests.approved import approve


def entry(*moves: str, **options: Any) -> ModelEntry:
    """A model after moves of ACTIVE, oldest first: `a` promotes a, `<a` rolls back to a, `-` takes out what stands."""
    history: list[dict[str, Any]] = []
    active: dict[str, Any] | None = None
    for index, move in enumerate(moves):
        letter = move.lstrip("<")
        pointer = active if move == "-" else pointer_of(letter, index, **options)
        event = {"ts_utc": f"2026-01-{index + 1:02d}T00:00:00Z", "pointer": pointer, "to_stage": "active"}
        event["action"] = "rollback" if move.startswith("<") else "promote"
        if move == "-":
            event |= {"action": "demote", "from_stage": "active", "to_stage": None}
        history.insert(0, event)
        active = None if move == "-" else pointer
    return read_record(ModelEntry, {"active": active, "history": history}, where="test", path="$")


def pointer_of(
    letter: str, index: int, *, digests: bool = True, same_directory: bool = True, pinned: str = ""
) -> dict[str, Any]:
    """A capital letter has the bytes of the small one under a manifest of its own, as far as `pinned` names it."""
    directory = f"ml/{letter}" if same_directory else f"ml/{letter}{index}"
    digest = f"sha256:{letter.lower().encode().hex() * 32}" if digests else None
    manifest = f"sha256:{letter.encode().hex() * 32}" if letter in pinned else None
    pointer = {"artifact_dir": directory, "artifact_id": f"{letter}_prod", "digest": digest}
    return {**pointer, "manifest_digest": manifest}


def names(*moves: str, **options: Any) -> list[str]:
    to = options.pop("to", None)
    return [p.artifact_id[0] for p in candidates(entry(*moves, **options), Stage.ACTIVE, to=to).pointers]


@pytest.mark.parametrize(
    ("moves", "expected"),
    [
        ("a", ""),
        ("a b", "a"),
        ("a b c", "ba"),
        ("a b <a", ""),
        ("c a b <a", "c"),
        ("c a b <a <c", ""),
        ("c a b <a <b", "ac"),
        ("a b -", "a"),
        ("a - b", ""),
        ("a b - b", "a"),
        ("a b <a b", "a"),
        ("a b a", "b"),
        ("-", ""),
    ],
)
def test_the_newest_pointer_that_nobody_went_away_from(moves: str, expected: str) -> None:
    if moves == "-":
        assert names() == []
        return
    assert "".join(names(*moves.split())) == expected


def test_the_same_bytes_in_another_directory_are_the_same_artifact() -> None:
    assert names("a", "b", "b", same_directory=False) == ["a"]


def test_without_digests_the_directory_tells_artifacts_apart() -> None:
    assert names("a", "b", digests=False) == ["a"]


@pytest.mark.parametrize(
    ("moves", "pinned", "expected"),
    [
        ("a A", "aA", "a"),
        ("a A <a", "aA", ""),
        ("c a A", "aA", "ac"),
        ("c a A <a A", "aA", "ac"),
        ("b a A -", "aA", "ab"),
        ("a A", "A", ""),
        ("a A", "a", ""),
        ("b a A <b", "a", ""),
    ],
)
def test_the_same_bytes_under_another_manifest_are_another_artifact_where_both_pin_one(
    moves: str, pinned: str, expected: str
) -> None:
    assert "".join(names(*moves.split(), pinned=pinned)) == expected


def test_to_chooses_by_name_and_never_a_broken_one() -> None:
    assert names("a", "b", "c", to="a_prod") == ["a"]
    assert names("a", "b", "<a", to="b_prod") == []
    assert names("a", "b", to="nope") == []


def test_every_pointer_that_is_passed_over_says_why() -> None:
    result = candidates(entry("c", "a", "b", "<a"), Stage.ACTIVE)
    reasons = {passed.pointer.artifact_id: passed.reason for passed in result.skipped}
    assert reasons["a_prod"] == "it is in use now"
    assert "an earlier rollback went away from it" in reasons["b_prod"]


def test_the_name_of_a_rollback_does_not_grow() -> None:
    assert rollback_id("v1") == rollback_id("v1_rollback") == "v1_rollback"


def test_what_is_gone_back_to_after_every_short_history() -> None:
    """Every history of up to four moves over two artifacts, with what is passed over and why."""

    def told(moves: tuple[str, ...]) -> Iterator[str]:
        result = candidates(entry(*moves), Stage.ACTIVE)
        yield f"to: {', '.join(pointer.artifact_id for pointer in result.pointers) or 'nothing'}"
        yield from (f"not {over.pointer.artifact_id}: {over.reason}" for over in result.skipped)

    every = (moves for length in range(1, 5) for moves in product(("a", "b", "<a", "-"), repeat=length))
    approve("rollbacks", ((" ".join(moves), told(moves)) for moves in every if _can_be(moves)))


def _can_be(moves: tuple[str, ...]) -> bool:
    """Nothing is taken out of an empty stage, nothing is gone back to that never stood, and nothing stands twice."""
    standing, stood = "", set[str]()
    for move in moves:
        letter = "" if move == "-" else move.lstrip("<")
        if letter == standing or (move.startswith("<") and letter not in stood):
            return False
        standing = letter
        stood.add(letter)
    return True
