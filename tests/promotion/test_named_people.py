"""What a request needs named people for: another signature than ACTIVE's, and an exception from a rule."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promotebot.findings import Finding, Severity
from promotebot.promotion.people import OWNERS, is_group, is_named
from promotebot.promotion.policy import Policy, parse_policy
from promotebot.promotion.request import Actor
from promotebot.promotion.requirements import requirements
from promotebot.promotion.rules.context import Facts, RuleContext
from promotebot.promotion.rules.override import overridden
from promotebot.promotion.rules.signature import change_is_allowed
from promotebot.registry import ModelRegistry
from promotebot.registry.model import Source
from promotebot.registry.names import Stage
from tests.comments.plans import EMPTY, NOW, V2, registry, request

__all__ = ["registry"]  # a fixture

NAMES = ("alice", "bob", "@acme/ml", "@acme/ops", OWNERS)
UNSEEN = "GitHub does not show that bob is in @acme/ml: that takes the token of an App or person"


def found(
    registry: ModelRegistry, people: str, login: str = "bob", *groups: str, at: Source = Source.GITHUB
) -> Finding:
    policy = parse_policy(f"signature_people: {people}".encode())
    asked = request(Stage.ACTIVE, V2, "regime_v3", allow_signature_change="it is meant")
    asked = replace(asked, actor=Actor(login, at))
    context = RuleContext(asked, V2, registry, EMPTY, policy, Facts(groups=frozenset(groups)), NOW)
    [one] = change_is_allowed(context)
    assert one.rule == "signature.people"
    return one


def test_who_is_named_may_allow_another_signature_and_nobody_else(registry: ModelRegistry) -> None:
    assert found(registry, "[Bob]").severity is Severity.PASS
    refused = found(registry, "[alice]")
    assert refused.severity is Severity.ERROR
    assert refused.message == "bob may not allow another signature; the policy allows alice."
    assert "signature_people" in refused.remedy


@pytest.mark.parametrize("name", ["@acme/ml", OWNERS])
def test_a_group_counts_where_whoever_asks_is_known_to_be_in_it(registry: ModelRegistry, name: str) -> None:
    assert found(registry, f"['{name}']", "bob", name).severity is Severity.PASS
    assert found(registry, f"['{name}']", "bob", "@acme/ops").severity is Severity.ERROR


def test_a_team_that_was_not_seen_is_told_with_the_permission_that_it_takes(registry: ModelRegistry) -> None:
    assert UNSEEN in found(registry, "['@acme/ml']").message


def test_an_empty_list_is_nobody_and_a_terminal_says_nobody(registry: ModelRegistry) -> None:
    assert found(registry, "[]").message == "bob may not allow another signature; the policy allows nobody."
    message = found(registry, "[bob]", at=Source.CLI).message
    assert message.startswith("Another signature is allowed in comments on GitHub only, where it is known who asks;")


@pytest.mark.parametrize(("policy", "why"), [("{}", "it is meant"), ("signature_people: [alice]", None)])
def test_without_the_key_or_the_flag_nobody_is_asked_for(registry: ModelRegistry, policy: str, why: str | None) -> None:
    asked = request(Stage.ACTIVE, V2, "regime_v3", allow_signature_change=why)
    context = RuleContext(asked, V2, registry, EMPTY, parse_policy(policy.encode()), Facts(), NOW)
    assert list(change_is_allowed(context)) == []


def test_what_the_policy_asks_for_names_who_may() -> None:
    def said(policy: str) -> str:
        asked = requirements(parse_policy(policy.encode()), Stage.ACTIVE, NOW)
        return next((one.words for one in asked if one.key == "signature_people"), "")

    assert said("signature_people: [alice, '@acme/ml']") == (
        "--allow-signature-change is for alice, @acme/ml, in a comment"
    )
    assert said("signature_people: []") == "--allow-signature-change is for nobody, in a comment"
    assert said("{}") == said("{signature: allow, signature_people: [alice]}") == ""


def test_of_several_patterns_those_may_whom_all_of_them_name() -> None:
    policy = Policy.model_validate(
        {
            "signature_people": ["carol"],
            "models": {
                "eu_*": {"signature_people": ["alice", "bob"]},
                "*_fraud": {"signature_people": ["bob"]},
                "x": {"signature_people": None},
            },
        }
    )
    people = {name: policy.for_model(name).signature_people for name in ("other", "eu_x", "eu_fraud", "x")}
    assert people == {"other": ("carol",), "eu_x": ("alice", "bob"), "eu_fraud": ("bob",), "x": None}
    assert policy.strictest.signature_people == ()
    assert parse_policy(b"signature_people: [CODEOWNERS]").names_owners
    rule = b"{rule: freeze, people: [CODEOWNERS], start: 2026-01-01T00:00, end: 2026-02-01T00:00}"
    assert parse_policy(b"overrides: [" + rule + b"]").names_owners


def exception(registry: ModelRegistry, *groups: str) -> str:
    """What is said of an exception by bob, which the policy leaves to a team and to the owners."""
    days = "start: 2026-02-01T00:00, end: 2026-03-01T00:00"
    policy = parse_policy(f"overrides: [{{rule: freeze, people: ['@acme/ml', CODEOWNERS], {days}}}]".encode())
    asked = request(Stage.ACTIVE, V2, "regime_v3", override="freeze: urgent")
    asked = replace(asked, actor=Actor("bob", Source.GITHUB))
    context = RuleContext(asked, V2, registry, EMPTY, policy, Facts(groups=frozenset(groups)), NOW)
    [one] = overridden(context, [])
    return one.message


def test_an_exception_is_made_by_members_of_a_named_group_too(registry: ModelRegistry) -> None:
    for group in ("@acme/ml", OWNERS):
        assert exception(registry, group) == "bob overrides freeze: urgent."
    refused = exception(registry, "@acme/ops")
    assert refused.startswith("bob may not override freeze; the policy allows @acme/ml, CODEOWNERS. ")
    assert UNSEEN in refused


@given(st.lists(st.sampled_from(NAMES)), st.sets(st.sampled_from(NAMES[2:])), st.sampled_from(["ALICE", "carol"]))
def test_more_names_and_more_groups_never_take_somebody_out(people: list[str], groups: set[str], login: str) -> None:
    assert not is_named(login, [], groups)
    named = is_named(login, people, groups)
    assert is_named(login, [*people, *NAMES], groups) or not named
    assert is_named(login, people, {*groups, *NAMES[2:]}) or not named
    logins = {name.casefold() for name in people if not is_group(name)}
    assert named is (login.casefold() in logins or bool(groups & {*people}))
    assert not is_named(OWNERS.lower(), [OWNERS], ()), "which is nobody's login"
