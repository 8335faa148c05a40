"""Exceptions from a rule: by whom the policy names, for its time and as often as it says, and from nothing else."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promotebot.errors import InvalidInput
from promotebot.findings import errors_in, warnings_in
from promotebot.promotion.overridable import OVERRIDABLE, overridden_rule, parse_override
from promotebot.promotion.overrides import Override
from promotebot.promotion.plan import Decision, Plan
from promotebot.promotion.policy import parse_policy
from promotebot.promotion.reconstruct import request_of
from promotebot.promotion.replay import Step
from promotebot.promotion.request import Actor
from promotebot.registry.model import Action, Source
from promotebot.registry.names import Stage
from tests.promotion.test_plan import LIVE, MODEL, NOW, SHADOWED, V1, V2, after, asked, decide, refused_by

WHY = "freeze: the fix for incident 7"
_DAYS = tuple(f"{NOW + timedelta(days=days):%Y-%m-%dT%H:%M}" for days in (-1, 9))
FROZEN = f"freezes: [{{start: {_DAYS[0]}, end: {_DAYS[1]}, reason: year end}}]"


def granted(start: datetime = NOW - timedelta(days=1), end: datetime = NOW + timedelta(days=5), **more: Any) -> str:
    values: dict[str, Any] = {"rule": "freeze", "people": "[alice]", **more}
    keys = "".join(f", {key}: {value}" for key, value in values.items())
    return f"{FROZEN}\noverrides: [{{start: {start:%Y-%m-%dT%H:%M}, end: {end:%Y-%m-%dT%H:%M}{keys}}}]\n"


def ask(
    policy: str, *, login: str = "alice", registry: Any = SHADOWED, now: datetime = NOW, **changes: Any
) -> Decision:
    values = {"override": WHY, "actor": Actor(login, Source.GITHUB), **changes}
    return decide(SHADOWED, asked(Stage.ACTIVE, V1, **values), V1, policy=parse_policy(policy.encode()))


def test_a_named_person_makes_an_exception_that_everybody_sees() -> None:
    assert refused_by(ask(granted(), override=None)) == {"freeze"}
    plan = ask(granted())
    assert isinstance(plan, Plan)
    assert plan.event.override == WHY
    told = {finding.rule: finding.message for finding in warnings_in(plan.findings)}
    assert told["override"] == f"alice overrides {WHY}."
    assert told["freeze"].startswith("Overridden: ")


@pytest.mark.parametrize("models", ["[regime_*]", "[eu_*, regime_classifier]", "[]"])
def test_an_exception_that_names_models_is_for_these(models: str) -> None:
    assert isinstance(ask(granted(models=models)), Plan)


def test_the_event_is_planned_again_as_it_was_also_when_the_freeze_is_over() -> None:
    plan = ask(granted())
    assert isinstance(plan, Plan)
    step = Step(MODEL, plan.event, plan.before, plan.digest)
    request = request_of(step, plan.before.entry(MODEL))
    assert request.override == WHY
    policy = parse_policy(granted().replace("reason: year end", "reason: over").split("\n", 1)[1].encode())
    later = decide(SHADOWED, request, V1, policy=policy)
    assert isinstance(later, Plan)
    assert later.event.override == WHY


@pytest.mark.parametrize(
    ("policy", "changes", "message"),
    [
        (FROZEN, {}, "The policy allows nobody to override freeze for regime_classifier."),
        (granted(), {"login": "mallory"}, "mallory may not override freeze; the policy allows alice."),
        (granted(rule="window"), {}, "The policy allows nobody to override freeze for regime_classifier."),
        (granted(models="[eu_*, other]"), {}, "The policy allows nobody to override freeze for regime_classifier."),
        (granted(end=NOW - timedelta(hours=1)), {}, "alice may override freeze from"),
        (granted(start=NOW + timedelta(hours=1)), {}, "alice may override freeze from"),
        (granted(), {"actor": Actor("alice", Source.CLI)}, "A rule is overridden in comments on GitHub only"),
    ],
)
def test_whoever_is_not_named_or_not_in_time_makes_no_exception(
    policy: str, changes: dict[str, Any], message: str
) -> None:
    decision = ask(policy, **changes)
    assert refused_by(decision) == {"freeze", "override"}
    assert any(finding.message.startswith(message) for finding in errors_in(decision.findings))


def test_a_finding_that_refuses_nothing_stays_what_it_is() -> None:
    policy = granted(rule="soak.shadow").split("\n", 1)[1]
    plain, overridden = ask(policy, override=None), ask(policy, override="soak.shadow: urgent")
    assert isinstance(plain, Plan)
    assert isinstance(overridden, Plan)
    [said] = [one for one in plain.findings if one.rule == "soak.shadow"]
    assert said in overridden.findings


def test_logins_ignore_case() -> None:
    assert isinstance(ask(granted(people="[Alice]")), Plan)


def test_only_the_rule_that_is_named_is_overridden() -> None:
    decision = ask(granted() + "require_reason: true\n", reason=None)
    assert refused_by(decision) == {"request.reason"}
    soaked = ask(granted(), override="soak.shadow: urgent")
    assert refused_by(soaked) == {"freeze", "override"}


def test_an_exception_is_used_up() -> None:
    first = ask(granted(uses=1))
    assert isinstance(first, Plan)
    gone = decide(first.after, asked(Stage.ACTIVE, V1, action=Action.DEMOTE), V1, now=NOW + timedelta(hours=1))
    assert isinstance(gone, Plan)
    shadowed = after(gone.after, Stage.SHADOW, V2, now=NOW + timedelta(hours=2))

    def again(uses: int) -> Decision:
        request = replace(asked(Stage.ACTIVE, V2, override=WHY), actor=Actor("alice", Source.GITHUB))
        policy = parse_policy(granted(uses=uses).encode())
        return decide(shadowed, request, V2, policy=policy, now=NOW + timedelta(hours=3))

    assert refused_by(again(1)) == {"freeze", "override"}
    assert isinstance(again(2), Plan)


def test_what_goes_back_needs_no_exception_and_records_none() -> None:
    registry = after(after(LIVE, Stage.SHADOW, V2), Stage.ACTIVE, V2)
    request = asked(Stage.ACTIVE, V1, action=Action.ROLLBACK, override=WHY)
    plan = decide(registry, request, V1, policy=parse_policy(granted().encode()))
    assert isinstance(plan, Plan)
    assert plan.event.override is None


@pytest.mark.parametrize("text", ["freeze", "freeze:", "freeze: ", "artifact.opens: it does", ": why", "Freeze: why"])
def test_an_override_names_a_rule_that_can_be_overridden_and_a_reason(text: str) -> None:
    with pytest.raises(InvalidInput, match="not a rule and a reason") as caught:
        parse_override(text)
    assert "soak.shadow" in caught.value.remedy


@given(st.sampled_from(OVERRIDABLE), st.text("ab :é", min_size=1).filter(str.strip))
def test_what_was_parsed_is_parsed_the_same_again(rule: str, reason: str) -> None:
    parsed = parse_override(f" {rule} :{reason}")
    assert parse_override(parsed) == parsed
    assert overridden_rule(parsed) == rule


@pytest.mark.parametrize(
    "wrong",
    [
        "{rule: freeze, people: [], start: 2026-01-01T00:00, end: 2026-02-01T00:00}",
        "{rule: artifact.opens, people: [a], start: 2026-01-01T00:00, end: 2026-02-01T00:00}",
        "{rule: freeze, people: [a], start: 2026-02-01T00:00, end: 2026-01-01T00:00}",
        "{rule: freeze, people: [a], start: mon 10:00, end: tue 10:00}",
        "{rule: freeze, people: [a], start: 2026-01-01T00:00, end: 2026-02-01T00:00, uses: 0}",
        "{rule: freeze, people: [a], start: 2026-01-01T00:00}",
    ],
)
def test_a_policy_says_who_what_and_how_long(wrong: str) -> None:
    with pytest.raises(InvalidInput, match="overrides"):
        parse_policy(f"overrides: [{wrong}]".encode())


@pytest.mark.parametrize("time", ["30s", "0m", "16m", "1d"])
def test_a_job_waits_for_a_confirmation_between_one_minute_and_fifteen(time: str) -> None:
    with pytest.raises(InvalidInput, match=r"stages\.active\.confirm"):
        parse_policy(f"stages: {{active: {{confirm: {time}}}}}".encode())


def test_where_clocks_change_the_later_start_and_the_earlier_end_count() -> None:
    [one] = parse_policy(
        b"overrides: [{rule: freeze, people: [a], start: 2026-10-25T02:30, end: 2026-10-26T00:00,"
        b" timezone: Europe/Berlin}]"
    ).overrides
    assert isinstance(one, Override)
    assert not one.holds_at(datetime(2026, 10, 25, 1, 29, tzinfo=timezone.utc))
    assert one.holds_at(datetime(2026, 10, 25, 1, 30, tzinfo=timezone.utc))
