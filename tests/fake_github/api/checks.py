"""Endpoints of check runs and commit statuses."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.fake_github.api.call import Answer, Call
from tests.fake_github.api.routing import route
from tests.fake_github.lateness import is_shown
from tests.fake_github.records import CheckRun, Status
from tests.fake_github.refusals import HttpError, malformed
from tests.fake_github.serializers import commits
from tests.fake_github.serializers.templates import fill

CONCLUSIONS = ("action_required", "cancelled", "failure", "neutral", "success", "skipped", "stale", "timed_out")
PROGRESS = ("queued", "in_progress", "completed", "waiting", "requested", "pending")
STATES = ("error", "failure", "pending", "success")
OUTPUT_LIMIT = 65_535
ANNOTATIONS_LIMIT = 50
DESCRIPTION_LIMIT = 140


@route("POST", "/check-runs", needs="checks:write", app_only=True)
def create_check_run(call: Call) -> Answer:
    """https://docs.github.com/rest/checks/runs#create-a-check-run"""
    name, sha = call.text("name"), _commit(call, call.text("head_sha"))
    status, conclusion = call.optional_choice("status", PROGRESS), call.optional_choice("conclusion", CONCLUSIONS)
    if status == "completed" and conclusion is None:
        raise malformed('"conclusion" wasn\'t supplied.')
    output, now = _output(call), call.hub.now()
    started, completed = call.moment("started_at") or now, call.moment("completed_at") or now
    assert call.app is not None  # app_only
    run = CheckRun(
        id=call.hub.next_id(),
        app=call.app,
        name=name,
        head_sha=sha,
        status="completed" if conclusion else status or "queued",  # a conclusion completes the run
        started_at=started,
        conclusion=conclusion,
        completed_at=completed if conclusion else None,
        details_url=call.optional_text("details_url"),
        external_id=call.optional_text("external_id") or "",
        annotations=output.pop("annotations", []),
        output=output,
    )
    call.repo.check_runs[run.id] = run
    return Answer(201, commits.check_run(call.repo, run))


@route("GET", "/commits/<sha>/check-runs", needs="checks:read")
def list_check_runs(call: Call) -> Answer:
    """https://docs.github.com/rest/checks/runs#list-check-runs-for-a-git-reference

    Without `filter=all`, what ran again in its suite is there once, as it ran last.
    """
    sha, names = _commit(call, call.params["sha"]), call.query.get("check_name")
    runs = [run for run in call.repo.check_runs.values() if run.head_sha == sha and names in (None, run.name)]
    runs = [run for run in runs if is_shown(call.hub, run.started_at)]
    if call.query.get("filter", "latest") == "latest":
        runs = list({(run.app.slug, run.suite, run.name): run for run in runs}.values())
    page = call.page(runs[::-1], lambda run: commits.check_run(call.repo, run))
    return replace(page, payload={"total_count": len(runs), "check_runs": page.payload})


def _commit(call: Call, sha: str) -> str:
    """Return a full commit id that exists here."""
    if len(sha) != 40 or call.repo.git.resolve(sha) is None:
        raise HttpError(422, f"No commit found for SHA: {sha}")
    return sha


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


@route("POST", "/statuses/<sha>", needs="statuses:write")
def create_status(call: Call) -> Answer:
    """https://docs.github.com/rest/commits/statuses#create-a-commit-status"""
    status = Status(
        id=call.hub.next_id(),
        user=call.user,
        state=call.choice("state", STATES),
        sha=_commit(call, call.params["sha"]),
        context=call.optional_text("context") or "default",
        description=call.short_text("description", "Status", DESCRIPTION_LIMIT),
        target_url=call.optional_text("target_url"),
        created_at=call.hub.now(),
    )
    call.repo.statuses.append(status)
    return Answer(201, fill("status", call.repo, status=status))


@route("GET", "/commits/<sha>/statuses", needs="statuses:read")
def list_statuses(call: Call) -> Answer:
    """Newest first: https://docs.github.com/rest/commits/statuses#list-commit-statuses-for-a-reference"""
    sha = _commit(call, call.params["sha"])
    on = [status for status in reversed(call.repo.statuses) if status.sha == sha]
    posted = [status for status in on if is_shown(call.hub, status.created_at)]
    return call.page(posted, lambda status: fill("status", call.repo, status=status))
