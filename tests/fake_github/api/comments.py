"""Endpoints of comments on issues and pull requests, and of reactions to them."""

from __future__ import annotations

from tests.fake_github.accounts import Role
from tests.fake_github.api.issues import BODY_LIMIT, ISSUE, READ, WRITE, asked_issue
from tests.fake_github.api.repositories import REPOSITORY
from tests.fake_github.api.routing import Answer, Call, route
from tests.fake_github.records import Comment, Reaction
from tests.fake_github.refusals import Refused, invalid, malformed, not_found
from tests.fake_github.shapes import issues as shapes

COMMENT = REPOSITORY + "/issues/comments/{comment:number}"

# Comments: https://docs.github.com/rest/issues/comments


@route("GET", ISSUE + "/comments", needs=READ)
def list_comments(call: Call) -> Answer:
    found = call.repository.comments_on(asked_issue(call).number)
    return call.page(found, lambda comment: shapes.comment(call.repository, comment))


@route("POST", ISSUE + "/comments", needs=WRITE, role=Role.READ)
def create_comment(call: Call) -> Answer:
    """Only people with write access may comment on a locked conversation."""
    it, issue = call.repository, asked_issue(call)
    by_app = call.credential is not None and call.credential.app is not None
    if issue.locked and (by_app or call.role < Role.WRITE):
        raise Refused(403, "Unable to create comment because issue is locked.")
    app = call.credential.app if call.credential else None
    comment = it.comment(issue.number, author=call.user.login, body=_comment_body(call), app=app)
    return Answer(201, shapes.comment(it, comment))


def _comment_body(call: Call) -> str:
    body = call.text("body")
    if not body.strip():
        raise invalid("IssueComment", "data", "unprocessable", "Body cannot be blank")
    if len(body) > BODY_LIMIT:
        reason = f"Body is too long (maximum is {BODY_LIMIT} characters)"
        raise invalid("IssueComment", "data", "unprocessable", reason)
    return body


def _comment(call: Call) -> Comment:
    comment = call.repository.comments.get(call.number("comment"))
    if comment is None:
        raise not_found()
    return comment


@route("GET", COMMENT, needs=READ)
def get_comment(call: Call) -> Answer:
    return Answer(200, shapes.comment(call.repository, _comment(call)))


@route("PATCH", COMMENT, needs=WRITE, role=Role.READ)
def edit_comment(call: Call) -> Answer:
    comment = _own(call, _comment(call))
    call.repository.edit_comment(comment.id, body=_comment_body(call))
    return Answer(200, shapes.comment(call.repository, comment))


def _own(call: Call, comment: Comment) -> Comment:
    """Comments are changed by who wrote them or by writers."""
    if call.user != comment.user and call.role < Role.WRITE:
        raise Refused(403, "Must have admin rights to Repository.")
    return comment


# Reactions: https://docs.github.com/rest/reactions/reactions


@route("POST", COMMENT + "/reactions", needs=WRITE, role=Role.READ)
def create_reaction(call: Call) -> Answer:
    """201, or 200 with the one already there."""
    comment, content = _comment(call), call.text("content")
    if content not in shapes.REACTIONS:
        raise malformed(f"{content} is not a member of {list(shapes.REACTIONS)}.")
    for made in comment.reactions:
        if (made.user, made.content) == (call.user, content):
            return Answer(200, shapes.reaction(call.repository, made))
    reaction = Reaction(call.hub.next_id(), call.user, content, call.hub.now())
    comment.reactions.append(reaction)
    return Answer(201, shapes.reaction(call.repository, reaction))
