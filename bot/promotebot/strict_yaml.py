"""YAML that two readers cannot read differently: without aliases, and with each key once, as text."""

from __future__ import annotations

from collections import Counter
from typing import Any

import yaml
from yaml.composer import Composer
from yaml.constructor import BaseConstructor
from yaml.parser import Parser


class Strict(Parser, Composer, BaseConstructor):
    """What makes a loader of PyYAML strict; it stands before the loader in a class of both."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Return the next node; raise YAMLError for an alias, as a few lines of them expand to gigabytes."""
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases are not read")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        """Return a mapping; raise YAMLError for a key that is no text or occurs twice.

        PyYAML keeps the last of two equal keys, and a reviewer may have read the first.
        """
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        odd = next((key for key in keys if not isinstance(key, str)), None)
        if odd is not None or None in keys:
            raise yaml.YAMLError(f"key {odd!r} is not text")
        twice = next((key for key, count in Counter(keys).items() if count > 1), None)
        if twice is not None:
            raise yaml.YAMLError(f"key {twice!r} is given twice")
        return super().construct_mapping(node, deep)


class StrictLoader(Strict, yaml.SafeLoader):
    """YAML's safe subset."""


class StrictTexts(Strict, yaml.BaseLoader):
    """Every value as text."""
