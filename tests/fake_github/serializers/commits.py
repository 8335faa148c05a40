"""Commits, and what is reported about them: statuses, check runs, activity."""

from __future__ import annotations

from tests.fake_github.bare import Commit
from tests.fake_github.records import CheckRun
from tests.fake_github.serializers.templates import Json, fill
from tests.fake_github.state import RepositoryState


def webhook_commit(repo: RepositoryState, commit: Commit) -> Json:
    """Return a commit as webhook payloads have it."""
    return fill("webhook_commit", repo, commit=commit, timestamp=commit.committer.when.isoformat())


def pushed_commit(repo: RepositoryState, commit: Commit) -> Json:
    """Return a commit of a `push` payload, with the accounts whose private addresses wrote it."""
    address = f"{repo.hub.server_url}/{repo.full_name}/commit/{commit.sha}"
    document = {**webhook_commit(repo, commit), "distinct": True, "url": address}
    logins = {user.email: user.login for user in repo.hub.users.values()}
    for person in (document["author"], document["committer"]):
        if person["email"] in logins:
            person["username"] = logins[person["email"]]
    return document


def check_run(repo: RepositoryState, run: CheckRun) -> Json:
    texts = {name: run.output.get(name) for name in ("title", "summary", "text")}
    details = run.details_url or f"{repo.hub.server_url}/{repo.full_name}/runs/{run.id}"
    suite, count = int(run.head_sha[:8], 16) + run.app.id + run.suite, len(run.annotations)
    return fill("check_run", repo, run=run, suite=suite, details_url=details, annotations_count=count, **texts)
