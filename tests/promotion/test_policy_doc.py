"""The documented policy is the policy in force when there is no file, and its table is that of the model."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from promotebot.promotion.model_policies import STRICTEST
from promotebot.promotion.policy import Policy, parse_policy
from promotebot.promotion.policy_changes import DIRECTIONS
from tests.promotion.policy_table import BEGIN, END, EXAMPLES, changed_by, table

DOC = Path(__file__).resolve().parents[2] / "docs/policy.md"
_CODE, _STAGE = re.compile("`([^`]+)`"), re.compile(r"\.(?:shadow|staging|active)\b")


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


def test_every_key_that_may_differ_for_some_models_is_in_the_tables_of_that_section() -> None:
    section = DOC.read_text(encoding="utf-8").partition("\n## models\n")[2].partition("\n## ")[0]
    named = {
        key for line in section.splitlines() if line.startswith("| `") for key in _CODE.findall(line.split("|")[1])
    }
    told = {key: {key, _STAGE.sub(".<stage>", key), *(_above(key))} & named for key in STRICTEST}
    assert [key for key, found in told.items() if not found] == []


def _above(key: str) -> set[str]:
    """The whole section where a row is about all of it."""
    return {key.partition(".")[0]} & {"limits"}
