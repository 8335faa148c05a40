"""Endpoints about a repository itself: permissions, activity, workflow runs and dispatches."""

from __future__ import annotations

import json

from tests.fake_github.accounts import Role
from tests.fake_github.api.call import Answer, Call
from tests.fake_github.api.routing import route
from tests.fake_github.lateness import is_shown
from tests.fake_github.records import Dispatch
from tests.fake_github.refusals import HttpError, malformed
from tests.fake_github.serializers import repositories
from tests.fake_github.serializers.templates import fill
from tests.fake_github.state import RepositoryState

EVENT_TYPE_LIMIT = 100
PROPERTIES_LIMIT = 10
PAYLOAD_LIMIT = 64 * 1024


@route("GET", "", needs="metadata:read")
def get_repository(call: Call) -> Answer:
    reader = call.credential.user if call.credential else None
    app = call.credential.app if call.credential else None
    writes = call.credential.grants("contents", "write") if app and call.credential else call.role >= Role.WRITE
    return Answer(200, repositories.full_repository(call.repo, reader, writes=writes))


@route("GET", "/collaborators/<login>/permission", needs="metadata:read", public=False)
def get_permission(call: Call) -> Answer:
    """https://docs.github.com/rest/collaborators/collaborators#get-repository-permissions-for-a-user

    Asking takes push access. A bot is not a user here, whatever its app may do.
    """
    if call.role < Role.WRITE:
        raise HttpError(403, "Must have push access to view collaborator permission.")
    user = call.hub.user(call.params["login"])
    if user.type != "User":
        raise HttpError(404, f"{user.login} is not a user")
    return Answer(200, repositories.permission(call.repo, user))


@route("GET", "/activity", needs="contents:read")
def list_activity(call: Call) -> Answer:
    """Newest first, by cursor: `page` is not known here, the Link header's `after` is the way on.

    https://docs.github.com/rest/repos/repos#list-repository-activities
    """
    ref = call.query.get("ref", "")
    full_ref = ref if not ref or ref.startswith("refs/") else f"refs/heads/{ref}"
    shown = [activity for activity in call.repo.activity.entries if is_shown(call.hub, activity.at)]
    matching = [activity for activity in reversed(shown) if full_ref in ("", activity.ref)]
    return call.page_after_cursor(matching, lambda activity: fill("activity", call.repo, activity=activity))


@route("POST", "/dispatches", needs="contents:write")
def create_dispatch(call: Call) -> Answer:
    """https://docs.github.com/rest/repos/repos#create-a-repository-dispatch-event"""
    event_type, payload = call.text("event_type"), call.fields().get("client_payload", {})
    if len(event_type) > EVENT_TYPE_LIMIT:
        raise malformed(f"Only {EVENT_TYPE_LIMIT} characters are allowed; {len(event_type)} were supplied.")
    if not isinstance(payload, dict):
        raise malformed(f"For 'properties/client_payload', {json.dumps(payload)} is not an object.")
    if len(payload) > PROPERTIES_LIMIT:
        raise malformed(f"No more than {PROPERTIES_LIMIT} properties are allowed; {len(payload)} were supplied.")
    if len(json.dumps(payload, ensure_ascii=False).encode()) >= PAYLOAD_LIMIT:
        raise HttpError(422, "client_payload is too large.")
    call.repo.dispatches.append(Dispatch(event_type, payload or None, call.user, call.hub.now()))
    return Answer(204)


def commit_named(repo: RepositoryState, name: str) -> str:
    """Return the commit a branch, tag, short ref (heads/x) or id names; 422 without one."""
    for candidate in (f"refs/heads/{name}", f"refs/tags/{name}", f"refs/{name}", name):
        sha = repo.git.resolve(candidate)
        if sha is not None:
            return sha
    raise HttpError(422, f"No commit found for SHA: {name}")
