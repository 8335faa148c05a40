"""Reviews of a pull request: what people wrote into them, and whose verdict approves one commit.

https://docs.github.com/en/graphql/reference/pulls#object-pullrequestreview
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from promotebot.github.answers import GHOST, read_time
from promotebot.github.ports import IssueComment
from promotebot.github.rest import PAGE, Rest, translated
from promotebot.github.verdicts import Verdict, approving

STATES = "states: [APPROVED, CHANGES_REQUESTED, COMMENTED, DISMISSED]"
WRITTEN = "fullDatabaseId body url createdAt lastEditedAt author { __typename login }"
REVIEW = f"{WRITTEN} submittedAt comments(first: 20) {{ nodes {{ {WRITTEN} }} }}"
"""A review with what it says on lines of code; somebody who replies to that makes a review of its own."""
VERDICT = "state submittedAt commit { oid } authorCanPushToRepository author { __typename login }"


def _every(operation: str, fields: str) -> str:
    return f"""
query {operation}($owner: String!, $name: String!, $number: Int!, $last: Int!, $before: String) {{
  repository(owner: $owner, name: $name) {{
    pullRequest(number: $number) {{
      number
      reviews(last: $last, before: $before, {STATES}) {{
        nodes {{ {fields} }}
        pageInfo {{ hasPreviousPage startCursor }}
      }}
    }}
  }}
}}
"""


_REVIEWS, _VERDICTS = _every("Reviews", REVIEW), _every("Verdicts", VERDICT)


def all_reviews(rest: Rest, number: int) -> Sequence[IssueComment]:
    """Return what people wrote into every review of a pull request, and on lines of code, the oldest first.

    Raises:
        CouldNotVerify: when GitHub refuses, or does not answer.
    """
    pages = _pages(rest, number, _REVIEWS)
    return [one for page in reversed(pages) for one in read_reviews(page)]


def approvals(rest: Rest, number: int, head_sha: str, until: datetime | None = None) -> Sequence[Verdict]:
    """Return the approvals of exactly this head, of all reviews of a pull request: a question for each hundred.

    Args:
        until: reviews that were submitted later do not count.

    Raises:
        CouldNotVerify: when GitHub refuses, or does not answer.
    """
    pages = _pages(rest, number, _VERDICTS)
    return approving((one for page in reversed(pages) for one in read_verdicts(page)), head_sha, until)


def read_verdicts(pull: Mapping[str, Any]) -> Iterator[Verdict]:
    """Yield the verdicts of people, the oldest first; a mere comment, and an App's review, is none."""
    for review in sorted(pull["reviews"]["nodes"], key=lambda one: str(one["submittedAt"] or "")):
        author, state = review["author"], str(review["state"])
        if author and author["__typename"] == "User" and state not in ("COMMENTED", "PENDING"):
            commit = str(review["commit"]["oid"]) if state == "APPROVED" and review["commit"] else ""
            at = read_time(review["submittedAt"]) if review["submittedAt"] else None
            yield Verdict(str(author["login"]), commit, review["authorCanPushToRepository"] is True, at)


def read_reviews(pull: Mapping[str, Any]) -> Iterator[IssueComment]:
    """Yield what people wrote into reviews; what an App wrote, or an account that was deleted, is nobody's."""
    for review in pull["reviews"]["nodes"]:
        for one in (review, *review.get("comments", {"nodes": ()})["nodes"]):
            if one["author"] and one["author"]["__typename"] == "User":
                yield read_written(one, int(pull["number"]), submitted=review["submittedAt"])


def read_written(node: Mapping[str, Any], number: int, *, submitted: str | None = None) -> IssueComment:
    """Return what somebody wrote; what a review says is there for others to read only since it was submitted."""
    times = [read_time(time) for time in (node["createdAt"], node["lastEditedAt"], submitted) if time]
    author, url = login_of(node["author"]), str(node["url"])
    return IssueComment(int(node["fullDatabaseId"]), number, str(node["body"]), author, url, written_at=max(times))


def login_of(actor: Mapping[str, Any] | None) -> str:
    """Return an account's login as REST has it, where an App's ends with `[bot]`, which nobody else's can."""
    if actor is None:
        return GHOST
    return f"{actor['login']}[bot]" if actor["__typename"] == "Bot" else str(actor["login"])


def _pages(rest: Rest, number: int, question: str) -> list[Mapping[str, Any]]:
    """Return every page of the reviews of a pull request, the newest first."""
    purpose, pages = f"read the reviews of #{number}", list[Mapping[str, Any]]()
    asked = {**rest.named, "number": number, "last": PAGE, "before": None}
    while True:
        answer = rest.graphql(question, asked, purpose=purpose, needs="pull-requests: read")
        with translated(purpose):
            pages.append(answer["repository"]["pullRequest"])
            page = pages[-1]["reviews"]["pageInfo"]
            if not page["hasPreviousPage"]:
                return pages
            asked["before"] = page["startCursor"]
