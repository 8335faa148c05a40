"""Endpoints about accounts, repositories, permissions, branches, commits and file contents."""

from __future__ import annotations

import json

from tests.fake_github.accounts import Role
from tests.fake_github.api.routing import Answer, Call, route
from tests.fake_github.records import Dispatch
from tests.fake_github.refusals import Refused, malformed
from tests.fake_github.shapes import accounts, commits, repositories
from tests.fake_github.state import Repository

REPOSITORY = "/repos/{owner}/{repo}"
EVENT_TYPE_LIMIT = 100
PROPERTIES_LIMIT = 10
PAYLOAD_LIMIT = 64 * 1024


@route("GET", REPOSITORY, needs="metadata:read")
def get_repository(call: Call) -> Answer:
    reader = call.credential.user if call.credential else None
    return Answer(200, repositories.full_repository(call.repository, reader))


@route("POST", REPOSITORY + "/dispatches", needs="contents:write")
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
        raise Refused(422, "client_payload is too large.")
    call.repository.dispatches.append(Dispatch(event_type, payload or None, call.user, call.hub.now()))
    return Answer(204)


@route("GET", REPOSITORY + "/collaborators/{login}/permission", needs="metadata:read", public=False)
def get_permission(call: Call) -> Answer:
    """https://docs.github.com/rest/collaborators/collaborators#get-repository-permissions-for-a-user

    Asking takes push access. A bot is not a user here, whatever its app may do.
    """
    if call.role < Role.WRITE:
        raise Refused(403, "Must have push access to view collaborator permission.")
    user = call.hub.user(call.params["login"])
    if user.type != "User":
        raise Refused(404, f"{user.login} is not a user")
    return Answer(200, accounts.permission(call.repository, user))


def commit_named(it: Repository, name: str) -> str:
    """The commit a branch, tag, short ref (heads/x) or id names, as `{ref}` in paths; 422 without one."""
    for candidate in (f"refs/heads/{name}", f"refs/tags/{name}", f"refs/{name}", name):
        sha = it.git.resolve(candidate)
        if sha is not None:
            return sha
    raise Refused(422, f"No commit found for SHA: {name}")


@route("GET", REPOSITORY + "/activity", needs="contents:read")
def list_activity(call: Call) -> Answer:
    """Newest first, by cursor: `page` is not known here, the Link header's `after` is the way on.

    https://docs.github.com/rest/repos/repos#list-repository-activities
    """
    it, ref = call.repository, call.query.get("ref", "")
    wanted = ref if not ref or ref.startswith("refs/") else f"refs/heads/{ref}"
    found = [made for made in reversed(it.activity.entries) if wanted in ("", made.ref)]
    return call.following(found, lambda made: commits.activity(it, made))
