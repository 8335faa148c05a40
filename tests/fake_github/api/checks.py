"""Endpoints of check runs and commit statuses."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tests.fake_github.api.repositories import REPOSITORY, commit_named
from tests.fake_github.api.routing import Answer, Call, parse_moment, route
from tests.fake_github.records import CheckRun, Status
from tests.fake_github.refusals import Refused, invalid, malformed, not_found
from tests.fake_github.shapes import commits, repositories

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
RUN = REPOSITORY + "/check-runs/{run:number}"


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


@route("PATCH", RUN, needs="checks:write", app_only=True)
def update_check_run(call: Call) -> Answer:
    """By the app that made it; annotations add up."""
    run = _run(call)
    if call.credential is None or call.credential.app != run.app:
        raise Refused(403, "Invalid app_id `check_run` can only be modified by the GitHub App that created it.")
    run.name = call.optional_text("name") or run.name
    _update(call, run)
    return Answer(200, commits.check_run(call.repository, run))


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


def _run(call: Call) -> CheckRun:
    run = call.repository.check_runs.get(call.number("run"))
    if run is None:
        raise not_found()
    return run


@route("GET", RUN, needs="checks:read")
def get_check_run(call: Call) -> Answer:
    return Answer(200, commits.check_run(call.repository, _run(call)))


@route("GET", RUN + "/annotations", needs="checks:read")
def list_annotations(call: Call) -> Answer:
    return call.page(_run(call).annotations, dict)


@route("GET", REPOSITORY + "/commits/{ref:path}/check-runs", needs="checks:read")
def list_check_runs(call: Call) -> Answer:
    """Newest first; by default only the latest of each name and app, as `filter` says."""
    it, sha = call.repository, commit_named(call.repository, call.params["ref"])
    name, status = call.query.get("check_name"), call.query.get("status")
    runs = [run for run in reversed(it.check_runs.values()) if run.head_sha == sha]
    if call.query.get("filter", "latest") == "latest":
        newest: dict[tuple[int, str], CheckRun] = {}
        for run in runs:
            newest.setdefault((run.app.id, run.name), run)
        runs = list(newest.values())
    runs = [run for run in runs if name in (None, run.name) and status in (None, run.status)]
    return call.page(runs, lambda run: commits.check_run(it, run), under="check_runs")


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


@route("GET", REPOSITORY + "/statuses/{ref:path}", needs="statuses:read")
def list_statuses_of(call: Call) -> Answer:
    """The older address of the same list, which PyGithub uses."""
    return list_statuses.answer(call)


@route("GET", REPOSITORY + "/commits/{ref:path}/statuses", needs="statuses:read")
def list_statuses(call: Call) -> Answer:
    """Newest first."""
    it, sha = call.repository, commit_named(call.repository, call.params["ref"])
    found = [status for status in reversed(it.statuses) if status.sha == sha]
    return call.page(found, lambda status: commits.status(it, status))


@route("GET", REPOSITORY + "/commits/{ref:path}/status", needs="statuses:read")
def get_combined_status(call: Call) -> Answer:
    it, sha = call.repository, commit_named(call.repository, call.params["ref"])
    newest = {status.context: status for status in it.statuses if status.sha == sha}
    return Answer(200, commits.combined_status(it, sha, list(newest.values()), repositories.repository(it)))
