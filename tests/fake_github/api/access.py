"""Access to an endpoint: tokens are judged by their permissions, users by their role."""

from __future__ import annotations

from tests.fake_github.accounts import Credential, Role
from tests.fake_github.api.call import Call
from tests.fake_github.api.routing import Endpoint
from tests.fake_github.refusals import HttpError, not_found


def authorise(call: Call, endpoint: Endpoint) -> None:
    """Raise what GitHub answers to a caller without access: 401, 403, or 404 where existence is private."""
    open_to_all = endpoint.public and endpoint.reads and not call.repo.private
    if call.credential is None:
        if not open_to_all:
            raise not_found() if call.repo.private else HttpError(401, "Requires authentication")
    elif call.credential.app is None:
        _authorise_user(call, endpoint, call.credential)
    elif not open_to_all:
        _authorise_app(call, endpoint, call.credential)


def _authorise_app(call: Call, endpoint: Endpoint, credential: Credential) -> None:
    """https://docs.github.com/rest/authentication/permissions-required-for-github-apps"""
    at_home = call.repo.id == credential.repository_id
    if not at_home and call.repo.private:
        raise not_found()
    if not at_home or not any(credential.grants(area, level) for area, level in endpoint.needs):
        raise integration_refused("; ".join(f"{area}={level}" for area, level in endpoint.needs))


def integration_refused(needed: str) -> HttpError:
    """Build the 403 for an app's token without a permission, which names the permission."""
    headers = {"X-Accepted-GitHub-Permissions": needed}
    return HttpError(403, "Resource not accessible by integration", headers=headers)


def _authorise_user(call: Call, endpoint: Endpoint, credential: Credential) -> None:
    role = call.repo.role_of(credential.user)
    if role is Role.NONE:
        raise not_found()
    if endpoint.app_only:
        raise HttpError(403, "You must authenticate via a GitHub App.")
    if role < endpoint.role:
        raise HttpError(403, "Must have admin rights to Repository.")
