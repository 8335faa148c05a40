"""The policy file: defaults, strictness, digest."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from promotebot.errors import InvalidInput
from promotebot.promotion.freezes import Freeze
from promotebot.promotion.policy import Policy, parse_policy
from promotebot.promotion.sections import Permission
from promotebot.registry.names import Stage


def test_no_file_and_an_empty_file_mean_the_defaults() -> None:
    assert parse_policy(None) == parse_policy(b"") == parse_policy(b"{}\n") == Policy()


def test_the_defaults_are_the_documented_ones() -> None:
    policy = Policy()
    assert [policy.stages.permission(stage) for stage in Stage] == [
        Permission.WRITE,
        Permission.WRITE,
        Permission.MAINTAIN,
    ]
    assert policy.stages.active.require_prior_stage
    assert policy.stages.shadow.soak is not None
    assert policy.stages.shadow.soak.minimum == timedelta(days=7)
    assert not policy.stages.shadow.soak.required


def test_values_are_read() -> None:
    policy = parse_policy(
        b"bases: [release]\ncontacts: [ml-team@example.com]\nrequire_reason: true\n"
        b"stages:\n  active: {permission: admin}\n  staging: {soak: {minimum: 36h, required: true}}\n"
    )
    assert policy.bases == ("release",)
    assert policy.stages.permission(Stage.ACTIVE) is Permission.ADMIN
    assert policy.stages.staging.soak is not None
    assert policy.stages.staging.soak.minimum == timedelta(hours=36)
    assert policy.stages.staging.soak.required


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("stagess: {}", "stagess"),
        ("stages: {active: {permision: admin}}", "stages.active.permision"),
        ("stages: {active: {permission: owner}}", "not one of"),
        ("stages: {active: {permission: 3}}", "not one of"),
        ("stages: {shadow: {soak: {minimum: soon}}}", "not a duration"),
        ("stages: {shadow: {soak: {minimum: 7}}}", "not a duration"),
        ("require_reason: 3x", "require_reason"),
        ("terminal: [production]", "terminal"),
        ("a: 1\na: 2", "is given twice"),
        ("a: &x 1\nb: *x", "aliases"),
        ("- 1", "$: "),
        ("limits: {&files: 10}", "is not text"),
        ("1: 2", "is not text"),
        ("{", "not a YAML file"),
        ("!!python/object/apply:os.system [ls]", "not a YAML file"),
    ],
)
def test_what_is_misspelt_is_an_error_not_a_default(text: str, says: str) -> None:
    with pytest.raises(InvalidInput, match=r"promotion\.yml") as caught:
        parse_policy(text.encode())
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("text", "stages"),
    [
        ("", {Stage.SHADOW, Stage.STAGING, Stage.ACTIVE}),
        ("terminal: [shadow, active]", {Stage.SHADOW, Stage.ACTIVE}),
        ("terminal: []", set()),
        ("require_sha: true", {Stage.SHADOW, Stage.STAGING}),
        ("separation: {approvals: 1}", {Stage.SHADOW, Stage.STAGING}),
        ("separation: {approvals: 1}\nterminal: [active]", set()),
    ],
)
def test_a_terminal_is_open_for_the_listed_stages_and_for_active_only_where_nobody_is_asked_for(
    text: str, stages: set[Stage]
) -> None:
    assert parse_policy(text.encode()).terminal_stages == stages


def test_a_policy_that_is_not_utf8_or_too_large_is_refused() -> None:
    with pytest.raises(InvalidInput, match="not a YAML file"):
        parse_policy(b"\xff")
    with pytest.raises(InvalidInput, match="limit"):
        parse_policy(b"#" * 70000)


def test_the_digest_covers_what_is_in_force_not_how_it_is_written() -> None:
    assert parse_policy(b"drafts: false").digest == Policy().digest
    assert parse_policy(b"drafts: true").digest != Policy().digest


@pytest.mark.parametrize(("stage", "days"), [("shadow", 7), ("staging", 2)])
def test_a_section_that_names_one_key_keeps_the_defaults_of_the_others(stage: str, days: int) -> None:
    named = getattr(parse_policy(f"stages: {{{stage}: {{permission: read}}}}".encode()).stages, stage)
    assert (named.permission, named.soak.minimum.days) == (Permission.READ, days)
    assert getattr(parse_policy(f"stages: {{{stage}: {{soak: null}}}}".encode()).stages, stage).soak is None


def test_onnx_cannot_be_left_out_of_the_formats() -> None:
    assert parse_policy(b"formats: [onnx, opaque]").terms.formats == ("onnx", "opaque")
    for text in (b"formats: [opaque]", b"formats: []", b"formats: [onnx, pickle]"):
        with pytest.raises(InvalidInput, match=r"\$\.formats"):
            parse_policy(text)


PER_MODEL = b"""
formats: [onnx, opaque]
models:
  "*_router": {formats: [onnx]}
  llm_*: {formats: [onnx, opaque]}
  eu: {}
"""


@pytest.mark.parametrize(
    ("models", "formats"),
    [
        ((), ("onnx", "opaque")),
        (("fraud",), ("onnx", "opaque")),
        (("eu",), ("onnx", "opaque")),
        (("llm_chat",), ("onnx", "opaque")),
        (("fraud_router",), ("onnx",)),
        (("llm_router",), ("onnx",)),
        (("llm_chat", "fraud_router"), ("onnx",)),
        (("LLM_ROUTER",), ("onnx", "opaque")),
    ],
)
def test_a_pattern_that_names_a_model_replaces_the_general_formats_and_the_strictest_one_counts(
    models: tuple[str, ...], formats: tuple[str, ...]
) -> None:
    assert parse_policy(PER_MODEL).terms_for(*models).formats == formats


def test_a_pattern_may_allow_more_than_the_general_key_for_the_models_that_it_names() -> None:
    policy = parse_policy(b"models: {llm_*: {formats: [onnx, opaque]}}")
    assert (policy.terms_for("llm_chat").formats, policy.terms_for("llm").formats) == (("onnx", "opaque"), ("onnx",))
    assert policy.terms == Policy().terms
    assert policy.digest != Policy().digest


@pytest.mark.parametrize(
    "text",
    [
        b"models: {LLM: {formats: [onnx]}}",
        b"models: {'llm_?': {formats: [onnx]}}",
        b"models: {'': {formats: [onnx]}}",
        b"models: {llm: {formats: [opaque]}}",
        b"models: {llm: {drafts: true}}",
        b"models: {llm: [onnx, opaque]}",
        b"models: [llm]",
    ],
)
def test_what_stands_below_models_is_read_as_strictly_as_the_rest(text: bytes) -> None:
    with pytest.raises(InvalidInput, match=r"\$\.models"):
        parse_policy(text)


SKIPPED, TWICE = "2026-03-29T02:30", "2026-10-25T02:30"
"""In Berlin clocks go from 2:00 to 3:00 at 1:00 UTC, and back from 3:00 to 2:00, also at 1:00 UTC."""


@pytest.mark.parametrize(
    ("start", "end", "begins", "ends"),
    [
        (SKIPPED, "2026-03-30T08:00", "2026-03-29T00:30", "2026-03-30T06:00"),
        (TWICE, "2026-10-26T08:00", "2026-10-25T00:30", "2026-10-26T07:00"),
        ("2026-03-28T08:00", SKIPPED, "2026-03-28T07:00", "2026-03-29T01:30"),
        ("2026-10-24T08:00", TWICE, "2026-10-24T06:00", "2026-10-25T01:30"),
    ],
)
def test_a_freeze_is_never_shorter_by_the_hour_that_clocks_skip_or_show_twice(
    start: str, end: str, begins: str, ends: str
) -> None:
    freeze = Freeze.model_validate({"start": start, "end": end, "timezone": "Europe/Berlin", "reason": "year-end"})
    of = [datetime.fromisoformat(moment).replace(tzinfo=timezone.utc) for moment in (begins, ends)]
    period = freeze.period(of[0])
    assert period is not None
    assert [period.begins, period.ends] == of
    assert freeze.holds_at(of[0])
    assert freeze.holds_at(of[1] - timedelta(minutes=1))
    assert not freeze.holds_at(of[1])


@pytest.mark.parametrize("value", ["1.01", "-0.1", "'0.9'", ".nan", ".inf", "true", "95 %"])
def test_a_threshold_is_a_number_in_its_bounds(value: str) -> None:
    with pytest.raises(InvalidInput, match=r"\$\.comparison\.agreement: "):
        parse_policy(f"comparison: {{agreement: {value}}}".encode())


def test_the_same_number_written_otherwise_is_the_same_policy() -> None:
    written = {
        parse_policy(f"comparison: {{max_difference: {one}}}".encode()).digest for one in ("0.1", "0.10", "1.0e-1")
    }
    assert len(written) == 1


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{name: Drift, url: 'javascript:alert(1)'}", "url"),
        ("{name: Drift, url: 'https://a b'}", "url"),
        ("{name: Drift, url: 'https://a>b'}", "url"),
        ("{name: '', url: 'https://a'}", "name"),
        ("{name: Drift}", "url"),
        ("{name: Drift, url: 'https://a', stages: []}", "stages"),
    ],
)
def test_monitoring_names_pages_of_the_web(text: str, says: str) -> None:
    with pytest.raises(InvalidInput, match=rf"\$\.monitoring.*{says}"):
        parse_policy(f"monitoring: [{text}]".encode())


def test_monitoring_without_stages_is_of_every_stage() -> None:
    [one] = parse_policy(b"monitoring: [{name: Drift, url: 'https://grafana.example.com/d/1?x=[1]&y=(2)'}]").monitoring
    assert one.stages == tuple(Stage)
