"""Approved answers: what the program says, word for word, in a file that people read when it changes."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import fields
from pathlib import Path
from typing import Any

from promotebot.findings import Finding

SAID = Path(__file__).parent / "said"


def approve(name: str, cases: Iterable[tuple[str, Iterable[str]]]) -> None:
    """Compare (case, lines it answers) with `said/<name>.txt`, digests numbered as they come up.

    With APPROVE=1 in the environment the file is written instead; then `git diff` shows what is said otherwise.
    """
    said = "".join(f"## {case}\n{''.join(f'{line}{chr(10)}' for line in lines)}\n" for case, lines in cases)
    seen: dict[str, str] = {}
    text = re.sub(r"sha256:[0-9a-f]{64}", lambda digest: seen.setdefault(digest[0], f"sha256:#{len(seen)}"), said)
    path = SAID / f"{name}.txt"
    if os.environ.get("APPROVE") == "1":
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


def told(finding: Finding) -> str:
    parts = (finding.severity.value, finding.rule, finding.message, finding.where, finding.remedy)
    return " | ".join(parts)


def set_values(record: Any) -> str:
    """The fields of a record that say something."""
    values = {field.name: getattr(record, field.name) for field in fields(record)}
    return ", ".join(f"{name}={value!s}" for name, value in values.items() if value not in (None, "", False))
