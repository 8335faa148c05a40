"""The line of the policy that a rule goes by, as the file has it or by default."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from promotebot.promotion.model_policies import GENERAL_ONLY
from promotebot.promotion.policy import Policy, parse_policy
from promotebot.promotion.policy_changes import DIRECTIONS
from promotebot.promotion.policy_lines import KEYS, PolicyLine, policy_lines
from promotebot.registry.names import Stage

RULES = set(re.findall(r"(?m)^### (\S+)$", (Path(__file__).resolve().parents[2] / "docs/rules.md").read_text()))
DATA = b"""\
# our rules
stages:
  shadow:
    soak:
      minimum: 36h
separation: {approvals: 2}
"""


def test_a_key_of_the_file_has_its_line_and_the_value_in_force() -> None:
    assert policy_lines(parse_policy(DATA), DATA)["soak.shadow"] == [
        PolicyLine("stages.shadow.soak.minimum", '"36h"', 5),
        PolicyLine("stages.shadow.soak.required", "false", None),
    ]
    assert policy_lines(parse_policy(DATA), DATA)["separation"] == [PolicyLine("separation.approvals", "2", 6)]


@pytest.mark.parametrize("data", [None, b"", b"# nothing\n"])
def test_without_a_file_the_defaults_hold_and_no_line_says_so(data: bytes | None) -> None:
    assert policy_lines(Policy(), data)["request.reason"] == [PolicyLine("require_reason", "false", None)]
    assert policy_lines(Policy(), data)["separation"] == [PolicyLine("separation.approvals", "null", None)]


def test_a_rule_that_is_the_same_under_every_policy_has_no_line() -> None:
    assert "artifact.digest" not in policy_lines(Policy(), DATA)


def test_a_rule_of_every_stage_shows_the_line_of_the_stage_that_is_promoted_into() -> None:
    data = b"stages:\n  staging:\n    hold_after_rollback: true\n"
    lines = policy_lines(parse_policy(data), data, stages=[Stage.STAGING])
    assert lines["rollback.hold"] == [PolicyLine("stages.staging.hold_after_rollback", "true", 3)]
    assert [one.key for one in lines["evidence.exists"]] == ["evidence.staging"]
    assert lines["active.prior_stage"], "what names one stage always is shown for every one"
    everywhere = policy_lines(parse_policy(data), data)["rollback.hold"]
    assert [one.key for one in everywhere] == [
        f"stages.{stage}.hold_after_rollback" for stage in ("active", "staging", "shadow")
    ]


def test_who_may_change_the_policy_is_cited_for_every_stage_and_model_whatever_is_promoted() -> None:
    data = b"stages:\n  shadow: {permission: admin}\nmodels:\n  other: {stages: {active: {permission: admin}}}\n"
    lines = policy_lines(parse_policy(data), data, ["regime_classifier"], [Stage.ACTIVE])
    cited = {(one.key, one.line) for one in lines["policy.changed"]}
    assert {("stages.shadow.permission", 2), ("models.other.stages.active.permission", 4)} <= cited
    assert [one.key for one in lines["gate.hold"]] == ["stages.active.permission", "stages.active.people"]


def test_every_key_that_can_refuse_something_is_cited_by_a_rule() -> None:
    cited = {key for keys in KEYS.values() for key in keys}
    quiet = {key for key, why in GENERAL_ONLY.items() if why == "it refuses nothing"}
    said_elsewhere = {
        "aliases": "a word that the policy does not have is no command, and its answer lists the words",
        "models": "its patterns are cited by the keys that they set",
    }
    decides = {key for key in DIRECTIONS if key.split(".")[0] not in {*quiet, *said_elsewhere}}
    # A section that may be left out is cited by its keys, and what an entry of a list or a stage asks for by the whole.
    missing = {
        key
        for key in decides - cited
        if not any(one.startswith(f"{key}.") for one in cited) and key.rpartition(".")[0] not in cited
    }
    assert not missing
    for rule, key in (
        ("artifact.storage", "storage"),
        ("artifact.storage", "limits.storage_seconds"),
        ("evaluation.data", "evaluation_set.seconds"),
        ("evaluation.data", "evaluation_set.rows"),
        ("evaluation.data", "storage"),
        ("evaluation.data", "limits.storage_seconds"),
        ("evaluation.data", "evaluation_set.stages"),
        ("evaluation.data", "evaluation_set.mean_difference"),
    ):
        assert key in KEYS[rule]


def test_every_rule_exists_and_every_key_is_one_of_the_policy() -> None:
    assert set(KEYS) <= RULES
    document = Policy(separation={"approvals": 1}, evaluation_set={"dataset": "eval_1"}).model_dump(mode="json")
    for key in {key for keys in KEYS.values() for key in keys}:
        value = document
        for part in key.split("."):
            assert part in value, key
            value = value[part]
