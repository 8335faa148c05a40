"""The documented policy is the policy in force when there is no file."""

from __future__ import annotations

import re
from pathlib import Path

from promotebot.promotion.policy import Policy, parse_policy

DOC = Path(__file__).resolve().parents[2] / "docs/policy.md"


def test_every_key_is_documented_at_its_default() -> None:
    [block] = re.findall(r"```yaml\n(.*?)```", DOC.read_text(encoding="utf-8"), re.DOTALL)
    assert parse_policy(block.encode()) == Policy()
    assert set(re.findall(r"^(\w+):", block, re.MULTILINE)) == set(Policy.model_fields)
