"""What somebody may do in the repository, as REST requests."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from promotebot.github.refused import NotAccessible, NotFound
from promotebot.github.rest import Rest, segment, translated
from promotebot.promotion.sections import Permission

_T = TypeVar("_T")
# The roles that a legacy permission may stand for. A role that is not in its line is a custom one, whatever its name.
_ROLES = {"admin": ("admin",), "write": ("write", "maintain"), "read": ("read", "triage"), "none": ()}


def team_path(team: str) -> str:
    """Return the path of a team, `@organization/team`, which is not below a repository's."""
    organization, _, slug = team.removeprefix("@").partition("/")
    return f"/orgs/{segment(organization)}/teams/{segment(slug)}"


class PeopleClient:
    """The part of `promotebot.github.ports.GitHub` about people. A method raises CouldNotVerify without an answer."""

    _rest: Rest
    _roles: dict[str, Permission | None]
    _expected: dict[str, Callable[[], Permission | None]]
    """Login → what waits for a role that was asked for beside."""

    def permission(self, login: str) -> Permission | None:
        """Return the role of a user; a custom role counts as the legacy permission GitHub derives for it.

        None where GitHub knows no such user. Each is asked for once in a job.

        https://docs.github.com/en/rest/collaborators/collaborators#get-repository-permissions-for-a-user
        """
        if login not in self._roles:
            wait = self._expected.pop(login, None)
            self._roles[login] = wait() if wait else self._permission(login)
        return self._roles[login]

    def expect_permission(self, login: str, *, again: bool = False) -> None:
        """Start to ask for a role that is likely needed soon; `permission` waits for it, and raises what went wrong.

        Args:
            again: what GitHub said before in this job does not count any more.
        """
        if again:
            self._roles.pop(login, None)
        if login not in self._roles and login not in self._expected:
            self._expected[login] = self._rest.beside.ask(lambda: self._permission(login))

    def _permission(self, login: str) -> Permission | None:
        purpose = f"ask for the permission of {login}"
        try:
            answer = self._rest.request("GET", f"/collaborators/{segment(login)}/permission", purpose=purpose)
        except NotFound:
            return None
        with translated(purpose):
            role, legacy = answer.get("role_name"), answer["permission"]
            return Permission[(role if role in _ROLES[legacy] else legacy).upper()]

    def is_member(self, team: str, login: str) -> bool:
        """Return whether GitHub shows that somebody is in a team, of which child teams are a part.

        It answers 404 for who is not in it, and for a team that the token does not see, and 403 to the token of a job.

        https://docs.github.com/en/rest/teams/members#get-team-membership-for-a-user
        """
        purpose = f"ask whether {login} is in {team}"
        path = f"{team_path(team)}/memberships/{segment(login)}"
        try:
            answer = self._rest.request("GET", path, purpose=purpose, needs="members: read", is_below_repo=False)
        except (NotFound, NotAccessible):
            return False
        with translated(purpose):
            return bool(answer["state"] == "active")
