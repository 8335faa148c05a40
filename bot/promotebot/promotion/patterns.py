"""Names and patterns of models, for what the policy says of some models alone."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Annotated

from pydantic import Field, StringConstraints

MAX_PATTERNS = 200
Pattern = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_.*-]{1,100}$")]
"""A model's name, in which `*` stands for any characters."""
Patterns = Annotated[tuple[Pattern, ...], Field(max_length=MAX_PATTERNS)]
"""The models that an entry is for; none for every model."""


def is_for(model: str, patterns: Sequence[str]) -> bool:
    """Return whether an entry with these patterns is for a model."""
    return not patterns or any(fnmatchcase(model, pattern) for pattern in patterns)
