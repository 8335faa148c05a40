"""The dependency audit: silence is not a clean bill."""

from __future__ import annotations

from typing import Any

import pytest

from .audit import verdict

CLEAN = {"name": "a", "version": "1", "vulns": []}
BROKEN = {"name": "b", "version": "2", "vulns": [{"id": "PYSEC-2026-1", "fix_versions": ["2.1"]}]}
SKIPPED = {"name": "c", "skip_reason": "not found"}


@pytest.mark.parametrize(
    ("answer", "code", "says"),
    [
        ({"dependencies": [CLEAN]}, 0, "1 locked dependencies looked up"),
        ({"dependencies": [CLEAN, BROKEN]}, 1, "b 2: PYSEC-2026-1, mended in 2.1"),
        ({"dependencies": [SKIPPED, BROKEN]}, 1, "b 2: PYSEC-2026-1"),
        ({"dependencies": [CLEAN, SKIPPED]}, 4, "nothing is known about c"),
        ({"dependencies": [SKIPPED]}, 4, "nobody could be asked"),
        ({"dependencies": []}, 4, "nobody could be asked"),
        (None, 4, "nobody could be asked"),
    ],
)
def test_only_an_answer_about_every_dependency_is_a_clean_one(
    answer: dict[str, Any] | None, code: int, says: str
) -> None:
    exit_code, words = verdict(answer)
    assert (exit_code, says in words) == (code, True), words
