"""Two policies compared: what becomes weaker is said, and nothing is called stricter that is not."""

from __future__ import annotations

from collections.abc import Iterator
from types import UnionType
from typing import Any, Union, get_args, get_origin

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from promotebot.promotion.policy import Policy, parse_policy
from promotebot.promotion.policy_changes import DIRECTIONS, Effect, PolicyChange, compare_policies

WEAKER, STRICTER, OTHER = Effect.WEAKER, Effect.STRICTER, Effect.OTHER
CLOSE = "{start: 2026-12-18T18:00, end: 2027-01-04T08:00, reason: close}"
AUDIT = "{start: 2026-06-01T00:00, end: 2026-06-02T00:00, reason: audit}"


def changes(before: str, after: str) -> list[tuple[str, str, str, Effect]]:
    compared = compare_policies(parse_policy(before.encode()), parse_policy(after.encode()))
    return [(change.key, change.before, change.after, change.effect) for change in compared]


@pytest.mark.parametrize(
    ("before", "after", "loosens"),
    [
        ("", "drafts: true", True),
        ("", "require_sha: true", False),
        ("", "contacts: [me]", False),
        ("bases: [a]", "bases: [b]", True),
        ("terminal: [shadow]", "terminal: [active]", True),
        (f"freezes: [{CLOSE}]", f"freezes: [{AUDIT}]", True),
        (f"freezes: [{CLOSE}]", f"freezes: [{CLOSE}, {AUDIT}]", False),
    ],
)
def test_what_cannot_be_ordered_may_loosen_as_what_is_weaker_does(before: str, after: str, loosens: bool) -> None:
    [change] = compare_policies(parse_policy(before.encode()), parse_policy(after.encode()))
    assert change.loosens is loosens


@pytest.mark.parametrize(
    ("before", "after", "key", "values", "effect"),
    [
        ("", "bases: [release]", "bases", ("[]", "[release]"), WEAKER),
        ("bases: [a, b]", "bases: [b, a]", "bases", ("[a, b]", "[b, a]"), OTHER),
        ("bases: [a]", "bases: [b]", "bases", ("[a]", "[b]"), OTHER),
        ("", "stages: {active: {permission: write}}", "stages.active.permission", ("maintain", "write"), WEAKER),
        (
            "",
            "stages: {shadow: {permission: admin, soak: {minimum: 7d}}}",
            "stages.shadow.permission",
            ("write", "admin"),
            STRICTER,
        ),
        (
            "",
            "stages: {staging: {permission: read, soak: {minimum: 2d}}}",
            "stages.staging.permission",
            ("write", "read"),
            WEAKER,
        ),
        (
            "",
            "stages: {active: {require_prior_stage: false}}",
            "stages.active.require_prior_stage",
            ("true", "false"),
            WEAKER,
        ),
        (
            "",
            "stages: {shadow: {soak: null}}",
            "stages.shadow.soak",
            ("{minimum: 7d, required: false}", "null"),
            WEAKER,
        ),
        ("", "stages: {shadow: {soak: {minimum: 36h}}}", "stages.shadow.soak.minimum", ("7d", "36h"), WEAKER),
        (
            "stages: {staging: {soak: {minimum: 2d, required: true}}}",
            "",
            "stages.staging.soak.required",
            ("true", "false"),
            WEAKER,
        ),
        ("", "stages: {active: {people: [al]}}", "stages.active.people", ("[]", "[al]"), WEAKER),
        ("", "signature_people: [al]", "signature_people", ("null", "[al]"), STRICTER),
        ("signature_people: [al]", "", "signature_people", ("[al]", "null"), WEAKER),
        ("signature_people: [al, bo]", "signature_people: []", "signature_people", ("[al, bo]", "[]"), STRICTER),
        ("signature_people: [al]", "signature_people: [bo]", "signature_people", ("[al]", "[bo]"), OTHER),
        ("", "require_reason: true", "require_reason", ("false", "true"), STRICTER),
        ("require_sha: true", "", "require_sha", ("true", "false"), WEAKER),
        ("", "require_dataset: true", "require_dataset", ("false", "true"), STRICTER),
        ("", "terminal: [shadow]", "terminal", ("[shadow, staging, active]", "[shadow]"), STRICTER),
        ("terminal: [shadow]", "terminal: [staging]", "terminal", ("[shadow]", "[staging]"), OTHER),
        ("", "drafts: true", "drafts", ("false", "true"), WEAKER),
        ("separation: {approvals: 2}", "", "separation", ("{approvals: 2}", "null"), WEAKER),
        ("separation: {approvals: 2}", "separation: {approvals: 1}", "separation.approvals", ("2", "1"), WEAKER),
        ("", "limits: {open_seconds: 61}", "limits.open_seconds", ("60", "61"), WEAKER),
        ("", "limits: {run_seconds: 59}", "limits.run_seconds", ("60", "59"), STRICTER),
        ("", "limits: {open_memory_bytes: 9}", "limits.open_memory_bytes", ("null", "9"), OTHER),
        (
            "limits: {open_memory_bytes: 9}",
            "limits: {open_memory_bytes: 8}",
            "limits.open_memory_bytes",
            ("9", "8"),
            STRICTER,
        ),
        ("", "formats: [onnx, opaque]", "formats", ("[onnx]", "[onnx, opaque]"), WEAKER),
        (
            "",
            "models: {a: {formats: [onnx]}}",
            "models.a.formats",
            ("as in general", "[onnx]"),
            OTHER,
        ),
        ("", "limits: {may_hold: [pickles]}", "limits.may_hold", ("[]", "[pickles]"), WEAKER),
        ("limits: {may_lack: [kernels]}", "", "limits.may_lack", ("[kernels]", "[]"), STRICTER),
        ("", "limits: {files: 1}", "limits.files", ("1000", "1"), STRICTER),
        ("", "contacts: [ml@example.com]", "contacts", ("[]", "[ml@example.com]"), OTHER),
    ],
)
def test_each_key_is_told_as_the_file_writes_it_with_what_it_means(
    before: str, after: str, key: str, values: tuple[str, str], effect: Effect
) -> None:
    assert changes(before, after) == [(key, *values, effect)]


@pytest.mark.parametrize(
    ("before", "after", "effect"),
    [([], [CLOSE], STRICTER), ([CLOSE, AUDIT], [AUDIT], WEAKER), ([CLOSE], [AUDIT], OTHER)],
)
def test_more_freezes_are_stricter_and_other_freezes_are_neither(
    before: list[str], after: list[str], effect: Effect
) -> None:
    [(key, _, written, found)] = changes(f"freezes: [{', '.join(before)}]", f"freezes: [{', '.join(after)}]")
    assert (key, found) == ("freezes", effect)
    assert "start: " in written


def test_every_key_that_changed_is_told() -> None:
    told = changes("", "require_sha: true\ndrafts: true\nstages: {shadow: {soak: {minimum: 1d, required: true}}}")
    assert [(key, effect) for key, _, _, effect in told] == [
        ("stages.shadow.soak.minimum", WEAKER),
        ("stages.shadow.soak.required", STRICTER),
        ("require_sha", STRICTER),
        ("drafts", WEAKER),
    ]


def keys(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """Every key that can differ; a section that may be left out is one itself, and so is each key in it."""
    for name, field in model.model_fields.items():
        sections = [kind for kind in _kinds(field.annotation) if issubclass(kind, BaseModel)]
        if not sections or type(None) in _kinds(field.annotation):
            yield f"{prefix}{name}"
        for section in sections:
            yield from keys(section, f"{prefix}{name}.")


def _kinds(annotation: Any) -> list[type]:
    is_union = get_origin(annotation) in (Union, UnionType)
    return [kind for kind in (get_args(annotation) if is_union else [annotation]) if isinstance(kind, type)]


def test_a_key_that_nobody_decided_a_direction_for_is_found_here() -> None:
    assert sorted(keys(Policy)) == sorted(DIRECTIONS)


def soaks() -> st.SearchStrategy[Any]:
    minimum = st.sampled_from(["0m", "36h", "7d"])
    return st.none() | st.fixed_dictionaries({"minimum": minimum, "required": st.booleans()})


def permissions() -> st.SearchStrategy[str]:
    return st.sampled_from(["none", "read", "write", "maintain", "admin"])


FREEZES = [
    dict(zip(("start", "end", "reason"), row, strict=True))
    for row in (
        ("2026-12-18T18:00", "2027-01-04T08:00", "close"),
        ("2026-06-01T00:00", "2026-06-02T00:00", "audit"),
    )
]
WINDOWS = [{"hours": "09:00-17:00"}, {"hours": "09:00-17:00", "stages": ["staging"]}, {"hours": "20:00-22:00"}]
LOWER = st.fixed_dictionaries({}, optional={"permission": permissions(), "soak": soaks()})
POLICIES = st.fixed_dictionaries(
    {},
    optional={
        "bases": st.lists(st.sampled_from(["a", "b"]), max_size=2),
        "stages": st.fixed_dictionaries(
            {},
            optional={
                "shadow": LOWER,
                "staging": LOWER,
                "active": st.fixed_dictionaries(
                    {}, optional={"permission": permissions(), "require_prior_stage": st.booleans()}
                ),
            },
        ),
        **{name: st.booleans() for name in ("require_reason", "require_sha", "require_dataset", "drafts")},
        "terminal": st.lists(st.sampled_from(["shadow", "staging", "active"]), unique=True),
        "separation": st.none() | st.fixed_dictionaries({"approvals": st.integers(1, 6)}),
        "freezes": st.lists(st.sampled_from(FREEZES), unique_by=str),
        "windows": st.lists(st.sampled_from(WINDOWS), unique_by=str),
        "comparison": st.fixed_dictionaries(
            {},
            optional={
                "agreement": st.none() | st.sampled_from([0, 0.5, 0.95, 1]),
                "max_difference": st.none() | st.sampled_from([0, 0.001, 2]),
                "stages": st.lists(st.sampled_from(["shadow", "staging", "active"]), unique=True),
            },
        ),
        "evaluation_set": st.none()
        | st.fixed_dictionaries(
            {"dataset": st.sampled_from(["eval_1", "eval_2"])},
            optional={
                "rows": st.sampled_from([100, 10_000]),
                "seconds": st.sampled_from([30, 60]),
                "agreement": st.none() | st.sampled_from([0.5, 0.95]),
                "metrics": st.sampled_from([{}, {"accuracy": {"minimum": 0.5}}, {"accuracy": {"minimum": 0.9}}]),
            },
        ),
        "limits": st.dictionaries(
            st.sampled_from(
                ["file_bytes", "artifact_bytes", "files", "open_seconds", "run_seconds", "open_memory_bytes"]
            ),
            st.integers(1, 100),
        ),
        "contacts": st.lists(st.sampled_from(["x", "y"])),
    },
).map(Policy.model_validate)
MIRRORED = {WEAKER: STRICTER, STRICTER: WEAKER, OTHER: OTHER}


@given(POLICIES)
def test_a_policy_differs_from_itself_in_nothing(policy: Policy) -> None:
    assert compare_policies(policy, policy) == ()


@given(POLICIES, POLICIES)
def test_the_way_back_is_the_mirror_of_the_way_there(one: Policy, other: Policy) -> None:
    there = compare_policies(one, other)
    back = [PolicyChange(change.key, change.after, change.before, MIRRORED[change.effect]) for change in there]
    assert list(compare_policies(other, one)) == back
    assert bool(there) is (one.digest != other.digest)


@given(POLICIES, POLICIES, POLICIES)
def test_stricter_twice_is_never_weaker(one: Policy, two: Policy, three: Policy) -> None:
    stricter = [{c.key for c in compare_policies(*pair) if c.effect is STRICTER} for pair in ((one, two), (two, three))]
    weaker = {c.key for c in compare_policies(one, three) if c.effect is WEAKER}
    assert not stricter[0] & stricter[1] & weaker
