"""People in the policy: which names it takes, and whom the owners of the registry stand for."""

from __future__ import annotations

import pytest

from promotebot.errors import InvalidInput
from promotebot.promotion.people import is_team, with_owners
from promotebot.promotion.policy import Policy, parse_policy
from promotebot.registry.names import Stage

BOTH = b"""
stages: {active: {people: [alice, CODEOWNERS]}, shadow: {people: [carol]}}
models:
  eu_*: {stages: {active: {people: [CODEOWNERS]}}}
  us_*: {stages: {active: {permission: admin}}}
"""


def test_logins_teams_and_the_owners_are_people() -> None:
    read = parse_policy(b"stages: {active: {people: [alice, '@acme/ml.ops', CODEOWNERS]}}")
    assert read.stages.people(Stage.ACTIVE) == ("alice", "@acme/ml.ops", "CODEOWNERS")
    assert [is_team(name) for name in read.stages.people(Stage.ACTIVE)] == [False, True, False]


@pytest.mark.parametrize(
    "name",
    ["@alice", "acme/ml", "@acme/", "@/ml", "@acme/ml/x", "a@example.com", "alice_b", "", "@acme/m l", "@acme/..", "1"],
)
def test_anything_else_is_refused_and_told_what_is_taken(name: str) -> None:
    with pytest.raises(InvalidInput, match=r"stages\.active\.people.*neither a login such as alice"):
        parse_policy(f"stages: {{active: {{people: [{name if name == '1' else repr(name)}]}}}}".encode())


@pytest.mark.parametrize("name", ["@alice", "acme/ml", "a@example.com", ""])
def test_an_exception_and_another_signature_take_the_same_names(name: str) -> None:
    rule = "{rule: freeze, people: %s, start: 2026-01-01T00:00, end: 2026-02-01T00:00}"
    for policy in (f"overrides: [{rule}]", "signature_people: %s"):
        assert parse_policy((policy % "[alice, '@acme/ml', CODEOWNERS]").encode())
        with pytest.raises(InvalidInput, match="neither a login such as alice"):
            parse_policy((policy % f"['{name}']").encode())


def test_owners_are_their_logins_and_teams_and_no_e_mail() -> None:
    owners = ["@bob", "ops@example.com", "@acme/ml", "@alice", "@CODEOWNERS", "@a/b/c", "nobody"]
    assert with_owners(["alice", "CODEOWNERS"], owners) == ("alice", "bob", "@acme/ml")
    assert with_owners(["carol"], owners) == ("carol",)
    assert with_owners(["CODEOWNERS"], []) == ()


def test_owners_take_their_place_wherever_the_policy_names_them_and_set_nothing_else() -> None:
    policy = parse_policy(BOTH)
    judging = policy.with_owners(["@bob"])
    assert policy.names_owners
    assert not Policy().names_owners
    assert parse_policy(b"models: {a: {stages: {shadow: {people: [CODEOWNERS]}}}}").names_owners
    people = {name: judging.for_model(name).stages.people(Stage.ACTIVE) for name in ("other", "eu_x", "us_x")}
    assert people == {"other": ("alice", "bob"), "eu_x": ("bob",), "us_x": ("alice", "bob")}
    assert judging.stages.people(Stage.SHADOW) == ("carol",)
    assert judging.with_owners(["@mallory"]) == judging, "nothing is left to replace"
