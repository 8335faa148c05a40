"""The JSON of commits, changed files, refs, contents, statuses and check runs."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import TYPE_CHECKING
from urllib.parse import quote

from tests.fake_github.bare import ChangedFile, Commit, Person
from tests.fake_github.records import Activity, CheckRun, Status
from tests.fake_github.shapes.accounts import app, user
from tests.fake_github.shapes.common import Json, instant, node_id

if TYPE_CHECKING:
    from tests.fake_github.state import Repository


def _urls(it: Repository) -> tuple[str, str]:
    return f"{it.hub.api_url}/repos/{it.full_name}", f"{it.hub.server_url}/{it.full_name}"


def _account(it: Repository, person: Person) -> Json | None:
    """The user whose private address wrote the commit; GitHub shows no account for other addresses."""
    found = next((u for u in it.hub.users.values() if u.email == person.email), None)
    return user(it.hub, found) if found else None


def _person(person: Person) -> Json:
    return {"name": person.name, "email": person.email, "date": instant(person.when)}


def git_commit(it: Repository, made: Commit) -> Json:
    """The inner `commit` of a commit."""
    url, _ = _urls(it)
    unsigned = {
        "verified": False,
        "reason": "unsigned",
        "signature": None,
        "payload": None,
        "verified_at": None,
    }
    return {
        "author": _person(made.author),
        "committer": _person(made.committer),
        "message": made.message,
        "tree": {"sha": made.tree, "url": f"{url}/git/trees/{made.tree}"},
        "url": f"{url}/git/commits/{made.sha}",
        "comment_count": 0,
        "verification": unsigned,
    }


def bare_commit(it: Repository, made: Commit) -> Json:
    """What `GET /git/commits/{sha}` answers."""
    _, html = _urls(it)
    inner = git_commit(it, made)
    del inner["comment_count"]
    return {
        "sha": made.sha,
        "node_id": node_id("Commit", made.sha),
        "html_url": f"{html}/commit/{made.sha}",
        **inner,
        "parents": _parents(it, made),
    }


def _parents(it: Repository, made: Commit) -> list[Json]:
    url, html = _urls(it)
    return [{"sha": sha, "url": f"{url}/commits/{sha}", "html_url": f"{html}/commit/{sha}"} for sha in made.parents]


def commit(it: Repository, made: Commit) -> Json:
    url, html = _urls(it)
    return {
        "sha": made.sha,
        "node_id": node_id("Commit", made.sha),
        "commit": git_commit(it, made),
        "url": f"{url}/commits/{made.sha}",
        "html_url": f"{html}/commit/{made.sha}",
        "comments_url": f"{url}/commits/{made.sha}/comments",
        "author": _account(it, made.author),
        "committer": _account(it, made.committer),
        "parents": _parents(it, made),
    }


def simple_commit(made: Commit) -> Json:
    """A commit inside a webhook payload."""
    return {
        "id": made.sha,
        "tree_id": made.tree,
        "message": made.message,
        "timestamp": made.committer.when.isoformat(),
        "author": {"name": made.author.name, "email": made.author.email},
        "committer": {"name": made.committer.name, "email": made.committer.email},
    }


def pushed_commit(it: Repository, made: Commit) -> Json:
    """A commit of a `push` payload."""
    shape = {**simple_commit(made), "distinct": True, "url": f"{_urls(it)[1]}/commit/{made.sha}"}
    for role, person in (("author", made.author), ("committer", made.committer)):
        account = _account(it, person)
        if account:
            shape[role]["username"] = account["login"]
    return shape


def comparison(it: Repository, base: Commit, start: Commit, head: str, ahead: int, behind: int) -> Json:
    """How two commits stand to each other; `start` is where they parted."""
    url, html = _urls(it)
    ends = f"{base.sha}...{head}"
    status = ("diverged" if behind else "ahead") if ahead else "behind" if behind else "identical"
    return {
        "url": f"{url}/compare/{ends}",
        "html_url": f"{html}/compare/{ends}",
        "permalink_url": f"{html}/compare/{it.owner.login}:{base.sha[:7]}...{it.owner.login}:{head[:7]}",
        "diff_url": f"{html}/compare/{ends}.diff",
        "patch_url": f"{html}/compare/{ends}.patch",
        "base_commit": commit(it, base),
        "merge_base_commit": commit(it, start),
        "status": status,
        "ahead_by": ahead,
        "behind_by": behind,
        "total_commits": ahead,
    }


def file(it: Repository, changed: ChangedFile, sha: str) -> Json:
    """A changed file; binary ones have no patch."""
    url, html = _urls(it)
    path = quote(changed.path)
    shape = {
        "sha": changed.blob,
        "filename": changed.path,
        "status": changed.status,
        "additions": changed.additions,
        "deletions": changed.deletions,
        "changes": changed.additions + changed.deletions,
        "blob_url": f"{html}/blob/{sha}/{path}",
        "raw_url": f"{html}/raw/{sha}/{path}",
        "contents_url": f"{url}/contents/{path}?ref={sha}",
    }
    if changed.patch is not None:
        shape["patch"] = changed.patch
    if changed.previous is not None:
        shape["previous_filename"] = changed.previous
    return shape


def ref(it: Repository, name: str, sha: str, kind: str) -> Json:
    url, _ = _urls(it)
    target = {"sha": sha, "type": kind, "url": f"{url}/git/{kind}s/{sha}"}
    return {"ref": name, "node_id": node_id("Ref", name), "url": f"{url}/git/{name}", "object": target}


def entry(it: Repository, path: str, revision: str, kind: str, sha: str, size: int) -> Json:
    """One entry of a folder in the contents API; `kind` is file, dir, symlink or submodule."""
    url, html = _urls(it)
    place = quote(path)
    here, folder = f"{url}/contents/{place}?ref={revision}", kind == "dir"
    git_url = f"{url}/git/{'trees' if folder else 'blobs'}/{sha}"
    html_url = f"{html}/{'tree' if folder else 'blob'}/{revision}/{place}"
    return {
        "name": path.rpartition("/")[2],
        "path": path,
        "sha": sha,
        "size": size,
        "url": here,
        "html_url": html_url,
        "git_url": git_url,
        "download_url": None if folder else f"{html}/raw/{revision}/{place}",
        "type": kind,
        "_links": {"self": here, "git": git_url, "html": html_url},
    }


def content(bytes_read: bytes) -> Json:
    """The part of a file's answer that carries its bytes."""
    return {"encoding": "base64", "content": base64.encodebytes(bytes_read).decode()}


def status(it: Repository, made: Status) -> Json:
    url, _ = _urls(it)
    author = user(it.hub, made.user)
    return {
        "url": f"{url}/statuses/{made.sha}",
        "avatar_url": author["avatar_url"],
        "id": made.id,
        "node_id": node_id("Status", made.id),
        "state": made.state,
        "description": made.description,
        "target_url": made.target_url,
        "context": made.context,
        "created_at": instant(made.created_at),
        "updated_at": instant(made.created_at),
        "creator": author,
    }


def combined_status(it: Repository, sha: str, newest: Sequence[Status], inner: Json) -> Json:
    """One word for all contexts: failure beats pending beats success; none at all is pending.

    https://docs.github.com/rest/commits/statuses#get-the-combined-status-for-a-specific-reference
    """
    url, _ = _urls(it)
    states = {made.state for made in newest}
    worst = "failure" if states & {"failure", "error"} else "success" if states == {"success"} else "pending"
    return {
        "state": worst,
        "sha": sha,
        "total_count": len(newest),
        "statuses": [{k: v for k, v in status(it, made).items() if k != "creator"} for made in newest],
        "repository": inner,
        "commit_url": f"{url}/commits/{sha}",
        "url": f"{url}/commits/{sha}/status",
    }


def check_run(it: Repository, run: CheckRun) -> Json:
    url, html = _urls(it)
    output = {name: run.output.get(name) for name in ("title", "summary", "text")}
    return {
        "id": run.id,
        "node_id": node_id("CheckRun", run.id),
        "name": run.name,
        "head_sha": run.head_sha,
        "external_id": run.external_id,
        "url": f"{url}/check-runs/{run.id}",
        "html_url": f"{html}/runs/{run.id}",
        "details_url": run.details_url or f"{html}/runs/{run.id}",
        "status": run.status,
        "conclusion": run.conclusion,
        "started_at": instant(run.started_at),
        "completed_at": instant(run.completed_at),
        "output": {
            **output,
            "annotations_count": len(run.annotations),
            "annotations_url": f"{url}/check-runs/{run.id}/annotations",
        },
        "check_suite": {"id": int(run.head_sha[:8], 16)},
        "app": app(it.hub, run.app),
        "pull_requests": [],
    }


def activity(it: Repository, made: Activity) -> Json:
    return {
        "id": made.id,
        "node_id": node_id("Push", made.id),
        "before": made.before,
        "after": made.after,
        "ref": made.ref,
        "timestamp": instant(made.at),
        "activity_type": made.kind,
        "actor": user(it.hub, made.actor),
    }
