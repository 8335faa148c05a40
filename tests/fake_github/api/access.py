"""May this caller use this endpoint here? Tokens are judged by permissions, users by roles."""

from __future__ import annotations

from tests.fake_github.accounts import Credential, Role
from tests.fake_github.api.routing import Call, Endpoint
from tests.fake_github.refusals import Refused, not_found


def authorise(call: Call, endpoint: Endpoint) -> None:
    """Raise what GitHub answers to a caller without access: 401, 403, or 404 where existence is private."""
    readable = endpoint.public and all(level == "read" for _, level in endpoint.needs)
    open_read = readable and "repo" in call.params and not call.repository.private
    if call.credential is None:
        _authorise_anybody(call, open_read=open_read, free=readable and "repo" not in call.params)
    elif call.credential.app is not None:
        _authorise_app(call, endpoint, call.credential, open_read=open_read)
    else:
        _authorise_user(call, endpoint, call.credential)


def _authorise_anybody(call: Call, *, open_read: bool, free: bool) -> None:
    if open_read or free:
        return
    if "repo" in call.params and call.repository.private:
        raise not_found()
    raise Refused(401, "Requires authentication")


def _authorise_app(call: Call, endpoint: Endpoint, credential: Credential, *, open_read: bool) -> None:
    """https://docs.github.com/rest/authentication/permissions-required-for-github-apps"""
    if endpoint.user_only:
        raise Refused(403, "Resource not accessible by integration")
    if "repo" not in call.params or open_read:
        return
    if call.repository.id != credential.repository_id and call.repository.private:
        raise not_found()
    at_home = call.repository.id == credential.repository_id
    if not at_home or not any(credential.grants(area, level) for area, level in endpoint.needs):
        wanted = "; ".join(f"{area}={level}" for area, level in endpoint.needs)
        headers = {"X-Accepted-GitHub-Permissions": wanted}
        raise Refused(403, "Resource not accessible by integration", headers=headers)


def _authorise_user(call: Call, endpoint: Endpoint, credential: Credential) -> None:
    if "repo" not in call.params:
        return
    role = call.repository.role_of(credential.user)
    if role is Role.NONE:
        raise not_found()
    if endpoint.app_only:
        raise Refused(403, "You must authenticate via a GitHub App.")
    if role < endpoint.role:
        raise Refused(403, "Must have admin rights to Repository.")
