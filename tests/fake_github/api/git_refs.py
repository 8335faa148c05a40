"""Endpoints of git's own objects: refs and commits.

https://docs.github.com/rest/git/refs
"""

from __future__ import annotations

from collections.abc import Mapping

from tests.fake_github.api.repositories import REPOSITORY
from tests.fake_github.api.routing import Answer, Call, route
from tests.fake_github.bare import ZERO
from tests.fake_github.push_rules import may_push_workflows
from tests.fake_github.refusals import Refused, not_found
from tests.fake_github.shapes import commits
from tests.fake_github.state import Repository

Refs = Mapping[str, tuple[str, str]]


@route("GET", REPOSITORY + "/git/ref/{ref:path}", needs="contents:read")
def get_ref(call: Call) -> Answer:
    it, name = call.repository, f"refs/{call.params['ref']}"
    refs = it.git.refs(name)
    if name not in refs:
        raise not_found()
    return Answer(200, commits.ref(it, name, *refs[name]))


@route("GET", REPOSITORY + "/git/refs", needs="contents:read")
def list_refs(call: Call) -> Answer:
    return _listed(call, call.repository.git.refs())


@route("GET", REPOSITORY + "/git/matching-refs/{ref:path}", needs="contents:read")
def list_matching_refs(call: Call) -> Answer:
    return _listed(call, call.repository.git.refs(f"refs/{call.params['ref']}"))


def _listed(call: Call, refs: Refs) -> Answer:
    rows = [(name, sha, kind) for name, (sha, kind) in refs.items()]
    return call.page(rows, lambda row: commits.ref(call.repository, *row))


@route("POST", REPOSITORY + "/git/refs", needs="contents:write")
def create_ref(call: Call) -> Answer:
    it, name, sha = call.repository, call.text("ref"), call.text("sha")
    if name.count("/") < 2 or not name.startswith(("refs/heads/", "refs/tags/")):
        raise Refused(422, "Reference name must contain at least three slash-separated components.")
    if not it.git.succeeds("check-ref-format", name):
        raise Refused(422, f"{name} is not a valid ref name.")
    if it.git.object_type(sha) is None:
        raise Refused(422, "Object does not exist")
    if not it.git.swap(name, sha, ZERO):
        raise Refused(422, "Reference already exists")
    it.refresh(call.user)
    return Answer(201, commits.ref(it, name, *it.git.refs(name)[name]))


@route("PATCH", REPOSITORY + "/git/refs/{ref:path}", needs="contents:write")
def move_ref(call: Call) -> Answer:
    """Forward only, unless forced; never on a protected branch."""
    it, name, new = call.repository, f"refs/{call.params['ref']}", call.text("sha")
    old = _movable(it, name)
    if it.git.object_type(new) is None:
        raise Refused(422, "Object does not exist")
    if not call.flag("force") and not it.git.is_ancestor(old, new):
        raise Refused(422, "Update is not a fast forward")
    _refuse_workflow_change(call, old, new)
    if not it.git.swap(name, new, old):
        raise Refused(409, "Reference was modified. Read it and try again.")
    it.refresh(call.user)
    return Answer(200, commits.ref(it, name, *it.git.refs(name)[name]))


@route("DELETE", REPOSITORY + "/git/refs/{ref:path}", needs="contents:write")
def delete_ref(call: Call) -> Answer:
    it, name = call.repository, f"refs/{call.params['ref']}"
    it.git.swap(name, ZERO, _movable(it, name))
    it.refresh(call.user)
    return Answer(204)


def _movable(it: Repository, name: str) -> str:
    refs = it.git.refs(name)
    if name not in refs or not name.startswith(("refs/heads/", "refs/tags/")):
        raise Refused(422, "Reference does not exist")
    if name.removeprefix("refs/heads/") in it.protections:
        raise Refused(422, "Changes must be made through a pull request.")
    return refs[name][0]


def _refuse_workflow_change(call: Call, old: str, new: str) -> None:
    if call.credential is None or may_push_workflows(call.credential):
        return
    if call.repository.git.run("diff-tree", "-r", "--name-only", old, new, "--", ".github/workflows"):
        raise Refused(403, "Resource not accessible by integration")


@route("GET", REPOSITORY + "/git/commits/{sha}", needs="contents:read")
def get_git_commit(call: Call) -> Answer:
    it = call.repository
    sha = it.git.resolve(call.params["sha"])
    if sha is None:
        raise not_found()
    return Answer(200, commits.bare_commit(it, it.git.commit(sha)))
