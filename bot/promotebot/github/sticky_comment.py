"""The bot's own comment, found again by a hidden marker and by its author, and written again in its place."""

from __future__ import annotations

from promotebot.github.answers import is_by, read_comment
from promotebot.github.ports import IssueComment
from promotebot.github.rest import Rest, translated

_WRITE = "write the comment"


def find(rest: Rest, pull: int, marker: str, *, author_login: str) -> IssueComment | None:
    """Return the oldest comment of ours that starts with a marker, or None.

    In somebody else's comment a marker counts for nothing.
    """
    ours = _ours(rest, pull, author_login)
    return next((comment for comment in ours if comment.body.startswith(marker)), None)


def upsert(
    rest: Rest, pull: int, marker: str, body: str, *, author_login: str, settled: tuple[str, str] | None = None
) -> str:
    """Update the comment that starts with our marker and is ours, or write it; return its address.

    Args:
        settled: marker and new body of another comment of ours, which this one makes void where it stands.
    """
    ours = _ours(rest, pull, author_login)
    mine = next((comment for comment in ours if comment.body.startswith(marker)), None)
    if settled and settled[0] != marker:
        for old in ours:
            if old.body.startswith(settled[0]) and old.body != settled[1]:
                _write(rest, "PATCH", f"/issues/comments/{old.id}", settled[1])
    if mine:
        return _write(rest, "PATCH", f"/issues/comments/{mine.id}", body)
    return _write(rest, "POST", f"/issues/{pull}/comments", body)


def _write(rest: Rest, verb: str, path: str, body: str) -> str:
    """Write one comment and return its address."""
    written = rest.request(verb, path, purpose=_WRITE, needs="pull-requests: write", body={"body": body})
    with translated(_WRITE):
        return str(written["html_url"])


def _ours(rest: Rest, pull: int, login: str) -> list[IssueComment]:
    purpose = f"read the comments of #{pull}"
    comments = rest.listed(dict, f"/issues/{pull}/comments", purpose=purpose, needs="issues: read")
    with translated(purpose):
        return [read_comment(item) for item in comments if is_by(item.get("user"), login)]
