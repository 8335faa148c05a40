"""Endpoints of deployments and their statuses.

https://docs.github.com/rest/deployments
"""

from __future__ import annotations

import json
from typing import Any

from tests.fake_github import deployments
from tests.fake_github.api.call import Answer, Call
from tests.fake_github.api.repositories import commit_named
from tests.fake_github.api.routing import route
from tests.fake_github.records import Deployment, DeploymentStatus
from tests.fake_github.refusals import HttpError, malformed, not_found
from tests.fake_github.serializers.templates import fill

STATUSES = "/deployments/<int:deployment>/statuses"
STATES = ("error", "failure", "inactive", "in_progress", "queued", "pending", "success")
DESCRIPTION_LIMIT = 140


@route("GET", "/deployments", needs="deployments:read")
def list_deployments(call: Call) -> Answer:
    """Newest first, those that have every value asked for."""
    asked = {name: call.query[name] for name in ("sha", "ref", "task", "environment") if call.query.get(name)}
    matching = [
        deployment
        for deployment in reversed(call.repo.deployments.values())
        if all(getattr(deployment, name) == value for name, value in asked.items())
    ]
    return call.page(matching, lambda deployment: fill("deployment", call.repo, deployment=deployment))


@route("POST", "/deployments", needs="deployments:write")
def create_deployment(call: Call) -> Answer:
    """201; 202 when the branch was brought up to date instead; 409 on a conflict or a check without success."""
    repo, ref = call.repo, call.text("ref")
    try:
        sha = commit_named(repo, ref)
    except HttpError:
        raise HttpError(422, f"No ref found for: {ref}") from None
    required, deployment = _required_contexts(call), _described(call, ref, sha)
    if call.flag("auto_merge", default=True):
        message = deployments.merge_trunk(repo, ref, sha, call.user)
        if message is not None:
            return Answer(202, {"message": message})
    deployments.refuse_unproven(repo, ref, sha, required)
    repo.deployments[deployment.id] = deployment
    return Answer(201, fill("deployment", repo, deployment=deployment))


def _described(call: Call, ref: str, sha: str) -> Deployment:
    environment, now = call.optional_text("environment") or "production", call.hub.now()
    return Deployment(
        id=call.hub.next_id(),
        creator=call.user,
        app=call.app,
        sha=sha,
        ref=ref,
        task=call.optional_text("task") or "deploy",
        payload=_payload(call),
        environment=environment,
        original_environment=environment,
        description=call.short_text("description", "Deployment", DESCRIPTION_LIMIT) or "",
        transient=call.flag("transient_environment"),
        production=call.flag("production_environment", default=environment == "production"),
        created_at=now,
        updated_at=now,
    )


def _required_contexts(call: Call) -> list[str] | None:
    names = call.fields().get("required_contexts")
    if names is not None and not (isinstance(names, list) and all(isinstance(name, str) for name in names)):
        raise malformed(f"For 'properties/required_contexts', {json.dumps(names)} is not an array.")
    return names


def _payload(call: Call) -> dict[str, Any] | str:
    payload = call.fields().get("payload", "")
    if not isinstance(payload, dict | str):
        raise malformed(f"For 'properties/payload', {json.dumps(payload)} is not an object.")
    return payload


def _deployment(call: Call) -> Deployment:
    deployment = call.repo.deployments.get(call.params["deployment"])
    if deployment is None:
        raise not_found()
    return deployment


@route("GET", STATUSES, needs="deployments:read")
def list_deployment_statuses(call: Call) -> Answer:
    """Newest first."""
    repo, deployment = call.repo, _deployment(call)
    newest_first = deployment.statuses[::-1]
    return call.page(newest_first, lambda status: fill("deployment_status", repo, deployment=deployment, status=status))


@route("POST", STATUSES, needs="deployments:write")
def create_deployment_status(call: Call) -> Answer:
    """https://docs.github.com/rest/deployments/statuses#create-a-deployment-status"""
    repo, deployment = call.repo, _deployment(call)
    status = DeploymentStatus(
        id=call.hub.next_id(),
        creator=call.user,
        app=call.app,
        state=call.choice("state", STATES),
        environment=call.optional_text("environment") or deployment.environment,
        created_at=call.hub.now(),
        description=call.short_text("description", "DeploymentStatus", DESCRIPTION_LIMIT) or "",
        log_url=call.optional_text("log_url") or call.optional_text("target_url") or "",
        environment_url=call.optional_text("environment_url") or "",
    )
    deployments.add_status(repo, deployment, status, auto_inactive=call.flag("auto_inactive", default=True))
    return Answer(201, fill("deployment_status", repo, deployment=deployment, status=status))
