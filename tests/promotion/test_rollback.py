"""Which pointer a rollback goes back to."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

import pytest

from promotebot.promotion.rollback import (
    candidates,
    holding_rollback,
    named,
    named_elsewhere,
    removals,
    rollback_id,
)
from promotebot.registry import ModelEntry, Stage
from promotebot.registry.model import Pointer, read_record
from tests.approved import approve


def entry(*moves: str, **options: Any) -> ModelEntry:
    """A model after moves of ACTIVE, oldest first: `a` promotes a, `<a` rolls back to a, `-` takes out what stands.

    With `^` before it, a move ends a hold.
    """
    history: list[dict[str, Any]] = []
    active: dict[str, Any] | None = None
    for index, move in enumerate(moves):
        lifts, move = {"lifts_hold": "fixed"} if move.startswith("^") else {}, move.lstrip("^")
        letter = move.lstrip("<")
        pointer = active if move == "-" else pointer_of(letter, index, **options)
        event = {"ts_utc": f"2026-01-{index + 1:02d}T00:00:00Z", "pointer": pointer, "to_stage": "active", **lifts}
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
    to, model = options.pop("to", None), entry(*moves, **options)
    found = named(model, Stage.ACTIVE, to) if to else candidates(model, Stage.ACTIVE).pointers
    return [pointer.artifact_id[0] for pointer in found]


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
        ("c a b <a <b <a", "c"),
        ("a b -", "ba"),
        ("a b <a -", "a"),
        ("a b - <b -", "ba"),
        ("a -", "a"),
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
        ("b a A -", "aA", "Aab"),
        ("a A", "A", ""),
        ("a A", "a", ""),
        ("b a A <b", "a", ""),
    ],
)
def test_the_same_bytes_under_another_manifest_are_another_artifact_where_both_pin_one(
    moves: str, pinned: str, expected: str
) -> None:
    assert "".join(names(*moves.split(), pinned=pinned)) == expected


def test_to_reaches_whatever_the_history_holds_by_its_id_or_its_digest() -> None:
    assert names("a", "b", "c", to="a_prod") == ["a"]
    assert names("a", "b", "<a", to="b_prod") == ["b"]
    assert names("a", "b", "-", to="b_prod") == ["b"]
    assert names("a", "b", to="nope") == []
    whole = f"sha256:{b'b'.hex() * 32}"
    for name in (whole, whole[: len("sha256:") + 8], f"{whole[:15]}…"):
        assert names("a", "b", "<a", to=name) == ["b"]
    assert names("a", "b", to=whole[:14]) == []


def test_an_id_of_two_artifacts_stands_for_both_and_a_manifests_digest_for_one() -> None:
    model = entry("a", "A", "b", pinned="aA")
    history = [event.model_copy(update={"pointer": renamed(event.pointer)}) for event in model.history]
    model = model.model_copy(update={"history": tuple(history)})
    assert len(named(model, Stage.ACTIVE, "v1")) == 2
    digests = {pointer.digest for pointer in named(model, Stage.ACTIVE, "v1")}
    assert len(digests) == 1
    assert len(named(model, Stage.ACTIVE, f"sha256:{b'A'.hex() * 32}")) == 1


def renamed(pointer: Pointer) -> Pointer:
    return pointer if pointer.artifact_id.startswith("b") else pointer.model_copy(update={"artifact_id": "v1"})


def test_an_artifact_of_another_stage_is_known_as_one() -> None:
    model = entry("a", "b")
    assert named_elsewhere(model, Stage.SHADOW, "a_prod") is model.history[1]
    assert named_elsewhere(model, Stage.ACTIVE, "a_prod") is None


@pytest.mark.parametrize(
    ("moves", "held"),
    [
        ("a", False),
        ("a b", False),
        ("a b <a", True),
        ("a b <a -", True),
        ("a b <a - <a", True),
        ("a b <a a", True),
        ("a b <a c", False),
        ("a b <a c <a", True),
        ("a b -", False),
        ("a b <a ^c", False),
        ("a b <a ^<b", False),
        ("a b <a ^<b -", False),
        ("a b <a ^<b <a", True),
    ],
)
def test_a_stage_is_held_from_a_rollback_until_an_event_ends_it(moves: str, held: bool) -> None:
    model = entry(*moves.split())
    assert (holding_rollback(model.history, Stage.ACTIVE) is not None) is held
    assert holding_rollback(model.history, Stage.SHADOW) is None


def test_every_pointer_that_is_passed_over_says_why() -> None:
    result = candidates(entry("c", "a", "b", "<a"), Stage.ACTIVE)
    reasons = {passed.pointer.artifact_id: passed.reason for passed in result.skipped}
    assert reasons["a_prod"] == "currently ACTIVE"
    assert reasons["b_prod"] == "was rolled back on 2026-01-04T00:00:00Z"
    removal = removals(entry("a", "b", "-").history, Stage.ACTIVE)[-1]
    assert str(removal) == "was removed from ACTIVE on 2026-01-03T00:00:00Z"


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
