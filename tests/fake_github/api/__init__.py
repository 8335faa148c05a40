"""REST and GraphQL. `respond` answers a request; the modules beside this one declare the endpoints."""

from __future__ import annotations

from tests.fake_github.api import (  # noqa: F401 - the others add their routes
    checks,
    comments,
    deployments,
    git_data,
    graphql,
    issues,
    pulls,
    repositories,
    settings,
    teams,
)
from tests.fake_github.api.access import authorise
from tests.fake_github.api.call import Answer, Call
from tests.fake_github.api.routing import match
from tests.fake_github.bare import GitError
from tests.fake_github.refusals import HttpError

DOCUMENTATION = "https://docs.github.com/rest"


def respond(call: Call) -> Answer:
    """Answer one request: find the endpoint, check access, run it under the hub's lock."""
    with call.hub.lock:
        try:
            if call.path.startswith(f"{graphql.PATH}/"):
                return graphql.answer_query(call)
            if call.path.startswith("/orgs/"):
                return teams.answer_team(call) if teams.TEAM.fullmatch(call.path) else teams.answer_membership(call)
            endpoint = match(call)
            authorise(call, endpoint)
            return endpoint.answer(call)
        except HttpError as error:
            return error_answer(error)
        except GitError as error:  # git would not do it: an id of the wrong kind, an impossible name
            return error_answer(HttpError(422, str(error)))


def error_answer(error: HttpError) -> Answer:
    """Return the JSON GitHub sends with an error status."""
    payload = {"message": error.message, "documentation_url": DOCUMENTATION, "status": str(error.status)}
    return Answer(error.status, payload | ({"errors": error.errors} if error.errors else {}), error.headers)
