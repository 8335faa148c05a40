"""Accounts and access: users, roles, tokens and the permissions that tokens carry."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum

ACTIONS_BOT_ID = 41898282
ACTIONS_APP_ID = 15368


class Role(IntEnum):
    """A role in a repository, in order of power.

    https://docs.github.com/organizations/managing-user-access-to-your-organizations-repositories
    """

    NONE = 0
    READ = 1
    TRIAGE = 2
    WRITE = 3
    MAINTAIN = 4
    ADMIN = 5

    @property
    def word(self) -> str:
        return self.name.lower()

    @property
    def legacy(self) -> str:
        """The `permission` of the permission endpoint, which maps maintain to write and triage to read."""
        return {Role.MAINTAIN: "write", Role.TRIAGE: "read"}.get(self, self.word)


@dataclass(frozen=True)
class User:
    """An account. `type` is User, Bot or Organization."""

    id: int
    login: str
    type: str = "User"

    @property
    def email(self) -> str:
        """The private address GitHub gives everyone; commits with it are shown as this user's."""
        return f"{self.id}+{self.login}@users.noreply.github.com"


ACTIONS_BOT = User(ACTIONS_BOT_ID, "github-actions[bot]", "Bot")


@dataclass(frozen=True)
class App:
    """A GitHub App; the one behind a workflow's token is `github-actions`."""

    id: int
    slug: str
    name: str


ACTIONS_APP = App(ACTIONS_APP_ID, "github-actions", "GitHub Actions")

LEVELS = {"none": 0, "read": 1, "write": 2, "admin": 3}


def parse_permissions(permissions: Mapping[str, str]) -> dict[str, int]:
    """Read a workflow's `permissions:` block. What is not named is `none`, except metadata, always read.

    https://docs.github.com/actions/security-for-github-actions/security-guides/automatic-token-authentication
    """
    levels = {name.replace("-", "_"): LEVELS[level] for name, level in permissions.items()}
    return {"metadata": LEVELS["read"], **levels}


@dataclass(frozen=True)
class Credential:
    """What a token stands for: a user, or an app installed on one repository with set permissions."""

    token: str = field(repr=False)
    user: User
    app: App | None = None
    repository_id: int | None = None
    permissions: Mapping[str, int] = field(default_factory=dict)

    def grants(self, area: str, level: str) -> bool:
        """Tell whether an app token carries this permission. A user's token is judged by the role instead."""
        return self.permissions.get(area, 0) >= LEVELS[level]


def new_token(prefix: str) -> str:
    return f"{prefix}_{secrets.token_hex(18)}"
