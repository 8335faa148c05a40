"""The line of the policy that a rule goes by, as the file has it or by default."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from promotebot.promotion.policy import Policy, parse_policy
from promotebot.promotion.policy_lines import KEYS, PolicyLine, policy_lines

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


def test_every_rule_exists_and_every_key_is_one_of_the_policy() -> None:
    assert set(KEYS) <= RULES
    document = Policy(separation={"approvals": 1}, evaluation_set={"dataset": "eval_1"}).model_dump(mode="json")
    for key in {key for keys in KEYS.values() for key in keys}:
        value = document
        for part in key.split("."):
            assert part in value, key
            value = value[part]
