"""The JSON of a workflow's run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.fake_github.bare import ZERO
from tests.fake_github.records import WorkflowRun
from tests.fake_github.shapes.accounts import user
from tests.fake_github.shapes.commits import simple_commit
from tests.fake_github.shapes.common import Json, instant, node_id
from tests.fake_github.shapes.repositories import repository

if TYPE_CHECKING:
    from tests.fake_github.state import Repository


def run(it: Repository, made: WorkflowRun) -> Json:
    url = f"{it.hub.api_url}/repos/{it.full_name}/actions/runs/{made.id}"
    place = repository(it)
    actor = user(it.hub, made.actor)
    return {
        "id": made.id,
        "node_id": node_id("WorkflowRun", made.id),
        "name": made.path.rpartition("/")[2],
        "display_title": made.event,
        "head_branch": made.head_branch,
        "head_sha": made.head_sha,
        "head_commit": None if made.head_sha == ZERO else simple_commit(it.git.commit(made.head_sha)),
        "path": made.path,
        "run_number": 1,
        "run_attempt": 1,
        "previous_attempt_url": None,
        "event": made.event,
        "status": "in_progress",
        "conclusion": None,
        "workflow_id": 1,
        "actor": actor,
        "triggering_actor": actor,
        "pull_requests": [],
        "created_at": instant(made.created_at),
        "run_started_at": instant(made.created_at),
        "updated_at": instant(made.created_at),
        "url": url,
        "html_url": f"{it.hub.server_url}/{it.full_name}/actions/runs/{made.id}",
        "jobs_url": f"{url}/jobs",
        "logs_url": f"{url}/logs",
        "check_suite_id": made.id,
        "check_suite_node_id": node_id("CheckSuite", made.id),
        "check_suite_url": f"{it.hub.api_url}/repos/{it.full_name}/check-suites/{made.id}",
        "artifacts_url": f"{url}/artifacts",
        "cancel_url": f"{url}/cancel",
        "rerun_url": f"{url}/rerun",
        "workflow_url": f"{it.hub.api_url}/repos/{it.full_name}/actions/workflows/1",
        "repository": place,
        "head_repository": place,
    }


def workflow(it: Repository, path: str) -> Json:
    url = f"{it.hub.api_url}/repos/{it.full_name}/actions/workflows/1"
    page = f"{it.hub.server_url}/{it.full_name}"
    now = instant(it.created_at)
    return {
        "id": 1,
        "node_id": node_id("Workflow", 1),
        "name": path.rpartition("/")[2].removesuffix(".yml"),
        "path": path,
        "state": "active",
        "created_at": now,
        "updated_at": now,
        "url": url,
        "html_url": f"{page}/blob/{it.default_branch}/{path}",
        "badge_url": f"{page}/workflows/{path.rpartition('/')[2]}/badge.svg",
    }
