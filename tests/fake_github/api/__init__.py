"""The REST API: every endpoint in one table, and the way of a request through it."""

from __future__ import annotations

import re

from tests.fake_github.api import actions, checks, comments, deployments, issues, pulls, repositories
from tests.fake_github.api.access import authorise
from tests.fake_github.api.routing import Answer, Call, Endpoint, match
from tests.fake_github.bare import GitError
from tests.fake_github.refusals import Refused
from tests.fake_github.shapes.common import Json

DOCUMENTATION = "https://docs.github.com/rest"


def endpoints() -> list[tuple[Endpoint, re.Pattern[str]]]:
    """All endpoints with their compiled paths; long templates first, so `{ref:path}` takes only the rest."""
    modules = (actions, checks, comments, deployments, issues, pulls, repositories)
    found = [it for module in modules for it in vars(module).values() if isinstance(it, Endpoint)]
    return [(it, it.pattern) for it in sorted(found, key=lambda it: -len(it.template))]


def respond(table: list[tuple[Endpoint, re.Pattern[str]]], call: Call) -> Answer:
    """Answer one request: find the endpoint, check access, run it under the hub's lock."""
    with call.hub.lock:
        try:
            endpoint = match(table, call)
            authorise(call, endpoint)
            return endpoint.answer(call)
        except Refused as refused:
            return refusal(refused)
        except GitError as error:  # git would not do it: an id of the wrong kind, an impossible name
            return refusal(Refused(422, str(error)))


def refusal(refused: Refused) -> Answer:
    """The JSON GitHub sends with an error status."""
    payload: Json = {
        "message": refused.message,
        "documentation_url": DOCUMENTATION,
        "status": str(refused.status),
    }
    if refused.errors:
        payload["errors"] = refused.errors
    return Answer(refused.status, payload, refused.headers)
