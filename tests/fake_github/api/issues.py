"""Endpoints of issues and labels; comments have a module of their own."""

from __future__ import annotations

from urllib.parse import unquote

from tests.fake_github import pulls
from tests.fake_github.accounts import Role
from tests.fake_github.api.repositories import REPOSITORY
from tests.fake_github.api.routing import Answer, Call, parse_moment, route
from tests.fake_github.records import Issue, Label
from tests.fake_github.refusals import Refused, invalid, malformed
from tests.fake_github.shapes import issues as shapes

ISSUE = REPOSITORY + "/issues/{number:number}"
READ = "issues:read|pull_requests:read"
WRITE = "issues:write|pull_requests:write"
BODY_LIMIT = 65_536
TITLE_LIMIT = 256
LABEL_LIMIT = 50
STATES = ("open", "closed")
REASONS = ("completed", "not_planned", "duplicate", "reopened")
SORTS = ("created", "updated", "comments")


def asked_issue(call: Call) -> Issue:
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
    """Pull requests are issues too: https://docs.github.com/rest/issues/issues#list-repository-issues

    `labels` must all be there; `since` is about the last change; newest first unless `sort` and `direction` say else.
    """
    found = [issue for issue in call.repository.issues.values() if _is_asked_for(call, issue)]
    sort = call.query.get("sort", "created")
    if sort not in SORTS:
        raise malformed(f"{sort} is not a member of {list(SORTS)}.")
    if sort == "comments":
        found.sort(key=lambda issue: len(call.repository.comments_on(issue.number)))
    else:
        found.sort(key=lambda issue: (getattr(issue, f"{sort}_at"), issue.number))
    if call.query.get("direction", "desc") != "asc":
        found.reverse()
    return call.page(found, lambda issue: shapes.issue(call.repository, issue))


def _is_asked_for(call: Call, issue: Issue) -> bool:
    state, creator = call.query.get("state", "open"), call.query.get("creator", "")
    since = call.query.get("since")
    wanted = {name.strip().lower() for name in call.query.get("labels", "").split(",") if name.strip()}
    return (
        state in ("all", issue.state)
        and wanted <= {label.name.lower() for label in issue.labels}
        and creator.lower() in ("", issue.user.login.lower())
        and (not since or issue.updated_at >= parse_moment(since))
    )


@route("POST", REPOSITORY + "/issues", needs="issues:write", role=Role.READ)
def create_issue(call: Call) -> Answer:
    names = _label_names(call)
    issue = pulls.open_issue(call.repository, call.user, _title(call), _issue_body(call))
    if call.role >= Role.TRIAGE:  # silently dropped for others, as on GitHub
        issue.labels = _labels(call, names)
    return Answer(201, shapes.issue(call.repository, issue))


@route("PATCH", ISSUE, needs=WRITE, role=Role.READ)
def edit_issue(call: Call) -> Answer:
    """Title, body, state and labels; by its author or from triage up.

    https://docs.github.com/rest/issues/issues#update-an-issue
    """
    it, issue = call.repository, asked_issue(call)
    if call.role < Role.TRIAGE and call.user != issue.user:
        raise Refused(403, "Must have admin rights to Repository.")
    fields, names = call.fields(), _label_names(call)
    state, reason = _one_of(call, "state", STATES), _one_of(call, "state_reason", REASONS)
    title, body = _title(call) if fields.get("title") else issue.title, _issue_body(call)
    issue.title, issue.body = title, body if "body" in fields else issue.body
    if "labels" in fields and call.role >= Role.TRIAGE:
        issue.labels = _labels(call, names)
    if state is not None and state != issue.state:  # a reason without a change means nothing
        _change_state(call, issue, state, reason or "completed")
    issue.updated_at = call.hub.now()
    return Answer(200, shapes.issue(it, issue))


def _change_state(call: Call, issue: Issue, state: str, reason: str) -> None:
    it, pull = call.repository, call.repository.pulls.get(issue.number)
    if state == "closed":
        pulls.close(pull, call.user) if pull else pulls.close_issue(it, issue, call.user, reason)
    else:
        pulls.reopen(pull, call.user) if pull else pulls.reopen_issue(it, issue)


def _one_of(call: Call, name: str, allowed: tuple[str, ...]) -> str | None:
    value = call.optional_text(name)
    if value is not None and value not in allowed:
        raise malformed(f"{value} is not a member of {list(allowed)}.")
    return value


def _title(call: Call) -> str:
    title = call.text("title")
    if not title.strip():
        raise invalid("Issue", "title", "missing_field")
    if len(title) > TITLE_LIMIT:
        raise invalid("Issue", "title", "custom", f"title is too long (maximum is {TITLE_LIMIT} characters)")
    return title


def _issue_body(call: Call) -> str | None:
    body = call.optional_text("body")
    if len(body or "") > BODY_LIMIT:
        raise invalid("Issue", "body", "custom", f"body is too long (maximum is {BODY_LIMIT} characters)")
    return body


# Labels: https://docs.github.com/rest/issues/labels


@route("GET", ISSUE + "/labels", needs=READ)
def list_labels(call: Call) -> Answer:
    return call.page(asked_issue(call).labels, lambda made: shapes.label(call.repository, made))


@route("GET", ISSUE + "/events", needs=READ)
def list_events(call: Call) -> Answer:
    """https://docs.github.com/rest/issues/events#list-issue-events; labels are all that is remembered."""
    return call.page(asked_issue(call).events, lambda made: shapes.event(call.repository, made))


@route("POST", ISSUE + "/labels", needs=WRITE, role=Role.TRIAGE)
def add_labels(call: Call) -> Answer:
    return _set_labels(call, [*asked_issue(call).labels, *_labels(call, _label_names(call))])


@route("DELETE", ISSUE + "/labels/{name:path}", needs=WRITE, role=Role.TRIAGE)
def remove_label(call: Call) -> Answer:
    """Answers with the labels that stay; 404 when it was not there."""
    issue, name = asked_issue(call), unquote(call.params["name"]).lower()
    kept = [label for label in issue.labels if label.name.lower() != name]
    if len(kept) == len(issue.labels):
        raise Refused(404, "Label does not exist")
    return _set_labels(call, kept)


def _labels(call: Call, names: list[str]) -> list[Label]:
    """The labels of these names, each once; those the repository does not have are made."""
    return list({label.id: label for label in map(call.repository.label, names)}.values())


def _set_labels(call: Call, labels: list[Label]) -> Answer:
    it, issue = call.repository, asked_issue(call)
    it.relabel(issue, list({label.id: label for label in labels}.values()), call.user)
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
