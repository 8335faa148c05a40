"""YAML of which every value is read as text: other tools' versions and dates are no numbers and no moments here."""

from __future__ import annotations

from typing import Any

import yaml

from promotebot.errors import InvalidInput
from promotebot.strict_yaml import StrictTexts


def parse_yaml(data: bytes, *, where: str, max_bytes: int) -> Any:
    """Return a YAML document in which every value is text, or nothing.

    Raises:
        InvalidInput: for bytes that are none, are over the limit, or hold an alias or a key twice.
    """
    if len(data) > max_bytes:
        raise InvalidInput(f"is over the limit of {max_bytes:,} bytes", where=where, remedy="give a smaller file")
    try:
        document = yaml.load(data.decode("utf-8-sig"), Loader=StrictTexts)  # noqa: S506 - every value is text, nothing is built
    except (UnicodeDecodeError, yaml.YAMLError, RecursionError) as problem:
        raise InvalidInput(f"not YAML: {' '.join(str(problem).split())[:300]}", where=where) from None
    return _without_nulls(document)


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_nulls(item) for item in value]
    return None if value in ("null", "~", "Null", "NULL") else value
