"""Parts of a pull request as GraphQL shows them: accounts, reviews, and what became of its branches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tests.fake_github.accounts import Role, User
from tests.fake_github.lateness import is_shown
from tests.fake_github.records import Review
from tests.fake_github.serializers.templates import instant
from tests.fake_github.state import Pull

Node = Mapping[str, Any]


def reviews(pull: Pull, last: int, states: Sequence[str], before: str | None = None) -> Node:
    """Return the newest reviews in these states, the oldest first; before a cursor, the ones before that."""
    found = [
        review for review in pull.reviews if review.state in states and is_shown(pull.base.hub, review.submitted_at)
    ]
    end = int(before) if before else len(found)
    start = max(end - last, 0)
    return {
        "nodes": [_review(pull, review) for review in found[start:end]],
        "pageInfo": {"hasPreviousPage": start > 0, "startCursor": str(start)},
        "totalCount": len(found),
    }


def _review(pull: Pull, review: Review) -> Node:
    url, at = f"{pull.base.hub.server_url}/{pull.base.full_name}/pull/{pull.number}", instant(review.submitted_at)
    written = {"author": actor(review.user), "createdAt": at, "lastEditedAt": None}
    remarks = [
        {**written, "body": body, "fullDatabaseId": str(number), "url": f"{url}#discussion_r{number}"}
        for number, body in review.remarks
    ]
    own = {"body": review.body, "fullDatabaseId": str(review.id), "url": f"{url}#pullrequestreview-{review.id}"}
    verdict = {
        "state": review.state,
        "commit": {"oid": review.commit_id},
        "authorCanPushToRepository": pull.base.role_of(review.user) >= Role.WRITE,
    }
    return {**own, **written, **verdict, "submittedAt": at, "comments": lambda _, first: {"nodes": remarks[:first]}}


_MOVES = {
    "force_push": "FORCE_PUSHED",
    "branch_deletion": "DELETED",
    "branch_creation": "RESTORED",
}


def timeline(pull: Pull, first: int, kinds: Sequence[str]) -> Node:
    """Return what became of the two branches since the pull request was opened, as far as it is asked for."""
    ends = ((pull.head, pull.head_ref, "HEAD"), (pull.base, pull.base_ref, "BASE"))
    events = ["BASE_REF_CHANGED_EVENT"] * pull.base_changes
    for repo, branch, end in ends:
        moves = (a for a in repo.activity.entries if a.ref == f"refs/heads/{branch}" and a.id > pull.id)
        events += [f"{end}_REF_{_MOVES[move.kind]}_EVENT" for move in moves if move.kind in _MOVES]
    names = ["".join(word.capitalize() for word in event.split("_")) for event in events if event in kinds]
    return {"nodes": [{"__typename": name} for name in names[:first]]}


def actor(user: User) -> Node:
    """Return an account; an App's has no `[bot]` behind its name here, other than in REST."""
    kind = "Bot" if user.type == "Bot" else "User"
    return {"__typename": kind, "login": user.login.removesuffix("[bot]") if kind == "Bot" else user.login}
