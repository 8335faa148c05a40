"""What the policy says for some models alone: a model's name, or a pattern of names, and the keys that differ there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from promotebot.artifact.limits import Format, Formats

MAX_PATTERNS = 200
Pattern = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_.*-]{1,100}$")]
"""A model's name, in which `*` stands for any characters."""


class ModelPolicy(BaseModel):
    """The keys that may differ for some models; one that is left out is the general one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    formats: Formats | None = None


Models = Annotated[Mapping[Pattern, ModelPolicy], Field(max_length=MAX_PATTERNS)]


def formats_for(
    names: Iterable[str], models: Mapping[str, ModelPolicy], general: tuple[Format, ...]
) -> tuple[Format, ...]:
    """Return what the file of these models may be: what every pattern that names one of them allows.

    Args:
        general: what holds for a model that no pattern names, and where there is none.
    """
    allowed: list[tuple[Format, ...]] = []
    for name in names:
        given = [one.formats for pattern, one in models.items() if one.formats and fnmatchcase(name, pattern)]
        allowed += given or [general]
    first, *others = allowed or [general]
    return tuple(one for one in first if all(one in other for other in others))
