"""The bot's own comment, found again by a hidden marker and by its author, and written again in its place."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from promotebot.github.answers import read_comment
from promotebot.github.ports import IssueComment
from promotebot.github.rest import Rest, translated

_WRITE = "write the comment"


def every(rest: Rest, pull: int) -> list[IssueComment]:
    """Return every comment on a pull request or issue, the oldest first.

    https://docs.github.com/en/rest/issues/comments#list-issue-comments
    """
    purpose = f"read the comments of #{pull}"
    listed = rest.pages(f"/issues/{pull}/comments", purpose=purpose, needs="issues: read")
    with translated(purpose):
        return [read_comment(item) for item in rest.own.with_comments(pull, listed)]


def find(rest: Rest, pull: int, marker: str, *, author_login: str) -> IssueComment | None:
    """Return the oldest comment of ours that starts with a marker, or None.

    In somebody else's comment a marker counts for nothing.
    """
    return _marked(_by(every(rest, pull), author_login), marker)


def upsert(
    rest: Rest,
    pull: int,
    marker: str,
    body: str,
    *,
    author_login: str,
    known: Sequence[IssueComment] | None = None,
) -> str:
    """Update the comment that starts with our marker and is ours, or write it; return its address.

    Args:
        known: the comments, where they were read a moment ago: reading them again would cost a request.
    """
    mine = _marked(_by(every(rest, pull) if known is None else known, author_login), marker)
    if mine:
        return _write(rest, pull, "PATCH", f"/issues/comments/{mine.id}", body)
    return _write(rest, pull, "POST", f"/issues/{pull}/comments", body)


def _by(comments: Iterable[IssueComment], login: str) -> list[IssueComment]:
    # A login ends with [bot] for an App and for nobody else, so that it tells the account alone.
    return [comment for comment in comments if comment.author == login]


def _marked(comments: Iterable[IssueComment], marker: str) -> IssueComment | None:
    return next((comment for comment in comments if comment.body.startswith(marker)), None)


def _write(rest: Rest, pull: int, verb: str, path: str, body: str) -> str:
    """Write one comment and return its address."""
    written = rest.request(verb, path, purpose=_WRITE, needs="pull-requests: write", body={"body": body})
    with translated(_WRITE):
        rest.own.comments.setdefault(pull, {})[int(written["id"])] = written
        return str(written["html_url"])
