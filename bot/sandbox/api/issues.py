"""Endpoints about conversations: issues, comments, reactions, labels."""

from __future__ import annotations

from urllib.parse import unquote

from bot.sandbox import pulls
from bot.sandbox.accounts import Role
from bot.sandbox.api.repositories import REPOSITORY
from bot.sandbox.api.routing import Answer, Call, route
from bot.sandbox.records import Comment, Issue, Label, Reaction
from bot.sandbox.refusals import Refused, invalid, malformed, not_found
from bot.sandbox.shapes import issues as shapes

ISSUE = REPOSITORY + "/issues/{number:number}"
COMMENT = REPOSITORY + "/issues/comments/{comment:number}"
READ = "issues:read|pull_requests:read"
WRITE = "issues:write|pull_requests:write"
BODY_LIMIT = 65_536
LABEL_LIMIT = 50


def _issue(call: Call) -> Issue:
    """The issue asked for. For a plain one an app needs `issues`; for a pull request either permission."""
    issue = call.repository.issue(call.number())
    credential = call.credential
    plain, writes = issue.number not in call.repository.pulls, call.method != "GET"
    if credential and credential.app and plain and writes and not credential.grants("issues", "write"):
        headers = {"X-Accepted-GitHub-Permissions": "issues=write"}
        raise Refused(403, "Resource not accessible by integration", headers=headers)
    return issue


@route("GET", REPOSITORY + "/issues", needs="issues:read")
def list_issues(call: Call) -> Answer:
    """Pull requests are issues too: https://docs.github.com/rest/issues/issues#list-repository-issues"""
    it, state = call.repository, call.query.get("state", "open")
    wanted = {name.lower() for name in call.query.get("labels", "").split(",") if name}
    found = [
        issue
        for issue in reversed(it.issues.values())
        if state in ("all", issue.state) and wanted <= {label.name.lower() for label in issue.labels}
    ]
    return call.page(found, lambda issue: shapes.issue(it, issue))


@route("POST", REPOSITORY + "/issues", needs="issues:write", role=Role.READ)
def create_issue(call: Call) -> Answer:
    issue = pulls.open_issue(call.repository, call.user, call.text("title"), call.optional_text("body"))
    if call.role >= Role.TRIAGE:  # silently dropped for others, as on GitHub
        issue.labels = [call.repository.label(name) for name in _label_names(call)]
    return Answer(201, shapes.issue(call.repository, issue))


@route("GET", ISSUE, needs=READ)
def get_issue(call: Call) -> Answer:
    return Answer(200, shapes.issue(call.repository, _issue(call)))


@route("PATCH", ISSUE, needs=WRITE, role=Role.READ)
def edit_issue(call: Call) -> Answer:
    """Title, body and state; by its author or from triage up."""
    it, issue = call.repository, _issue(call)
    if call.role < Role.TRIAGE and call.user != issue.user:
        raise Refused(403, "Must have admin rights to Repository.")
    issue.title = call.optional_text("title") or issue.title
    if "body" in call.fields():
        issue.body = call.optional_text("body")
    state, pull = call.optional_text("state"), it.pulls.get(issue.number)
    if state == "closed" and issue.state == "open":
        pulls.close(pull, call.user) if pull else pulls.close_issue(it, issue, call.user)
    if state == "open" and issue.state == "closed":
        pulls.reopen(pull, call.user) if pull else pulls.reopen_issue(it, issue)
    issue.updated_at = call.hub.now()
    return Answer(200, shapes.issue(it, issue))


# Comments: https://docs.github.com/rest/issues/comments


@route("GET", ISSUE + "/comments", needs=READ)
def list_comments(call: Call) -> Answer:
    found = call.repository.comments_on(_issue(call).number)
    return call.page(found, lambda comment: shapes.comment(call.repository, comment))


@route("POST", ISSUE + "/comments", needs=WRITE, role=Role.READ)
def create_comment(call: Call) -> Answer:
    """Only people with write access may comment on a locked conversation."""
    it, issue = call.repository, _issue(call)
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


@route("DELETE", COMMENT, needs=WRITE, role=Role.READ)
def delete_comment(call: Call) -> Answer:
    del call.repository.comments[_own(call, _comment(call)).id]
    return Answer(204)


def _own(call: Call, comment: Comment) -> Comment:
    """Comments are changed by who wrote them or by writers."""
    if call.user != comment.user and call.role < Role.WRITE:
        raise Refused(403, "Must have admin rights to Repository.")
    return comment


# Reactions: https://docs.github.com/rest/reactions/reactions


@route("GET", COMMENT + "/reactions", needs=READ)
def list_reactions(call: Call) -> Answer:
    content = call.query.get("content")
    found = [made for made in _comment(call).reactions if content in (None, made.content)]
    return call.page(found, lambda made: shapes.reaction(call.repository, made))


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


@route("DELETE", COMMENT + "/reactions/{reaction:number}", needs=WRITE, role=Role.READ)
def delete_reaction(call: Call) -> Answer:
    comment = _comment(call)
    reaction = next((made for made in comment.reactions if made.id == call.number("reaction")), None)
    if reaction is None:
        raise not_found()
    if reaction.user != call.user and call.role < Role.WRITE:
        raise Refused(403, "Must have admin rights to Repository.")
    comment.reactions.remove(reaction)
    return Answer(204)


# Labels: https://docs.github.com/rest/issues/labels


@route("GET", REPOSITORY + "/labels", needs=READ)
def list_repository_labels(call: Call) -> Answer:
    return call.page(list(call.repository.labels.values()), lambda made: shapes.label(call.repository, made))


@route("POST", REPOSITORY + "/labels", needs=WRITE)
def create_label(call: Call) -> Answer:
    it, name = call.repository, _label_name(call.text("name"))
    if name.lower() in it.labels:
        raise invalid("Label", "name", "already_exists")
    label = it.label(name)
    label.color = call.optional_text("color") or label.color
    label.description = call.optional_text("description")
    return Answer(201, shapes.label(it, label))


@route("GET", ISSUE + "/labels", needs=READ)
def list_labels(call: Call) -> Answer:
    return call.page(_issue(call).labels, lambda made: shapes.label(call.repository, made))


@route("POST", ISSUE + "/labels", needs=WRITE, role=Role.TRIAGE)
def add_labels(call: Call) -> Answer:
    return _set_labels(call, [*_issue(call).labels, *map(call.repository.label, _label_names(call))])


@route("PUT", ISSUE + "/labels", needs=WRITE, role=Role.TRIAGE)
def replace_labels(call: Call) -> Answer:
    return _set_labels(call, list(map(call.repository.label, _label_names(call))))


@route("DELETE", ISSUE + "/labels/{name:path}", needs=WRITE, role=Role.TRIAGE)
def remove_label(call: Call) -> Answer:
    """Answers with the labels that stay; 404 when it was not there."""
    issue, name = _issue(call), unquote(call.params["name"]).lower()
    kept = [label for label in issue.labels if label.name.lower() != name]
    if len(kept) == len(issue.labels):
        raise Refused(404, "Label does not exist")
    return _set_labels(call, kept)


def _set_labels(call: Call, labels: list[Label]) -> Answer:
    it, issue = call.repository, _issue(call)
    issue.labels = list({label.id: label for label in labels}.values())
    issue.updated_at = call.hub.now()
    return Answer(200, [shapes.label(it, label) for label in issue.labels])


def _label_names(call: Call) -> list[str]:
    """The names sent, as a bare list or under `labels`; GitHub takes both."""
    sent = call.json()
    names = sent.get("labels", []) if isinstance(sent, dict) else sent
    if not isinstance(names, list):
        raise malformed("For 'properties/labels', it is not an array.")
    names = [name.get("name") if isinstance(name, dict) else name for name in names]
    return [_label_name(name) for name in names]


def _label_name(name: object) -> str:
    if not isinstance(name, str) or not name.strip():
        raise invalid("Label", "name", "missing_field")
    if len(name) > LABEL_LIMIT:
        raise invalid("Label", "name", "custom", f"name is too long (maximum is {LABEL_LIMIT} characters)")
    return name
