"""Labels and checks in the policy: which names it takes, how it writes them, and what a stage asks for in words."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from promotebot.errors import InvalidInput
from promotebot.promotion.policy import Policy, parse_policy
from promotebot.promotion.policy_changes import Effect, compare_policies
from promotebot.promotion.required import RequiredCheck
from promotebot.promotion.requirements import requirements
from promotebot.registry.names import Stage

NOW = datetime(2026, 2, 16, 9, tzinfo=timezone.utc)


def policy(active: str) -> Policy:
    return parse_policy(f"stages: {{active: {{{active}}}}}".encode())


def test_a_check_is_a_name_or_a_name_with_the_app_that_reports_it() -> None:
    read = policy('checks: [unit-tests, "training / evaluate", {name: bias, app: fairness-bot}, {name: plain}]')
    assert read.stages.active.checks == (
        RequiredCheck(name="unit-tests"),
        RequiredCheck(name="training / evaluate"),
        RequiredCheck(name="bias", app="fairness-bot"),
        RequiredCheck(name="plain"),
    )
    written = read.model_dump(mode="json")["stages"]["active"]["checks"]
    assert written == ["unit-tests", "training / evaluate", {"name": "bias", "app": "fairness-bot"}, "plain"]


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("checks: [promotebot/gate]", "'promotebot/gate' is promotebot's own, and it would wait for itself"),
        ("checks: ['promotebot/gate (release)']", "is promotebot's own"),
        ("checks: ['ml/eu: promotebot/gate (release)']", "is promotebot's own"),
        ("checks: [promotebot]", "'promotebot' is promotebot's own"),
        ("checks: ['']", "'' is not the name of a check: one line of 1 to 100 characters"),
        ("checks: [' unit-tests']", "' unit-tests' is not the name of a check"),
        ('checks: ["unit\\ntests"]', "is not the name of a check"),
        (f"checks: [{'x' * 101}]", "is not the name of a check"),
        ("checks: [1]", "checks[0]"),
        (
            "checks: [{name: x, app: X}]",
            "'X' is not an App, such as github-actions: the last part of its page's address",
        ),
        ("checks: [{name: x, by: y}]", "by"),
        ("checks: [{app: y}]", "name"),
        ("labels: ['']", "'' is not a label: one line of 1 to 50 characters"),
        ("labels: [a, 1]", "labels[1]"),
        (f"labels: [{'x' * 51}]", "is not a label"),
        ("labels: ['Promote:active']", "'Promote:active' is a command, and says of nothing that it is ready"),
    ],
)
def test_what_can_never_be_there_is_refused_by_its_key(key: str, words: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        policy(key)
    assert words in str(refused.value)
    assert f"$.stages.active.{key.partition(':')[0]}" in str(refused.value)


def test_more_is_stricter_and_another_one_is_neither() -> None:
    def effect(before: str, after: str) -> Effect:
        [change] = compare_policies(policy(before), policy(after))
        return change.effect

    assert effect("labels: [a]", "labels: [b, a]") is Effect.STRICTER
    assert effect("checks: [a, b]", "checks: [b]") is Effect.WEAKER
    assert effect("checks: [a]", "checks: [{name: a, app: x}]") is Effect.OTHER
    [change] = compare_policies(policy("checks: [a]"), policy("checks: [{name: a, app: x}]"))
    assert change.loosens, "what cannot be ordered needs the role that a weaker policy needs"


def test_a_stage_says_in_words_what_it_asks_for() -> None:
    asked = policy("labels: [ok], checks: [unit-tests]")
    words = {one.key: one.words for one in requirements(asked, Stage.ACTIVE, NOW)}
    assert words["stages.active.labels"] == "the label ok on the pull request"
    assert words["stages.active.checks"] == "success of the check unit-tests on the exact head"
    asked = policy("labels: [ok, signed], checks: [a, {name: b, app: x}]")
    words = {one.key: one.words for one in requirements(asked, Stage.ACTIVE, NOW)}
    assert words["stages.active.labels"] == "the labels ok, signed on the pull request"
    assert words["stages.active.checks"] == "success of the checks a, b (by x) on the exact head"
    assert not [one for one in requirements(asked, Stage.SHADOW, NOW) if one.key.endswith((".labels", ".checks"))]
