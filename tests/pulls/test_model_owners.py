"""Whom `CODEOWNERS` in the policy stands for: in a split registry the owners of the model's own file, at every door."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from promotebot.gate.admission import asking_refusal, people_refusal, rejecting_refusal, request_refusal
from promotebot.gate.policy import changes_who_may, check_policy, loosened_keys
from promotebot.promotion.policy import parse_policy
from promotebot.promotion.request import Actor, CommandArguments, Request
from promotebot.promotion.sections import Permission
from promotebot.pulls.changeset import Changeset
from promotebot.pulls.codeowners import MAX_BYTES, owners_of, owners_within
from promotebot.pulls.groups import groups_of
from promotebot.pulls.model_owners import policies_for, policy_for
from promotebot.registry.model import Action, Source
from promotebot.registry.names import ArtifactPath, ModelName, Stage
from promotebot.registry.registry import DEFAULT_PATH
from promotebot.registry.split_layout import model_file, models_directory
from tests.fakes import HEAD, POLICY_PATH, FakeGitHub, diverged, pull_snapshot

SPLIT, SINGLE = b'{"schema_version": "v1", "layout": "split"}', b'{"schema_version": "v1", "models": {}}'
DIRECTORY = models_directory(DEFAULT_PATH)
PLACE = ".github/CODEOWNERS"
POLICY = b"stages: {active: {permission: admin, people: [CODEOWNERS]}}\nsignature_people: [CODEOWNERS]\n"
MODELS = ("a", "b", "a_b", "fraud")
PEOPLE = ("ann", "ben", "cas", "dee")
ROLES = dict.fromkeys(PEOPLE, Permission.READ)
PATTERNS = (
    "*",
    "*.json",
    "*.js",
    "?.json",
    "a*",
    "a.json",
    "models",
    "models/",
    "/ml/",
    "/ml/registry",
    "/ml/registry/models.json",
    "/ml/registry/*",
    "/ml/registry/models/",
    "/ml/registry/models/*",
    "/ml/registry/models/a*",
    "/ml/registry/models/a.json",
    "/ml/registry/models/a.json/",
    "/ml/registry/models/b.json",
    "/ml/registry/models/fraud.json",
    "/ml/registry/models/?",
    "/ml/**/a.json",
    "/ml/**",
    "/ml/registr?/",
    "**/models/*_b.json",
    "/docs/",
    "# note",
)
LINES = st.tuples(st.sampled_from(PATTERNS), st.lists(st.sampled_from(PEOPLE), max_size=2))
TEXTS = st.lists(LINES, max_size=6).map(
    lambda lines: "\n".join(" ".join([pattern, *(f"@{one}" for one in owners)]) for pattern, owners in lines)
)


def change(
    base: str | None, head: str | None = None, *, registry: bytes = SPLIT, after: bytes | None = None
) -> Changeset:
    """A pull request between two texts of CODEOWNERS, or two layouts of the registry."""
    ends = ((base, registry), (base if head is None else head, after or registry))
    files = (
        {POLICY_PATH: POLICY, DEFAULT_PATH: index} | ({PLACE: text.encode()} if text is not None else {})
        for text, index in ends
    )
    return diverged(next(files), next(files))


def asked(model: str | None, stage: Stage = Stage.ACTIVE) -> CommandArguments:
    return CommandArguments(stage, Action.PROMOTE, ModelName(model) if model else None)


def request(model: str, login: str) -> Request:
    return Request(
        ModelName(model),
        Stage.ACTIVE,
        ArtifactPath("ml/artifacts/x"),
        "x",
        Actor(login, Source.GITHUB),
        allow_signature_change="why",
    )


def at_the_door(one: Changeset, model: str, login: str) -> bool:
    github = FakeGitHub(roles=ROLES)
    return request_refusal(asked(model), (login,), pull_snapshot(one), github) is None


def of_the_model_found(one: Changeset, model: str, login: str) -> bool:
    github = FakeGitHub(roles=ROLES)
    return asking_refusal(asked(None), model, (login,), one, github, "promoting to") is None


def at_the_gate(one: Changeset, model: str, login: str) -> bool:
    policy = policy_for(one, model)
    return people_refusal((login,), Stage.ACTIVE, policy, FakeGitHub(roles=ROLES), "promoting to") is None


def rejecting(one: Changeset, model: str, login: str) -> bool:
    return rejecting_refusal((login,), policy_for(one, model), FakeGitHub(roles=ROLES)) is None


def as_a_group(one: Changeset, model: str, login: str) -> bool:
    return "CODEOWNERS" in groups_of(request(model, login), one, FakeGitHub(roles=ROLES))


DOORS: tuple[Callable[[Changeset, str, str], bool], ...] = (
    at_the_door,
    of_the_model_found,
    at_the_gate,
    rejecting,
    as_a_group,
)


@given(TEXTS, st.sampled_from(MODELS), st.sampled_from(PEOPLE))
def test_every_door_lets_the_owners_of_the_models_own_file_and_nobody_else(text: str, model: str, login: str) -> None:
    """In a split registry; whether or not the model is there yet."""
    owns = f"@{login}" in owners_of(text, model_file(DEFAULT_PATH, model))
    event("owner" if owns else "of another one" if f"@{login}" in text else "nowhere")
    assert [door(change(text), model, login) for door in DOORS] == [owns] * len(DOORS)


@given(TEXTS, st.sampled_from(MODELS), st.sampled_from(PEOPLE))
def test_in_one_file_every_model_has_the_owners_of_that_file(text: str, model: str, login: str) -> None:
    one, owns = change(text, registry=SINGLE), f"@{login}" in owners_of(text, DEFAULT_PATH)
    assert [door(one, model, login) for door in DOORS] == [owns] * len(DOORS)
    assert (request_refusal(asked(None), (login,), pull_snapshot(one), FakeGitHub(roles=ROLES)) is None) is owns


@given(TEXTS, st.sampled_from(PEOPLE))
def test_before_the_model_is_known_nobody_is_refused_whom_one_of_them_allows(text: str, login: str) -> None:
    github = FakeGitHub(roles=ROLES)
    assert request_refusal(asked(None), (login,), pull_snapshot(change(text)), github) is None
    refused = request_refusal(asked(None, Stage.SHADOW), (login,), pull_snapshot(change(text)), github)
    assert refused is not None, "owners may do nothing in SHADOW, whatever the model"
    assert "is_member" not in github.calls


def test_a_pattern_of_the_policy_that_names_no_owner_takes_none_in() -> None:
    policy = parse_policy(
        b"stages: {active: {permission: admin}}\nmodels: {a: {stages: {active: {people: [CODEOWNERS]}}}}"
    )
    everybody = policy.with_owners(None)
    roles = [one.stages.permission(Stage.ACTIVE) for one in everybody.variants]
    assert roles == [Permission.ADMIN, Permission.NONE], "for a alone, which may be the one that is meant"


@pytest.mark.parametrize("registry", [b"{", b'{"schema_version": "v1", "layout": "other"}'])
def test_nobody_owns_a_model_where_the_bases_registry_does_not_read(registry: bytes) -> None:
    one = change("* @ann\n", registry=registry)
    assert not at_the_gate(one, "a", "ann")
    assert request_refusal(asked(None), ("ann",), pull_snapshot(one), FakeGitHub(roles=ROLES)) is not None


def test_what_is_no_login_of_the_policy_is_read_from_no_file() -> None:
    files = {POLICY_PATH: b"stages: {active: {people: [ann]}}\n", DEFAULT_PATH: SPLIT, PLACE: b"* @ben\n"}
    one = diverged(files, files)
    assert policies_for(one, "a")[0].stages.people(Stage.ACTIVE) == ("ann",)
    assert len(one.repository.read) == 1, "the policy, and neither registry nor CODEOWNERS"  # type: ignore[attr-defined]


def owned(text: str, models: tuple[str, ...] = MODELS) -> list[list[str]]:
    return [owners_of(text, model_file(DEFAULT_PATH, one)) for one in models]


@given(TEXTS, TEXTS, st.lists(st.from_regex(r"[a-z0-9][a-z0-9_.-]{0,3}", fullmatch=True), max_size=4))
def test_two_texts_that_say_the_same_give_every_file_the_same_owners(one: str, other: str, names: list[str]) -> None:
    """Also those of models that nobody has added yet."""
    is_same = owners_within(one, DIRECTORY) == owners_within(other, DIRECTORY)
    event("same" if is_same else "other")
    if is_same:
        assert owned(one, (*MODELS, *names)) == owned(other, (*MODELS, *names))
    every = {name for part in owners_within(one, DIRECTORY) for names in part.lists for name in names}
    assert {name for names in owned(one, (*MODELS, *names)) for name in names} <= every


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_line_that_no_models_file_heeds_may_change(pattern: str) -> None:
    heeded = {*PATTERNS} - {"*.js", "/ml/registry/models.json", "/ml/registry/models/a.json/", "/docs/", "# note"}
    before, after = f"* @ann\n{pattern} @ben\n", f"* @ann\n{pattern} @cas\n"
    is_same = owners_within(before, DIRECTORY) == owners_within(after, DIRECTORY)
    assert is_same is (pattern not in heeded)
    over = "/ml/registry/models/ @dee\n"
    assert owners_within(f"{before}{over}", DIRECTORY) == owners_within(f"{after}{over}", DIRECTORY)


OWN = "/ml/registry/models/a.json @ann\n/ml/registry/models/b.json @ben\n"


@pytest.mark.parametrize(
    ("before", "after", "changes"),
    [
        (OWN, OWN.replace("@ben", "@ann"), True),
        (OWN, f"{OWN}/ml/registry/models/new.json @cas\n", True),
        (OWN, f"{OWN}/ml/registry/models/* @cas\n", True),
        (f"* @dee\n{OWN}", OWN, True),
        (OWN, f"/ml/registry/models.json @cas\n{OWN}", True),
        (OWN, f"/docs/ @cas\n*.js @cas\n{OWN}", False),
        (OWN, "\n".join(reversed(OWN.splitlines())), False),
        (f"* @dee\n/ml/ @ann\n{OWN}", f"* @cas\n/ml/ @ann\n{OWN}", False),
    ],
)
def test_other_owners_of_one_model_are_a_change_of_who_may(before: str, after: str, changes: bool) -> None:
    one = change(before, after)
    assert changes_who_may(one) is changes
    assert loosened_keys(one) == (["CODEOWNERS"] if changes else [])
    assert [found.rule for found in check_policy(one)] == (["policy.changed"] if changes else [])
    assert changes_who_may(change(OWN, None, registry=SPLIT)) is False


@pytest.mark.parametrize("place", ["CODEOWNERS", PLACE])
def test_what_base_and_branch_both_changed_is_not_known_and_never_the_same(place: str) -> None:
    """Each of both alone changes no owner, and merging them gives every model another one."""
    common = {POLICY_PATH: POLICY, DEFAULT_PATH: SPLIT, PLACE: b"/ml/ @ann\n"}
    texts = (b"/ml/ @ann\n/x/\n/ml/ @ann\n", b"/ml/ @eve\n/x/\n/ml/ @ann\n")
    fork, mine = ({**common, place: text} for text in texts)
    theirs = {**fork, place: b"/ml/ @ann\n/x/\n"}
    if place != PLACE:  # where GitHub does not look, until the base takes the other one away
        del theirs[PLACE]
        mine[place] = b"/ml/ @eve\n"
    assert changes_who_may(diverged(theirs, mine, fork=fork))
    assert not changes_who_may(diverged(fork, mine, fork=fork))


def test_a_directory_in_the_place_of_the_file_takes_every_owner_away() -> None:
    files = {POLICY_PATH: POLICY, DEFAULT_PATH: SPLIT, "docs/CODEOWNERS": b"* @ann\n"}
    assert changes_who_may(diverged(files, {**files, "CODEOWNERS/x": b"x"}))


@pytest.mark.parametrize(
    ("text", "changes"),
    [
        ("/ml/registry/ @ann\n", False),
        ("* @dee\n/ml/registry/models.json @ann\n", True),
        ("/ml/registry/ @ann\n/ml/registry/models/new.json @dee\n", True),
        (None, False),
    ],
)
@pytest.mark.parametrize("ends", [(SINGLE, SPLIT), (SPLIT, SINGLE)])
def test_another_layout_changes_who_may_where_other_files_have_other_owners(
    text: str | None, changes: bool, ends: tuple[bytes, bytes]
) -> None:
    one = change(text, registry=ends[0], after=ends[1])
    assert changes_who_may(one) is changes


def test_another_layout_is_compared_with_the_owners_that_the_base_has_by_now() -> None:
    common = {POLICY_PATH: POLICY, DEFAULT_PATH: SINGLE, PLACE: b"/ml/registry/ @ann\n"}
    base = {**common, PLACE: b"* @dee\n/ml/registry/models.json @ann\n"}
    assert changes_who_may(diverged(base, {**common, DEFAULT_PATH: SPLIT}, fork=common))


def test_another_layout_changes_who_may_where_no_text_is_known() -> None:
    assert changes_who_may(change("#" * (MAX_BYTES + 1), registry=SINGLE, after=SPLIT))


def test_a_promotion_reads_no_owners_to_tell_that_it_changes_none() -> None:
    one = change("* @ann\n", registry=SINGLE, after=SINGLE.replace(b"{}", b"{ }"))
    assert not changes_who_may(one)
    owners = next(entry for entry in one.repository.list_tree(HEAD, PLACE, recursive=False))
    assert owners.oid not in one.repository.read  # type: ignore[attr-defined]


def test_a_layout_that_nobody_can_read_may_give_models_any_owner() -> None:
    assert changes_who_may(change("* @ann\n", after=b"{"))
