"""Endpoints of issues and labels; comments have a module of their own."""

from __future__ import annotations

from urllib.parse import unquote

from tests.fake_github import issues, pulls
from tests.fake_github.accounts import Role
from tests.fake_github.api.access import integration_refused
from tests.fake_github.api.call import Answer, Call, parse_moment, require_short
from tests.fake_github.api.routing import route
from tests.fake_github.lateness import shown_labels
from tests.fake_github.records import Issue, Label
from tests.fake_github.refusals import HttpError, invalid, malformed
from tests.fake_github.serializers import issues as serializers

ISSUE = "/issues/<int:number>"
READ = "issues:read|pull_requests:read"
WRITE = "issues:write|pull_requests:write"
BODY_LIMIT = 65_536
TITLE_LIMIT = 256
LABEL_LIMIT = 50
STATES = ("open", "closed")
REASONS = ("completed", "not_planned", "duplicate", "reopened")
SORTS = ("created", "updated", "comments")


def asked_issue(call: Call) -> Issue:
    """Return the issue asked for. For a plain one an app needs `issues`; for a pull request either permission."""
    issue, credential = call.repo.issue(call.params["number"]), call.credential
    plain, writes = issue.number not in call.repo.pulls, call.method != "GET"
    if credential and credential.app and plain and writes and not credential.grants("issues", "write"):
        raise integration_refused("issues=write")
    return issue


@route("GET", "/issues", needs="issues:read")
def list_issues(call: Call) -> Answer:
    """Pull requests are issues too: https://docs.github.com/rest/issues/issues#list-repository-issues

    `labels` must all be there; `since` is about the last change; newest first unless `sort` and `direction` say else.
    """
    matching = [issue for issue in call.repo.issues.values() if _is_asked_for(call, issue)]
    sort = call.query.get("sort", "created")
    if sort not in SORTS:
        raise malformed(f"{sort} is not a member of {list(SORTS)}.")
    if sort == "comments":
        matching.sort(key=lambda issue: len(call.repo.comments_on(issue.number)))
    else:
        matching.sort(key=lambda issue: (getattr(issue, f"{sort}_at"), issue.number))
    if call.query.get("direction", "desc") != "asc":
        matching.reverse()
    return call.page(matching, lambda issue: serializers.issue(call.repo, issue))


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


@route("POST", "/issues", needs="issues:write", role=Role.READ)
def create_issue(call: Call) -> Answer:
    names = _label_names(call)
    issue = issues.open_issue(call.repo, call.user, _title(call), call.short_text("body", "Issue", BODY_LIMIT))
    if call.role >= Role.TRIAGE:  # silently dropped for others, as on GitHub
        issue.labels = _labels(call, names)
    return Answer(201, serializers.issue(call.repo, issue))


@route("PATCH", ISSUE, needs=WRITE, role=Role.READ)
def edit_issue(call: Call) -> Answer:
    """Title, body, state and labels; by its author or from triage up.

    https://docs.github.com/rest/issues/issues#update-an-issue
    """
    issue = asked_issue(call)
    if call.role < Role.TRIAGE and call.user != issue.user:
        raise HttpError(403, "Must have admin rights to Repository.")
    fields, names = call.fields(), _label_names(call)
    state, reason = call.optional_choice("state", STATES), call.optional_choice("state_reason", REASONS)
    title = _title(call) if fields.get("title") else issue.title
    body = call.short_text("body", "Issue", BODY_LIMIT)
    issue.title, issue.body = title, body if "body" in fields else issue.body
    if "labels" in fields and call.role >= Role.TRIAGE:
        issue.labels = _labels(call, names)
    if state is not None and state != issue.state:  # a reason without a change means nothing
        _change_state(call, issue, state, reason or "completed")
    issue.updated_at = call.hub.now()
    return Answer(200, serializers.issue(call.repo, issue))


def _change_state(call: Call, issue: Issue, state: str, reason: str) -> None:
    repo, pull = call.repo, call.repo.pulls.get(issue.number)
    if state == "closed":
        pulls.close(pull, call.user) if pull else issues.close_issue(repo, issue, call.user, reason)
    else:
        pulls.reopen(pull, call.user) if pull else issues.reopen_issue(repo, issue)


def _title(call: Call) -> str:
    title = call.text("title")
    if not title.strip():
        raise invalid("Issue", "title", "missing_field")
    require_short(title, "title", "Issue", TITLE_LIMIT)
    return title


@route("POST", ISSUE + "/assignees", needs=WRITE, role=Role.READ)
def add_assignees(call: Call) -> Answer:
    """Ten at most; who may not be assigned is passed over, and so is everybody where the caller may not triage.

    https://docs.github.com/en/rest/issues/assignees#add-assignees-to-an-issue
    """
    issue, names = asked_issue(call), call.fields().get("assignees", [])
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise malformed("For 'properties/assignees', it is not an array of strings.")
    if call.role >= Role.TRIAGE:
        users = [call.hub.users[name.lower()] for name in names if name.lower() in call.hub.users]
        known = [user for user in users if call.repo.role_of(user) >= Role.READ and user not in issue.assignees]
        issue.assignees = [*issue.assignees, *known][:10]
    return Answer(201, serializers.issue(call.repo, issue))


@route("GET", ISSUE + "/labels", needs=READ)
def list_labels(call: Call) -> Answer:
    return call.page(shown_labels(call.hub, asked_issue(call)), lambda label: serializers.label(call.repo, label))


@route("POST", ISSUE + "/labels", needs=WRITE, role=Role.TRIAGE)
def add_labels(call: Call) -> Answer:
    return _set_labels(call, [*asked_issue(call).labels, *_labels(call, _label_names(call))])


@route("DELETE", ISSUE + "/labels/<path:name>", needs=WRITE, role=Role.TRIAGE)
def remove_label(call: Call) -> Answer:
    """Answers with the labels that stay; 404 when it was not there."""
    issue, name = asked_issue(call), unquote(call.params["name"]).lower()
    kept = [label for label in issue.labels if label.name.lower() != name]
    if len(kept) == len(issue.labels):
        raise HttpError(404, "Label does not exist")
    return _set_labels(call, kept)


def _set_labels(call: Call, labels: list[Label]) -> Answer:
    repo, issue = call.repo, asked_issue(call)
    issues.set_labels(repo, issue, _each_once(labels), call.user)
    return Answer(200, [serializers.label(repo, label) for label in issue.labels])


def _labels(call: Call, names: list[str]) -> list[Label]:
    """Return the labels of these names, each once; those the repository does not have are made."""
    return _each_once([call.repo.label(name) for name in names])


def _each_once(labels: list[Label]) -> list[Label]:
    return list({label.id: label for label in labels}.values())


def _label_names(call: Call) -> list[str]:
    """Return the names sent, as a bare list or under `labels`; GitHub takes both."""
    sent = call.json()
    names = sent.get("labels", []) if isinstance(sent, dict) else sent
    if not isinstance(names, list):
        raise malformed("For 'properties/labels', it is not an array.")
    return [_label_name(name.get("name") if isinstance(name, dict) else name) for name in names]


def _label_name(name: object) -> str:
    if not isinstance(name, str) or not name.strip():
        raise invalid("Label", "name", "missing_field")
    require_short(name, "name", "Label", LABEL_LIMIT)
    return name
