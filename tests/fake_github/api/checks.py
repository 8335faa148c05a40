"""Endpoints of check runs and commit statuses."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tests.fake_github.api.repositories import REPOSITORY
from tests.fake_github.api.routing import Answer, Call, parse_moment, route
from tests.fake_github.records import CheckRun, Status
from tests.fake_github.refusals import Refused, invalid, malformed
from tests.fake_github.shapes import commits

CONCLUSIONS = (
    "action_required",
    "cancelled",
    "failure",
    "neutral",
    "success",
    "skipped",
    "stale",
    "timed_out",
)
PROGRESS = ("queued", "in_progress", "completed", "waiting", "requested", "pending")
STATES = ("error", "failure", "pending", "success")
OUTPUT_LIMIT = 65_535
ANNOTATIONS_LIMIT = 50
DESCRIPTION_LIMIT = 140


@route("POST", REPOSITORY + "/check-runs", needs="checks:write", app_only=True)
def create_check_run(call: Call) -> Answer:
    """https://docs.github.com/rest/checks/runs#create-a-check-run"""
    it, name, sha = call.repository, call.text("name"), call.text("head_sha")
    if len(sha) != 40 or it.git.resolve(sha) is None:
        raise Refused(422, f"No commit found for SHA: {sha}")
    if call.credential is None or call.credential.app is None:
        raise Refused(403, "You must authenticate via a GitHub App.")
    run = CheckRun(call.hub.next_id(), call.credential.app, name, sha, "queued", call.hub.now())
    _update(call, run)
    it.check_runs[run.id] = run
    return Answer(201, commits.check_run(it, run))


def _update(call: Call, run: CheckRun) -> None:
    status, conclusion = call.optional_text("status"), call.optional_text("conclusion")
    _member(status, PROGRESS)
    _member(conclusion, CONCLUSIONS)
    if status == "completed" and conclusion is None:
        raise malformed('"conclusion" wasn\'t supplied.')
    output = _output(call)
    run.details_url = call.optional_text("details_url") or run.details_url
    run.external_id = call.optional_text("external_id") or run.external_id
    run.started_at = _moment(call, "started_at") or run.started_at
    run.annotations += output.pop("annotations", [])
    run.output |= output
    if conclusion is not None:  # a conclusion completes the run
        run.status, run.conclusion = "completed", conclusion
        run.completed_at = _moment(call, "completed_at") or call.hub.now()
    elif status is not None:
        run.status, run.conclusion, run.completed_at = status, None, None


def _member(value: str | None, allowed: tuple[str, ...]) -> None:
    if value is not None and value not in allowed:
        raise malformed(f"{value} is not a member of {list(allowed)}.")


def _moment(call: Call, name: str) -> datetime | None:
    text = call.optional_text(name)
    return None if text is None else parse_moment(text)


def _output(call: Call) -> dict[str, Any]:
    output = call.fields().get("output", {})
    if not isinstance(output, dict):
        raise malformed("For 'properties/output', it is not an object.")
    if output and not isinstance(output.get("summary"), str):
        raise malformed('"summary" wasn\'t supplied.')
    for name in ("summary", "text"):
        length = len(output.get(name) or "")
        if length > OUTPUT_LIMIT:
            raise malformed(f"Only {OUTPUT_LIMIT} characters are allowed; {length} were supplied.")
    if len(output.get("annotations", [])) > ANNOTATIONS_LIMIT:
        raise malformed(f"No more than {ANNOTATIONS_LIMIT} items are allowed in annotations.")
    return dict(output)


@route("POST", REPOSITORY + "/statuses/{sha}", needs="statuses:write")
def create_status(call: Call) -> Answer:
    """https://docs.github.com/rest/commits/statuses#create-a-commit-status"""
    it, sha, state = call.repository, call.params["sha"], call.text("state")
    _member(state, STATES)
    if len(sha) != 40 or it.git.resolve(sha) is None:
        raise Refused(422, f"No commit found for SHA: {sha}")
    description = call.optional_text("description")
    if len(description or "") > DESCRIPTION_LIMIT:
        reason = f"description is too long (maximum is {DESCRIPTION_LIMIT} characters)"
        raise invalid("Status", "description", "custom", reason)
    context, target = call.optional_text("context") or "default", call.optional_text("target_url")
    status = Status(call.hub.next_id(), sha, call.user, state, context, description, target, call.hub.now())
    it.statuses.append(status)
    return Answer(201, commits.status(it, status))
