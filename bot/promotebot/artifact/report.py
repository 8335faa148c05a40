"""The train report of an artifact: optional, shown, and never trusted."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from promotebot.artifact.files import REPORT
from promotebot.errors import InvalidInput
from promotebot.registry.codec import parse_json

MAX_REPORT = 1024 * 1024
"""Bytes of a train report; a longer one is not shown."""


def read_report(directory: Path) -> Mapping[str, Any]:
    """Return the report in a private copy; one that cannot be read is left out, and no finding."""
    try:
        with (directory / REPORT).open("rb") as file:
            report = parse_json(file.read(MAX_REPORT + 1), where=REPORT, max_bytes=MAX_REPORT)
    except (OSError, InvalidInput):
        return {}
    return report if isinstance(report, dict) else {}
