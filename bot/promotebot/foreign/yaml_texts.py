"""YAML of which every value is read as text: other tools' versions and dates are no numbers and no moments here."""

from __future__ import annotations

from typing import Any

import yaml

from promotebot.errors import InvalidInput


class _Texts(yaml.BaseLoader):
    """A loader of texts alone; a document that refers to itself could be of any size."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Refuse aliases."""
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases are not read")
        return super().compose_node(parent, index)


def parse_yaml(data: bytes, *, where: str) -> Any:
    """Return a YAML document in which every value is text, or nothing.

    Raises:
        InvalidInput: for bytes that are none.
    """
    try:
        document = yaml.load(data.decode("utf-8-sig"), Loader=_Texts)  # noqa: S506 - every value is text, nothing is built
    except (UnicodeDecodeError, yaml.YAMLError, RecursionError) as problem:
        raise InvalidInput(f"not YAML: {' '.join(str(problem).split())[:300]}", where=where) from None
    return _without_nulls(document)


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_nulls(item) for item in value]
    return None if value in ("null", "~", "Null", "NULL") else value
