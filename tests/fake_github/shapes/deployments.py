"""The JSON of deployments and their statuses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.fake_github.records import Deployment, DeploymentStatus
from tests.fake_github.shapes.accounts import app, user
from tests.fake_github.shapes.common import Json, instant, node_id

if TYPE_CHECKING:
    from tests.fake_github.state import Repository


def deployment(it: Repository, made: Deployment) -> Json:
    repository_url = f"{it.hub.api_url}/repos/{it.full_name}"
    url = f"{repository_url}/deployments/{made.id}"
    return {
        "url": url,
        "id": made.id,
        "node_id": node_id("Deployment", made.id),
        "sha": made.sha,
        "ref": made.ref,
        "task": made.task,
        "payload": made.payload,
        "original_environment": made.original_environment,
        "environment": made.environment,
        "description": made.description,
        "creator": user(it.hub, made.creator),
        "created_at": instant(made.created_at),
        "updated_at": instant(made.updated_at),
        "statuses_url": f"{url}/statuses",
        "repository_url": repository_url,
        "transient_environment": made.transient,
        "production_environment": made.production,
        "performed_via_github_app": app(it.hub, made.app) if made.app else None,
    }


def status(it: Repository, of: Deployment, made: DeploymentStatus) -> Json:
    repository_url = f"{it.hub.api_url}/repos/{it.full_name}"
    deployment_url = f"{repository_url}/deployments/{of.id}"
    return {
        "url": f"{deployment_url}/statuses/{made.id}",
        "id": made.id,
        "node_id": node_id("DeploymentStatus", made.id),
        "state": made.state,
        "creator": user(it.hub, made.creator),
        "description": made.description,
        "environment": made.environment,
        "target_url": made.log_url,  # the older name of the same
        "created_at": instant(made.created_at),
        "updated_at": instant(made.created_at),
        "deployment_url": deployment_url,
        "repository_url": repository_url,
        "environment_url": made.environment_url,
        "log_url": made.log_url,
        "performed_via_github_app": app(it.hub, made.app) if made.app else None,
    }
