"""Who is in a team of an organisation, which no repository's endpoint tells."""

from __future__ import annotations

import re
from urllib.parse import unquote

from tests.fake_github.api.access import integration_refused
from tests.fake_github.api.call import Answer, Call
from tests.fake_github.refusals import HttpError, not_found

TEAM = re.compile(r"/orgs/([^/]+)/teams/([^/]+)")
MEMBERSHIP = re.compile(r"/orgs/([^/]+)/teams/([^/]+)/memberships/([^/]+)")


def answer_membership(call: Call) -> Answer:
    """Answer whether somebody is in a team: 404 for who is not, and for a team that the caller may not see.

    An App needs a permission of the organisation, which no workflow can give the token of its job.

    https://docs.github.com/rest/teams/members#get-team-membership-for-a-user
    """
    found = MEMBERSHIP.fullmatch(call.path)
    if found is None or call.method != "GET":
        raise not_found()
    organization, slug, login = (unquote(part).lower() for part in found.groups())
    _authorise(call, organization)
    state = call.hub.teams.get(f"{organization}/{slug}", {}).get(login)
    if state is None:
        raise not_found()
    return Answer(200, {"url": f"{call.hub.api_url}{call.path}", "role": "member", "state": state})


def answer_team(call: Call) -> Answer:
    """Answer what a team is: https://docs.github.com/rest/teams/teams#get-a-team-by-name"""
    found = TEAM.fullmatch(call.path)
    if found is None or call.method != "GET":
        raise not_found()
    organization, slug = (unquote(part).lower() for part in found.groups())
    _authorise(call, organization)
    if f"{organization}/{slug}" not in call.hub.teams:
        raise not_found()
    return Answer(200, {"slug": slug, "name": slug, "url": f"{call.hub.api_url}{call.path}"})


def _authorise(call: Call, organization: str) -> None:
    credential = call.credential
    if credential is None:
        raise HttpError(401, "Requires authentication")
    if credential.app is None:
        teams = (members for name, members in call.hub.teams.items() if name.partition("/")[0] == organization)
        if not any(credential.user.login.lower() in members for members in teams):
            raise not_found()
        return
    home = next((one for one in call.hub.repositories.values() if one.id == credential.repository_id), None)
    if home is None or home.owner.login.lower() != organization or not credential.grants("members", "read"):
        raise integration_refused("members=read")
