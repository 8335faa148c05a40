"""The people whom a policy names where something failed, and for which failures."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, model_serializer, model_validator

_Name = Annotated[str, Field(min_length=1, max_length=200)]


class Purpose(str, Enum):
    """A kind of failure that somebody is called for."""

    REFUSED = "refused"
    """A request or a pull request that was refused, or could not be judged."""
    MISMATCH = "mismatch"
    """What a branch holds does not verify, or came to it against the gate."""
    ROLLBACK = "rollback"
    """A rollback or a demotion: in its pull request, and where it is refused."""
    SCHEDULE = "schedule"
    """The issue of the scheduled verification."""


class Contact(BaseModel):
    """Somebody who is named for some failures only; a plain text in the policy is named for every one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    who: _Name
    purposes: Annotated[tuple[Purpose, ...], Field(alias="for", min_length=1)] = tuple(Purpose)

    @model_validator(mode="before")
    @classmethod
    def _is_a_role(cls, value: object) -> object:
        if not isinstance(value, (dict, cls)):
            raise ValueError(f"{value!r} is neither a text nor {{who: …, for: […]}}")  # noqa: TRY004 - pydantic's way
        return value

    @model_serializer
    def _as_written(self) -> dict[str, Any]:
        return {"who": self.who, "for": [purpose.value for purpose in self.purposes]}


def _kind(value: object) -> str:
    return "text" if isinstance(value, str) else "role"


_Either = Annotated[
    Annotated[str, Field(max_length=200), Tag("text")] | Annotated[Contact, Tag("role")], Discriminator(_kind)
]
Contacts = tuple[_Either, ...]


def contacts_for(contacts: Iterable[str | Contact], *purposes: Purpose) -> tuple[str, ...]:
    """Return who is named for any of these purposes, in the policy's order, each once."""
    named = (
        one if isinstance(one, str) else one.who
        for one in contacts
        if isinstance(one, str) or any(purpose in one.purposes for purpose in purposes)
    )
    return tuple(dict.fromkeys(named))
