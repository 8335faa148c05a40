"""What the policy says for some models alone: which value holds, where it says so, and whether a change weakens it."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promotebot.artifact.limits import lies_within
from promotebot.artifact.signatures import signature_findings
from promotebot.errors import InvalidInput
from promotebot.findings import Severity
from promotebot.promotion.model_policies import (
    ADDED,
    GENERAL_ONLY,
    STRICTEST,
    ModelPolicy,
    is_set,
    patterns_of,
    value_at,
)
from promotebot.promotion.policy import Policy, parse_policy
from promotebot.promotion.policy_changes import Effect, compare_policies
from promotebot.promotion.policy_lines import policy_lines, reader_of_lines
from promotebot.promotion.requirements import requirements
from promotebot.promotion.sections import Permission
from promotebot.promotion.windows import is_open, next_opening
from promotebot.registry.names import Stage
from tests.promotion.policy_table import PEM
from tests.promotion.test_policy_changes import keys

NOW = datetime(2026, 2, 16, 9, tzinfo=timezone.utc)
CLOSE = "{start: 2026-02-01T00:00, end: 2026-03-01T00:00, reason: close}"
AUDIT = "{start: 2026-02-10T00:00, end: 2026-02-20T00:00, reason: audit}"
FILE = f"""\
require_sha: false
separation: {{approvals: 1}}
freezes: [{CLOSE}]
models:
  eu_*:
    stages:
      active: {{permission: admin}}
      shadow: {{soak: {{minimum: 9d, required: true}}}}
    terminal: [shadow, staging]
    require_sha: true
    freezes: [{AUDIT}]
  "*_test":
    separation: null
    terminal: [shadow, active]
    stages:
      shadow: {{soak: {{minimum: 10d}}}}
"""
POLICY = parse_policy(FILE.encode())


@pytest.mark.parametrize(
    ("model", "key", "value"),
    [
        ("fraud", "stages.active.permission", Permission.MAINTAIN),
        ("eu_fraud", "stages.active.permission", Permission.ADMIN),
        ("eu_fraud", "stages.staging.permission", Permission.WRITE),
        ("eu_fraud", "require_sha", True),
        ("fraud_test", "separation", None),
        ("eu_fraud", "terminal", (Stage.SHADOW, Stage.STAGING)),
        ("eu_test", "terminal", (Stage.SHADOW,)),
        ("eu_test", "require_dataset", False),
    ],
)
def test_a_pattern_replaces_the_general_key_and_of_several_the_strictest_counts(
    model: str, key: str, value: object
) -> None:
    assert value_at(POLICY.for_model(model), key) == value


def test_of_two_soak_times_the_longer_one_counts_and_is_required_if_one_of_them_is() -> None:
    soak = POLICY.for_model("eu_test").stages.shadow.soak
    assert soak is not None
    assert (soak.minimum, soak.required) == (timedelta(days=10), True)
    none = parse_policy(b"models: {a: {stages: {shadow: {soak: null}}}}")
    assert none.for_model("a").stages.shadow.soak is None
    assert none.for_model("a").stages.staging.soak == Policy().stages.staging.soak


def test_the_freezes_of_a_model_hold_beside_the_general_ones() -> None:
    assert [one.reason for one in POLICY.for_model("eu_fraud").freezes] == ["audit", "close"]
    assert [one.reason for one in POLICY.for_model("fraud").freezes] == ["close"]


def test_active_takes_no_terminal_event_of_a_model_that_needs_a_head_to_be_named() -> None:
    assert Stage.ACTIVE not in parse_policy(b"models: {a: {require_sha: true}}").for_model("a").terminal_stages
    assert Stage.ACTIVE in parse_policy(b"models: {a: {require_sha: true}}").for_model("b").terminal_stages


def test_where_the_model_is_not_known_the_strictest_of_all_holds() -> None:
    assert POLICY.strictest.stages.permission(Stage.ACTIVE) is Permission.ADMIN
    assert POLICY.strictest.separation == POLICY.separation
    assert POLICY.strictest.require_sha


@pytest.mark.parametrize("key", sorted(GENERAL_ONLY))
def test_a_key_that_cannot_differ_for_some_models_is_refused_with_the_reason(key: str) -> None:
    section, _, name = key.partition(".")
    written = f"{section}: {{{name}: []}}" if name else f"{key}: []"
    with pytest.raises(InvalidInput, match=r"\$\.models\.a: .* cannot be set for some models alone") as caught:
        parse_policy(f"models: {{a: {{{written}}}}}".encode())
    assert GENERAL_ONLY[key] in str(caught.value)


def test_every_key_of_the_policy_either_may_differ_for_some_models_or_is_refused_with_a_reason() -> None:
    assert {*ModelPolicy.model_fields} | {key for key in GENERAL_ONLY if "." not in key} == set(Policy.model_fields)
    assert not {*ModelPolicy.model_fields} & {*GENERAL_ONLY}
    below = {key for key in keys(Policy) if key.partition(".")[0] in ("signatures", "limits")}
    assert below == {key for key in (*STRICTEST, *GENERAL_ONLY) if key.startswith(("signatures.", "limits."))}
    known = {key.replace(".soak.minimum", ".soak").replace(".soak.required", ".soak") for key in keys(ModelPolicy)}
    sections = {"evaluation_set", *(f"evidence.{stage}" for stage in Stage)}
    known = {next((one for one in sections if key.startswith(one)), key.removesuffix(".approvals")) for key in known}
    assert known == set(STRICTEST)
    assert all(value_at(ModelPolicy(), key) == value_at(Policy(), key) for key in STRICTEST)


def test_a_key_that_is_written_at_its_default_is_not_one_that_is_left_out() -> None:
    written = parse_policy(b"models: {a: {require_reason: false}}\nrequire_reason: true")
    left_out = parse_policy(b"models: {a: {}}\nrequire_reason: true")
    assert written.digest != left_out.digest
    assert [one.key for one in compare_policies(left_out, written)] == ["models.a.require_reason"]
    assert (written.for_model("a").require_reason, left_out.for_model("a").require_reason) == (False, True)


@pytest.mark.parametrize(
    ("before", "after", "effect"),
    [
        ("{}", "{a: {require_reason: true}}", Effect.STRICTER),
        ("{a: {require_reason: true}}", "{}", Effect.WEAKER),
        ("{}", "{a: {stages: {active: {permission: write}}}}", Effect.WEAKER),
        ("{a: {stages: {active: {permission: write}}}}", "{}", Effect.STRICTER),
        ("{a: {terminal: [shadow]}}", "{a: {terminal: [active]}}", Effect.OTHER),
        ("{a: {terminal: [shadow]}}", "{a: {terminal: []}}", Effect.STRICTER),
        ("{a: {separation: {approvals: 2}}}", "{a: {separation: {approvals: 1}}}", Effect.WEAKER),
        (f"{{a: {{freezes: [{AUDIT}]}}}}", "{}", Effect.WEAKER),
        ("{}", f"{{a: {{freezes: [{AUDIT}]}}}}", Effect.STRICTER),
    ],
)
def test_a_change_for_some_models_is_told_by_its_key(before: str, after: str, effect: Effect) -> None:
    [change] = compare_policies(*(parse_policy(f"models: {text}".encode()) for text in (before, after)))
    assert change.key.startswith("models.a.")
    assert change.effect is effect
    assert change.loosens is (effect is not Effect.STRICTER)


def test_taking_away_what_weakens_nothing_is_weaker_where_another_pattern_names_the_model() -> None:
    """With `a*` gone, `*b` alone holds for `ab`, and it asks for less."""
    both = parse_policy(
        b"models: {a*: {stages: {active: {permission: maintain}}}, '*b': {stages: {active: {permission: read}}}}"
    )
    one = parse_policy(b"models: {'*b': {stages: {active: {permission: read}}}}")
    [change] = compare_policies(both, one)
    assert change.effect is Effect.WEAKER
    [added] = compare_policies(one, both)
    assert added.effect is Effect.STRICTER


def test_patterns_that_set_nothing_are_told_as_a_change_of_neither_kind() -> None:
    [change] = compare_policies(Policy(), parse_policy(b"models: {a: {}}"))
    assert (change.key, change.effect) == ("models", Effect.OTHER)


PERMISSION = st.sampled_from(["read", "write", "maintain", "admin"])
SOAK = st.none() | st.fixed_dictionaries({"minimum": st.sampled_from(["0m", "36h", "9d"]), "required": st.booleans()})
NAMES = st.lists(st.sampled_from(["alice", "bob"]), unique=True)
ACCURACY = st.sampled_from([{}, {"accuracy": {"minimum": 0.5}}, {"accuracy": {"minimum": 0.9, "max_drop": 0.1}}])
OWN: dict[str, st.SearchStrategy[Any]] = {
    "stages": st.fixed_dictionaries(
        {},
        optional={
            "active": st.fixed_dictionaries(
                {},
                optional={
                    "permission": PERMISSION,
                    "people": NAMES,
                    "labels": NAMES,
                    "checks": NAMES,
                    "confirm": st.sampled_from([None, "5m", "10m"]),
                    "require_prior_stage": st.booleans(),
                },
            ),
            "staging": st.fixed_dictionaries(
                {},
                optional={
                    "share": st.fixed_dictionaries(
                        {}, optional={"maximum": st.sampled_from(["2%", "5%"]), "required": st.booleans()}
                    )
                },
            ),
            "shadow": st.fixed_dictionaries({}, optional={"permission": PERMISSION, "soak": SOAK}),
        },
    ),
    "require_sha": st.booleans(),
    "signature": st.sampled_from(["refuse", "warn", "allow"]),
    "comparison": st.fixed_dictionaries({}, optional={"agreement": st.sampled_from([None, 0.5, 0.9])}),
    "evaluation_set": st.none()
    | st.fixed_dictionaries(
        {"dataset": st.sampled_from(["one", "two"])}, optional={"metrics": ACCURACY, "rows": st.integers(1, 3)}
    ),
    "terminal": st.lists(st.sampled_from(["shadow", "staging", "active"]), unique=True),
    "separation": st.none() | st.fixed_dictionaries({"approvals": st.integers(1, 3)}),
    "freezes": st.lists(
        st.sampled_from(["2026-01-01", "2026-02-01"]).map(
            lambda day: {"start": f"{day}T00:00", "end": "2026-03-01T00:00", "reason": day}
        ),
        max_size=2,
    ),
    "formats": st.sampled_from([["onnx"], ["onnx", "opaque"]]),
    "windows": st.lists(
        st.fixed_dictionaries(
            {"hours": st.sampled_from(["00:00-12:00", "06:00-18:00", "09:00-10:00"])},
            optional={
                "days": st.sampled_from([["mon"], ["mon", "tue"]]),
                "stages": st.sampled_from([["active"], ["shadow", "active"]]),
                "timezone": st.just("Asia/Tokyo"),
            },
        ),
        max_size=3,
    ),
    "limits": st.fixed_dictionaries(
        {},
        optional={
            "files": st.integers(1, 3),
            "walls": st.sampled_from(["required", "available"]),
            "may_hold": st.lists(st.sampled_from(["pickles", "scripts"]), unique=True),
        },
    ),
}
SIGNERS = ["a", "b", "c"]
PLACES = ["s3://one-bucket/a", "s3://one-bucket/a/b", "s3://one-bucket/a/b/c", "s3://one-bucket/ab"]


def key_of(name: str) -> dict[str, str]:
    return {"name": name, "pem": PEM}


SIGNED = st.fixed_dictionaries(
    {"keys": st.lists(st.sampled_from(SIGNERS), unique=True, min_size=1).map(lambda names: [*map(key_of, names)])},
    optional={"required": st.lists(st.sampled_from(["staging", "active"]), unique=True)},
)
NARROW: dict[str, st.SearchStrategy[Any]] = {
    "signatures": SIGNED,
    "storage": st.lists(st.sampled_from(PLACES), unique=True),
}


def narrow(document: dict[str, Any]) -> Policy:
    """The policy of a document, with what its patterns name beside the general list left out."""
    keys = document.get("signatures", {}).get("keys", [])
    places = document.get("storage", [])
    for own in document.get("models", {}).values():
        own["storage"] = [one for one in own.get("storage", places) if lies_within(one, places)]
        if "signatures" in own:
            own["signatures"]["keys"] = [one for one in own["signatures"]["keys"] if one in keys]
    return Policy.model_validate(document)


OF_PATTERNS = st.fixed_dictionaries({}, optional={**OWN, **NARROW})
POLICIES = st.fixed_dictionaries(
    {},
    optional={**OWN, **NARROW, "models": st.dictionaries(st.sampled_from(["a*", "*b", "ab"]), OF_PATTERNS)},
).map(narrow)


def refuses_as_much(key: str, less: Any, more: Any) -> bool:
    strictest, alone = STRICTEST[key]([less, more]), STRICTEST[key]([more])
    return set(strictest) == set(alone) if isinstance(alone, tuple) else bool(strictest == alone)


@given(POLICIES, POLICIES)
def test_what_is_not_called_weaker_is_weaker_for_no_model(base: Policy, head: Policy) -> None:
    changes = compare_policies(base, head)
    assert bool(changes) is (base.digest != head.digest)
    loosened = {
        one.key.partition(".")[2].partition(".")[2] if one.key.startswith("models.") else one.key
        for one in changes
        if one.loosens
    }
    if "models" in loosened:
        return
    for name in ("a", "b", "ab", "c"):
        for key in STRICTEST:
            if not any(key.startswith(one) or one.startswith(key) for one in loosened):
                assert refuses_as_much(key, value_at(base.for_model(name), key), value_at(head.for_model(name), key)), (
                    key
                )


@given(POLICIES, st.sampled_from(["a", "b", "ab", "c"]))
def test_the_order_of_patterns_decides_nothing(policy: Policy, name: str) -> None:
    turned = policy.model_copy(update={"models": dict(reversed([*policy.models.items()]))})
    for key in STRICTEST:
        one, other = (value_at(each.for_model(name), key) for each in (policy, turned))
        assert refuses_as_much(key, one, other), key
        assert refuses_as_much(key, other, one), key


@given(POLICIES, st.sampled_from(["a", "b", "ab", "c"]))
def test_what_a_general_key_refuses_that_patterns_only_add_to_is_refused_for_every_model(
    policy: Policy, name: str
) -> None:
    for key in ADDED:
        assert refuses_as_much(key, value_at(policy, key), value_at(policy.for_model(name), key)), key
        for pattern in patterns_of(name, policy.models):
            own = policy.models[pattern]
            if is_set(own, key):
                assert refuses_as_much(key, value_at(own, key), value_at(policy.for_model(name), key)), key


@given(POLICIES, st.sampled_from(["a", "b", "ab", "c"]), st.integers(0, 14 * 24), st.sampled_from(Stage))
def test_a_stage_is_open_for_a_model_exactly_where_the_general_windows_and_its_own_are(
    policy: Policy, name: str, hours: int, stage: Stage
) -> None:
    moment, own = NOW + timedelta(hours=hours), policy.for_model(name).windows
    lists = [policy.windows, *(policy.models[one].windows for one in patterns_of(name, policy.models))]
    assert is_open(own, stage, moment) is all(is_open(one, stage, moment) for one in lists)
    opens = next_opening(own, stage, moment)
    if opens and not is_open(own, stage, moment):
        assert is_open(own, stage, opens)
        between = [moment + timedelta(hours=one) for one in range(1, 200) if moment + timedelta(hours=one) < opens]
        assert not any(is_open(own, stage, one) for one in between)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            "models: {a: {storage: ['s3://one-bucket']}}",
            "models.a.storage: s3://one-bucket is not",
        ),
        (
            "{storage: ['s3://one-bucket/a'], models: {a: {storage: ['s3://one-bucket']}}}",
            "models.a.storage: s3://one-bucket is not in the general list",
        ),
        (
            "models: {a: {signatures: {identities: [{identity: https://x, issuer: https://y}]}}}",
            "models.a.signatures.identities: https://x is not in the general list",
        ),
    ],
)
def test_what_a_pattern_names_beside_the_general_list_is_an_error_because_it_would_count_for_nothing(
    text: str, says: str
) -> None:
    with pytest.raises(InvalidInput, match=re.escape(says)):
        parse_policy(text.encode())


def test_where_two_patterns_leave_no_signer_nothing_is_signed_well_enough() -> None:
    document = {
        "signatures": {"keys": [key_of("a"), key_of("b")], "required": ["active"]},
        "models": {"a*": {"signatures": {"keys": [key_of("a")]}}, "*b": {"signatures": {"keys": [key_of("b")]}}},
    }
    signers = Policy.model_validate(document).for_model("ab").signatures
    assert (signers.keys, signers.required) == ((), (Stage.ACTIVE,))
    [finding] = signature_findings((), "ml/artifacts/a", signers.signers, required=True)
    assert (finding.severity, finding.rule) == (Severity.ERROR, "provenance.signature")


def test_the_line_of_a_limit_is_the_patterns_where_it_is_the_lower_one() -> None:
    file = b"limits: {files: 5}\nmodels:\n  a:\n    limits: {files: 3}\n  b:\n    limits: {files: 9}\n"
    policy = parse_policy(file)
    assert reader_of_lines(policy, file, "a")("limits.files").key == "models.a.limits.files"
    assert reader_of_lines(policy, file, "b")("limits.files").key == "limits.files"
    assert (policy.terms_for("a").files, policy.terms_for("b").files) == (3, 5)


@given(POLICIES, POLICIES)
def test_the_way_back_is_the_mirror_of_the_way_there(one: Policy, other: Policy) -> None:
    mirrored = {Effect.WEAKER: Effect.STRICTER, Effect.STRICTER: Effect.WEAKER, Effect.OTHER: Effect.OTHER}
    there = {(c.key, c.before, c.after, c.effect) for c in compare_policies(one, other)}
    assert {(c.key, c.after, c.before, mirrored[c.effect]) for c in compare_policies(other, one)} == there


@given(POLICIES, st.sampled_from(["a", "b", "ab", "c"]))
def test_what_holds_for_several_models_refuses_all_that_one_of_them_refuses(policy: Policy, name: str) -> None:
    for key in STRICTEST:
        together = value_at(policy.for_model(name, "ab"), key)
        assert refuses_as_much(key, value_at(policy.for_model(name), key), together)
        assert refuses_as_much(key, together, value_at(policy.strictest, key))


def test_the_lines_of_the_patterns_stand_below_the_general_key() -> None:
    lines = policy_lines(POLICY, FILE.encode(), {"eu_fraud"})
    assert [(one.key, one.value, one.line) for one in lines["gate.permission"]][:2] == [
        ("stages.active.permission", '"maintain"', None),
        ("models.eu_*.stages.active.permission", '"admin"', 7),
    ]
    assert [one.key for one in lines["separation"]] == ["separation.approvals"]
    everywhere = policy_lines(POLICY, FILE.encode())["separation"]
    assert [(one.key, one.value, one.line) for one in everywhere] == [
        ("separation.approvals", "1", 2),
        ("models.*_test.separation.approvals", "null", 13),
    ]


def test_the_line_that_is_named_is_the_one_of_the_pattern_that_counts() -> None:
    read = reader_of_lines(POLICY, FILE.encode(), "eu_test")
    assert (read("stages.active.permission").key, read("stages.active.permission").line) == (
        "models.eu_*.stages.active.permission",
        7,
    )
    assert read("stages.shadow.soak.minimum").line == 16
    assert read("stages.shadow.soak.required").line == 8
    assert read("separation.approvals").line == 13
    assert read("terminal").line == 9  # neither alone says what holds
    assert read("freezes").key == "freezes"
    assert read("require_reason").line is None


def test_what_a_model_alone_needs_is_explained_for_it() -> None:
    words = {one.key: one.words for one in requirements(POLICY, Stage.ACTIVE, NOW, "eu_fraud")}
    assert words["stages.active.permission"] == "whoever asks needs the role admin"
    assert words["models.eu_*.freezes"].endswith("audit")
    assert words["freezes"].endswith("close")
    assert "models" not in words
    both = parse_policy(b"windows: [{hours: 09:00-17:00}]\nmodels: {eu_*: {windows: [{hours: 10:00-12:00}]}}\n")
    open_at = {one.key: one.words for one in requirements(both, Stage.ACTIVE, NOW, "eu_fraud")}
    assert open_at["windows"] == "a time that is open: every day 09:00-17:00 UTC"
    assert open_at["models.eu_*.windows"] == "a time that is open: every day 10:00-12:00 UTC"
    assert "models.eu_*.windows" not in {one.key for one in requirements(both, Stage.ACTIVE, NOW, "us_fraud")}
    general = {one.key: one.words for one in requirements(POLICY, Stage.ACTIVE, NOW)}
    assert general["models"] == "other rules hold for eu_*, *_test (--model says which)"
