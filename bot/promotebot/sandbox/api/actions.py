"""Endpoints of workflow runs."""

from __future__ import annotations

from promotebot.sandbox.api.repositories import REPOSITORY
from promotebot.sandbox.api.routing import Answer, Call, route
from promotebot.sandbox.refusals import not_found
from promotebot.sandbox.shapes import runs as shapes


@route("GET", REPOSITORY + "/actions/runs/{run:number}", needs="actions:read")
def get_run(call: Call) -> Answer:
    """https://docs.github.com/rest/actions/workflow-runs#get-a-workflow-run"""
    run = call.repository.runs.get(call.number("run"))
    if run is None:
        raise not_found()
    return Answer(200, shapes.run(call.repository, run))
