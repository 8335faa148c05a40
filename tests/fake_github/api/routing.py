"""An endpoint is one function with its method, path and needed permission declared beside it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlencode

from tests.fake_github.accounts import Credential, Role, User
from tests.fake_github.refusals import Refused, malformed, not_found

if TYPE_CHECKING:
    from tests.fake_github.hub import Hub
    from tests.fake_github.state import Repository

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
    """One authenticated request on its way to an endpoint. `path` has no API root."""

    hub: Hub
    method: str
    path: str
    query: Mapping[str, str]
    body: bytes
    credential: Credential | None
    params: Mapping[str, str] = field(default_factory=dict)

    @property
    def repository(self) -> Repository:
        return self.hub.repository(f"{self.params['owner']}/{self.params['repo']}")

    @property
    def user(self) -> User:
        """Who acts. Only endpoints that need a permission to write ask; access was checked before."""
        if self.credential is None:
            raise Refused(401, "Requires authentication")
        return self.credential.user

    @property
    def role(self) -> Role:
        """The role the caller acts with; an app's token acts within its permissions, like a writer."""
        if self.credential is None:
            return Role.READ
        return Role.WRITE if self.credential.app else self.repository.role_of(self.credential.user)

    def number(self, name: str = "number") -> int:
        return int(self.params[name])

    def json(self) -> object:
        """The body as parsed JSON; 400 as GitHub answers to anything else."""
        if not self.body.strip():
            return {}
        try:
            parsed: object = json.loads(self.body)
        except (UnicodeDecodeError, json.JSONDecodeError):
            raise Refused(400, "Problems parsing JSON") from None
        return parsed

    def fields(self) -> dict[str, Any]:
        found = self.json()
        if not isinstance(found, dict):
            raise Refused(400, "Body should be a JSON object")
        return found

    def text(self, name: str) -> str:
        """A required string of the body."""
        value = self.optional_text(name)
        if value is None:
            raise malformed(f'"{name}" wasn\'t supplied.')
        return value

    def optional_text(self, name: str) -> str | None:
        value = self.fields().get(name)
        if value is not None and not isinstance(value, str):
            raise malformed(f"For 'properties/{name}', {json.dumps(value)} is not a string.")
        return value

    def flag(self, name: str, *, default: bool = False) -> bool:
        value = self.fields().get(name, default)
        if not isinstance(value, bool):
            raise malformed(f"For 'properties/{name}', {json.dumps(value)} is not a boolean.")
        return value

    def page(
        self, items: Sequence[Item], shape: Callable[[Item], Any], *, under: str = "", default: int = PER_PAGE
    ) -> Answer:
        """One page of a list, with Link headers; `under` names the key of answers that also carry a count.

        https://docs.github.com/rest/using-the-rest-api/using-pagination-in-the-rest-api
        """
        size = min(max(_whole(self.query.get("per_page"), default), 1), PER_PAGE_LIMIT)
        page = max(_whole(self.query.get("page"), 1), 1)
        shown: Any = [shape(item) for item in items[(page - 1) * size : page * size]]
        if under:
            shown = {"total_count": len(items), under: shown}
        return Answer(200, shown, self._links(page, -(-len(items) // size)))

    def following(self, items: Sequence[Item], shape: Callable[[Item], Any]) -> Answer:
        """The items after the cursor `after`, as many as fit, with the cursor that goes on from there."""
        size = min(max(_whole(self.query.get("per_page"), PER_PAGE), 1), PER_PAGE_LIMIT)
        start = _whole(self.query.get("after"), 0)
        following = urlencode({**self.query, "after": start + size})
        url = f"{self.hub.api_url}{self.path}?{following}"
        links = {"Link": f'<{url}>; rel="next"'} if start + size < len(items) else {}
        return Answer(200, [shape(item) for item in items[start : start + size]], links)

    def _links(self, page: int, last: int) -> dict[str, str]:
        targets: dict[str, int] = {}
        if page > 1:
            targets |= {"prev": min(page - 1, max(last, 1)), "first": 1}
        if page < last:
            targets |= {"next": page + 1, "last": last}
        links = [
            f'<{self.hub.api_url}{self.path}?{urlencode({**self.query, "page": number})}>; rel="{name}"'
            for name, number in targets.items()
        ]
        return {"Link": ", ".join(links)} if links else {}


def parse_moment(text: str) -> datetime:
    """An ISO 8601 time in UTC; one without a zone is UTC already. 422 for anything else."""
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        raise malformed(f"{json.dumps(text)} is not a valid date-time.") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).astimezone(timezone.utc)


def _whole(text: str | None, default: int) -> int:
    return int(text) if text and re.fullmatch(r"[0-9]{1,9}", text) else default


@dataclass(frozen=True)
class Endpoint:
    """A function of the API. See `route` for the fields."""

    method: str
    template: str
    answer: Callable[[Call], Answer]
    needs: tuple[tuple[str, str], ...]
    role: Role
    public: bool
    user_only: bool
    app_only: bool

    @property
    def pattern(self) -> re.Pattern[str]:
        kinds = {"path": ".+", "number": "[0-9]{1,18}", "": "[^/]+"}
        return re.compile(re.sub(r"{(\w+):?(\w*)}", lambda found: f"(?P<{found[1]}>{kinds[found[2]]})", self.template))


def route(
    method: str,
    template: str,
    *,
    needs: str = "",
    role: Role | None = None,
    public: bool = True,
    user_only: bool = False,
    app_only: bool = False,
) -> Callable[[Callable[[Call], Answer]], Endpoint]:
    """Declare an endpoint.

    template   {name} is one path segment, {name:number} digits, {name:path} the rest
    needs      permissions of which an app's token must carry one: "issues:write|pull_requests:write"
    role       the least role of a user; by default read to read and write to write
    public     whether anybody may read it on a public repository
    user_only  not for app tokens; app_only: not for users
    """
    pairs = (need.partition(":") for need in needs.split("|") if need)
    areas = tuple((area, level) for area, _, level in pairs)
    writes = any(level == "write" for _, level in areas)
    least = role if role is not None else Role.WRITE if writes else Role.READ

    def declare(answer: Callable[[Call], Answer]) -> Endpoint:
        return Endpoint(method, template, answer, areas, least, public, user_only, app_only)

    return declare


def match(endpoints: Iterable[tuple[Endpoint, re.Pattern[str]]], call: Call) -> Endpoint:
    """The endpoint a request is for, its parameters put into the call; 404 without one."""
    for endpoint, pattern in endpoints:
        found = pattern.fullmatch(call.path) if endpoint.method == call.method else None
        if found:
            call.params = found.groupdict()
            return endpoint
    raise not_found()
