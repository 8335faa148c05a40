"""Endpoints about accounts, repositories, permissions, branches, commits and file contents."""

from __future__ import annotations

import json

from tests.fake_github.accounts import Role
from tests.fake_github.api.routing import Answer, Call, route
from tests.fake_github.bare import GitError
from tests.fake_github.records import Dispatch
from tests.fake_github.refusals import Refused, malformed, not_found
from tests.fake_github.shapes import accounts, commits, repositories
from tests.fake_github.shapes.common import Json
from tests.fake_github.state import Repository

REPOSITORY = "/repos/{owner}/{repo}"
WORKFLOW_SETTINGS = REPOSITORY + "/actions/permissions/workflow"
EVENT_TYPE_LIMIT = 100
PROPERTIES_LIMIT = 10
PAYLOAD_LIMIT = 64 * 1024
COMPARED_COMMITS, COMPARED_FILES = 250, 300
ENTRY_KINDS = {"tree": "dir", "commit": "submodule", "blob": "file"}


@route("GET", "/user", user_only=True, public=False)
def get_authenticated_user(call: Call) -> Answer:
    """403 for a workflow's token, which is nobody's: https://docs.github.com/rest/users/users"""
    return Answer(200, accounts.full_user(call.hub, call.user))


@route("GET", "/users/{login}")
def get_user(call: Call) -> Answer:
    return Answer(200, accounts.full_user(call.hub, call.hub.user(call.params["login"])))


@route("GET", REPOSITORY, needs="metadata:read")
def get_repository(call: Call) -> Answer:
    reader = call.credential.user if call.credential else None
    return Answer(200, repositories.full_repository(call.repository, reader))


@route("GET", WORKFLOW_SETTINGS, needs="administration:read", role=Role.ADMIN, public=False)
def get_workflow_settings(call: Call) -> Answer:
    """https://docs.github.com/rest/actions/permissions#get-default-workflow-permissions-for-a-repository"""
    it = call.repository
    return Answer(
        200,
        {
            "default_workflow_permissions": it.default_workflow_permissions,
            "can_approve_pull_request_reviews": it.actions_may_open_pulls,
        },
    )


@route("PUT", WORKFLOW_SETTINGS, needs="administration:write", role=Role.ADMIN)
def set_workflow_settings(call: Call) -> Answer:
    """`can_approve_pull_request_reviews` is about opening them too, in spite of its name."""
    it = call.repository
    level = call.optional_text("default_workflow_permissions") or it.default_workflow_permissions
    if level not in ("read", "write"):
        raise malformed(f"{level} is not a member of {['read', 'write']}.")
    it.actions_may_open_pulls = call.flag("can_approve_pull_request_reviews", default=it.actions_may_open_pulls)
    it.default_workflow_permissions = level
    return Answer(204)


@route("POST", REPOSITORY + "/dispatches", needs="contents:write")
def create_dispatch(call: Call) -> Answer:
    """https://docs.github.com/rest/repos/repos#create-a-repository-dispatch-event"""
    event_type, payload = call.text("event_type"), call.fields().get("client_payload", {})
    if len(event_type) > EVENT_TYPE_LIMIT:
        raise malformed(f"Only {EVENT_TYPE_LIMIT} characters are allowed; {len(event_type)} were supplied.")
    if not isinstance(payload, dict):
        raise malformed(f"For 'properties/client_payload', {json.dumps(payload)} is not an object.")
    if len(payload) > PROPERTIES_LIMIT:
        raise malformed(f"No more than {PROPERTIES_LIMIT} properties are allowed; {len(payload)} were supplied.")
    if len(json.dumps(payload, ensure_ascii=False).encode()) >= PAYLOAD_LIMIT:
        raise Refused(422, "client_payload is too large.")
    call.repository.dispatches.append(Dispatch(event_type, payload or None, call.user, call.hub.now()))
    return Answer(204)


@route("GET", REPOSITORY + "/collaborators/{login}/permission", needs="metadata:read", public=False)
def get_permission(call: Call) -> Answer:
    """https://docs.github.com/rest/collaborators/collaborators#get-repository-permissions-for-a-user

    Asking takes push access. A bot is not a user here, whatever its app may do.
    """
    if call.role < Role.WRITE:
        raise Refused(403, "Must have push access to view collaborator permission.")
    user = call.hub.user(call.params["login"])
    if user.type != "User":
        raise Refused(404, f"{user.login} is not a user")
    return Answer(200, accounts.permission(call.repository, user))


@route("GET", REPOSITORY + "/branches", needs="contents:read")
def list_branches(call: Call) -> Answer:
    it = call.repository
    tips = [(name.removeprefix("refs/heads/"), sha) for name, (sha, _) in it.git.refs("refs/heads/").items()]
    return call.page(tips, lambda tip: repositories.short_branch(it, *tip))


@route("GET", REPOSITORY + "/branches/{branch:path}", needs="contents:read")
def get_branch(call: Call) -> Answer:
    it, name = call.repository, call.params["branch"]
    tip = it.git.branch(name)
    if tip is None:
        raise Refused(404, "Branch not found")
    return Answer(200, repositories.branch(it, name, tip))


@route("GET", REPOSITORY + "/commits/{ref:path}", needs="contents:read")
def get_commit(call: Call) -> Answer:
    it = call.repository
    made = it.git.commit(commit_named(it, call.params["ref"]))
    files = it.git.changed_files(made.parents[0] if made.parents else it.git.empty_tree(), made.sha)
    added, removed = sum(f.additions for f in files), sum(f.deletions for f in files)
    return Answer(
        200,
        {
            **commits.commit(it, made),
            "stats": {"total": added + removed, "additions": added, "deletions": removed},
            "files": [commits.file(it, changed, made.sha) for changed in files],
        },
    )


@route("GET", REPOSITORY + "/compare/{range:path}", needs="contents:read")
def compare_commits(call: Call) -> Answer:
    """BASE...HEAD within this repository; the oldest 250 commits unless paged, and 300 files.

    https://docs.github.com/rest/commits/commits#compare-two-commits
    """
    it = call.repository
    base_name, dots, head_name = call.params["range"].partition("...")
    if not dots:
        raise not_found()
    try:
        base, head = commit_named(it, base_name), commit_named(it, head_name)
    except Refused:
        raise not_found() from None
    start = it.git.merge_base(base, head)
    if start is None:
        raise Refused(404, f"No common ancestor between {base_name} and {head_name}.")
    ahead, behind = it.git.commits(f"{base}..{head}"), it.git.commits(f"{head}..{base}")
    files = it.git.changed_files(start, head)[:COMPARED_FILES]
    shape = commits.comparison(it, it.git.commit(base), it.git.commit(start), head, len(ahead), len(behind))
    shown = call.page(ahead, lambda commit: commits.commit(it, commit))
    if "page" not in call.query and "per_page" not in call.query:
        shown = Answer(200, [commits.commit(it, commit) for commit in ahead[:COMPARED_COMMITS]])
    page = {"commits": shown.payload, "files": [commits.file(it, changed, head) for changed in files]}
    return Answer(200, {**shape, **page}, shown.headers)


def commit_named(it: Repository, name: str) -> str:
    """The commit a branch, tag, short ref (heads/x) or id names, as `{ref}` in paths; 422 without one."""
    for candidate in (f"refs/heads/{name}", f"refs/tags/{name}", f"refs/{name}", name):
        sha = it.git.resolve(candidate)
        if sha is not None:
            return sha
    raise Refused(422, f"No commit found for SHA: {name}")


@route("GET", REPOSITORY + "/contents/{path:path}", needs="contents:read")
def get_contents(call: Call) -> Answer:
    """https://docs.github.com/rest/repos/contents#get-repository-content"""
    it, path = call.repository, call.params["path"].strip("/")
    revision = call.query.get("ref") or it.default_branch
    try:
        sha = commit_named(it, revision)
        kind = it.git.object_type(f"{sha}:{path}")
    except (Refused, GitError):
        raise not_found() from None
    if kind == "tree":
        return Answer(200, [commits.entry(it, *row) for row in _rows(it, sha, f"{path}/", revision)])
    if kind != "blob":
        raise not_found()
    row = _rows(it, sha, path, revision)[0]
    return Answer(200, _file(it, row))


def _rows(it: Repository, sha: str, path: str, revision: str) -> list[tuple[str, str, str, str, int]]:
    """(path, revision, kind, object id, size) of the entries `git ls-tree` finds at a path."""
    rows = []
    for line in it.git.run("ls-tree", "-z", "--long", sha, "--", path).split("\0")[:-1]:
        columns, _, name = line.partition("\t")
        mode, kind, blob, size = columns.split()
        shown = "symlink" if mode == "120000" else ENTRY_KINDS[kind]
        rows.append((name, revision, shown, blob, 0 if size == "-" else int(size)))
    return rows


def _file(it: Repository, row: tuple[str, str, str, str, int]) -> Json:
    blob = it.git.run_bytes("cat-file", "blob", row[3])
    return {**commits.entry(it, *row), **commits.content(blob)}


@route("GET", REPOSITORY + "/activity", needs="contents:read")
def list_activity(call: Call) -> Answer:
    """Newest first, by cursor: `page` is not known here, the Link header's `after` is the way on.

    https://docs.github.com/rest/repos/repos#list-repository-activities
    """
    it, ref = call.repository, call.query.get("ref", "")
    wanted = ref if not ref or ref.startswith("refs/") else f"refs/heads/{ref}"
    found = [made for made in reversed(it.activity.entries) if wanted in ("", made.ref)]
    return call.following(found, lambda made: commits.activity(it, made))
