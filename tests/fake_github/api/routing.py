"""An endpoint is one function with its method, path and needed permission declared beside it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule

from tests.fake_github.accounts import Role
from tests.fake_github.api.call import Answer, Call
from tests.fake_github.refusals import not_found

ROUTES = Map(merge_slashes=False)


@dataclass(frozen=True)
class Endpoint:
    """A function of the API. See `route` for the fields."""

    answer: Callable[[Call], Answer]
    needs: tuple[tuple[str, str], ...]
    role: Role
    public: bool
    app_only: bool

    @property
    def reads(self) -> bool:
        return all(level == "read" for _, level in self.needs)


def route(
    method: str, path: str, *, needs: str, role: Role | None = None, public: bool = True, app_only: bool = False
) -> Callable[[Callable[[Call], Answer]], Callable[[Call], Answer]]:
    """Declare an endpoint of a repository.

    path      below the repository, as werkzeug's rules have it
    needs     permissions of which an app's token must carry one: "issues:write|pull_requests:write"
    role      the least role of a user; by default read to read and write to write
    public    whether anybody may read it on a public repository
    app_only  not for users
    """
    areas = tuple((area, level) for area, _, level in (need.partition(":") for need in needs.split("|")))

    def declare(answer: Callable[[Call], Answer]) -> Callable[[Call], Answer]:
        least = Role.READ if all(level == "read" for _, level in areas) else Role.WRITE
        endpoint = Endpoint(answer, areas, least if role is None else role, public, app_only)
        ROUTES.add(Rule(f"/repos/<owner>/<repo>{path}", methods=[method], endpoint=endpoint))
        return answer

    return declare


def match(call: Call) -> Endpoint:
    """Return the endpoint a request is for, its parameters put into the call; 404 also for another method."""
    try:
        endpoint, params = ROUTES.bind("").match(call.path, call.method)
    except HTTPException:
        raise not_found() from None
    call.params = params
    assert isinstance(endpoint, Endpoint)
    return endpoint
