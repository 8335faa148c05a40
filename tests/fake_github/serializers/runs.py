"""Runs of workflows, and deployments."""

from __future__ import annotations

from pathlib import PurePosixPath

from tests.fake_github.bare import ZERO
from tests.fake_github.records import WorkflowRun
from tests.fake_github.serializers.commits import webhook_commit
from tests.fake_github.serializers.repositories import repository
from tests.fake_github.serializers.templates import Json, fill
from tests.fake_github.state import RepositoryState


def workflow_run(repo: RepositoryState, run: WorkflowRun) -> Json:
    commit = None if run.head_sha == ZERO else webhook_commit(repo, repo.git.commit(run.head_sha))
    file = PurePosixPath(run.path).name
    return fill("workflow_run", repo, run=run, file=file, head_commit=commit, repository=repository(repo))


def workflow(repo: RepositoryState, path: str) -> Json:
    file = PurePosixPath(path)
    return fill("workflow", repo, path=path, file=file.name, name=file.stem)
