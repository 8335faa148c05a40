"""Endpoints of comments on issues and pull requests, and of reactions to them."""

from __future__ import annotations

from tests.fake_github.accounts import Role
from tests.fake_github.api.call import Answer, Call
from tests.fake_github.api.issues import BODY_LIMIT, ISSUE, READ, WRITE, asked_issue
from tests.fake_github.api.routing import route
from tests.fake_github.issues import add_comment, react
from tests.fake_github.issues import edit_comment as change_comment
from tests.fake_github.lateness import is_shown
from tests.fake_github.records import Comment
from tests.fake_github.refusals import HttpError, invalid, not_found
from tests.fake_github.serializers import issues as serializers
from tests.fake_github.serializers.templates import fill

COMMENT = "/issues/comments/<int:comment>"

# Comments: https://docs.github.com/rest/issues/comments


@route("GET", ISSUE + "/comments", needs=READ)
def list_comments(call: Call) -> Answer:
    posted = call.repo.comments_on(asked_issue(call).number)
    comments = [comment for comment in posted if is_shown(call.hub, comment.created_at)]
    return call.page(comments, lambda comment: serializers.comment(call.repo, comment))


@route("POST", ISSUE + "/comments", needs=WRITE, role=Role.READ)
def create_comment(call: Call) -> Answer:
    """Only people with write access may comment on a locked conversation."""
    issue = asked_issue(call)
    if issue.locked and (call.app or call.role < Role.WRITE):
        raise HttpError(403, "Unable to create comment because issue is locked.")
    comment = add_comment(call.repo, issue, call.user, _body(call), call.app)
    return Answer(201, serializers.comment(call.repo, comment))


def _body(call: Call) -> str:
    body = call.text("body")
    if not body.strip():
        raise invalid("IssueComment", "data", "unprocessable", "Body cannot be blank")
    if len(body) > BODY_LIMIT:
        reason = f"Body is too long (maximum is {BODY_LIMIT} characters)"
        raise invalid("IssueComment", "data", "unprocessable", reason)
    return body


def _comment(call: Call) -> Comment:
    comment = call.repo.comments.get(call.params["comment"])
    if comment is None:
        raise not_found()
    return comment


@route("GET", COMMENT, needs=READ)
def get_comment(call: Call) -> Answer:
    return Answer(200, serializers.comment(call.repo, _comment(call)))


@route("PATCH", COMMENT, needs=WRITE, role=Role.READ)
def edit_comment(call: Call) -> Answer:
    """Change a comment: those who wrote it may, and writers."""
    comment = _comment(call)
    if call.user != comment.user and call.role < Role.WRITE:
        raise HttpError(403, "Must have admin rights to Repository.")
    change_comment(call.repo, comment, _body(call))
    return Answer(200, serializers.comment(call.repo, comment))


@route("GET", COMMENT + "/reactions", needs=READ)
def list_reactions(call: Call) -> Answer:
    """https://docs.github.com/rest/reactions/reactions#list-reactions-for-an-issue-comment"""
    content = call.query.get("content")
    found = [one for one in _comment(call).reactions if content in (None, one.content)]
    return call.page(found, lambda one: fill("reaction", call.repo, reaction=one))


@route("POST", COMMENT + "/reactions", needs=WRITE, role=Role.READ)
def create_reaction(call: Call) -> Answer:
    """201, or 200 with the one already there: https://docs.github.com/rest/reactions/reactions"""
    comment, content = _comment(call), call.choice("content", serializers.REACTIONS)
    reaction, is_new = react(call.repo, comment, call.user, content)
    return Answer(201 if is_new else 200, fill("reaction", call.repo, reaction=reaction))
