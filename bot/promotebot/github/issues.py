"""The operations on issues of the bot's own as REST requests."""

from __future__ import annotations

from collections.abc import Sequence

from promotebot.github.answers import is_by, read_issue
from promotebot.github.ports import Issue
from promotebot.github.rest import Rest


class IssuesClient:
    """The part of `promotebot.github.ports.GitHub` about issues. A method raises CouldNotVerify without an answer."""

    _rest: Rest

    def find_issue(self, marker: str, *, author_login: str) -> Issue | None:
        """Return the open issue of ours that starts with a marker, or None."""
        purpose, parameters = "look for the issue", {"state": "open", "creator": author_login}
        for item in self._rest.listed(dict, "/issues", purpose=purpose, needs="issues: read", parameters=parameters):
            if is_by(item.get("user"), author_login) and str(item.get("body")).startswith(marker):
                return read_issue(item)
        return None

    def create_issue(self, title: str, body: str) -> Issue:
        """Open an issue and return it."""
        wanted = {"title": title, "body": body}
        return read_issue(
            self._rest.request("POST", "/issues", purpose="open an issue", needs="issues: write", body=wanted)
        )

    def update_issue(self, number: int, *, body: str, title: str = "", comment: str = "", close: bool = False) -> None:
        """Rewrite an issue of ours; give it another title, add a comment, and close it, where asked."""
        purpose, needs = f"update issue #{number}", "issues: write"
        if comment:
            self._rest.request(
                "POST", f"/issues/{number}/comments", purpose=purpose, needs=needs, body={"body": comment}
            )
        change = {"body": body, **({"state": "closed", "state_reason": "completed"} if close else {})}
        change |= {"title": title} if title else {}
        self._rest.request("PATCH", f"/issues/{number}", purpose=purpose, needs=needs, body=change)

    def assign(self, number: int, logins: Sequence[str]) -> None:
        """Assign an issue; GitHub passes over people who may not be assigned.

        https://docs.github.com/en/rest/issues/assignees#add-assignees-to-an-issue
        """
        purpose, body = f"assign issue #{number}", {"assignees": list(logins)}
        self._rest.request("POST", f"/issues/{number}/assignees", purpose=purpose, needs="issues: write", body=body)
