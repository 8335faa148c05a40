"""Every card is true, whatever people do in whatever order: it says what the status says and what merging does."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator

import pytest
from hypothesis import currently_in_test_context, event, example, given, settings
from hypothesis import strategies as st

from promotebot.github.checks import GATE
from promotebot.registry.model import Source
from promotebot.registry.names import Stage
from tests.fakes import BOT
from tests.gate.test_any_sequence import (
    BRANCH,
    INDEX,
    NAME,
    PERSON,
    SLOT,
    TO_STAGING,
    WRITER,
    Deed,
    asks,
    copies,
    exchanges,
    forges,
    judged,
    makes_again,
    merges,
    merges_main,
    new_policy,
    refreshed,
    rewrites,
    vouches,
    withdraws,
)
from tests.gate.trees import MODEL, OTHER
from tests.gate.world import World, events_in
from tests.sampling import examples

STATES = ("ready for review", "waiting for", "blocked", "withdrawn")
"""What a card of an open pull request says, of which one holds."""
SHARED = "is on the same commit"
BY_VERDICT = {"success": "ready for review", "pending": "waiting for", "failure": "blocked"}


@pytest.fixture(scope="module", autouse=True)
def _quiet() -> Iterator[None]:
    logging.disable(logging.WARNING)
    yield
    logging.disable(logging.NOTSET)


def cards(world: World, number: int) -> dict[str, str]:
    """Model → its card's heading."""
    found = dict[str, str]()
    for comment in world.github.written.values():
        subject = re.match(r"<!-- promotebot:([a-z0-9_]+) -->\n### (.*)", comment.body)
        if comment.pull == number and comment.author == BOT and subject and subject[1] in (MODEL, OTHER):
            assert subject[1] not in found, "there are two cards of one model"
            found[subject[1]] = subject[2]
    return found


def carried(world: World, branch: str) -> set[str] | None:
    """The models whose history merging makes longer; None where it cannot be merged, or takes history away."""
    files, conflicts = world.store.merged(world.store.branches[branch], world.main)
    if conflicts:
        return None
    before, after = events_in(world.files("main")), events_in(files)
    return {after[digest][0] for digest in after.keys() - before.keys()} if not before.keys() - after.keys() else None


def verdict(world: World, branch: str) -> str:
    """What the bot's own newest status says of the branch's head; empty where it said nothing."""
    statuses = world.github.statuses(world.store.branches[branch])
    return next((status.state for status in statuses if (status.context, status.creator) == (GATE, BOT)), "")


def seen(what: str) -> None:
    if currently_in_test_context():
        event(what)


def is_shared(world: World, branch: str) -> bool:
    """Another open pull request stands at its commit."""
    return list(world.store.branches.values()).count(world.store.branches[branch]) > 1


def check(world: World) -> None:
    """Hold each card to the world's own books and to the required status."""
    for branch, number in world.open.items():
        if world.is_merged(world.store.branches[branch]):
            continue  # GitHub has closed it as merged: another pull request brought its head to main
        told, state, models = cards(world, number), verdict(world, branch), carried(world, branch)
        for model, words in told.items():
            [heading] = [state for state in STATES if f"· {state}" in words]
            seen(heading)
            if SHARED in words:
                seen("blocked by another one on the commit")
                assert is_shared(world, branch), f"{branch}: nobody else is at its commit, and its card says {words!r}"
            where = f"{branch}: the card of {model} says {heading!r}, the status {state!r}, merging gives {models}"
            if heading == "ready for review":
                assert state == "success", where
            if models is None:
                assert heading == "blocked", where
            elif model not in models:
                assert heading in ("withdrawn", "blocked"), where
                assert heading == "withdrawn" or state == "failure", where
            else:
                assert heading == BY_VERDICT[state], where
        if state and models:
            assert models <= told.keys(), f"{branch} carries {models} and has cards of {sorted(told)}"


DEEDS = st.one_of(
    *[st.tuples(st.just(asks), BRANCH, PERSON, SLOT, flag) for flag in (st.just(False), st.booleans())],
    st.tuples(st.just(withdraws), BRANCH, PERSON, st.sampled_from([None, MODEL, OTHER])),
    st.tuples(st.just(judged), BRANCH),
    st.tuples(st.just(refreshed)),
    st.tuples(st.just(forges), BRANCH, WRITER, SLOT, st.just(Source.CLI), st.integers(0, 9)),
    st.tuples(st.just(vouches), BRANCH, WRITER),
    st.tuples(st.just(rewrites), BRANCH, WRITER, st.sampled_from(["reason", "notes", "actor"])),
    st.tuples(st.just(copies), BRANCH, WRITER, INDEX, st.sampled_from(["registry", "everything"])),
    st.tuples(st.just(exchanges), BRANCH, WRITER, NAME, st.sampled_from(["v1", "v2", "v3", "edited", "main"])),
    st.tuples(st.just(merges_main), BRANCH, WRITER),
    st.tuples(st.just(makes_again), BRANCH, WRITER),
    st.tuples(st.just(new_policy), st.integers(0, 1)),
    st.tuples(st.just(merges), BRANCH, WRITER, INDEX),
)


def is_true(deeds: list[Deed]) -> World:
    """Do one thing after the other, each followed by the jobs that it starts, and look at every card."""
    world = World()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("promotebot.pulls.snapshot.FetchedRepository.fetched", world.fetched)
        for deed, *arguments in deeds:
            before = dict(world.store.branches)
            deed(world, *arguments)
            world.start_jobs(before)
            check(world)
    return world


TWICE = [(asks, "one", "alice", TO_STAGING, False)] * 2
REFUSED_LATER = [
    (asks, "one", "alice", TO_STAGING, False),
    (asks, "one", "mallory", (MODEL, Stage.ACTIVE, "v3"), False),
]
TWO_MODELS = [
    (asks, "one", "alice", TO_STAGING, False),
    (asks, "one", "alice", (OTHER, Stage.SHADOW, "v3"), False),
    (withdraws, "one", "alice", MODEL),
    (merges, "two", "carol", 1),
]
ROLE_RAISED = [(asks, "two", "carol", TO_STAGING, False), (new_policy, 1)]
OTHER_BYTES = [(asks, "one", "alice", TO_STAGING, False), (exchanges, "one", "carol", "v3", "edited")]
ONE_COMMIT = [
    (asks, "one", "alice", TO_STAGING, False),
    (copies, "two", "carol", 2, "everything"),
    (judged, "one"),
    (copies, "two", "carol", 1, "everything"),
]
"""Two pull requests on one commit, and then apart again."""
BY_TWO = [
    (forges, "one", "alice", TO_STAGING, Source.CLI, 0),
    (copies, "two", "carol", 2, "everything"),
    (asks, "two", "carol", (OTHER, Stage.SHADOW, "v3"), False),
]
"""Either would be green alone."""


@examples(60)
@example(deeds=TWICE)
@example(deeds=ONE_COMMIT)
@example(deeds=BY_TWO)
@example(deeds=REFUSED_LATER)
@example(deeds=TWO_MODELS)
@example(deeds=OTHER_BYTES)
@example(deeds=ROLE_RAISED)
@given(deeds=st.lists(DEEDS, min_size=2, max_size=10))
def test_a_cards_heading_is_what_the_status_says_and_what_merging_does(deeds: list[Deed]) -> None:
    is_true(deeds)


def test_of_two_pull_requests_on_one_commit_neither_is_green_until_one_leaves_it() -> None:
    together = is_true(BY_TWO[:2])
    assert [verdict(together, branch) for branch in ("one", "two")] == ["failure", "failure"]
    assert [SHARED in words for number in (1, 2) for words in cards(together, number).values()] == [True, True]
    apart = is_true(BY_TWO)
    assert [verdict(apart, branch) for branch in ("one", "two")] == ["success", "success"]
    ours = is_true(ONE_COMMIT)
    assert (verdict(ours, "one"), next(iter(cards(ours, 2).values())).count("withdrawn")) == ("success", 1)


@pytest.mark.exhaustive
@settings(max_examples=600)
@given(deeds=st.lists(DEEDS, min_size=8, max_size=24))
def test_every_card_is_true_in_many_sequences(deeds: list[Deed]) -> None:
    is_true(deeds)
