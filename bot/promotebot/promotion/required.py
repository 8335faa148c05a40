"""Labels and other checks that the policy requires of a pull request, by the names that people gave them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema

from promotebot.environment import is_own_name
from promotebot.promotion.labels import PREFIX
from promotebot.registry.model import Action
from promotebot.text import listed

GOES_BACK = (Action.ROLLBACK, Action.DEMOTE)
"""What needs neither: production comes first."""
_NAME = r"^[^\s\x00-\x1f\x7f]([^\x00-\x1f\x7f]{0,98}[^\s\x00-\x1f\x7f])?$"
_LABEL = _NAME.replace("98", "48")
_APP = r"^[a-z0-9][a-z0-9-]{0,98}$"


def _name(value: str) -> str:
    if not re.fullmatch(_NAME, value):
        raise ValueError(f"{value!r} is not the name of a check: one line of 1 to 100 characters")
    if is_own_name(value):
        raise ValueError(f"{value!r} is promotebot's own, and it would wait for itself")
    return value


def _label(value: str) -> str:
    if not re.fullmatch(_LABEL, value):
        raise ValueError(f"{value!r} is not a label: one line of 1 to 50 characters")
    if value.lower().startswith(PREFIX):
        raise ValueError(f"{value!r} is a command, and says of nothing that it is ready")
    return value


def _app(value: str) -> str:
    if not re.fullmatch(_APP, value):
        raise ValueError(f"{value!r} is not an App, such as github-actions: the last part of its page's address")
    return value


class RequiredCheck(BaseModel):
    """A check run or a commit status, by its whole name."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: Annotated[str, AfterValidator(_name), WithJsonSchema({"type": "string", "pattern": _NAME})]
    app: Annotated[str, AfterValidator(_app), WithJsonSchema({"type": "string", "pattern": _APP})] | None = None
    """The App that has to report it; None for whoever may write."""

    def __str__(self) -> str:
        return f"{self.name} (by {self.app})" if self.app else self.name


def _by_name(value: object) -> object:
    return {"name": value} if isinstance(value, str) else value


def _as_written(check: RequiredCheck) -> Any:
    return check.model_dump() if check.app else check.name


_SCHEMA = {
    "anyOf": [
        {"type": "string", "pattern": _NAME},
        {
            "type": "object",
            "properties": {
                "name": {"type": "string", "pattern": _NAME},
                "app": {"type": "string", "pattern": _APP},
            },
            "required": ["name"],
            "additionalProperties": False,
        },
    ]
}
_Check = Annotated[RequiredCheck, BeforeValidator(_by_name), PlainSerializer(_as_written), WithJsonSchema(_SCHEMA)]
_Label = Annotated[str, AfterValidator(_label), WithJsonSchema({"type": "string", "pattern": _LABEL})]
RequiredChecks = Annotated[tuple[_Check, ...], Field(max_length=20)]
Labels = Annotated[tuple[_Label, ...], Field(max_length=20)]


def label_words(labels: Sequence[str]) -> str:
    """Return labels as a sentence names them."""
    return f"the label{'s' if len(labels) > 1 else ''} {listed(list(labels))}"
