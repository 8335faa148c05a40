"""A green gate is true, whatever people do in whatever order: a property of the whole bot over sequences of deeds."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from hypothesis import event as seen
from hypothesis import example, given, settings
from hypothesis import strategies as st

from promotebot.artifact.source import GitTree
from promotebot.gate.attestation import attestation_context
from promotebot.github.checks import GATE
from promotebot.promotion.plan import Plan, plan
from promotebot.promotion.policy import parse_policy
from promotebot.promotion.request import Actor, Request
from promotebot.promotion.rules.context import Facts
from promotebot.promotion.sections import Permission
from promotebot.registry.chain import sealed
from promotebot.registry.codec import stored_json
from promotebot.registry.model import RequestRef, Source
from promotebot.registry.names import Digest, ModelName, Stage
from promotebot.registry.registry import DEFAULT_PATH, ModelRegistry
from tests.fakes import POLICY_PATH, REPO
from tests.gate import trees
from tests.gate.sequences import SHA, directory
from tests.gate.trees import MODEL, OTHER
from tests.gate.world import NEW_MODELS, POLICIES, ROLES, Clone, Files, World, digest_of, events_in
from tests.sampling import examples

Deed = tuple[Any, ...]
"""What is done, with whatever it is done with: a function of the world, and its other arguments."""
Slot = tuple[ModelName, Stage, str]


def asks(world: World, branch: str, login: str, slot: Slot, dry_run: bool) -> None:
    world.ask(branch, login, *slot, dry_run=dry_run)


def withdraws(world: World, branch: str, login: str, model: ModelName | None) -> None:
    world.withdraw(branch, login, model)


def judged(world: World, branch: str) -> None:
    world.judge(branch)


def refreshed(world: World) -> None:
    world.refresh()


def forges(world: World, branch: str, login: str, slot: Slot, source: Source, number: int) -> None:
    """Somebody plans an event as the product does, for a request that was made or was not, and pushes it."""
    files, (model, stage, name), head = world.files(branch), slot, world.store.branches[branch]
    policy = parse_policy(world.files("main")[POLICY_PATH])
    named = {"repo": REPO, "pull": world.open[branch], "id": f"comment:{number}#1", "login": "alice", "head_sha": head}
    request = Request(
        model,
        stage,
        directory(name),
        f"{name}_{stage.value}",
        Actor("alice", source),
        dataset_id="data_1",
        git_sha=SHA,
        reason="a reason",
        ref=RequestRef.model_validate(named) if source is Source.GITHUB else None,
    )
    registry, base = (ModelRegistry.parse(end[DEFAULT_PATH]) for end in (files, world.files("main")))
    proof = world.examine(GitTree(Clone(world.store, {}), head), request.artifact_dir, policy.terms)
    facts = Facts(commit_reachable=True)
    made = plan(registry, request, proof, policy, world.now, base=base, facts=facts, commit=head)
    if isinstance(made, Plan):
        world.change(login, branch, {DEFAULT_PATH: made.after.to_bytes()})


def vouches(world: World, branch: str, login: str) -> None:
    """A writer posts the statuses that the bot would post."""
    head = world.store.branches[branch]
    world.github.post(head, GATE, "success", by=login)
    for _, made in events_in(world.store.commits[head].files).values():
        if made.get("request"):
            context = attestation_context(Digest(digest_of(made)))
            world.github.post(made["request"]["head_sha"], context, "success", by=login)


def rewrites(world: World, branch: str, login: str, field: str) -> None:
    """Somebody changes the newest event, and hashes the history anew."""
    document = json.loads(world.files(branch)[DEFAULT_PATH])
    entry = document["models"][MODEL]
    entry["history"][0][field] = "bob" if field == "actor" else "Risk committee approved"
    entry["history"], entry["history_digest"] = sealed(entry["history"])
    world.change(login, branch, {DEFAULT_PATH: stored_json(document)})


def copies_below(world: World, branch: str, login: str, one: ModelName, other: ModelName) -> None:
    """Somebody copies a model with its history below another name, byte for byte."""
    document = json.loads(world.files(branch)[DEFAULT_PATH])
    if one in document["models"]:
        document["models"][other] = document["models"][one]
        world.change(login, branch, {DEFAULT_PATH: stored_json(document)})


def takes_out(world: World, branch: str, login: str, model: ModelName) -> None:
    """Somebody takes a model off a branch."""
    document = json.loads(world.files(branch)[DEFAULT_PATH])
    if document["models"].pop(model, None):
        world.change(login, branch, {DEFAULT_PATH: stored_json(document)})


def copies(world: World, branch: str, login: str, index: int, what: str) -> None:
    """Somebody brings the registry of any other commit, or all of it, to a branch."""
    heads = [sha for sha in world.heads if not world.is_merged(sha)]
    sha = heads[index % len(heads)]
    if what == "registry":
        world.change(login, branch, {DEFAULT_PATH: world.store.commits[sha].files[DEFAULT_PATH]})
    else:
        world.push(login, branch, sha)


def exchanges(world: World, branch: str, login: str, name: str, other: str) -> None:
    """Somebody puts other bytes into an artifact's directory: those of another one, of main, or edited ones."""
    place, ours = directory(name), world.files(branch)
    source = directory(name if other in ("main", "edited") else other)
    inside = below(source, world.files("main") if other == "main" else ours)
    new: dict[str, bytes | None] = {f"{place}/{path}": None for path in below(place, ours)}
    new |= {f"{place}/{path}": data for path, data in inside.items()}
    world.change(login, branch, {**new, f"{place}/model.onnx": b"edited"} if other == "edited" else new)


def merges_main(world: World, branch: str, login: str) -> None:
    head = world.store.branches[branch]
    files, _ = world.store.merged(head, world.main)
    world.push(login, branch, world.store.commit([head, world.main], files))


def makes_again(world: World, branch: str, login: str) -> None:
    """Somebody deletes a branch, makes it again where it was, and opens its pull request again."""
    world.push(login, branch, world.store.branches[branch], creates=True)


def new_policy(world: World, index: int) -> None:
    """bob puts another policy on main; its job runs later."""
    files = {**world.files("main"), POLICY_PATH: POLICIES[index]}
    world.store.branches["main"] = world.store.commit([world.main], files)
    world.is_behind = True


def merges(world: World, branch: str, login: str, index: int) -> None:
    """Somebody pushes any commit that is green, whoever's it is, onto a pull request, and merges it at once."""
    mergeable = world.mergeable()
    if mergeable:
        sha, files = list(mergeable.items())[index % len(mergeable)]
        world.push(login, branch, sha)
        world.merge(branch, files)


# What a merge must give, by the world's own books


def check(world: World, sha: str, files: Files) -> None:
    """Every new event was decided by the bot, or pushed by people who may; every pointer verifies."""
    before, after = events_in(world.files("main")), events_in(files)
    assert not before.keys() - after.keys(), "history only grows"
    for event in after.keys() - before.keys():
        _, made = after[event]
        if made["source"] == "github":
            assert event in world.decided, f"the bot did not decide, or took back: {made}"
            assert ROLES[made["actor"]] >= needed_for(world, made), f"{made['actor']} may not, by now: {made}"
            seen("merged what the bot decided")
        else:
            assert_pushed_by_who_may(world, world.brought.get((sha, event), []), made)
            seen("merged what was made at a terminal")
    models, base = (json.loads(end[DEFAULT_PATH])["models"] for end in (files, world.files("main")))
    for name, entry in models.items():
        for stage in ("shadow", "staging", "active"):
            pointer = entry.get(stage)
            if pointer != base.get(name, {}).get(stage):
                made = next(made for made in entry["history"] if made["to_stage"] == stage)
                assert pointer == made["pointer"], f"{name} {stage} is what no event says"
            if pointer:
                assert_verifies(pointer, files)


def assert_pushed_by_who_may(world: World, people: list[frozenset[str]], made: Mapping[str, Any]) -> None:
    """Once, when a branch stood there, everybody who had pushed the event to it may change its stage."""
    needed = needed_for(world, made)
    may = [logins for logins in people if logins and all(ROLES[login] >= needed for login in logins)]
    assert may, f"{people} pushed {made}"


def needed_for(world: World, made: Mapping[str, Any]) -> Permission:
    """The role that main's policy asks for this event."""
    policy = parse_policy(world.files("main")[POLICY_PATH])
    return policy.stages.permission(Stage(made["to_stage"]))


def assert_verifies(pointer: Mapping[str, Any], files: Files) -> None:
    """The directory holds the bytes that its manifest lists, and these are the pointer's."""
    place = pointer["artifact_dir"]
    inside = below(place, files)
    if pointer.get("digest") is None:
        assert inside == below(place, trees.FILES)
        return
    manifest = json.loads(inside.pop("manifest.json"))
    assert manifest["sha256"] == {name: hashlib.sha256(data).hexdigest() for name, data in inside.items()}
    assert pointer["digest"] == digest_of({key: manifest[key] for key in ("model_file", "sha256")})


def below(place: str, files: Mapping[str, Any]) -> dict[str, Any]:
    """The files of a directory, by their path in it."""
    return {path.removeprefix(f"{place}/"): data for path, data in files.items() if path.startswith(f"{place}/")}


BRANCH, NAME = st.sampled_from(["one", "two"]), st.sampled_from(["v0", "v1", "v2", "v3", "v4"])
PERSON = st.sampled_from(["alice", "carol", "carol", "bob", "mallory"])
WRITER = st.sampled_from(["carol", "carol", "alice", "bob"])
SLOT = st.tuples(st.sampled_from([MODEL, MODEL, OTHER]), st.sampled_from(Stage), st.sampled_from(["v1", "v2", "v3"]))
NEW = st.sampled_from(NEW_MODELS)
NEW_SLOT = st.tuples(NEW, st.just(Stage.SHADOW), st.sampled_from(["v1", "v2", "v3"]))
INDEX = st.integers(0, 11)
LATE = st.sampled_from([False, False, False, True])
DEEDS = st.one_of(
    *[st.tuples(st.just(asks), BRANCH, PERSON, SLOT, flag) for flag in (st.just(False), st.booleans())],
    st.tuples(st.just(asks), BRANCH, PERSON, NEW_SLOT, st.just(False)),
    st.tuples(st.just(withdraws), BRANCH, PERSON, st.sampled_from([None, MODEL, OTHER, *NEW_MODELS])),
    st.tuples(st.just(judged), BRANCH),
    st.tuples(st.just(refreshed)),
    st.tuples(st.just(forges), BRANCH, WRITER, SLOT, st.sampled_from(Source), st.integers(0, 9)),
    st.tuples(st.just(vouches), BRANCH, WRITER),
    st.tuples(st.just(rewrites), BRANCH, WRITER, st.sampled_from(["reason", "notes", "actor"])),
    st.tuples(st.just(copies_below), BRANCH, WRITER, NEW, NEW),
    st.tuples(st.just(takes_out), BRANCH, WRITER, NEW),
    st.tuples(st.just(copies), BRANCH, WRITER, INDEX, st.sampled_from(["registry", "everything"])),
    st.tuples(st.just(exchanges), BRANCH, WRITER, NAME, st.sampled_from(["v1", "v2", "v3", "edited", "main"])),
    st.tuples(st.just(merges_main), BRANCH, WRITER),
    st.tuples(st.just(makes_again), BRANCH, WRITER),
    st.tuples(st.just(new_policy), st.integers(0, 1)),
    *[st.tuples(st.just(merges), BRANCH, WRITER, INDEX) for _ in range(2)],
)


@pytest.fixture(scope="module", autouse=True)
def _quiet() -> Iterator[None]:
    logging.disable(logging.WARNING)
    yield
    logging.disable(logging.NOTSET)


def is_true(deeds: list[tuple[bool, Deed]]) -> None:
    """Do one thing after the other, each followed by the jobs that it starts, or not yet, and look at every green."""
    world = World()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("promotebot.pulls.snapshot.FetchedRepository.fetched", world.fetched)
        for is_late, (deed, *arguments) in [*deeds, (False, (refreshed,))]:
            before = dict(world.store.branches)
            deed(world, *arguments)
            if not is_late:
                world.start_jobs(before)
            for sha, files in world.mergeable().items():
                check(world, sha, files)


NOW, LATER = False, True
TO_STAGING = (MODEL, Stage.STAGING, "v3")
BYTES_PUT_BACK = [
    (NOW, (exchanges, "two", "carol", "v3", "edited")),
    (NOW, (exchanges, "two", "carol", "v3", "main")),
    (NOW, (asks, "one", "alice", TO_STAGING, False)),
    (NOW, (merges, "one", "carol", 4)),
]
"""Green over bytes that nobody promoted, put back, promoted by others: the older head is still there."""
STRICTER = [
    (NOW, (forges, "two", "carol", TO_STAGING, Source.CLI, 0)),
    (NOW, (copies, "two", "carol", 1, "everything")),
    (NOW, (new_policy, 1)),
]
"""Green by a policy under which carol might do it, and moved away before a stricter one comes."""
MADE_AGAIN = [
    (NOW, (asks, "two", "alice", TO_STAGING, False)),
    (NOW, (asks, "two", "alice", (OTHER, Stage.SHADOW, "v3"), False)),
    (LATER, (makes_again, "two", "carol")),
    (NOW, (withdraws, "two", "alice", None)),
]
"""A branch that is deleted and made again hides where it stood before."""

BASE_CHANGED = [
    (NOW, (asks, "one", "alice", TO_STAGING, False)),
    (NOW, (exchanges, "two", "carol", "v3", "v1")),
    (NOW, (merges, "two", "carol", 1)),
]
"""What the base changes in a directory that a branch promotes, and no pointer of the base names yet."""
ROLE_RAISED = [
    (NOW, (asks, "two", "carol", TO_STAGING, False)),
    (NOW, (new_policy, 1)),
]
"""Asked for by somebody who might, until the policy asks for more."""
A_NEW, Z_NEW = NEW_MODELS
COPIED_BELOW = [
    (NOW, (asks, "one", "alice", (Z_NEW, Stage.SHADOW, "v3"), False)),
    (NOW, (copies_below, "one", "carol", Z_NEW, A_NEW)),
    (NOW, (asks, "one", "alice", (Z_NEW, Stage.SHADOW, "v2"), False)),
]
"""A copy that is believed because of the event itself, until that is replaced."""


@examples(60)
@example(deeds=COPIED_BELOW)
@example(deeds=BASE_CHANGED)
@example(deeds=ROLE_RAISED)
@example(deeds=BYTES_PUT_BACK)
@example(deeds=STRICTER)
@example(deeds=MADE_AGAIN)
@given(deeds=st.lists(st.tuples(LATE, DEEDS), min_size=3, max_size=14))
def test_what_is_green_gives_what_the_bot_decided_or_who_may_pushed(deeds: list[tuple[bool, Deed]]) -> None:
    is_true(deeds)


@pytest.mark.exhaustive
@pytest.mark.parametrize("length", [6, 12, 24])
@settings(max_examples=400)
@given(data=st.data())
def test_every_green_is_true_in_many_sequences(data: st.DataObject, length: int) -> None:
    is_true(data.draw(st.lists(st.tuples(LATE, DEEDS), min_size=length, max_size=length)))
