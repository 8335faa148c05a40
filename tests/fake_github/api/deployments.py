"""Endpoints of deployments and their statuses.

https://docs.github.com/rest/deployments
"""

from __future__ import annotations

import json
from typing import Any

from tests.fake_github import deployments
from tests.fake_github.accounts import App
from tests.fake_github.api.repositories import REPOSITORY, commit_named
from tests.fake_github.api.routing import Answer, Call, route
from tests.fake_github.records import Deployment, DeploymentStatus
from tests.fake_github.refusals import Refused, invalid, malformed, not_found
from tests.fake_github.shapes import deployments as shapes

DEPLOYMENT = REPOSITORY + "/deployments/{deployment:number}"
STATES = ("error", "failure", "inactive", "in_progress", "queued", "pending", "success")
DESCRIPTION_LIMIT = 140


@route("GET", REPOSITORY + "/deployments", needs="deployments:read")
def list_deployments(call: Call) -> Answer:
    """Newest first, those that have every value asked for."""
    asked = {name: call.query[name] for name in ("sha", "ref", "task", "environment") if call.query.get(name)}
    found = [
        made
        for made in reversed(call.repository.deployments.values())
        if all(getattr(made, name) == value for name, value in asked.items())
    ]
    return call.page(found, lambda made: shapes.deployment(call.repository, made))


@route("POST", REPOSITORY + "/deployments", needs="deployments:write")
def create_deployment(call: Call) -> Answer:
    """201; 202 when the branch was brought up to date instead; 409 on a conflict or a check without success."""
    it, ref = call.repository, call.text("ref")
    try:
        sha = commit_named(it, ref)
    except Refused:
        raise Refused(422, f"No ref found for: {ref}") from None
    required, deployment = _required_contexts(call), _described(call, ref, sha)
    if call.flag("auto_merge", default=True):
        said = deployments.merge_trunk(it, ref, sha, call.user)
        if said is not None:
            return Answer(202, {"message": said})
    deployments.refuse_unproven(it, ref, sha, required)
    it.deployments[deployment.id] = deployment
    return Answer(201, shapes.deployment(it, deployment))


def _described(call: Call, ref: str, sha: str) -> Deployment:
    environment, now = call.optional_text("environment") or "production", call.hub.now()
    return Deployment(
        id=call.hub.next_id(),
        creator=call.user,
        app=_app(call),
        sha=sha,
        ref=ref,
        task=call.optional_text("task") or "deploy",
        payload=_payload(call),
        environment=environment,
        original_environment=environment,
        description=_description(call, "Deployment"),
        transient=call.flag("transient_environment"),
        production=call.flag("production_environment", default=environment == "production"),
        created_at=now,
        updated_at=now,
    )


def _required_contexts(call: Call) -> list[str] | None:
    sent = call.fields().get("required_contexts")
    if sent is None:
        return None
    if not isinstance(sent, list) or not all(isinstance(name, str) for name in sent):
        raise malformed(f"For 'properties/required_contexts', {json.dumps(sent)} is not an array.")
    return sent


def _payload(call: Call) -> dict[str, Any] | str:
    sent = call.fields().get("payload", "")
    if not isinstance(sent, dict | str):
        raise malformed(f"For 'properties/payload', {json.dumps(sent)} is not an object.")
    return sent


def _description(call: Call, resource: str) -> str:
    text = call.optional_text("description") or ""
    if len(text) > DESCRIPTION_LIMIT:
        reason = f"description is too long (maximum is {DESCRIPTION_LIMIT} characters)"
        raise invalid(resource, "description", "custom", reason)
    return text


def _app(call: Call) -> App | None:
    return call.credential.app if call.credential else None


def _deployment(call: Call) -> Deployment:
    deployment = call.repository.deployments.get(call.number("deployment"))
    if deployment is None:
        raise not_found()
    return deployment


@route("GET", DEPLOYMENT + "/statuses", needs="deployments:read")
def list_deployment_statuses(call: Call) -> Answer:
    """Newest first."""
    deployment = _deployment(call)
    return call.page(deployment.statuses[::-1], lambda made: shapes.status(call.repository, deployment, made))


@route("POST", DEPLOYMENT + "/statuses", needs="deployments:write")
def create_deployment_status(call: Call) -> Answer:
    """https://docs.github.com/rest/deployments/statuses#create-a-deployment-status"""
    deployment, state = _deployment(call), call.text("state")
    if state not in STATES:
        raise malformed(f"{state} is not a member of {list(STATES)}.")
    status = DeploymentStatus(
        id=call.hub.next_id(),
        creator=call.user,
        app=_app(call),
        state=state,
        environment=call.optional_text("environment") or deployment.environment,
        created_at=call.hub.now(),
        description=_description(call, "DeploymentStatus"),
        log_url=call.optional_text("log_url") or call.optional_text("target_url") or "",
        environment_url=call.optional_text("environment_url") or "",
    )
    auto_inactive = call.flag("auto_inactive", default=True)
    deployments.add_status(call.repository, deployment, status, auto_inactive=auto_inactive)
    return Answer(201, shapes.status(call.repository, deployment, status))
