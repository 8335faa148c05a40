"""People whom the policy names: logins, teams of an organisation, and the owners of a model."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from typing import Annotated

from pydantic import BeforeValidator, Field, WithJsonSchema

from promotebot.text import listed

OWNERS = "CODEOWNERS"
"""Stands for the owners that the base's file CODEOWNERS names for the file that holds the model."""
LOGIN = re.compile(r"^[A-Za-z0-9-]{1,39}$")
_TEAM = re.compile(r"^@[A-Za-z0-9-]{1,39}/[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}$")  # `..` would lead elsewhere in a path
_PERSON = rf"^(?:{LOGIN.pattern[1:-1]}|{_TEAM.pattern[1:-1]})$"


def _person(value: object) -> object:
    if isinstance(value, str) and (LOGIN.fullmatch(value) or _TEAM.fullmatch(value)):
        return value
    raise ValueError(f"{value!r} is neither a login such as alice (without @), nor a team such as @org/team")


People = Annotated[
    tuple[Annotated[str, BeforeValidator(_person), WithJsonSchema({"type": "string", "pattern": _PERSON})], ...],
    Field(max_length=100),
]
"""Logins, teams, and `CODEOWNERS`."""


def is_team(name: str) -> bool:
    """Return whether a name is a team's; anything else is a login."""
    return _TEAM.fullmatch(name) is not None


def is_group(name: str) -> bool:
    """Return whether a name stands for people whom only GitHub or the file CODEOWNERS knows."""
    return name == OWNERS or is_team(name)


def is_named(login: str, people: Iterable[str], groups: Collection[str] = ()) -> bool:
    """Return whether somebody is among these people: by login, which ignores case, or by a group.

    Args:
        groups: those of the names that they are known to be in.
    """
    return any(name in groups if is_group(name) else name.casefold() == login.casefold() for name in people)


def unseen(login: str, people: Iterable[str]) -> str:
    """Return, after a space, why teams among these people may not count; empty where there is none."""
    teams = [name for name in people if is_team(name)]
    if not teams:
        return ""
    return (
        f" GitHub does not show that {login} is in {listed(teams)}: that takes the token of an App or person with the "
        "organisation's `members: read`, which the token of a job never has. The doctor says what is missing."
    )


def with_owners(people: Sequence[str], owners: Iterable[str]) -> tuple[str, ...]:
    """Return people with owners in the place of `CODEOWNERS`: their logins and teams; an e-mail is nobody's login."""
    known = [owner if is_team(owner) else owner[1:] for owner in owners if owner.startswith("@")]
    own = [one for one in known if one != OWNERS and (is_team(one) or LOGIN.fullmatch(one))]
    return tuple(dict.fromkeys(one for name in people for one in (own if name == OWNERS else [name])))
