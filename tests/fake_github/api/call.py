"""One request on its way to an endpoint: its sender, the fields that were sent, and pages of an answer."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any, TypeVar
from urllib.parse import urlencode

from tests.fake_github.accounts import App, Credential, Role, User
from tests.fake_github.refusals import HttpError, invalid, malformed
from tests.fake_github.state import HubState, RepositoryState

Item = TypeVar("Item")
PER_PAGE = 30
PER_PAGE_LIMIT = 100


@dataclass(frozen=True)
class Answer:
    status: int
    payload: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Call:
    """One authenticated request. `path` has no API root."""

    hub: HubState
    method: str
    path: str
    query: Mapping[str, str]
    body: bytes
    credential: Credential | None
    params: Mapping[str, Any] = field(default_factory=dict)

    @property
    def repo(self) -> RepositoryState:
        return self.hub.repository(f"{self.params['owner']}/{self.params['repo']}")

    @property
    def user(self) -> User:
        """The user who acts. Only endpoints that need a permission to write ask; access was checked before."""
        if self.credential is None:
            raise HttpError(401, "Requires authentication")
        return self.credential.user

    @property
    def app(self) -> App | None:
        """The app whose token this is."""
        return self.credential.app if self.credential else None

    @property
    def role(self) -> Role:
        """The role the caller acts with; an app's token acts within its permissions, like a writer."""
        if self.credential is None:
            return Role.READ
        return Role.WRITE if self.credential.app else self.repo.role_of(self.credential.user)

    # What was sent

    def json(self) -> object:
        """Return the body as parsed JSON; 400 as GitHub answers to anything else."""
        if not self.body.strip():
            return {}
        try:
            parsed: object = json.loads(self.body)
        except (UnicodeDecodeError, json.JSONDecodeError):
            raise HttpError(400, "Problems parsing JSON") from None
        return parsed

    def fields(self) -> dict[str, Any]:
        fields = self.json()
        if not isinstance(fields, dict):
            raise HttpError(400, "Body should be a JSON object")
        return fields

    def text(self, name: str) -> str:
        """Return a required string of the body."""
        value = self.optional_text(name)
        if value is None:
            raise malformed(f'"{name}" wasn\'t supplied.')
        return value

    def optional_text(self, name: str) -> str | None:
        value = self.fields().get(name)
        if value is not None and not isinstance(value, str):
            raise malformed(f"For 'properties/{name}', {json.dumps(value)} is not a string.")
        return value

    def short_text(self, name: str, resource: str, limit: int) -> str | None:
        """Return an optional string of at most `limit` characters."""
        value = self.optional_text(name)
        require_short(value or "", name, resource, limit)
        return value

    def choice(self, name: str, allowed: Sequence[str]) -> str:
        """Return a required string that must be one of these."""
        self.optional_choice(name, allowed)
        return self.text(name)

    def optional_choice(self, name: str, allowed: Sequence[str]) -> str | None:
        value = self.optional_text(name)
        if value is not None and value not in allowed:
            raise malformed(f"{value} is not a member of {list(allowed)}.")
        return value

    def flag(self, name: str, *, default: bool = False) -> bool:
        value = self.fields().get(name, default)
        if not isinstance(value, bool):
            raise malformed(f"For 'properties/{name}', {json.dumps(value)} is not a boolean.")
        return value

    def moment(self, name: str) -> datetime | None:
        text = self.optional_text(name)
        return None if text is None else parse_moment(text)

    # What is answered

    def page(self, items: Sequence[Item], serialize: Callable[[Item], Any]) -> Answer:
        """Return one page of a list, with Link headers.

        https://docs.github.com/rest/using-the-rest-api/using-pagination-in-the-rest-api
        """
        size, page = self._page_size(), max(_whole(self.query.get("page"), 1), 1)
        last = -(-len(items) // size)
        targets: dict[str, int] = {}
        if page > 1:
            targets |= {"prev": min(page - 1, max(last, 1)), "first": 1}
        if page < last:
            targets |= {"next": page + 1, "last": last}
        links = [self._link(relation, page=number) for relation, number in targets.items()]
        shown = [serialize(item) for item in items[(page - 1) * size : page * size]]
        return Answer(200, shown, {"Link": ", ".join(links)} if links else {})

    def page_after_cursor(self, items: Sequence[Item], serialize: Callable[[Item], Any]) -> Answer:
        """Return the items after the cursor `after`, as many as fit, with a link to those that follow."""
        start = _whole(self.query.get("after"), 0)
        end = start + self._page_size()
        links = {"Link": self._link("next", after=end)} if end < len(items) else {}
        return Answer(200, [serialize(item) for item in items[start:end]], links)

    def _page_size(self) -> int:
        return min(max(_whole(self.query.get("per_page"), PER_PAGE), 1), PER_PAGE_LIMIT)

    def _link(self, relation: str, **changed: int) -> str:
        return f'<{self.hub.api_url}{self.path}?{urlencode({**self.query, **changed})}>; rel="{relation}"'


def require_short(text: str, name: str, resource: str, limit: int) -> None:
    """Raise HttpError 422 for a field with more characters than GitHub takes."""
    if len(text) > limit:
        raise invalid(resource, name, "custom", f"{name} is too long (maximum is {limit} characters)")


def parse_moment(text: str) -> datetime:
    """Return an ISO 8601 time in UTC; one without a zone is UTC already. 422 for anything else."""
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        raise malformed(f"{json.dumps(text)} is not a valid date-time.") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).astimezone(timezone.utc)


def _whole(text: str | None, default: int) -> int:
    return int(text) if text and re.fullmatch(r"[0-9]{1,9}", text) else default
