"""Endpoints of workflow runs."""

from __future__ import annotations

from tests.fake_github.api.repositories import REPOSITORY
from tests.fake_github.api.routing import Answer, Call, route
from tests.fake_github.refusals import not_found
from tests.fake_github.shapes import runs as shapes


@route("GET", REPOSITORY + "/actions/runs/{run:number}", needs="actions:read")
def get_run(call: Call) -> Answer:
    """https://docs.github.com/rest/actions/workflow-runs#get-a-workflow-run"""
    run = call.repository.runs.get(call.number("run"))
    if run is None:
        raise not_found()
    return Answer(200, shapes.run(call.repository, run))
