"""The head of a registry: its version and its layout, or that it is none of promotebot's."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from promotebot.errors import ForeignRegistry, InvalidInput
from promotebot.registry.names import parse_timestamp
from promotebot.remedies import Remedy, shell

SCHEMA_VERSIONS = ("v1",)
"""The versions of the format that are read; another one may mean something else by the same keys."""
_VERSION = re.compile(r"v\d{1,3}(\.\d{1,3})?")


def take_over(where: str) -> Remedy:
    """Return how to import what another tool wrote."""
    return Remedy("if another tool wrote it, take over what it says: ", shell("promotebot", "import", where))


def check_head(document: Mapping[str, Any], where: str) -> bool:
    """Check everything but the models, and return whether they are in files of their own.

    Raises:
        InvalidInput: naming what is wrong, and for what is no registry of promotebot, how to take it over.
    """
    version = document.get("schema_version")
    if not (isinstance(version, str) and _VERSION.fullmatch(version)):
        raise ForeignRegistry(
            f"is no registry of promotebot: $.schema_version is {version!r}, and this promotebot reads "
            f"{', '.join(SCHEMA_VERSIONS)}",
            remedy=take_over(where),
        )
    if version not in SCHEMA_VERSIONS:
        raise InvalidInput(
            f"$.schema_version is {version!r}; this promotebot reads {', '.join(SCHEMA_VERSIONS)}",
            remedy="update promotebot if a newer one wrote this file",
        )
    generated = document.get("generated_at_utc")
    if generated is not None:
        if not isinstance(generated, str):
            raise InvalidInput("$.generated_at_utc is not a string")
        try:
            parse_timestamp(generated)
        except InvalidInput as problem:
            raise InvalidInput(f"$.generated_at_utc: {problem.message}") from None
    if "layout" not in document:
        if not isinstance(document.get("models"), dict):
            raise ForeignRegistry("$.models is missing or not an object", remedy=take_over(where))
        return False
    if document["layout"] != "split":
        raise InvalidInput(
            f"$.layout is {document['layout']!r}; expected 'split', or no such key for everything in one file",
            remedy="update promotebot if a newer one wrote this file",
        )
    # Two places for a model could disagree.
    if "models" in document:
        raise InvalidInput("$.layout is split, but $.models is there too", remedy="remove one of them")
    return True
