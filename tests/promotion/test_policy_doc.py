"""The documented policy is the policy in force when there is no file, and its table is that of the model."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from promotebot.promotion.policy import Policy, parse_policy
from promotebot.promotion.policy_changes import DIRECTIONS
from tests.promotion.policy_table import BEGIN, END, EXAMPLES, changed_by, table

DOC = Path(__file__).resolve().parents[2] / "docs/policy.md"


def test_every_key_is_documented_at_its_default() -> None:
    [block] = re.findall(r"```yaml\n(.*?)```", DOC.read_text(encoding="utf-8"), re.DOTALL)
    assert parse_policy(block.encode()) == Policy()
    assert set(re.findall(r"^(\w+):", block, re.MULTILINE)) == set(Policy.model_fields)


def test_the_table_of_keys_is_that_of_the_model() -> None:
    page = DOC.read_text(encoding="utf-8")
    before, begins, rest = page.partition(BEGIN)
    _, ends, behind = rest.partition(END)
    assert begins
    assert ends
    if os.environ.get("APPROVE") == "1":
        DOC.write_text(f"{before}{table()}{behind}", encoding="utf-8")
    assert DOC.read_text(encoding="utf-8") == f"{before}{table()}{behind}"


def test_every_key_has_an_example() -> None:
    assert sorted(EXAMPLES) == sorted(DIRECTIONS)


@pytest.mark.parametrize("key", EXAMPLES)
def test_each_example_is_valid_and_another_value_of_its_key_alone(key: str) -> None:
    assert [change.key for change in changed_by(key)] == ["models.eu_*.require_sha" if key == "models" else key]
